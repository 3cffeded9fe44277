"""Where the cluster lives: a region, its private network, and how many nodes stand in each zone."""

from typing import Annotated

from pydantic import Field

from ybfort.spec.words import (
    AwsRegion,
    AwsZone,
    Count,
    PrefixList,
    PrivateNetwork,
    Section,
    SecurityGroup,
    Subnet,
    Vpc,
)

# A network is cut in as many parts, a part for each letter, so that a zone added later moves nobody.
ZONE_LETTERS = "abcdefgh"

# Nodes are named by zone letter and number (a1, b1, a2), and a zone's subnet is cut by the letter. 99 a zone is more
# than any YugabyteDB cluster we know of has in all.
MOST_NODES_IN_A_ZONE = 99


class ExistingSubnet(Section):
    """A private subnet of an existing VPC, for this zone."""

    id: Subnet
    """The subnet's id."""
    node_range: PrivateNetwork
    """The part of the subnet whose addresses are the nodes' own. It is reserved, so that nothing else gets one."""


class Zone(Section):
    """An availability zone and the nodes in it."""

    name: AwsZone
    """The zone, for example `eu-west-1a`. Its letter names the nodes (a1, a2, …) and places its subnet."""
    nodes: Annotated[Count, Field(ge=1, le=MOST_NODES_IN_A_ZONE)] = 1
    """How many nodes stand here. Raise it to grow; no other node moves."""
    subnet: ExistingSubnet | None = None
    """The subnet to use, when the region has an `existing_vpc`."""

    @property
    def letter(self) -> str:
        return self.name[-1]


class ExistingVpc(Section):
    """A VPC that somebody else runs: its routes, network ACLs, flow logs and endpoints stay theirs."""

    id: Vpc
    """The VPC's id."""
    endpoints_security_group: SecurityGroup
    """The security group of its endpoints for kms, secretsmanager, ssm, ssmmessages, logs, monitoring and acm-pca."""
    s3_prefix_list: PrefixList
    """The prefix list of its S3 gateway endpoint."""


class Region(Section):
    """A region with its network."""

    name: AwsRegion
    """The cloud's name of the region, for example `eu-west-1`."""
    cidr: PrivateNetwork
    """The private range of the network, from /16 to /23. It is cut in eight, so that zones can be added later."""
    zones: Annotated[tuple[Zone, ...], Field(min_length=1, max_length=len(ZONE_LETTERS))]
    """The zones with nodes. The first nodes of the first zones hold the masters: add new zones at the end. With
    `fault_tolerance: zone` there are as many zones as copies, and none can be added."""
    existing_vpc: ExistingVpc | None = None
    """Build in this VPC in place of a new one; each zone then names its subnet."""
