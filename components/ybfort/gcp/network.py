"""The network: one private subnetwork with no way to or from the internet, a private way to Google's APIs, and names.

There is neither a default route nor a NAT gateway, so nothing on a node can call out, whatever runs there.
"""

import pulumi
from pulumi_gcp import compute, dns

from ybfort.gcp.plan import GcpPlan, labels

# Google's APIs by addresses that are announced to nobody else: restricted.googleapis.com (VPC: Private Google Access).
# Behind it are those APIs alone that VPC Service Controls can fence in.
RESTRICTED = "199.36.153.4/30"
RESTRICTED_ADDRESSES = ("199.36.153.4", "199.36.153.5", "199.36.153.6", "199.36.153.7")
APIS = "googleapis.com."
NAME_TTL_SECONDS = 300  # of names whose addresses never change


class Network(pulumi.ComponentResource):
    """The VPC network with its subnetwork, or what is ours in an existing one: the private zone.

    :ivar network: id of the network
    :ivar subnetwork: id of the nodes' subnetwork
    :ivar project: the network's project, which is another one if the network is shared; firewall rules belong there
    :ivar zone: name of the private zone; let your clients' networks ask it by a peering zone of their own
    """

    network: pulumi.Output[str]
    subnetwork: pulumi.Output[str]
    project: str
    zone: pulumi.Output[str]

    def __init__(self, name: str, plan: GcpPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Network", name, {}, opts)
        existing = plan.spec.region.existing_network
        if existing:
            self.network = pulumi.Output.from_input(existing.network)
            self.subnetwork = pulumi.Output.from_input(existing.subnetwork)
            self.project = existing.network.split("/")[1]
        else:
            self.network = self._network(name, plan)
            self.subnetwork = self._subnetwork(name, plan)
            self.project = plan.names.account
            self._google_apis(name, plan)
            self._query_log(name, plan)
        self.zone = self._zone(name, plan)
        self.register_outputs({"network": self.network, "subnetwork": self.subnetwork, "zone": self.zone})

    def _network(self, name: str, plan: GcpPlan) -> pulumi.Output[str]:
        return compute.Network(
            f"{name}-network",
            name=plan.names.prefix,
            description=f"YugabyteDB cluster {plan.names.prefix}",
            auto_create_subnetworks=False,
            delete_default_routes_on_create=True,  # they lead to the internet
            routing_mode="REGIONAL",
            enable_ula_internal_ipv6=False,
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _subnetwork(self, name: str, plan: GcpPlan) -> pulumi.Output[str]:
        """One for all zones: on GCP a subnetwork is the region's. Nodes' addresses are kept for them one by one."""
        return compute.Subnetwork(
            f"{name}-subnetwork",
            name=plan.names.prefix,
            description=f"Nodes and endpoint of {plan.names.prefix}",
            network=self.network,
            ip_cidr_range=str(plan.spec.region.cidr),
            stack_type="IPV4_ONLY",
            private_ip_google_access=True,
            log_config={
                "aggregation_interval": "INTERVAL_5_SEC",
                "flow_sampling": 1.0,
                "metadata": "INCLUDE_ALL_METADATA",
            },
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _google_apis(self, name: str, plan: GcpPlan) -> None:
        """Every API by the private addresses: the names lead there, and the only route does."""
        mine = pulumi.ResourceOptions(parent=self)
        compute.Route(
            f"{name}-google-apis",
            name=plan.names.of("google-apis"),
            description="Google's APIs by private addresses; the network has no other route out",
            network=self.network,
            dest_range=RESTRICTED,
            next_hop_gateway="default-internet-gateway",  # so it is called; these addresses stay in Google's network
            opts=mine,
        )
        zone = dns.ManagedZone(
            f"{name}-google-apis",
            name=plan.names.of("google-apis"),
            description=f"Google's APIs by private addresses for {plan.names.prefix}",
            dns_name=APIS,
            visibility="private",
            private_visibility_config={"networks": [{"network_url": self.network}]},
            force_destroy=False,
            labels=labels(plan),
            opts=mine,
        )
        dns.RecordSet(
            f"{name}-restricted",
            managed_zone=zone.name,
            name=f"restricted.{APIS}",
            type="A",
            ttl=NAME_TTL_SECONDS,
            rrdatas=list(RESTRICTED_ADDRESSES),
            opts=mine,
        )
        dns.RecordSet(
            f"{name}-every-api",
            managed_zone=zone.name,
            name=f"*.{APIS}",
            type="CNAME",
            ttl=NAME_TTL_SECONDS,
            rrdatas=[f"restricted.{APIS}"],
            opts=mine,
        )

    def _query_log(self, name: str, plan: GcpPlan) -> None:
        dns.Policy(
            f"{name}-query-log",
            name=plan.names.of("query-log"),
            description=f"Logs which names are asked for in the network of {plan.names.prefix}",
            enable_logging=True,
            enable_inbound_forwarding=False,
            networks=[{"network_url": self.network}],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _zone(self, name: str, plan: GcpPlan) -> pulumi.Output[str]:
        return dns.ManagedZone(
            f"{name}-zone",
            name=plan.names.prefix,
            description=f"Nodes and endpoint of {plan.names.prefix}",
            dns_name=f"{plan.names.domain}.",
            visibility="private",
            private_visibility_config={"networks": [{"network_url": self.network}]},
            force_destroy=False,
            labels=labels(plan),
            opts=pulumi.ResourceOptions(parent=self),
        ).name
