"""The cluster: its parts in the order in which they need each other."""

from typing import Any

import pulumi
import pulumi_aws

from ybfort.aws.alarms import Alarms
from ybfort.aws.audit import Audit
from ybfort.aws.certificates import Certificates
from ybfort.aws.delivery import Delivery
from ybfort.aws.endpoint import Endpoint
from ybfort.aws.firewall import Firewall
from ybfort.aws.identity import Identity
from ybfort.aws.keys import Keys
from ybfort.aws.lock import Lock
from ybfort.aws.network import Network
from ybfort.aws.node import Surroundings
from ybfort.aws.nodes import Nodes
from ybfort.aws.plan import AwsPlan
from ybfort.aws.secrets import Secrets
from ybfort.aws.storage import Storage


class Cluster(pulumi.ComponentResource):
    """A YugabyteDB cluster on AWS.

    Every part is an attribute, so that resources of your own can stand beside it: `cluster.network.vpc_id`,
    `cluster.firewall.nodes_group`, `cluster.keys.arns["data"]`.

    :param name: logical name; keep it for the cluster's life
    :param plan: what `ybfort.plan.cluster.plan` made of the spec
    :param opts: give it the provider that `provider` below makes, or one of your own
    """

    def __init__(self, name: str, plan: AwsPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Cluster", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.plan = plan
        self.identity = Identity(name, plan, mine)
        self.keys = Keys(name, plan, self.identity, mine)
        self.storage = Storage(name, plan, self.keys, mine)
        self.secrets = Secrets(name, plan, self.keys, mine)
        self.certificates = Certificates(name, plan, mine)
        self.network = Network(name, plan, mine)
        self.firewall = Firewall(name, plan, self.network, mine)
        self.delivery = Delivery(name, plan, self.storage, mine)
        self.endpoint = Endpoint(name, plan, self.network, self.firewall, mine)
        self.audit = Audit(name, plan, self.network, self.keys, self.storage, mine)
        self.alarms = Alarms(name, plan, self.endpoint, self.audit, self.keys, mine)
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
            "certificateAuthority": self.certificates.authority_arn,
            "nodes": {node.name: {"host": node.host, "address": str(node.address)} for node in self.plan.nodes},
            "secrets": self.secrets.names,
            "logGroups": self.audit.log_groups,
        }


def provider(plan: AwsPlan) -> pulumi_aws.Provider:
    """The AWS provider for this cluster: its region, and no account but its own."""
    return pulumi_aws.Provider(plan.names.prefix, region=plan.names.region, allowed_account_ids=[plan.names.account])
