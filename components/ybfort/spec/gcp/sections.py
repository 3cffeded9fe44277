"""The sections of a stack file for GCP, where they say more than those of every cloud."""

# Sections are frozen, so a field may say more narrowly what it holds. The type checker does not see that they are.
# pyright: reportIncompatibleVariableOverride=false

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import Field

from ybfort.spec.clients import Client, Endpoint
from ybfort.spec.database import Role
from ybfort.spec.gcp.words import (
    MOST_SERVICE_ACCOUNTS,
    CaPoolName,
    MachineType,
    NetworkName,
    ProjectId,
    RegionName,
    ServiceAccount,
    SubnetworkName,
    ZoneName,
)
from ybfort.spec.nodes import Architecture, Disk, Nodes
from ybfort.spec.operations import Account, Audit, Certificates
from ybfort.spec.region import ZONE_LETTERS, Region, Zone
from ybfort.spec.words import Count, PrivateNetwork, Section, Switch

ARM_FAMILIES = ("c4a", "n4a", "t2a")
# Machines that can encrypt their memory, and how (Confidential VM: supported configurations).
CONFIDENTIAL = {"c3-standard": "TDX", "c3d-standard": "SEV", "c4d-standard": "SEV"}


class GcpZone(Zone):
    """A zone and the nodes in it."""

    name: ZoneName
    """The zone, for example `europe-west1-b`. Its letter names the nodes (b1, b2, …) and places their addresses."""
    node_range: PrivateNetwork | None = None
    """The part of the subnetwork whose addresses are the nodes' own, when the region has an `existing_network`."""

    @property
    def reserved(self) -> IPv4Network | None:
        return self.node_range


class GcpNetwork(Section):
    """A VPC network that somebody else runs: its routes, names of Google's APIs, flow logs and baseline stay theirs."""

    network: NetworkName
    """The network."""
    subnetwork: SubnetworkName
    """The nodes' subnetwork in the cluster's region, with Private Google Access."""


class GcpRegion(Region):
    """A region with its network."""

    name: RegionName
    """The region, for example `europe-west1`."""
    zones: Annotated[tuple[GcpZone, ...], Field(min_length=1, max_length=len(ZONE_LETTERS))]
    """The zones with nodes. The first nodes of the first zones hold the masters: add new zones at the end. With
    `fault_tolerance: zone` there are as many zones as copies, and none can be added."""
    existing_network: GcpNetwork | None = None
    """Build in this network in place of a new one; each zone then names its nodes' range."""

    @property
    def existing(self) -> str | None:
        return self.existing_network.network if self.existing_network else None


class GcpDisk(Disk):
    """The data disk of every node: Hyperdisk Balanced, encrypted with the cluster's own key."""

    iops: Annotated[Count, Field(ge=3_000, le=160_000)] = 3_000
    """Provisioned operations a second; at most 500 for each GiB."""
    throughput_mib: Annotated[Count, Field(ge=140, le=2_400)] = 140
    """Provisioned MiB a second; at most a quarter of `iops`."""


class GcpNodes(Nodes):
    """What all nodes have in common."""

    machine: MachineType
    """The machine type. Yugabyte recommends 16 vCPUs and 64 GB for production. Changing it rolls node by node. One
    that can encrypt its memory (Confidential VM) does."""
    disk: GcpDisk
    """The data disk."""

    @property
    def family(self) -> str:
        return self.machine.partition("-")[0]

    @property
    def architecture(self) -> Architecture:
        return "aarch64" if self.family in ARM_FAMILIES else "x86_64"

    @property
    def confidential(self) -> str | None:
        """How the machine's memory is encrypted; None if the machine cannot do that."""
        return CONFIDENTIAL.get(self.machine.rpartition("-")[0])


class GcpClient(Client):
    """A group of machines that may speak to the database. Everybody else is kept out by network and database alike."""

    service_accounts: Annotated[tuple[ServiceAccount, ...], Field(max_length=10)] = ()
    """Service accounts of its machines, in the `existing_network`. When given, the network admits these in place of
    the whole ranges. Of machines in other networks GCP knows the addresses alone."""

    @property
    def groups(self) -> tuple[str, ...]:
        return self.service_accounts


class GcpServiceConnect(Section):
    """A way to the endpoint from networks of other projects (Private Service Connect)."""

    projects: Annotated[tuple[ProjectId, ...], Field(min_length=1, max_length=20)]
    """The projects that may use it."""
    nat_range: PrivateNetwork
    """A range outside the cluster's network, which clients there are seen by. The database sees no other address of
    theirs, so for them the network alone tells who is who."""


class GcpEndpoint(Endpoint):
    """The one address that clients connect to."""

    private_service_connect: GcpServiceConnect | None = None
    """A way to it from networks of other projects."""

    @property
    def shared_with(self) -> tuple[str, ...]:
        return self.private_service_connect.projects if self.private_service_connect else ()

    @property
    def nat_ranges(self) -> tuple[IPv4Network, ...]:
        return (self.private_service_connect.nat_range,) if self.private_service_connect else ()


class GcpRole(Role):
    """A role. Nobody is superuser: the database's own superusers work over the local socket only."""

    readers: Annotated[tuple[ServiceAccount, ...], Field(max_length=MOST_SERVICE_ACCOUNTS)] = ()
    """Service accounts that may read its password: the application's own."""


class GcpCertificates(Certificates):
    """Who signs the nodes' certificates, and for how long. Keys are made on the node and never leave it."""

    existing_authority: CaPoolName | None = None
    """A CA pool of your own (Certificate Authority Service). Without it the cluster gets one with a root of its own."""
    brought_by: Annotated[tuple[ServiceAccount, ...], Field(max_length=MOST_SERVICE_ACCOUNTS)] = ()
    """Service accounts that bring certificates of your own, in place of an authority: key, certificate and CA of each
    node, in a secret that only they write and only nodes read. The private keys are then as safe as where they came
    from."""


class GcpAudit(Audit):
    """The record of what was done."""

    retention_days: Annotated[Count, Field(ge=365, le=3_650)] = 400
    """Days that logs are kept."""


class GcpAccount(Account):
    """Settings of the whole project, which one stack at most may own."""

    guardrails: Switch = False
    """Let this stack own them: organisation policies that forbid public addresses and buckets, keys of service accounts
    and machines that are not shielded, and OS Login for the whole project."""
