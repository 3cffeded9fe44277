"""The stack file that `init` writes, with comments that teach. The shipped example stacks are made of it too."""

import json
import re
from dataclasses import dataclass

SCHEMA = "cluster.schema.json"
UNPINNED = "unpinned"  # in place of an image or a hash; `check` refuses it, `pin` replaces it
RELEASE = "2025.2.8.0-b60"
# YAML reads these as they stand. Everything else goes into quotes, and `check` says whether it may be.
PLAIN = re.compile(r"[A-Za-z][\w./@:-]*[\w]|\d+(\.\d+){3}/\d+", re.ASCII)
NOT_TEXT = frozenset(("true", "false", "null", "yes", "no", "on", "off"))
COPIES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What a new stack file needs to know."""

    name: str
    environment: str
    account: str
    region: str
    zones: tuple[str, ...]  # eu-west-1a, …
    cidr: str
    machine: str
    emails: tuple[str, ...]
    clients: tuple[tuple[str, str], ...] = ()  # name and range
    reader: str | None = None  # IAM role that may read the application's password
    image: str = UNPINNED
    sha256: str = UNPINNED
    example: bool = False


def stack_file(answers: Answers) -> str:
    """The text of the stack file."""
    prod = answers.environment == "prod"
    sections = (
        _head(answers),
        _place(answers),
        _copies(answers),
        _machines(answers, prod),
        _pins(answers),
        _clients(answers),
        _roles(answers),
        _operations(answers, prod),
    )
    return "\n".join(sections)


def _head(answers: Answers) -> str:
    made_up = """\
#
# An example: account, ranges, addresses, image and SHA-256 are made up. `ybfort init` writes a file of your own,
# and `ybfort pin` puts the image and the SHA-256 of a real release into it.
"""
    return f"""\
# yaml-language-server: $schema={SCHEMA}
#
# By the line above editors complete and check this file. `ybfort check` says what is wrong with it, `ybfort plan` what
# it becomes. There is no word in it for a public address, a plain disk or an open port; passwords and keys have no
# place in it, they are made on the nodes.
{made_up if answers.example else ""}\

config:
  # The cluster has a provider of its own, which refuses every account but the one below. Without the default provider
  # no resource can slip in with whatever credentials happen to be around.
  pulumi:disable-default-providers: ["aws"]

  ybfort:cluster:
    # Both are in the name of every resource, {_line(answers.name)}-{answers.environment}-…, and cannot change later.
    name: {_text(answers.name)}
    environment: {answers.environment}
    cloud: aws
    account: {json.dumps(answers.account)} # in quotes: it is text and may begin with a zero
"""


def _place(answers: Answers) -> str:
    counts = [_share(position, answers) for position in range(len(answers.zones))]
    growth = "" if _copies_of(answers) == len(answers.zones) else ", or add a zone at the end"
    zones = "\n".join(
        f"          - {{name: {_text(zone)}, nodes: {count}}}"
        for zone, count in zip(answers.zones, counts, strict=True)
    )
    return f"""\
    regions:
      - name: {_text(answers.region)}
        # A private range that nothing you will ever peer with uses. It is cut in eight, a part for each zone letter, so
        # that zones and nodes can be added and no address moves.
        cidr: {_text(answers.cidr)}
        # Nodes are named by zone and number: a1, b1, … To grow raise `nodes`{growth}.
        zones:
{zones}
"""


def _copies(answers: Answers) -> str:
    if _copies_of(answers) == 1:
        return """\
    # One copy on one node is the cheapest cluster. It survives nothing: a change of the node is an outage. To rehearse
    # rolling changes, take 3 copies in 3 zones. The number cannot change later.
    replication_factor: 1
"""
    if len(answers.zones) == COPIES:
        return """\
    # Every row is stored three times, a copy in each zone: the loss of a zone stops nothing and loses nothing. The
    # number of copies cannot change later.
    replication_factor: 3
    fault_tolerance: zone
"""
    return """\
    # Every row is stored three times, on three nodes: the loss of a node stops nothing. The loss of a zone may; against
    # that take three zones, one for each copy. The number of copies cannot change later.
    replication_factor: 3
    fault_tolerance: node
"""


def _machines(answers: Answers, prod: bool) -> str:
    size, iops, throughput = (500, 6000, 500) if prod else (100, 3000, 125)
    advice = "Yugabyte recommends 16 vCPUs, 64 GB and 250 GiB or more." if prod else "A small machine will do."
    change = "rolls node by node" if _copies_of(answers) > 1 else "stops the cluster for a while"
    return f"""\
    nodes:
      # {advice}
      # A new type {change}; data and addresses stay.
      machine: {_text(answers.machine)}
      # Encrypted with the cluster's own key, and it outlives the machine. It can grow and never shrinks.
      disk: {{size_gib: {size}, iops: {iops}, throughput_mib: {throughput}}}
