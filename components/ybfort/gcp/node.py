"""One node: a machine, and what outlives it: its address and name, its data disk, its place behind the endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_gcp import compute, dns
from pulumi_gcp import storage as gcs

from ybfort.gcp.alarms import Alarms
from ybfort.gcp.certificates import Certificates
from ybfort.gcp.endpoint import Endpoint
from ybfort.gcp.firewall import Firewall
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import Keys
from ybfort.gcp.network import NAME_TTL_SECONDS, Network
from ybfort.gcp.plan import GcpPlan, labels
from ybfort.gcp.storage import Storage
from ybfort.plan import nodes
from ybfort.plan.boot import boot_script

BOOT = Path(__file__).with_name("boot.sh")
BOOT_GIB = 50  # system, two releases side by side, and logs; data has a disk of its own
HYPERDISK = "hyperdisk-balanced"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What every node of a cluster needs of the cluster's other parts."""

    plan: GcpPlan
    network: Network
    firewall: Firewall
    keys: Keys
    identity: Identity
    storage: Storage
    certificates: Certificates
    endpoint: Endpoint
    alarms: Alarms


class Node(pulumi.ComponentResource):
    """A node.

    :ivar instance: the machine, its data disk attached
    :ivar membership: its place behind the endpoint; when it is there, the node is whole
    """

    instance: compute.Instance
    membership: compute.InstanceGroupMembership

    def __init__(
        self,
        name: str,
        node: nodes.Node,
        around: Surroundings,
        before: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:gcp:Node", f"{name}-{node.name}", {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        address = self._address(f"{name}-{node.name}", node, around)
        disk = self._disk(f"{name}-{node.name}", node, around)
        self._ids(f"{name}-{node.name}", node, around)
        self.instance = self._instance(f"{name}-{node.name}", node, around, address, disk, before)
        dns.RecordSet(
            f"{name}-{node.name}",
            managed_zone=around.network.zone,
            name=f"{node.host}.",
            type="A",
            ttl=NAME_TTL_SECONDS,
            rrdatas=[str(node.address)],
            opts=mine,
        )
        self.membership = around.endpoint.join(f"{name}-{node.name}", node, self.instance, mine)
        around.alarms.watch_node(name, around.plan, node, mine)
        self.register_outputs({"instanceId": self.instance.id, "address": str(node.address)})

    def _address(self, name: str, node: nodes.Node, around: Surroundings) -> compute.Address:
        """The address, apart from the machine: certificates and the masters' list hang on it."""
        plan = around.plan
        return compute.Address(
            name,
            name=plan.names.of(node.name),
            description=f"Address of node {node.name} of {plan.names.prefix}",
            address=str(node.address),
            address_type="INTERNAL",
            purpose="GCE_ENDPOINT",
            subnetwork=around.network.subnetwork,
            labels=_labels(plan, node),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _disk(self, name: str, node: nodes.Node, around: Surroundings) -> compute.Disk:
        """The data, apart from the machine and protected: no ordinary `pulumi up` deletes or replaces it."""
        plan, disk = around.plan, around.plan.spec.nodes.disk
        return compute.Disk(
            name,
            name=_device(plan, node),
            zone=node.subnet.zone,
            type=HYPERDISK,
            size=disk.size_gib,
            provisioned_iops=disk.iops,
            provisioned_throughput=disk.throughput_mib,
            disk_encryption_key={"kms_key_self_link": around.keys.ids["data"]},
            labels=_labels(plan, node),
            opts=pulumi.ResourceOptions(
                parent=self, protect=plan.protected(node.name), depends_on=around.keys.ready["data"]
            ),
        )

    def _ids(self, name: str, node: nodes.Node, around: Surroundings) -> None:
        """What the node calls its disk and asks for certificates. All of it is text in a first preview, too."""
        document = pulumi.Output.json_dumps(
            {
                "format": 1,
                "certificate_authority": around.certificates.authority,
                "node": node.name,
                "volume": _device(around.plan, node),
            },
            indent=2,
            sort_keys=True,
        )
        gcs.BucketObject(
            f"{name}-ids",
            bucket=around.storage.buckets["artifacts"],
            name=f"config/ids/{node.name}.json",
            source=document.apply(pulumi.StringAsset),
            content_type="application/json",
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),  # as the objects of `delivery.py`
        )

    def _instance(
        self,
        name: str,
        node: nodes.Node,
        around: Surroundings,
        address: compute.Address,
        disk: compute.Disk,
        before: Sequence[pulumi.Resource],
    ) -> compute.Instance:
        plan, names, confidential = around.plan, around.plan.names, around.plan.spec.nodes.confidential
        return compute.Instance(
            name,
            name=names.of(node.name),
            zone=node.subnet.zone,
            machine_type=plan.spec.nodes.machine,
            allow_stopping_for_update=True,  # another machine type needs no other machine
            boot_disk={
                "auto_delete": True,
                "device_name": names.of(f"{node.name}-boot"),
                "kms_key_self_link": around.keys.ids["data"],
                # No labels: the provider replaces a machine whose boot disk gets others.
                "initialize_params": {
                    "image": plan.spec.images[names.region],
                    "type": HYPERDISK,
                    "size": BOOT_GIB,
                },
            },
            # Attached by the machine itself, and not beside it: what cannot be replaced loses no disk on the way.
            attached_disks=[{"source": disk.self_link, "device_name": _device(plan, node), "mode": "READ_WRITE"}],
            # Without `access_configs`, and even an empty one would be a public address.
            network_interfaces=[
                {
                    "subnetwork": around.network.subnetwork,
                    "network_ip": address.address,
                    "stack_type": "IPV4_ONLY",
                }
            ],
            can_ip_forward=False,
            # What it may do its roles say; scopes are an older and coarser limit.
            service_account={"email": around.identity.email, "scopes": ["cloud-platform"]},
            metadata={
                "enable-oslogin": "TRUE",
                "block-project-ssh-keys": "TRUE",
                "serial-port-enable": "FALSE",
                "startup-script": boot_script(
                    BOOT,
                    cluster=names.prefix,
                    node=node.name,
                    region=names.region,
                    account=names.account,
                    bucket=names.bucket("artifacts"),
                ),
            },
            shielded_instance_config={
                "enable_secure_boot": True,
                "enable_vtpm": True,
                "enable_integrity_monitoring": True,
            },
            confidential_instance_config={"confidential_instance_type": confidential} if confidential else None,
            scheduling={
                # Encrypted memory moves to no other host: the machine stops, and starts again elsewhere.
                "on_host_maintenance": "TERMINATE" if confidential else "MIGRATE",
                "automatic_restart": True,
                "preemptible": False,
                "provisioning_model": "STANDARD",
            },
            # Nobody ends a node by hand; a new image, which somebody reviewed, may replace it once this is lifted.
            # `protect` says so as well: GCP alone would refuse only when the node has left the load balancer.
            deletion_protection=plan.protected("cluster"),
            labels=_labels(plan, node),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=plan.protected("cluster"),
                # The chain: the engine begins with a machine only when the node before it is whole again.
                depends_on=[around.firewall, around.identity.account, *around.keys.ready["data"], *before],
                delete_before_replace=True,
            ),
        )


def _device(plan: GcpPlan, node: nodes.Node) -> str:
    """The name of the data disk, which the machine finds it by: /dev/disk/by-id/google-<name>."""
    return plan.names.of(f"{node.name}-data")


def _labels(plan: GcpPlan, node: nodes.Node) -> dict[str, str]:
    return labels(plan, **{"ybfort-node": node.name})
