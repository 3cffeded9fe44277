"""One node: a machine, and what outlives it: its address and name, its data volume, its place behind the endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_aws import ebs, ec2, route53, s3

from ybfort.aws.alarms import Alarms
from ybfort.aws.certificates import Certificates
from ybfort.aws.endpoint import Endpoint
from ybfort.aws.firewall import Firewall
from ybfort.aws.identity import Identity
from ybfort.aws.keys import Keys
from ybfort.aws.network import Network
from ybfort.aws.plan import AwsPlan
from ybfort.aws.storage import Storage
from ybfort.plan import nodes
from ybfort.plan.boot import boot_script

BOOT = Path(__file__).with_name("boot.sh")
ROOT_GIB = 50  # system, two releases side by side, and logs; data has a volume of its own
DATA_DEVICE = "/dev/sdf"  # a formality on Nitro: the node knows its volume by its id
NAME_TTL_SECONDS = 300  # a node's address never changes


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What every node of a cluster needs of the cluster's other parts."""

    plan: AwsPlan
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

    :ivar instance: the machine
    :ivar attachment: what holds machine and data together; when it is there, the node is whole
    """

    instance: ec2.Instance
    attachment: ec2.VolumeAttachment

    def __init__(
        self,
        name: str,
        node: nodes.Node,
        around: Surroundings,
        before: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:aws:Node", f"{name}-{node.name}", {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        interface = self._interface(f"{name}-{node.name}", node, around)
        volume = self._volume(f"{name}-{node.name}", node, around)
        self._ids(f"{name}-{node.name}", node, around, volume)
        self.instance = self._instance(f"{name}-{node.name}", node, around, interface, before)
        self.attachment = ec2.VolumeAttachment(
            f"{name}-{node.name}",
            instance_id=self.instance.id,
            volume_id=volume.id,
            device_name=DATA_DEVICE,
            stop_instance_before_detaching=True,  # the database ends in order before its disk goes
            opts=mine,
        )
        route53.Record(
            f"{name}-{node.name}",
            zone_id=around.network.zone_id,
            name=node.host,
            type="A",
            ttl=NAME_TTL_SECONDS,
            records=[str(node.address)],
            opts=mine,
        )
        around.endpoint.join(f"{name}-{node.name}", node, mine)
        around.alarms.watch_node(name, around.plan, node, mine)
        self.register_outputs({"instanceId": self.instance.id, "address": str(node.address)})

    def _interface(self, name: str, node: nodes.Node, around: Surroundings) -> ec2.NetworkInterface:
        """The address, apart from the machine: certificates and the masters' list hang on it."""
        plan = around.plan
        return ec2.NetworkInterface(
            name,
            subnet_id=around.network.subnet_ids[node.subnet.letter],
            private_ips=[str(node.address)],
            security_groups=[around.firewall.nodes_group],
            source_dest_check=True,
            description=f"Address of node {node.name} of {plan.names.prefix}",
            tags=plan.tags(plan.names.of(node.name)),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _volume(self, name: str, node: nodes.Node, around: Surroundings) -> ebs.Volume:
        """The data, apart from the machine and protected: no ordinary `pulumi up` deletes or replaces it."""
        plan, disk = around.plan, around.plan.spec.nodes.disk
        return ebs.Volume(
            name,
            availability_zone=node.subnet.zone,
            type="gp3",
            size=disk.size_gib,
            iops=disk.iops,
            throughput=disk.throughput_mib,
            encrypted=True,
            kms_key_id=around.keys.arns["data"],
            tags=plan.tags(plan.names.of(f"{node.name}-data"), **{"ybfort:node": node.name}),
            opts=pulumi.ResourceOptions(parent=self, protect=plan.protected(node.name)),
        )

    def _ids(self, name: str, node: nodes.Node, around: Surroundings, volume: ebs.Volume) -> None:
        """What the cloud named. In the cluster's document, one unknown id would hide all of it in a first preview."""
        s3.BucketObjectv2(
            f"{name}-ids",
            bucket=around.storage.buckets["artifacts"],
            key=f"config/ids/{node.name}.json",
            content=pulumi.Output.json_dumps(
                {
                    "format": 1,
                    "certificate_authority": around.certificates.authority_arn,
                    "node": node.name,
                    "volume": volume.id,
                },
                indent=2,
                sort_keys=True,
            ),
            content_type="application/json",
            tags=around.plan.tags(around.plan.names.of(f"{node.name}-ids")),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _instance(
        self,
        name: str,
        node: nodes.Node,
        around: Surroundings,
        interface: ec2.NetworkInterface,
        before: Sequence[pulumi.Resource],
    ) -> ec2.Instance:
        plan, names = around.plan, around.plan.names
        return ec2.Instance(
            name,
            ami=plan.spec.images[names.region],
            instance_type=plan.spec.nodes.machine,
            iam_instance_profile=around.identity.profile_name,
            primary_network_interface={"network_interface_id": interface.id},
            user_data=boot_script(
                BOOT,
                cluster=names.prefix,
                node=node.name,
                region=names.region,
                account=names.account,
                bucket=names.bucket("artifacts"),
            ),
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
                "http_protocol_ipv6": "disabled",
                "instance_metadata_tags": "disabled",
            },
            root_block_device={
                "encrypted": True,
                "kms_key_id": around.keys.arns["data"],
                "volume_type": "gp3",
                "volume_size": ROOT_GIB,
                "delete_on_termination": True,
                "tags": plan.tags(names.of(f"{node.name}-root"), **{"ybfort:node": node.name}),
            },
            ebs_optimized=True,
            monitoring=True,
            # Nobody ends a node by hand; a new image, which somebody reviewed, may replace it.
            disable_api_termination=True,
            force_destroy=True,
            instance_initiated_shutdown_behavior="stop",
            tags=plan.tags(names.of(node.name), **{"ybfort:node": node.name}),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The chain: the engine begins with a machine only when the node before it is whole again.
                depends_on=before,
                delete_before_replace=True,
            ),
        )
