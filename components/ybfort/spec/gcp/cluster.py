"""A cluster on GCP."""

# Sections are frozen, so a field may say more narrowly what it holds. The type checker does not see that they are.
# pyright: reportIncompatibleVariableOverride=false

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ybfort.spec.cluster import ClusterSpec
from ybfort.spec.gcp.rules import RULES
from ybfort.spec.gcp.sections import (
    GcpAccount,
    GcpAudit,
    GcpCertificates,
    GcpClient,
    GcpEndpoint,
    GcpNodes,
    GcpRegion,
    GcpRole,
)
from ybfort.spec.gcp.words import ImageName, LabelKey, LabelValue, ProjectId, RegionName


class GcpSpec(ClusterSpec):
    """A YugabyteDB cluster on GCP. Nothing can make it insecure: no key is there for a public address or a plain
    disk."""

    RULES: ClassVar = (*ClusterSpec.RULES, *RULES)

    cloud: Literal["gcp"]
    """The cloud to build on: `aws` or `gcp`."""
    account: ProjectId
    """The project that the cluster belongs to."""
    regions: Annotated[tuple[GcpRegion, ...], Field(min_length=1)]
    """Where the cluster lives; one entry today."""
    nodes: GcpNodes
    """What every node is made of."""
    images: dict[RegionName, ImageName]
    """The machine image (Rocky Linux 9 or AlmaLinux 9) for each region, pinned. A new one replaces the nodes one by
    one."""
    clients: Annotated[tuple[GcpClient, ...], Field(max_length=50)] = ()
    """Who may connect."""
    endpoint: GcpEndpoint = GcpEndpoint()
    """How the endpoint can be reached."""
    roles: Annotated[tuple[GcpRole, ...], Field(max_length=2_000)] = ()
    """The database roles."""
    certificates: GcpCertificates = GcpCertificates()
    """Who signs the nodes' certificates."""
    audit: GcpAudit = GcpAudit()
    """How the record of what was done is kept."""
    account_settings: GcpAccount = GcpAccount()
    """Settings of the whole project."""
    tags: Annotated[dict[LabelKey, LabelValue], Field(max_length=30, default_factory=dict[str, str])]
    """Labels that every resource carries."""

    @property
    def region(self) -> GcpRegion:
        return self.regions[0]