"""


def _pins(answers: Answers) -> str:
    return f"""\
    # Pinned to their bytes, so that what was reviewed is what runs. Do not type these: `ybfort pin` writes them.
    release:
      version: {RELEASE}
      sha256: {answers.sha256}
      # After an upgrade the release before can be written in again, until `finalized: <version>` here gives that up.
    images: # Amazon Linux 2023
      {_text(answers.region)}: {answers.image}
"""


def _clients(answers: Answers) -> str:
    lines = "\n".join(f"      - {{name: {_text(name)}, cidrs: [{_text(cidr)}]}}" for name, cidr in answers.clients)
    hint = """
    # Machines with a security group of their own are admitted by that, in place of the whole range:
    # - {name: orders-api, cidrs: [10.8.0.0/16], security_groups: [sg-0123456789abcdef0]}"""
    return f"""\
    # Who may connect. Nobody else reaches the database, by network or by login.{hint if not answers.clients else ""}
    clients:{chr(10) + lines if lines else " []"}
"""


def _roles(answers: Answers) -> str:
    base = re.sub(r"[^a-z0-9_]", "_", answers.name.lower())[:30]
    reader = f"[{_text(answers.reader)}]" if answers.reader else "[]"
    return f"""\
    # `{base}_read_only` and `{base}_read_write` come with the database as groups. The owner owns and never logs in.
    databases:
      - {{name: {base}, owner: {base}_owner}}

    # Every role that logs in gets a secret with a login name and a password, made on a node. Nobody is superuser.
    roles:
      - {{name: {base}_owner, login: false}}
      # The application: reads and writes rows. `readers` are the IAM roles that may read its password; they must exist.
      - name: {base}_app
        grants: [{{database: {base}, access: read_write}}]
        readers: {reader}
      # Migrations: change the schema, and are not what the application runs as.
      - {{name: {base}_migrations, grants: [{{database: {base}, access: owner}}], connection_limit: 5}}
      # Reports: read. The limit keeps a careless job from taking every connection of a node.
      - {{name: {base}_reports, grants: [{{database: {base}, access: read_only}}], connection_limit: 20}}
      # People who run the database: create databases, see and end sessions.
      - {{name: dba, admin: true, connection_limit: 10}}

    # Passwords change by themselves. The new one comes with another login name, so who has the old pair is not cut off.
    passwords: {{rotation_days: 30, overlap_hours: 24}}
"""


def _operations(answers: Answers, prod: bool) -> str:
    emails = ", ".join(_text(email) for email in answers.emails)
    lock = (
        """\
    # compliance: nobody can delete a backup early, not even the account's root, and nobody can undo that for what is
    # stored already. Decide before the first `pulumi up`.
    backup: {retention_days: 35, lock: compliance}
"""
        if prod
        else """\
    # governance: a privileged role can delete a backup early, so that a trial can be cleared away. Production takes
    # compliance: nobody can.
    backup: {retention_days: 7, lock: governance}
"""
    )
    return f"""\
    # The cluster gets a private CA of its own, if neither `existing_authority` nor `brought_by` says where certificates
    # come from. Short lives make revocation unnecessary.
    certificates: {{lifetime_days: 7}}

{lock}
    # Each address gets one mail to confirm. An alarm that nobody hears is none.
    alerts: {{emails: [{emails}]}}

    # Without `existing_trail` the cluster records the calls to its own keys, secrets and buckets.
    audit: {{retention_days: 400}}

    # For the whole account and region: new volumes are encrypted, nothing can be made public, IMDSv2 is the default,
    # and changes to rights, keys and networks raise alarms. One stack of an account may own these; let it say true.
    account_settings: {{guardrails: false}}

    # On every resource. A policy of your organisation may ask for some.
    tags: {{service: {_text(answers.name)}}}

    # Data volumes, keys, backups and the CA cannot be deleted, and `pulumi destroy` is refused. To let go of a part,
    # name it here (a1: that node's volume) and have the change reviewed.
    protection: {{lifted_for: []}}
"""


def _copies_of(answers: Answers) -> int:
    return 1 if answers.environment == "dev" and len(answers.zones) == 1 else COPIES


def _share(position: int, answers: Answers) -> int:
    """The nodes of one zone: as many as there are copies, spread evenly, and at least one."""
    copies, zones = _copies_of(answers), len(answers.zones)
    return max(1, copies // zones + (position < copies % zones))


def _text(value: str) -> str:
    plain = PLAIN.fullmatch(value) and value.lower() not in NOT_TEXT
    return value if plain else json.dumps(value)


def _line(value: str) -> str:
    """A value as a comment may hold it: it cannot end the line."""
    return re.sub(r"[^\w.-]", "?", value, flags=re.ASCII)
