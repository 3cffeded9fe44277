"""Settings of the whole account and region that make the unsafe impossible for everybody, not only for this cluster."""

import pulumi
from pulumi_aws import ebs, ec2, s3, ssm

from ybfort.aws.documents import Arns
from ybfort.aws.plan import AwsPlan


class Guardrails(pulumi.ComponentResource):
    """The account's guardrails. They are not tagged: they are settings, not things.

    They stay when the cluster goes: whoever destroys a cluster does not mean to open the account. The account's default
    key for volumes stays AWS's own: with ours, volumes of strangers would die with the cluster's key.
    """

    def __init__(self, name: str, plan: AwsPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Guardrails", name, {}, opts)
        stays = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        ebs.EncryptionByDefault(f"{name}-encryption", enabled=True, opts=stays)
        ebs.SnapshotBlockPublicAccess(f"{name}-snapshots", state="block-all-sharing", opts=stays)
        ec2.ImageBlockPublicAccess(f"{name}-images", state="block-new-sharing", opts=stays)
        ec2.InstanceMetadataDefaults(
            f"{name}-metadata",
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=1,
            opts=stays,
        )
        s3.AccountPublicAccessBlock(
            f"{name}-buckets",
            account_id=plan.names.account,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=stays,
        )
        ssm.ServiceSetting(
            f"{name}-documents",
            setting_id=Arns(plan.names).regional(
                "ssm", "servicesetting/ssm/documents/console/public-sharing-permission"
            ),
            setting_value="Disable",
            opts=stays,
        )
        self.register_outputs({})
