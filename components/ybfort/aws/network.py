"""The network: private subnets with no way to or from the internet, private ways to the cloud's APIs, and names.

There is neither an internet gateway nor a NAT gateway, so nothing on a node can call out, whatever runs there.
"""

from collections.abc import Mapping

import pulumi
from pulumi_aws import ec2, route53

from ybfort.aws.documents import Arns, policy, statement
from ybfort.aws.network_acl import ICMP, TCP, acl_rules
from ybfort.aws.plan import AwsPlan
from ybfort.plan.network import Subnet

# What a node calls, and the prefix of the service's actions. `ec2messages` is absent on purpose: today's SSM agent uses
# `ssmmessages` alone. EC2 is there because security baselines ask for it in every VPC (FSBP EC2.10).
CLOUD_APIS = {
    "acm-pca": "acm-pca",
    "ec2": "ec2",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "ssmmessages": "ssmmessages",
}
NODE_BUCKETS = ("artifacts", "backup", "status")


class Network(pulumi.ComponentResource):
    """The VPC with its subnets, or what is ours in an existing one: reserved addresses and the private zone.

    :ivar vpc_id: id of the VPC
    :ivar subnet_ids: ids of the subnets by zone letter
    :ivar route_table_id: id of the subnets' route table, for routes to your clients; None in an existing VPC
    :ivar zone_id: id of the private zone; associate your clients' VPCs with it
    :ivar endpoints_group: id of the security group of the cloud APIs' endpoints
    :ivar s3_prefix_list_id: id of the prefix list of the S3 endpoint
    """

    vpc_id: pulumi.Output[str]
    subnet_ids: dict[str, pulumi.Output[str]]
    route_table_id: pulumi.Output[str] | None
    zone_id: pulumi.Output[str]
    endpoints_group: pulumi.Output[str]
    s3_prefix_list_id: pulumi.Output[str]

    def __init__(self, name: str, plan: AwsPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Network", name, {}, opts)
        existing = plan.spec.region.existing_vpc
        if existing:
            self.vpc_id = pulumi.Output.from_input(existing.id)
            given = {subnet: subnet.existing for subnet in plan.subnets if subnet.existing}
            self.subnet_ids = self._reserved(name, given)
            self.route_table_id = None
            self.endpoints_group = pulumi.Output.from_input(existing.endpoints_security_group)
            self.s3_prefix_list_id = pulumi.Output.from_input(existing.s3_prefix_list)
        else:
            self.vpc_id = self._vpc(name, plan)
            self.subnet_ids = self._reserved(name, self._subnets(name, plan))
            self.route_table_id = self._route_table(name, plan)
            self._acl(name, plan)
            self.endpoints_group = self._cloud_apis(name, plan)
            self.s3_prefix_list_id = self._object_store(name, plan, self.route_table_id)
        self.zone_id = self._zone(name, plan)
        self.register_outputs({"vpcId": self.vpc_id, "subnetIds": self.subnet_ids, "zoneId": self.zone_id})

    def _vpc(self, name: str, plan: AwsPlan) -> pulumi.Output[str]:
        mine = pulumi.ResourceOptions(parent=self)
        vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=str(plan.spec.region.cidr),
            enable_dns_support=True,
            enable_dns_hostnames=True,  # the endpoints' private names need it
            assign_generated_ipv6_cidr_block=False,
            tags=plan.tags(plan.names.prefix),
            opts=mine,
        )
        # Taken over and emptied: what forgets to name a security group gets this one, and with it nothing.
        ec2.DefaultSecurityGroup(
            f"{name}-default",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=plan.tags(plan.names.of("default-closed")),
            opts=mine,
        )
        return vpc.id

    def _subnets(self, name: str, plan: AwsPlan) -> dict[Subnet, pulumi.Output[str]]:
        return {
            subnet: ec2.Subnet(
                f"{name}-{subnet.letter}",
                vpc_id=self.vpc_id,
                availability_zone=subnet.zone,
                cidr_block=str(subnet.cidr),
                map_public_ip_on_launch=False,
                assign_ipv6_address_on_creation=False,
                tags=plan.tags(plan.names.of(subnet.letter)),
                opts=pulumi.ResourceOptions(parent=self),
            ).id
            for subnet in plan.subnets
        }

    def _reserved(self, name: str, ids: Mapping[Subnet, pulumi.Input[str]]) -> dict[str, pulumi.Output[str]]:
        """The subnets' ids as their reservations give them: what goes into a subnet thereby waits for its reservation.
        Otherwise AWS may hand a node's address to an endpoint or the load balancer first."""
        return {
            subnet.letter: ec2.SubnetCidrReservation(
                f"{name}-{subnet.letter}-nodes",
                subnet_id=id_,
                cidr_block=str(subnet.node_range),
                reservation_type="explicit",
                description="Addresses of database nodes: assigned by name only",
                opts=pulumi.ResourceOptions(parent=self),
            ).subnet_id
            for subnet, id_ in ids.items()
        }

    def _route_table(self, name: str, plan: AwsPlan) -> pulumi.Output[str]:
        """Routes within the VPC; the S3 endpoint adds its own, the user those to the clients. None to the internet."""
        mine = pulumi.ResourceOptions(parent=self)
        table = ec2.RouteTable(
            f"{name}-private", vpc_id=self.vpc_id, tags=plan.tags(plan.names.of("private")), opts=mine
        )
        for letter, subnet_id in sorted(self.subnet_ids.items()):
            ec2.RouteTableAssociation(
                f"{name}-{letter}-private", route_table_id=table.id, subnet_id=subnet_id, opts=mine
            )
        return table.id

    def _acl(self, name: str, plan: AwsPlan) -> None:
        acl = ec2.NetworkAcl(
            f"{name}-private",
            vpc_id=self.vpc_id,
            subnet_ids=[subnet_id for _, subnet_id in sorted(self.subnet_ids.items())],
            tags=plan.tags(plan.names.of("private")),
            opts=pulumi.ResourceOptions(parent=self),
        )
        for rule in acl_rules(plan):
            ports, icmp = rule.ports or (None, None), rule.icmp or (None, None)
            ec2.NetworkAclRule(
                f"{name}-{rule.name}",
                network_acl_id=acl.id,
                rule_number=rule.number,
                rule_action="allow",
                egress=rule.egress,
                protocol=ICMP if rule.icmp else TCP,
                cidr_block=str(rule.cidr),
                from_port=ports[0],
                to_port=ports[1],
                icmp_type=icmp[0],
                icmp_code=icmp[1],
                opts=pulumi.ResourceOptions(parent=self),
            )

    def _cloud_apis(self, name: str, plan: AwsPlan) -> pulumi.Output[str]:
        """An endpoint for each API in every zone, under the API's public name. Who may use them the firewall says."""
        mine = pulumi.ResourceOptions(parent=self)
        physical = plan.names.of("cloud-apis")
        group = ec2.SecurityGroup(
            f"{name}-cloud-apis",
            name=physical,
            description=f"Private endpoints of cloud APIs for {plan.names.prefix}",
            vpc_id=self.vpc_id,
            tags=plan.tags(physical),
            opts=mine,
        )
        for api, actions in CLOUD_APIS.items():
            ec2.VpcEndpoint(
                f"{name}-{api}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{plan.names.region}.{api}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet_id for _, subnet_id in sorted(self.subnet_ids.items())],
                security_group_ids=[group.id],
                policy=cloud_api_policy(plan, actions),
                tags=plan.tags(plan.names.of(api)),
                opts=mine,
            )
        return group.id

    def _object_store(self, name: str, plan: AwsPlan, route_table_id: pulumi.Output[str]) -> pulumi.Output[str]:
        return ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{plan.names.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[route_table_id],
            policy=object_store_policy(plan),
            tags=plan.tags(plan.names.of("s3")),
            opts=pulumi.ResourceOptions(parent=self),
        ).prefix_list_id

    def _zone(self, name: str, plan: AwsPlan) -> pulumi.Output[str]:
        zone = route53.Zone(
            f"{name}-zone",
            name=plan.names.domain,
            comment=f"Nodes and endpoint of {plan.names.prefix}",
            vpcs=[{"vpc_id": self.vpc_id}],
            force_destroy=False,
            tags=plan.tags(plan.names.domain),
            # The user's associations of clients' VPCs are resources of their own, which AWS lists here too.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["vpcs"]),
        )
        return zone.zone_id


def cloud_api_policy(plan: AwsPlan, actions: str) -> str:
    """What may pass an API's endpoint: the account's own principals. It is a ceiling; rights come from their roles."""
    return policy(
        statement(
            "OwnAccountOnly",
            f"{actions}:*",
            "*",
            principals="*",
            conditions={"StringEquals": {"aws:PrincipalAccount": plan.names.account}},
        )
    )


def object_store_policy(plan: AwsPlan) -> str:
    """What may pass to S3: the account's own principals, to the cluster's buckets. Data cannot leave for another's."""
    buckets = [Arns(plan.names).bucket(purpose) for purpose in NODE_BUCKETS]
    return policy(
        statement(
            "OwnBucketsOnly",
            ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
            [*buckets, *(f"{bucket}/*" for bucket in buckets)],
            principals="*",
            conditions={"StringEquals": {"aws:PrincipalAccount": plan.names.account}},
        )
    )
