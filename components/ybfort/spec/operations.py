"""What happens around the database: certificates, backups, alerts, audit, and the lifting of protection."""

from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import (
    MOST_IAM_ROLES,
    AuthorityArn,
    Count,
    Email,
    IamPolicyArn,
    IamRoleArn,
    ProtectedPart,
    Section,
    Switch,
    TrailArn,
)


class Certificates(Section):
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


class Backup(Section):
    """The backup bucket: locked, versioned, under its own key."""

    retention_days: Annotated[Count, Field(ge=7, le=3_650)] = 35
    """Days that nobody can delete a backup."""
    lock: Literal["compliance", "governance"] = "compliance"
    """`compliance`: nobody can shorten it, not even the account's root. `governance`: a privileged role can."""


class Alerts(Section):
    """Who hears of it."""

    emails: Annotated[tuple[Email, ...], Field(min_length=1, max_length=10)]
    """Addresses that get the alarms. Each must confirm its subscription once."""


class Audit(Section):
    """The record of what was done."""

    existing_trail: TrailArn | None = None
    """A CloudTrail trail that already records this account (an organisation's). Without it the cluster makes one."""
    retention_days: Literal[365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653] = 400
    """Days that logs are kept. CloudWatch knows only these numbers."""


class Account(Section):
    """Settings of the whole account and region, which one stack at most may own."""

    guardrails: Switch = False
    """Let this stack own them: new EBS volumes encrypted, no public snapshots, images or buckets, IMDSv2 by default,
    and alarms on what the trail sees in the account."""
    permissions_boundary: IamPolicyArn | None = None
    """The permissions boundary that every IAM role of the cluster carries."""


class Protection(Section):
    """Protection of what holds data. It is on; what is named here has lost it and shows so in the preview."""

    lifted_for: Annotated[tuple[ProtectedPart, ...], Field(max_length=200)] = ()
    """Parts that the next `pulumi up` or `destroy` may delete: a node's name (its data volume), `keys`, `backup`,
    `certificates`, `endpoint`, and `cluster` for all that can be made again."""
