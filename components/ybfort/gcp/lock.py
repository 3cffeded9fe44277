"""The lock: what a `destroy` would have to delete first, and cannot.

The engine deletes what depends on others before the others, and looks at protection when a resource's turn comes. A
`pulumi destroy --skip-preview` would therefore end machines, alarms and routes before it meets a protected volume. The
lock depends on every part of the cluster, so its turn is the first.
"""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import storage as gcs

from ybfort.gcp.plan import GcpPlan
from ybfort.gcp.storage import Storage

CONTENT = "A protected resource of the cluster. Lift it with `protection: {lifted_for: [cluster]}` in the stack file.\n"


class Lock(pulumi.ComponentResource):
    """A small object in the artifacts bucket, protected."""

    def __init__(
        self,
        name: str,
        plan: GcpPlan,
        storage: Storage,
        parts: Sequence[pulumi.Input[pulumi.Resource]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:gcp:Lock", name, {}, opts)
        gcs.BucketObject(
            f"{name}-lock",
            bucket=storage.buckets["artifacts"],
            name="lock",
            source=pulumi.StringAsset(CONTENT),
            content_type="text/plain",
            opts=pulumi.ResourceOptions(parent=self, protect=plan.protected("cluster"), depends_on=parts),
        )
        self.register_outputs({})
