"""The plan of a cluster: all that its components translate, and all that its nodes are told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ybfort.plan import agent
from ybfort.plan.flags import Flags, master_flags, own_flags, tserver_flags
from ybfort.plan.flows import API_PORTS, Flow, flows
from ybfort.plan.hba import hba
from ybfort.plan.names import GcpNames, Names
from ybfort.plan.network import Subnet, balancer_ranges, subnets
from ybfort.plan.nodes import Node, nodes
from ybfort.plan.roles import PlannedRole, roles
from ybfort.spec import ClusterSpec

METRICS = "ybfort"  # the nodes publish their metrics under this name, and may under no other

NAMES = {"aws": Names, "gcp": GcpNames}
PASSES_THROUGH = {"aws": False, "gcp": True}  # whether the load balancer hands packets on as they are

# How nodes change, and how often they tell how they are; all in seconds.
PACE = {
    "settle": 60,  # so long a node has been up before the next one is stopped (YugabyteDB: rolling upgrades)
    "drain": 300,  # for the leaders of a node's tablets to move elsewhere
    "healthy": 720,  # for a changed node to be healthy again; after 900 its data would be copied to others
    "report": 300,  # from one status to the next if nothing changes
    "stale": 900,  # three reports that did not come: the node counts as lost
    "reconcile": 900,  # from one look at the roles to the next if nothing changes
}


S = TypeVar("S", bound=ClusterSpec, covariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterPlan(Generic[S]):
    """Every value of a cluster that is known before the cloud is asked for anything."""

    spec: S  # of one cloud
    names: Names
    subnets: tuple[Subnet, ...]
    nodes: tuple[Node, ...]  # in the order in which they change
    flows: tuple[Flow, ...]
    apis: tuple[str, ...]  # ysql, and ycql if a client asks for it
    roles: tuple[PlannedRole, ...]
    hba: tuple[str, ...]
    flags: Mapping[str, Flags]  # by server, what all nodes share
    own_flags: Mapping[str, Mapping[str, Flags]]  # by node and server, what is the node's alone

    @property
    def ports(self) -> dict[str, int]:
        """The ports that clients use, by API."""
        return {api: API_PORTS[api] for api in self.apis}

    def protected(self, part: str) -> bool:
        """Whether `part` (a node's name, `keys`, …) is still protected from deletion."""
        return part not in self.spec.protection.lifted_for

    def certificate_secret(self, node: str) -> str | None:
        """The secret that a node's certificate comes in, if the user brings it."""
        return self.names.certificate(node) if self.spec.certificates.brought_by else None

    @property
    def ycql_secret(self) -> str | None:
        """The secret with the password of YCQL's superuser, which only nodes use; YCQL knows no login without one."""
        return self.names.ycql_superuser if "ycql" in self.apis else None

    def tags(self, name: str, **more: str) -> dict[str, str]:
        """The tags of one resource."""
        return {**self.spec.tags, "ybfort:cluster": self.names.prefix, **more, "Name": name}


AnyPlan = ClusterPlan[ClusterSpec]


def plan(spec: S) -> ClusterPlan[S]:
    """The plan that a valid spec has. The same spec gives the same plan, byte for byte."""
    region = spec.region
    names = names_of(spec)
    passes_through = PASSES_THROUGH[spec.cloud]
    homes = subnets(region)
    all_nodes = nodes(region, homes, masters=spec.replication_factor, domain=names.domain)
    masters = [node for node in all_nodes if node.master]
    ycql = any("ycql" in client.apis for client in spec.clients)
    # Who comes from another network so is seen by the load balancer's address, and not by its own.
    balancer = spec.endpoint.nat_ranges or (balancer_ranges(region, homes) if spec.endpoint.shared_with else ())
    lines = hba(spec.clients, balancer=balancer)
    return ClusterPlan(
        spec=spec,
        names=names,
        subnets=homes,
        nodes=all_nodes,
        flows=flows(spec.clients, passes_through=passes_through, nat_ranges=spec.endpoint.nat_ranges),
        apis=("ysql", "ycql") if ycql else ("ysql",),
        roles=roles(spec.roles, spec.databases, names),
        hba=lines,
        flags={
            "yb-master": master_flags(replication_factor=spec.replication_factor),
            "yb-tserver": tserver_flags(hba=lines, ycql=ycql),
        },
        own_flags={
            node.name: own_flags(
                node, masters, cloud=spec.cloud, region=region.name, ycql=ycql, passes_through=passes_through
            )
            for node in all_nodes
        },
    )


def names_of(spec: ClusterSpec) -> Names:
    """The cluster's physical names."""
    return NAMES[spec.cloud](prefix=f"{spec.name}-{spec.environment}", account=spec.account, region=spec.region.name)


def release_key(spec: ClusterSpec) -> str:
    """Where the release archive lies in the artifacts bucket, under the name that Yugabyte publishes it by."""
    platform = {"x86_64": "linux-x86_64", "aarch64": "el8-aarch64"}[spec.nodes.architecture]
    return f"releases/yugabyte-{spec.release.version}-{platform}.tar.gz"


def cluster_config(plan: AnyPlan) -> str:
    """The document that tells the nodes what to be: readable, sorted JSON without a secret and without an unknown."""
    spec, names = plan.spec, plan.names
    program = agent.archive(spec.cloud)
    document: dict[str, Any] = {
        "format": 1,
        "cluster": names.prefix,
        "cloud": spec.cloud,
        "region": names.region,
        "account": names.account,
        "buckets": {purpose: names.bucket(purpose) for purpose in ("artifacts", "backup", "status")},
        "agent": {"key": program.key, "sha256": program.sha256},
        "release": {
            "version": spec.release.version,
            "key": release_key(spec),
            "sha256": spec.release.sha256,
            "finalized": spec.release.finalized,
        },
        "replication_factor": spec.replication_factor,
        "fault_tolerance": spec.fault_tolerance,
        "endpoint": {"host": names.endpoint, "ports": plan.ports},
        "certificates": {"lifetime_days": spec.certificates.lifetime_days},
        "logs": {part: names.log_group(part) for part in ("database", "node")},
        "metrics": METRICS,
        "pace": PACE,
        "passwords": spec.passwords.model_dump(),
        "flags": plan.flags,
        "nodes": [
            {
                "name": node.name,
                "host": node.host,
                "address": str(node.address),
                "zone": node.subnet.zone,
                "master": node.master,
                "flags": plan.own_flags[node.name],
                "certificate_secret": plan.certificate_secret(node.name),
            }
            for node in plan.nodes
        ],
        "databases": [database.model_dump() for database in sorted(spec.databases, key=lambda one: one.name)],
        "roles": [
            {
                "name": role.name,
                "admin": role.admin,
                "connection_limit": role.connection_limit,
                "member_of": role.member_of,
                "acts_as": role.acts_as,
                "keyspaces": role.keyspaces,
                "logins": role.logins,
                "generation": role.generation,
                "secret": role.secret,
            }
            for role in plan.roles
        ],
        "ycql_secret": plan.ycql_secret,
        "keyspaces": sorted(keyspace.name for keyspace in spec.keyspaces),
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
