"""The cluster: its parts in the order in which they need each other."""

from typing import Any

import pulumi
import pulumi_gcp

from ybfort.gcp.alarms import Alarms
from ybfort.gcp.audit import Audit
from ybfort.gcp.certificates import Certificates
from ybfort.gcp.delivery import Delivery
from ybfort.gcp.endpoint import Endpoint
from ybfort.gcp.firewall import Firewall
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import Keys
from ybfort.gcp.lock import Lock
from ybfort.gcp.network import Network
from ybfort.gcp.node import Surroundings
from ybfort.gcp.nodes import Nodes
from ybfort.gcp.plan import GcpPlan
from ybfort.gcp.secrets import Secrets
from ybfort.gcp.storage import Storage


class Cluster(pulumi.ComponentResource):
    """A YugabyteDB cluster on GCP.

    Every part is an attribute, so that resources of your own can stand beside it: `cluster.network.network`,
    `cluster.identity.email`, `cluster.keys.ids["data"]`.

    :param name: logical name; keep it for the cluster's life
    :param plan: what `ybfort.plan.cluster.plan` made of the spec
    :param opts: give it the provider that `provider` below makes, or one of your own
    """

    def __init__(self, name: str, plan: GcpPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Cluster", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.plan = plan
        self.identity = Identity(name, plan, mine)
        self.keys = Keys(name, plan, mine)
        self.storage = Storage(name, plan, self.keys, self.identity, mine)
        self.secrets = Secrets(name, plan, self.keys, self.identity, mine)
        self.certificates = Certificates(name, plan, self.identity, mine)
        self.network = Network(name, plan, mine)
        self.firewall = Firewall(name, plan, self.network, self.identity, mine)
        self.delivery = Delivery(name, plan, self.storage, mine)
        self.endpoint = Endpoint(name, plan, self.network, mine)
        self.audit = Audit(name, plan, self.keys, mine)
        self.alarms = Alarms(name, plan, mine)
        self.nodes = Nodes(name, self._surroundings(), mine)
        # The nodes declare their machines one after the other: their part is whole when the ids are there.
        nodes_complete = self.nodes.instance_ids.apply(lambda _: self.nodes)
        Lock(name, plan, self.storage, [*self._parts, nodes_complete], mine)
        self.register_outputs(self.outputs)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            plan=self.plan,
            network=self.network,
            firewall=self.firewall,
            keys=self.keys,
            identity=self.identity,
            storage=self.storage,
            certificates=self.certificates,
            endpoint=self.endpoint,
            alarms=self.alarms,
        )

    @property
    def _parts(self) -> list[pulumi.Resource]:
        return [part for part in vars(self).values() if isinstance(part, pulumi.ComponentResource)]

    @property
    def outputs(self) -> dict[str, Any]:
        """What a stack exports: where to connect, whom to trust, where the passwords and the logs are. No secret."""
        names = self.plan.names
        return {
            "endpoint": {"host": names.endpoint, "ports": self.plan.ports},
            "certificateAuthority": self.certificates.authority,
            "nodes": {node.name: {"host": node.host, "address": str(node.address)} for node in self.plan.nodes},
            "secrets": self.secrets.names,
            "logGroups": self.audit.log_groups,
        }


def provider(plan: GcpPlan) -> pulumi_gcp.Provider:
    """The GCP provider for this cluster: its project and its region, whatever the environment says.

    Quota of the APIs is the cluster's project's, too, and not that of the project that whoever deploys is of.
    """
    return pulumi_gcp.Provider(
        plan.names.prefix,
        project=plan.names.account,
        region=plan.names.region,
        user_project_override=True,
        billing_project=plan.names.account,
    )
