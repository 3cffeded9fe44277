"""The security groups. Each declared flow is one rule at its source and one at its target, with the flow's reason."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, vpc

from ybfort.aws.network import Network
from ybfort.aws.plan import AwsPlan
from ybfort.plan.flows import Flow, Party, Peers, Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of a flow, as the rule on the other side names it."""

    cidr: str | None = None
    group: pulumi.Input[str] | None = None
    prefix_list: pulumi.Input[str] | None = None


class Firewall(pulumi.ComponentResource):
    """The groups of nodes and endpoint. A group has no rule but a flow's: no other port is open, in or out.

    :ivar nodes_group: id of the nodes' security group
    :ivar endpoint_group: id of the load balancer's security group
    """

    nodes_group: pulumi.Output[str]
    endpoint_group: pulumi.Output[str]

    def __init__(self, name: str, plan: AwsPlan, network: Network, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Firewall", name, {}, opts)
        self.nodes_group = self._group(name, plan, network, Party.NODES, "Database nodes")
        self.endpoint_group = self._group(name, plan, network, Party.ENDPOINT, "Load balancer")
        # What others own is let in or out by its owner: clients, S3, and the endpoints of an existing VPC.
        groups = {Party.NODES: self.nodes_group, Party.ENDPOINT: self.endpoint_group}
        if plan.spec.region.existing_vpc is None:
            groups[Party.CLOUD_APIS] = network.endpoints_group
        for flow in plan.flows:
            if flow.target in groups:
                allows = f"{flow.target}-{flow.port}-from-{_text(flow.source)}"
                source = self._side(flow.source, network)
                self._rule(vpc.SecurityGroupIngressRule, name, plan, flow, allows, groups[flow.target], source)
            if isinstance(flow.source, Party) and flow.source in groups:
                allows = f"{_text(flow.source)}-to-{flow.target}-{flow.port}"
                target = self._side(flow.target, network)
                self._rule(vpc.SecurityGroupEgressRule, name, plan, flow, allows, groups[flow.source], target)
        self.register_outputs({"nodesGroup": self.nodes_group, "endpointGroup": self.endpoint_group})

    def _group(self, name: str, plan: AwsPlan, network: Network, party: Party, what: str) -> pulumi.Output[str]:
        physical = plan.names.of(party)
        return ec2.SecurityGroup(
            f"{name}-{party}",
            name=physical,
            description=f"{what} of {plan.names.prefix}",
            vpc_id=network.vpc_id,
            tags=plan.tags(physical),
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _rule(
        self,
        kind: type[vpc.SecurityGroupIngressRule] | type[vpc.SecurityGroupEgressRule],
        name: str,
        plan: AwsPlan,
        flow: Flow,
        allows: str,
        group: pulumi.Output[str],
        other: Side,
    ) -> None:
        """One rule of a group, by what it allows; `other` is the flow's other side."""
        kind(
            f"{name}-{allows}",
            security_group_id=group,
            ip_protocol="tcp",
            from_port=flow.port,
            to_port=flow.port,
            cidr_ipv4=other.cidr,
            referenced_security_group_id=other.group,
            prefix_list_id=other.prefix_list,
            description=flow.why,
            tags=plan.tags(plan.names.of(allows)),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _side(self, party: Source, network: Network) -> Side:
        if isinstance(party, Peers):
            return Side(cidr=str(party.cidr) if party.cidr else None, group=party.group)
        return {
            Party.NODES: Side(group=self.nodes_group),
            Party.ENDPOINT: Side(group=self.endpoint_group),
            Party.CLOUD_APIS: Side(group=network.endpoints_group),
            Party.OBJECT_STORE: Side(prefix_list=network.s3_prefix_list_id),
        }[party]


def _text(party: Source) -> str:
    """A side as a part of a name, the same for as long as it is the same."""
    if isinstance(party, Peers):
        machines = str(party.cidr).replace("/", "-") if party.cidr else party.group
        return f"{party.client}-{machines}"
    return party
