"""What a node knows of itself (`node.json`), and what the cluster is to be (`cluster.json`, `ids/<node>.json`).

All three are read strictly: a document that this agent does not understand in full is not acted upon.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ybfort.node.shape import document, exactly, fields, items, mapping, must_be, optional, switch, text, twice, whole
from ybfort.node.system import Failure, System

IDENTITY = "/etc/ybfort/node.json"
STATE = "/var/lib/ybfort"
CLUSTER = "config/cluster.json"  # its key in the bucket
MASTER, TSERVER = "yb-master", "yb-tserver"
DATA = "/mnt/data"  # where the data volume is mounted; the flags must name it, or data would go to the system's disk
USER = "yugabyte"  # the operating system's, whom the database runs as
# Two clocks may differ by 0.5 seconds (max_clock_skew_usec) before YugabyteDB ends itself: each stays far within half.
CLOCK_SECONDS = 0.1

CLOUD = r"aws|gcp"
NAME = r"[a-z][a-z0-9-]{0,62}"
NODE = r"[a-z][1-9]\d?"
ACCOUNT = r"[a-z0-9][a-z0-9-]{0,62}"  # of AWS, or a project of GCP
ZONE = REGION = r"[a-z0-9-]{3,40}"
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
HOST = r"(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}"
ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
SHA256 = r"[0-9a-f]{64}"
KEY = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,250}"
VERSION = r"\d+(?:\.\d+){3}-b\d+"
SQL_NAME = r"[a-z][a-z0-9_]{0,62}"
ACCESS = r"read_only|read_write|owner"
GROUP = r"[A-Za-z0-9_./#-]{1,512}"
SECRET_NAME = r"[A-Za-z0-9][A-Za-z0-9/_-]{0,250}"  # noqa: S105 (what it looks like)
ID = r"[A-Za-z0-9][A-Za-z0-9:/._-]{0,250}"  # whatever a cloud calls its things
FLAG = r"[a-z][a-z0-9_]{0,80}"
SERVER = r"yb-(?:master|tserver)"
ONE_LINE = r"[^\x00-\x1f\x7f]*"  # a flag file has a line for each flag

AGENT = fields(key=text(KEY), sha256=text(SHA256))
FLAGS = mapping(SERVER, mapping(FLAG, text(ONE_LINE)))
IDENTITY_SHAPE = fields(
    cloud=text(CLOUD),
    cluster=text(NAME),
    node=text(NODE),
    region=text(REGION),
    account=text(ACCOUNT),
    bucket=text(BUCKET),
)
CLUSTER_SHAPE = fields(
    format=exactly(1),
    cluster=text(NAME),
    cloud=text(CLOUD),
    region=text(REGION),
    account=text(ACCOUNT),
    buckets=fields(artifacts=text(BUCKET), backup=text(BUCKET), status=text(BUCKET)),
    agent=AGENT,
    release=fields(version=text(VERSION), key=text(KEY), sha256=text(SHA256), finalized=optional(text(VERSION))),
    replication_factor=whole(1, 7),
    fault_tolerance=text(r"zone|node"),
    nodes=items(
        fields(
            name=text(NODE),
            host=text(HOST),
            address=text(ADDRESS),
            zone=text(ZONE),
            master=switch,
            flags=FLAGS,
            certificate_secret=optional(text(SECRET_NAME)),
        )
    ),
    flags=FLAGS,
    endpoint=fields(host=text(HOST), ports=mapping(r"[a-z]+", whole(1, 65_535))),
    certificates=fields(lifetime_days=whole(1, 400)),
    logs=fields(database=text(GROUP), node=text(GROUP)),
    metrics=text(GROUP),
    pace=fields(
        settle=whole(0, 3600),
        drain=whole(1, 3600),
        healthy=whole(1, 3600),
        report=whole(0, 3600),
        stale=whole(1, 86_400),
        reconcile=whole(0, 86_400),
    ),
    passwords=fields(rotation_days=whole(1, 90), overlap_hours=whole(0, 720)),
    databases=items(fields(name=text(SQL_NAME), owner=text(SQL_NAME))),
    keyspaces=items(text(SQL_NAME)),
    ycql_secret=optional(text(SECRET_NAME)),
    roles=items(
        fields(
            name=text(SQL_NAME),
            admin=switch,
            connection_limit=optional(whole(1, 10_000)),
            member_of=items(text(SQL_NAME)),
            acts_as=mapping(SQL_NAME, text(SQL_NAME)),
            keyspaces=mapping(SQL_NAME, text(ACCESS)),
            logins=items(text(SQL_NAME)),
            generation=whole(1, 1_000_000),
            secret=optional(text(SECRET_NAME)),
        )
    ),
)
IDS_SHAPE = fields(format=exactly(1), certificate_authority=text(ID), node=text(NODE), volume=text(ID))


@dataclass(frozen=True)
class Identity:
    """Who this node is. It never changes, so it is all that the machine is told when it is made."""

    cloud: str
    cluster: str
    node: str
    region: str
    account: str
    bucket: str


@dataclass(frozen=True)
class Agent:
    """The agent that a `cluster.json` was written for."""

    key: str
    sha256: str


@dataclass(frozen=True)
class Config:
    """The declared state, checked."""

    sha256: str  # of cluster.json, byte for byte
    cluster: Mapping[str, Any]  # cluster.json
    ids: Mapping[str, Any]  # what the cloud named: config/ids/<node>.json
    node: Mapping[str, Any]  # this node's member of `nodes`

    @property
    def volume(self) -> str:
        """The cloud's id of this node's data volume."""
        return self.ids["volume"]

    @property
    def address(self) -> str:
        """This node's address."""
        return self.node["address"]

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers of this node, in the order in which they start."""
        return servers_of(self.node)

    @property
    def nodes(self) -> tuple[Mapping[str, Any], ...]:
        """All nodes in the order in which they change."""
        return tuple(self.cluster["nodes"])

    @property
    def masters(self) -> tuple[Mapping[str, Any], ...]:
        """The nodes that have a master."""
        return tuple(node for node in self.nodes if node["master"])

    def pace(self, what: str) -> int:
        """Seconds that something may take, or has to."""
        return self.cluster["pace"][what]

    def flags(self, server: str, node: Mapping[str, Any] | None = None) -> dict[str, str]:
        """All flags of a server of this node, or of another one."""
        return {**self.cluster["flags"][server], **(node or self.node)["flags"][server]}


def servers_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The servers of a node, in the order in which they start."""
    return (MASTER, TSERVER) if node["master"] else (TSERVER,)


