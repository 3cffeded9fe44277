"""The endpoint: the one address that clients connect to, and the load balancer behind it that finds a healthy node."""

from ipaddress import IPv4Address

import pulumi
from pulumi_gcp import compute, dns

from ybfort.gcp.network import NAME_TTL_SECONDS, Network
from ybfort.gcp.plan import GcpPlan, labels
from ybfort.plan.flows import YSQL
from ybfort.plan.nodes import Node
from ybfort.spec.gcp.sections import GcpServiceConnect

CHECK_SECONDS, CHECK_TIMEOUT_SECONDS = 10, 5
CHECKS = 3  # a dead node is out after half a minute; one lost packet changes nothing
DRAIN_SECONDS = 60  # a node that leaves has so long for its running transactions
CONNECTIONS = 10  # ways to the endpoint that one other project may make


class Endpoint(pulumi.ComponentResource):
    """The internal passthrough load balancer: packets reach the nodes as clients sent them, addresses and TLS included.

    Nothing of it looks at traffic or ends connections, so a pool's waiting connections stay, and the database's own
    list of who may log in goes by the client's address.

    :ivar groups: the nodes behind it, by zone letter
    """

    groups: dict[str, compute.InstanceGroup]

    def __init__(self, name: str, plan: GcpPlan, network: Network, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Endpoint", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.groups = {
            subnet.letter: compute.InstanceGroup(
                f"{name}-{subnet.letter}",
                name=plan.names.of(f"nodes-{subnet.letter}"),
                description=f"Nodes of {plan.names.prefix} in {subnet.zone}",
                zone=subnet.zone,
                network=network.network,
                opts=mine,
            )
            for subnet in plan.subnets
        }
        rule = self._listen(name, plan, network, self._service(name, plan, network))
        dns.RecordSet(
            f"{name}-endpoint",
            managed_zone=network.zone,
            name=f"{plan.names.endpoint}.",
            type="A",
            ttl=NAME_TTL_SECONDS,
            rrdatas=[str(address(plan))],
            opts=mine,
        )
        if plan.spec.endpoint.private_service_connect:
            self._share(name, plan, network, rule, plan.spec.endpoint.private_service_connect)
        self.register_outputs({"host": plan.names.endpoint, "ports": plan.ports})

    def join(
        self, name: str, node: Node, instance: compute.Instance, opts: pulumi.ResourceOptions
    ) -> compute.InstanceGroupMembership:
        """Send clients to a node, too. A machine that is replaced leaves first and comes back last."""
        return compute.InstanceGroupMembership(
            name,
            zone=node.subnet.zone,
            instance_group=self.groups[node.subnet.letter].name,
            instance=instance.self_link,
            opts=opts,
        )

    def _service(self, name: str, plan: GcpPlan, network: Network) -> compute.RegionBackendService:
        physical, mine = plan.names.of("db"), pulumi.ResourceOptions(parent=self)
        check = compute.RegionHealthCheck(
            f"{name}-endpoint",
            name=physical,
            description=f"Whether a node of {plan.names.prefix} takes connections",
            # One check tells for YCQL, too: both are the tablet server's.
            tcp_health_check={"port": YSQL, "port_specification": "USE_FIXED_PORT"},
            check_interval_sec=CHECK_SECONDS,
            timeout_sec=CHECK_TIMEOUT_SECONDS,
            healthy_threshold=CHECKS,
            unhealthy_threshold=CHECKS,
            log_config={"enable": True},
            opts=mine,
        )
        return compute.RegionBackendService(
            f"{name}-endpoint",
            name=physical,
            description=f"The nodes of {plan.names.prefix}",
            load_balancing_scheme="INTERNAL",
            protocol="TCP",
            network=network.network,
            backends=[
                {"group": group.self_link, "balancing_mode": "CONNECTION"} for _, group in sorted(self.groups.items())
            ],
            health_checks=check.self_link,
            session_affinity="NONE",
            connection_draining_timeout_sec=DRAIN_SECONDS,
            log_config={"enable": True, "sample_rate": 1.0},
            opts=mine,
        )

    def _listen(
        self, name: str, plan: GcpPlan, network: Network, service: compute.RegionBackendService
    ) -> compute.ForwardingRule:
        physical = plan.names.of("db")
        guarded = pulumi.ResourceOptions(parent=self, protect=plan.protected("endpoint"))
        reserved = compute.Address(
            f"{name}-endpoint",
            name=physical,
            description=f"Endpoint of {plan.names.prefix}",
            address=str(address(plan)),
            address_type="INTERNAL",
            purpose="GCE_ENDPOINT",
            subnetwork=network.subnetwork,
            labels=labels(plan),
            opts=guarded,
        )
        return compute.ForwardingRule(
            f"{name}-endpoint",
            name=physical,
            description=f"Endpoint of {plan.names.prefix}",
            load_balancing_scheme="INTERNAL",
            ip_protocol="TCP",
            ip_address=reserved.address,
            ports=[str(port) for _, port in sorted(plan.ports.items())],
            network=network.network,
            subnetwork=network.subnetwork,
            backend_service=service.self_link,
            allow_global_access=False,
            labels=labels(plan),
            opts=guarded,
        )

    def _share(
        self, name: str, plan: GcpPlan, network: Network, rule: compute.ForwardingRule, shared: GcpServiceConnect
    ) -> None:
        """A way in for other projects. There are no machines in its subnetwork, and so no flow logs: it lends clients
        of other networks the addresses by which the nodes see them, and the nodes' subnetwork logs those."""
        physical, mine = plan.names.of("service-connect"), pulumi.ResourceOptions(parent=self)
        lent = compute.Subnetwork(
            f"{name}-service-connect",
            name=physical,
            description=f"Addresses by which nodes of {plan.names.prefix} see clients of other networks",
            project=network.project,
            network=network.network,
            ip_cidr_range=str(shared.nat_range),
            purpose="PRIVATE_SERVICE_CONNECT",
            stack_type="IPV4_ONLY",
            opts=mine,
        )
        compute.ServiceAttachment(
            f"{name}-service-connect",
            name=physical,
            description=f"Endpoint of {plan.names.prefix} for other projects",
            target_service=rule.self_link,
            nat_subnets=[lent.self_link],
            connection_preference="ACCEPT_MANUAL",  # whoever is not named waits until somebody accepts him
            consumer_accept_lists=[
                {"project_id_or_num": project, "connection_limit": CONNECTIONS} for project in sorted(shared.projects)
            ],
            reconcile_connections=True,  # a project that is no longer named is cut off
            enable_proxy_protocol=False,
            opts=mine,
        )


def address(plan: GcpPlan) -> IPv4Address:
    """An address that no node can ever have. In a network of our own it is the first that GCP gives to anybody; in
    somebody else's, where only the nodes' ranges are ours, the one before the first node's."""
    region = plan.spec.region
    return plan.subnets[0].node_range[0] if region.existing else region.cidr[2]
