"""The firewall: declared flows are let through, each with its reason, and everything else is refused. All is logged.

Rules know the nodes by their service account, which nobody but the cluster can give to a machine. What Google's
metadata server answers (169.254.169.254: names, time, the node's own identity) passes by every firewall of a VPC.
"""

from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_gcp import compute

from ybfort.gcp.identity import Identity
from ybfort.gcp.network import RESTRICTED, Network
from ybfort.gcp.plan import GcpPlan
from ybfort.plan.flows import Flow, Party, Peers, Source

# The load balancer hands packets on as they are, so a way to it is a way to the nodes; and all of Google's APIs, those
# of buckets included, are behind the same addresses.
SAME = {Party.ENDPOINT: Party.NODES, Party.OBJECT_STORE: Party.CLOUD_APIS}

HEALTH_CHECKS = ("130.211.0.0/22", "35.191.0.0/16")  # Cloud Load Balancing: health check probe ranges
IAP = "35.235.240.0/20"  # Identity-Aware Proxy: TCP forwarding. It lets in whom IAM says, and logs it
SSH = 22
EVERYBODY = "0.0.0.0/0"

# What refuses stands right behind what lets through: a rule of somebody else for a whole network (GCP's ready-made
# ones have 65534) opens nothing here, unless it is meant to (1000 is what a new rule gets).
ALLOWED, REFUSED = 1_000, 1_001

Direction = Literal["INGRESS", "EGRESS"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What the nodes may receive from somebody, or send to him."""

    part: str  # of its name: a client's begins with a letter, others with the port
    direction: Direction
    port: int
    ranges: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    why: str


class Firewall(pulumi.ComponentResource):
    """The rules at the nodes. No other port is open, in or out."""

    def __init__(
        self,
        name: str,
        plan: GcpPlan,
        network: Network,
        identity: Identity,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:gcp:Firewall", name, {}, opts)
        for rule in rules(plan, identity.email):
            ingress = rule.direction == "INGRESS"
            compute.Firewall(
                f"{name}-{rule.part}",
                name=plan.names.of(rule.part),
                description=rule.why,
                project=network.project,
                network=network.network,
                direction=rule.direction,
                priority=ALLOWED,
                allows=[{"protocol": "tcp", "ports": [str(rule.port)]}],
                source_ranges=(ingress and rule.ranges) or None,
                source_service_accounts=rule.accounts or None,
                destination_ranges=None if ingress else rule.ranges,
                target_service_accounts=[identity.email],
                disabled=False,
                log_config={"metadata": "INCLUDE_ALL_METADATA"},
                opts=pulumi.ResourceOptions(parent=self, depends_on=[identity.account]),
            )
        self._refuse(name, plan, network, identity, "INGRESS")
        self._refuse(name, plan, network, identity, "EGRESS")
        self.register_outputs({})

    def _refuse(self, name: str, plan: GcpPlan, network: Network, identity: Identity, direction: Direction) -> None:
        """In a network of our own to whatever stands there; in somebody else's to the nodes."""
        part = f"no-other-{direction.lower()}"
        compute.Firewall(
            f"{name}-{part}",
            name=plan.names.of(part),
            description="Everything that is not a declared flow is refused",
            project=network.project,
            network=network.network,
            direction=direction,
            priority=REFUSED,
            denies=[{"protocol": "all"}],
            source_ranges=[EVERYBODY] if direction == "INGRESS" else None,
            destination_ranges=[EVERYBODY] if direction == "EGRESS" else None,
            target_service_accounts=[identity.email] if plan.spec.region.existing else None,
            disabled=False,
            log_config={"metadata": "INCLUDE_ALL_METADATA"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[identity.account]),
        )


def rules(plan: GcpPlan, nodes: str) -> tuple[Rule, ...]:
    """One rule for the flows that are the same here, with all their reasons.

    :param nodes: the address of the nodes' service account
    """
    incoming: dict[str, list[Flow]] = {}
    outgoing: dict[str, list[Flow]] = {}
    for flow in plan.flows:
        target = SAME.get(flow.target, flow.target)
        if target is Party.NODES:
            incoming.setdefault(_incoming(flow), []).append(flow)
        if flow.source is Party.NODES:
            outgoing.setdefault(f"{flow.port}-to-{target}", []).append(flow)
    shell = "administrators open a shell by IAP, which asks who they are"
    return (
        *(_ingress(part, flows, nodes) for part, flows in sorted(incoming.items())),
        *(_egress(part, flows, plan) for part, flows in sorted(outgoing.items())),
        Rule(part=f"{SSH}-from-iap", direction="INGRESS", port=SSH, ranges=(IAP,), why=shell),
    )


def _incoming(flow: Flow) -> str:
    return f"{flow.source.client}-{flow.port}" if isinstance(flow.source, Peers) else f"{flow.port}-from-{flow.source}"


def _ingress(part: str, flows: list[Flow], nodes: str) -> Rule:
    sources = [_side(flow.source, nodes) for flow in flows]
    return Rule(
        part=part,
        direction="INGRESS",
        port=flows[0].port,
        ranges=tuple(sorted({one for ranges, _ in sources for one in ranges})),
        accounts=tuple(sorted({one for _, accounts in sources for one in accounts})),
        why=_why(flows),
    )


def _egress(part: str, flows: list[Flow], plan: GcpPlan) -> Rule:
    """GCP knows targets by their ranges alone."""
    to_nodes = flows[0].target is Party.NODES
    ranges = tuple(sorted(str(home.node_range) for home in plan.subnets)) if to_nodes else (RESTRICTED,)
    return Rule(part=part, direction="EGRESS", port=flows[0].port, ranges=ranges, why=_why(flows))


def _side(source: Source, nodes: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ranges and the service accounts that a source is known by."""
    if isinstance(source, Peers):
        return ((str(source.cidr),) if source.cidr else ()), ((source.group,) if source.group else ())
    return {Party.NODES: ((), (nodes,)), Party.HEALTH_CHECKS: (HEALTH_CHECKS, ())}[source]


def _why(flows: list[Flow]) -> str:
    return "; ".join(dict.fromkeys(flow.why for flow in flows))
