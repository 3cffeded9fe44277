"""The stack file that `init` writes, with comments that teach. The shipped example stacks are made of it too."""

import json
import re
from dataclasses import dataclass

from ybfort.cli.clouds import CLOUDS

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
    cloud: str
    account: str
    region: str
    zones: tuple[str, ...]  # eu-west-1a, …
    cidr: str
    machine: str
    emails: tuple[str, ...]
    clients: tuple[tuple[str, str], ...] = ()  # name and range
    reader: str | None = None  # who may read the application's password
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
    cloud = CLOUDS[answers.cloud]
    return f"""\
# yaml-language-server: $schema={SCHEMA}
#
# By the line above editors complete and check this file. `ybfort check` says what is wrong with it, `ybfort plan` what
# it becomes. There is no word in it for a public address, a plain disk or an open port; passwords and keys have no
# place in it, they are made on the nodes.
{made_up if answers.example else ""}\

config:
{_comment(cloud.provider, 2)}
  pulumi:disable-default-providers: ["{answers.cloud}"]

  ybfort:cluster:
    # Both are in the name of every resource, {_line(answers.name)}-{answers.environment}-…, and cannot change later.
    name: {_text(answers.name)}
    environment: {answers.environment}
    cloud: {answers.cloud}
    {cloud.account_line.format(_text(answers.account))}
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
        # Nodes are named by zone and number: {", ".join(_nodes(answers)[:2])}, … To grow raise `nodes`{growth}.
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
    cloud = CLOUDS[answers.cloud]
    size, iops, throughput = (500, 6000, 500) if prod else (100, 3000, cloud.least_throughput)
    advice = "Yugabyte recommends 16 vCPUs, 64 GB and 250 GiB or more." if prod else "A small machine will do."
    change = "rolls node by node" if _copies_of(answers) > 1 else "stops the cluster for a while"
    return f"""\
    nodes:
      # {advice}
      # A new type {change}; data and addresses stay.{_comment(cloud.machine, 6, first=False)}
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
    images: # {CLOUDS[answers.cloud].images}
      {_text(answers.region)}: {answers.image}
"""


def _clients(answers: Answers) -> str:
    lines = "\n".join(f"      - {{name: {_text(name)}, cidrs: [{_text(cidr)}]}}" for name, cidr in answers.clients)
    hint = _comment(CLOUDS[answers.cloud].clients, 4, first=False)
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
{_comment("The application: reads and writes rows. " + CLOUDS[answers.cloud].readers, 6)}
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
    cloud = CLOUDS[answers.cloud]
    disk = cloud.disk
    emails = ", ".join(_text(email) for email in answers.emails)
    lock = (
        f"""\
    # compliance: nobody can delete a backup early, not even {cloud.owner}, and nobody can undo that for what is
    # stored already. Decide before the first `pulumi up`.
    backup: {{retention_days: 35, lock: compliance}}
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
    # {cloud.alerts}
    alerts: {{emails: [{emails}]}}

    # {cloud.audit}
    audit: {{retention_days: 400}}

{_comment(cloud.guardrails, 4)}
    account_settings: {{guardrails: false}}

    # {cloud.tags}
    tags: {{service: {_text(answers.name)}}}

    # Data {disk}s, keys, backups and the CA cannot be deleted, and `pulumi destroy` is refused. To let go of a part,
    # name it here ({_nodes(answers)[0]}: that node's {disk}) and have the change reviewed.
    protection: {{lifted_for: []}}
"""


def _copies_of(answers: Answers) -> int:
    return 1 if answers.environment == "dev" and len(answers.zones) == 1 else COPIES


def _share(position: int, answers: Answers) -> int:
    """The nodes of one zone: as many as there are copies, spread evenly, and at least one."""
    copies, zones = _copies_of(answers), len(answers.zones)
    return max(1, copies // zones + (position < copies % zones))


def _nodes(answers: Answers) -> list[str]:
    """The names of the first nodes of the zones, and of what would be the next one."""
    letters = [_line(zone[-1:]) for zone in answers.zones]
    return [*(f"{letter}1" for letter in letters), f"{letters[0]}2"]


def _comment(text: str, indent: int, *, first: bool = True) -> str:
    """Whole lines of a comment; below another one unless they are the first."""
    lines = [f"{' ' * indent}# {line}" for line in text.splitlines()]
    return "\n".join(lines if first else ["", *lines])


def _text(value: str) -> str:
    plain = PLAIN.fullmatch(value) and value.lower() not in NOT_TEXT
    return value if plain else json.dumps(value)


def _line(value: str) -> str:
    """A value as a comment may hold it: it cannot end the line."""
    return re.sub(r"[^\w.-]", "?", value, flags=re.ASCII)
