"""The endpoint: the one address that clients connect to, and the load balancer behind it that finds a healthy node."""

import pulumi
from pulumi_aws import ec2, lb, route53

from ybfort.aws.firewall import Firewall
from ybfort.aws.network import Network
from ybfort.aws.plan import AwsPlan
from ybfort.plan.flows import API_PORTS
from ybfort.plan.nodes import Node

CHECK_SECONDS, CHECK_TIMEOUT_SECONDS = 10, 5
CHECKS = 3  # a dead node is out after half a minute; one lost packet changes nothing
DRAIN_SECONDS = 60  # a node that leaves has so long for its running transactions
IDLE_SECONDS = 6_000  # the longest there is: AWS's 350 seconds cut connections that a pool keeps waiting


class Endpoint(pulumi.ComponentResource):
    """The internal network load balancer. It passes TLS through unread; the database itself ends it.

    It has no access log: a network load balancer writes one for TLS listeners only (AWS: access logs for your Network
    Load Balancer), and a TLS listener would hold a key outside the nodes. Who connected from where is in the VPC's flow
    log, since clients keep their addresses, and in the database's own log of connections.

    :ivar load_balancer: name of the load balancer in metrics
    :ivar target_groups: the target groups by API
    """

    load_balancer: pulumi.Output[str]
    target_groups: dict[str, lb.TargetGroup]

    def __init__(
        self,
        name: str,
        plan: AwsPlan,
        network: Network,
        firewall: Firewall,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:aws:Endpoint", name, {}, opts)
        balancer = self._balancer(name, plan, network, firewall)
        self.load_balancer = balancer.arn_suffix
        self.target_groups = {
            api: self._listen(f"{name}-{api}", plan, api, port, network, balancer)
            for api, port in sorted(plan.ports.items())
        }
        route53.Record(
            f"{name}-endpoint",
            zone_id=network.zone_id,
            name=plan.names.endpoint,
            type="A",
            aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id, "evaluate_target_health": True}],
            opts=pulumi.ResourceOptions(parent=self),
        )
        if plan.spec.endpoint.private_link:
            ec2.VpcEndpointService(
                f"{name}-private-link",
                network_load_balancer_arns=[balancer.arn],
                acceptance_required=True,  # somebody looks at each connection before it is made
                allowed_principals=sorted(plan.spec.endpoint.private_link),
                tags=plan.tags(plan.names.of("private-link")),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"host": plan.names.endpoint, "ports": plan.ports})

    def join(self, name: str, node: Node, opts: pulumi.ResourceOptions) -> None:
        """Send clients to a node, too."""
        for api, group in self.target_groups.items():
            lb.TargetGroupAttachment(
                f"{name}-{api}", target_group_arn=group.arn, target_id=str(node.address), port=API_PORTS[api], opts=opts
            )

    def _balancer(self, name: str, plan: AwsPlan, network: Network, firewall: Firewall) -> lb.LoadBalancer:
        physical = plan.names.of("db")
        return lb.LoadBalancer(
            f"{name}-endpoint",
            name=physical,
            load_balancer_type="network",
            internal=True,
            ip_address_type="ipv4",
            subnets=[subnet_id for _, subnet_id in sorted(network.subnet_ids.items())],
            security_groups=[firewall.endpoint_group],
            enforce_security_group_inbound_rules_on_private_link_traffic="on",  # the rules hold for PrivateLink as well
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=plan.protected("endpoint"),
            tags=plan.tags(physical),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _listen(
        self,
        name: str,
        plan: AwsPlan,
        api: str,
        port: int,
        network: Network,
        balancer: lb.LoadBalancer,
    ) -> lb.TargetGroup:
        mine = pulumi.ResourceOptions(parent=self)
        physical = plan.names.of(api)
        group = lb.TargetGroup(
            name,
            name=physical,
            vpc_id=network.vpc_id,
            target_type="ip",  # a node keeps its address when its machine is replaced
            protocol="TCP",
            port=port,
            preserve_client_ip="true",  # the database's own list of who may log in goes by the client's address
            proxy_protocol_v2=False,
            connection_termination=True,
            deregistration_delay=DRAIN_SECONDS,
            health_check={
                "enabled": True,
                "protocol": "TCP",
                "port": "traffic-port",
                "interval": CHECK_SECONDS,
                "timeout": CHECK_TIMEOUT_SECONDS,
                "healthy_threshold": CHECKS,
                "unhealthy_threshold": CHECKS,
            },
            tags=plan.tags(physical),
            opts=mine,
        )
        lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            protocol="TCP",
            port=port,
            tcp_idle_timeout_seconds=IDLE_SECONDS,
            default_actions=[{"type": "forward", "target_group_arn": group.arn}],
            tags=plan.tags(physical),
            opts=mine,
        )
        return group
