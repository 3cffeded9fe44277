"""What the nodes fetch: the agent, and the document that tells them what to be."""

import atexit
import shutil
import tempfile
from pathlib import Path

import pulumi
from pulumi_gcp import storage as gcs

from ybfort.gcp.plan import GcpPlan
from ybfort.gcp.storage import Storage
from ybfort.plan import agent
from ybfort.plan.cluster import cluster_config


class Delivery(pulumi.ComponentResource):
    """The objects in the artifacts bucket.

    To the provider `content` is a secret, which no preview shows; so it is `source`, for which it replaces an object.
    A node must find its document at any moment: nothing is deleted, and the new one takes the old one's place.
    """

    def __init__(
        self,
        name: str,
        plan: GcpPlan,
        storage: Storage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:gcp:Delivery", name, {}, opts)
        program = agent.archive(plan.spec.cloud)
        bucket = storage.buckets["artifacts"]
        # The document names the agent by its hash, so the agent has to be there first.
        fetched_first = gcs.BucketObject(
            f"{name}-agent",
            bucket=bucket,
            name=program.key,
            source=_file(program),
            content_type="application/zip",
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, hide_diffs=["source"]),
        )
        gcs.BucketObject(
            f"{name}-config",
            bucket=bucket,
            name="config/cluster.json",
            source=pulumi.StringAsset(cluster_config(plan)),
            content_type="application/json",
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, depends_on=[fetched_first]),
        )
        self.register_outputs({})


def _file(program: agent.Agent) -> pulumi.FileAsset:
    """The agent as a file, which is there until this process ends: Pulumi has no asset for bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ybfort-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "agent.pyz"
    path.write_bytes(program.content)
    return pulumi.FileAsset(path)