def ids_of(node: str) -> str:
    """Where the ids lie that the cloud invented for a node."""
    return f"config/ids/{node}.json"


def identity(values: Mapping[str, Any], name: str) -> Identity:
    """Who the node is.

    :raises Failure: with all problems
    """
    must_be(IDENTITY_SHAPE, dict(values), name)
    return Identity(**values)


def read_identity(system: System) -> Identity:
    """What the machine was told when it was made.

    :raises Failure: if it was told nothing, or something wrong
    """
    content = system.read(IDENTITY)
    if content is None:
        raise Failure(f"{IDENTITY} is missing: run `install` first.")
    return identity(document(content, IDENTITY), IDENTITY)


def named_agent(cluster: str) -> Agent:
    """The agent that a `cluster.json` names. This part is the same in every format: agents replace themselves by it.

    :raises Failure: if it names none
    """
    value: Any = document(cluster, "cluster.json").get("agent")
    must_be(fields(agent=AGENT), {"agent": value}, "cluster.json")
    return Agent(**value)


def checked(cluster: str, ids: str, home: Identity) -> Config:
    """The declared state as one value.

    :raises Failure: with all problems of the first document that has any
    """
    ids_key = ids_of(home.node)
    declared, invented = document(cluster, "cluster.json"), document(ids, ids_key)
    must_be(CLUSTER_SHAPE, declared, "cluster.json")
    must_be(lambda value, _: _contradictions(value, home), declared, "cluster.json")
    must_be(IDS_SHAPE, invented, ids_key)
    if home.node != invented["node"]:
        raise Failure(f"{ids_key} is for node {invented['node']}, and this node is {home.node}.")
    (node,) = (one for one in declared["nodes"] if one["name"] == home.node)
    return Config(hashlib.sha256(cluster.encode()).hexdigest(), declared, invented, node)


def _contradictions(cluster: Mapping[str, Any], home: Identity) -> Iterator[str]:
    """What is well-formed, and still cannot be meant."""
    for member in ("cloud", "cluster", "region", "account"):
        if cluster[member] != getattr(home, member):
            yield f"{member} is {cluster[member]}, but this node belongs to {getattr(home, member)}."
    if cluster["buckets"]["artifacts"] != home.bucket:
        yield f"buckets.artifacts is {cluster['buckets']['artifacts']}, but this was fetched from {home.bucket}."
    for name in ("name", "host", "address"):
        yield from twice(cluster["nodes"], name, "nodes")
    if home.node not in [node["name"] for node in cluster["nodes"]]:
        yield f"nodes does not have {home.node}, which is this node."
    for flags in (cluster["flags"], *(node["flags"] for node in cluster["nodes"])):
        for server, values in flags.items():
            if values.get("fs_data_dirs", DATA) != DATA:
                yield f"fs_data_dirs of {server} is {values['fs_data_dirs']}, but the data volume is at {DATA}."
