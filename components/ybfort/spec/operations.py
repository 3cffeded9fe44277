"""What happens around the database: certificates, backups, alerts, audit, and the lifting of protection."""

from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import Count, Email, ProtectedPart, Section, Switch


class Certificates(Section):
    """Who signs the nodes' certificates, and for how long. Keys are made on the node and never leave it."""

    existing_authority: str | None = None
    """An authority of your own. Without it the cluster gets one."""
    lifetime_days: Annotated[Count, Field(ge=2, le=397)] = 7
    """Days that a node certificate lives; renewed at two thirds, and told by an alarm when a quarter is left."""
    brought_by: tuple[str, ...] = ()
    """Who brings certificates of your own, in place of an authority."""


class Backup(Section):
    """The backup bucket: locked, versioned, under its own key."""

    retention_days: Annotated[Count, Field(ge=7, le=3_650)] = 35
    """Days that nobody can delete a backup."""
    lock: Literal["compliance", "governance"] = "compliance"
    """`compliance`: nobody can shorten it, not even the account's root. `governance`: a privileged role can."""


class Alerts(Section):
    """Who hears of it."""

    emails: Annotated[tuple[Email, ...], Field(min_length=1, max_length=10)]
    """Addresses that get the alarms. On AWS each must confirm its subscription once."""


class Audit(Section):
    """The record of what was done."""

    retention_days: int = 400
    """Days that logs are kept."""


class Account(Section):
    """Settings of the whole account, which one stack at most may own."""

    guardrails: Switch = False
    """Let this stack own them."""


class Protection(Section):
    """Protection of what holds data. It is on; what is named here has lost it and shows so in the preview."""

    lifted_for: Annotated[tuple[ProtectedPart, ...], Field(max_length=200)] = ()
    """Parts that the next `pulumi up` or `destroy` may delete: a node's name (its data volume), `keys`, `backup`,
    `certificates`, `endpoint`, and `cluster` for all that can be made again."""
