"""The sections of a stack file for AWS, where they say more than those of every cloud."""

# Sections are frozen, so a field may say more narrowly what it holds. The type checker does not see that they are.
# pyright: reportIncompatibleVariableOverride=false

import re
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ybfort.spec.aws.words import (
    MOST_IAM_ROLES,
    AuthorityArn,
    IamPolicyArn,
    IamPrincipalArn,
    IamRoleArn,
    MachineType,
    PrefixListId,
    RegionName,
    SecurityGroupId,
    SubnetId,
    TrailArn,
    VpcId,
    ZoneName,
)
from ybfort.spec.clients import Client, Endpoint
from ybfort.spec.database import Role
from ybfort.spec.nodes import Architecture, Disk, Nodes
from ybfort.spec.operations import Account, Audit, Certificates
from ybfort.spec.region import ZONE_LETTERS, Region, Zone
from ybfort.spec.words import Count, PrivateNetwork, Section, Switch


class AwsSubnet(Section):
    """A private subnet of an existing VPC, for this zone."""

    id: SubnetId
    """The subnet's id."""
    node_range: PrivateNetwork
    """The part of the subnet whose addresses are the nodes' own. It is reserved, so that nothing else gets one."""


class AwsZone(Zone):
    """An availability zone and the nodes in it."""

    RESERVED_AT: ClassVar = ("subnet", "node_range")

    name: ZoneName
    """The zone, for example `eu-west-1a`. Its letter names the nodes (a1, a2, …) and places its subnet."""
    subnet: AwsSubnet | None = None
    """The subnet to use, when the region has an `existing_vpc`."""

    @property
    def existing(self) -> str | None:
        return self.subnet.id if self.subnet else None

    @property
    def reserved(self) -> IPv4Network | None:
        return self.subnet.node_range if self.subnet else None


class AwsVpc(Section):
    """A VPC that somebody else runs: its routes, network ACLs, flow logs and endpoints stay theirs."""

    id: VpcId
    """The VPC's id."""
    endpoints_security_group: SecurityGroupId
    """The security group of its endpoints for kms, secretsmanager, ssm, ssmmessages, logs, monitoring and acm-pca."""
    s3_prefix_list: PrefixListId
    """The prefix list of its S3 gateway endpoint."""


class AwsRegion(Region):
    """A region with its network."""

    name: RegionName
    """The region, for example `eu-west-1`."""
    zones: Annotated[tuple[AwsZone, ...], Field(min_length=1, max_length=len(ZONE_LETTERS))]
    """The zones with nodes. The first nodes of the first zones hold the masters: add new zones at the end. With
    `fault_tolerance: zone` there are as many zones as copies, and none can be added."""
    existing_vpc: AwsVpc | None = None
    """Build in this VPC in place of a new one; each zone then names its subnet."""

    @property
    def existing(self) -> str | None:
        return self.existing_vpc.id if self.existing_vpc else None


class AwsDisk(Disk):
    """The data volume of every node: gp3, encrypted with the cluster's own key."""

    iops: Annotated[Count, Field(ge=3_000, le=16_000)] = 3_000
    """Provisioned operations a second; at most 500 for each GiB."""
    throughput_mib: Annotated[Count, Field(ge=125, le=1_000)] = 125
    """Provisioned MiB a second; at most a quarter of `iops`."""


class AwsNodes(Nodes):
    """What all nodes have in common."""

    machine: MachineType
    """The instance type. Yugabyte recommends 16 vCPUs and 64 GB for production. Changing it rolls node by node."""
    disk: AwsDisk
    """The data volume."""

    @property
    def architecture(self) -> Architecture:
        """AWS marks its ARM families with a `g` after the generation's digit: m7g, c7gn, x2gd."""
        family = self.machine.partition(".")[0]
        marks = re.fullmatch(r"[a-z]+\d+([a-z-]*)", family)
        return "aarch64" if family == "a1" or (marks and "g" in marks[1]) else "x86_64"


class AwsClient(Client):
    """A group of machines that may speak to the database. Everybody else is kept out by network and database alike."""

    security_groups: Annotated[tuple[SecurityGroupId, ...], Field(max_length=20)] = ()
    """Security groups of its machines. When given, the network admits these groups in place of the whole ranges."""

    @property
    def groups(self) -> tuple[str, ...]:
        return self.security_groups


class AwsEndpoint(Endpoint):
    """The one address that clients connect to."""

    private_link: Annotated[tuple[IamPrincipalArn, ...], Field(max_length=20)] = ()
    """Accounts or roles that may reach the endpoint by AWS PrivateLink; somebody accepts each connection. The database
    sees the load balancer's address in place of theirs, so for them the network alone tells who is who."""

    @property
    def shared_with(self) -> tuple[str, ...]:
        return self.private_link


class AwsRole(Role):
    """A role. Nobody is superuser: the database's own superusers work over the local socket only."""

    readers: Annotated[tuple[IamRoleArn, ...], Field(max_length=MOST_IAM_ROLES)] = ()
    """IAM roles that may read its password: the application's own. They must exist, AWS refuses unknown ones."""


class AwsCertificates(Certificates):
    """Who signs the nodes' certificates, and for how long. Keys are made on the node and never leave it."""

    existing_authority: AuthorityArn | None = None
    """A subordinate CA of your own (AWS Private CA). Without it the cluster gets a short-lived root of its own."""
    lifetime_days: Annotated[Count, Field(ge=2, le=397)] = 7
    """Days that a node certificate lives; renewed at two thirds, and told by an alarm when a quarter is left. A managed
    authority signs for 7 days at most."""
    brought_by: Annotated[tuple[IamRoleArn, ...], Field(max_length=MOST_IAM_ROLES)] = ()
    """IAM roles that bring certificates of your own, in place of an authority: key, certificate and CA of each node, in
    a secret that only these roles write and only nodes read. The private keys are then as safe as where they came from.
    The roles must exist, AWS refuses unknown ones."""


class AwsAudit(Audit):
    """The record of what was done."""

    existing_trail: TrailArn | None = None
    """A CloudTrail trail that already records this account (an organisation's). Without it the cluster makes one."""
    retention_days: Literal[365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653] = 400
    """Days that logs are kept. CloudWatch knows only these numbers."""


class AwsAccount(Account):
    """Settings of the whole account and region, which one stack at most may own."""

    guardrails: Switch = False
    """Let this stack own them: new EBS volumes encrypted, no public snapshots, images or buckets, IMDSv2 by default,
    and alarms on what the trail sees in the account."""
    permissions_boundary: IamPolicyArn | None = None
    """The permissions boundary that every IAM role of the cluster carries."""
