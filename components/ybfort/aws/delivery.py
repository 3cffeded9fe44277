"""What the nodes fetch: the agent, and the document that tells them what to be."""

import base64

import pulumi
from pulumi_aws import s3

from ybfort.aws.plan import AwsPlan
from ybfort.aws.storage import Storage
from ybfort.plan import agent
from ybfort.plan.cluster import cluster_config


class Delivery(pulumi.ComponentResource):
    """The objects in the artifacts bucket."""

    def __init__(
        self,
        name: str,
        plan: AwsPlan,
        storage: Storage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:aws:Delivery", name, {}, opts)
        program = agent.archive(plan.spec.cloud)
        bucket = storage.buckets["artifacts"]
        # The document names the agent by its hash, so the agent has to be there first.
        fetched_first = s3.BucketObjectv2(
            f"{name}-agent",
            bucket=bucket,
            key=program.key,
            content_base64=base64.b64encode(program.content).decode(),
            content_type="application/zip",
            tags=plan.tags(plan.names.of("agent")),
            opts=pulumi.ResourceOptions(parent=self, hide_diffs=["contentBase64"]),
        )
        s3.BucketObjectv2(
            f"{name}-config",
            bucket=bucket,
            key="config/cluster.json",
            content=cluster_config(plan),
            content_type="application/json",
            tags=plan.tags(plan.names.of("config")),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[fetched_first]),
        )
        self.register_outputs({})
