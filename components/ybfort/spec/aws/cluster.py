"""A cluster on AWS."""

# Sections are frozen, so a field may say more narrowly what it holds. The type checker does not see that they are.
# pyright: reportIncompatibleVariableOverride=false

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ybfort.spec.aws.rules import RULES
from ybfort.spec.aws.sections import (
    AwsAccount,
    AwsAudit,
    AwsCertificates,
    AwsClient,
    AwsEndpoint,
    AwsNodes,
    AwsRegion,
    AwsRole,
)
from ybfort.spec.aws.words import AccountId, ImageId, RegionName, TagKey, TagValue
from ybfort.spec.cluster import ClusterSpec


class AwsSpec(ClusterSpec):
    """A YugabyteDB cluster on AWS. Nothing can make it insecure: no key is there for a public address or a plain
    disk."""

    RULES: ClassVar = (*ClusterSpec.RULES, *RULES)

    cloud: Literal["aws"]
    """The cloud to build on: `aws` or `gcp`."""
    account: AccountId
    """The account that the cluster belongs to. `pulumi up` with credentials of another account is refused."""
    regions: Annotated[tuple[AwsRegion, ...], Field(min_length=1)]
    """Where the cluster lives; one entry today."""
    nodes: AwsNodes
    """What every node is made of."""
    images: dict[RegionName, ImageId]
    """The machine image (Amazon Linux 2023) of each region, pinned. A new one replaces the nodes one by one."""
    clients: Annotated[tuple[AwsClient, ...], Field(max_length=50)] = ()
    """Who may connect."""
    endpoint: AwsEndpoint = AwsEndpoint()
    """How the endpoint can be reached."""
    roles: Annotated[tuple[AwsRole, ...], Field(max_length=2_000)] = ()
    """The database roles."""
    certificates: AwsCertificates = AwsCertificates()
    """Who signs the nodes' certificates."""
    audit: AwsAudit = AwsAudit()
    """How the record of what was done is kept."""
    account_settings: AwsAccount = AwsAccount()
    """Settings of the whole account."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=30, default_factory=dict[str, str])]
    """Tags that every resource carries."""

    @property
    def region(self) -> AwsRegion:
        return self.regions[0]
