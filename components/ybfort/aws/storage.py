"""The buckets: what nodes fetch (artifacts), what they report (status), backups, and the logs of access to these."""

from typing import Any

import pulumi
from pulumi_aws import s3

from ybfort.aws.documents import Arns, deny_plaintext, policy, statement
from ybfort.aws.keys import Keys
from ybfort.aws.plan import AwsPlan
from ybfort.plan.names import BUCKETS

# Which key encrypts a bucket. Access logs can only be delivered to a bucket with S3's own key (S3: server access
# logging), and CloudTrail encrypts its files with the logs key before it delivers them.
KEYS = {"artifacts": "logs", "status": "logs", "backup": "backup", "logs": None}

OLD_VERSIONS_DAYS = 90  # how long an overwritten object can be had back
UNFINISHED_UPLOAD_DAYS = 7


class Storage(pulumi.ComponentResource):
    """Buckets that are private, encrypted, versioned and logged.

    :ivar buckets: names of the buckets by purpose: artifacts, status, backup, logs
    """

    buckets: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, plan: AwsPlan, keys: Keys, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Storage", name, {}, opts)
        self.buckets = {}
        for purpose in reversed(BUCKETS):  # the logs bucket comes first, the others deliver to it
            self.buckets[purpose] = self._bucket(f"{name}-{purpose}", plan, purpose, keys)
        self.register_outputs({"buckets": self.buckets})

    def _bucket(self, name: str, plan: AwsPlan, purpose: str, keys: Keys) -> pulumi.Output[str]:
        mine = pulumi.ResourceOptions(parent=self)
        locked = purpose == "backup"
        bucket = s3.Bucket(
            name,
            bucket=plan.names.bucket(purpose),
            object_lock_enabled=locked,
            force_destroy=False,
            tags=plan.tags(plan.names.bucket(purpose)),
            opts=pulumi.ResourceOptions(parent=self, protect=locked and plan.protected("backup")),
        )
        s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=mine,
        )
        s3.BucketOwnershipControls(
            name, bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=mine
        )
        versioning = s3.BucketVersioning(
            name, bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}, opts=mine
        )
        after_versioning = pulumi.ResourceOptions(parent=self, depends_on=[versioning])
        s3.BucketServerSideEncryptionConfiguration(
            name, bucket=bucket.bucket, rules=[_encryption(KEYS[purpose], keys)], opts=mine
        )
        s3.BucketLifecycleConfiguration(
            name, bucket=bucket.bucket, rules=_lifecycle(plan, purpose), opts=after_versioning
        )
        s3.BucketPolicy(name, bucket=bucket.bucket, policy=bucket_policy(plan, purpose), opts=mine)
        if purpose != "logs":
            s3.BucketLogging(
                name,
                bucket=bucket.bucket,
                target_bucket=self.buckets["logs"],
                target_prefix=f"access/{purpose}/",
                opts=mine,
            )
        if locked:
            s3.BucketObjectLockConfiguration(
                name,
                bucket=bucket.bucket,
                rule={
                    "default_retention": {
                        "mode": plan.spec.backup.lock.upper(),
                        "days": plan.spec.backup.retention_days,
                    }
                },
                opts=after_versioning,
            )
        return bucket.bucket


def bucket_policy(plan: AwsPlan, purpose: str) -> str:
    """TLS only, own key only, and into the logs bucket only what the cloud delivers."""
    arns = Arns(plan.names)
    bucket = arns.bucket(purpose)
    deliveries = _deliveries(plan, arns) if purpose == "logs" else []
    return policy(*deny_plaintext(bucket, f"{bucket}/*"), *deliveries)


def _deliveries(plan: AwsPlan, arns: Arns) -> list[dict[str, Any]]:
    bucket, account = arns.bucket("logs"), {"aws:SourceAccount": plan.names.account}
    trail = {"StringEquals": {"aws:SourceArn": arns.trail}}
    logged = [arns.bucket(purpose) for purpose in BUCKETS if purpose != "logs"]
    access = statement(
        "DeliverAccessLogs",
        "s3:PutObject",
        f"{bucket}/access/*",
        principals={"Service": "logging.s3.amazonaws.com"},
        conditions={"StringEquals": account, "ArnEquals": {"aws:SourceArn": logged}},
    )
    if plan.spec.audit.existing_trail:
        return [access]
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    return [
        access,
        statement("TrailLooks", "s3:GetBucketAcl", bucket, principals=cloudtrail, conditions=trail),
        statement(
            "DeliverTrail",
            "s3:PutObject",
            f"{bucket}/trail/AWSLogs/{plan.names.account}/*",
            principals=cloudtrail,
            conditions={"StringEquals": {**trail["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    ]


def _encryption(purpose: str | None, keys: Keys) -> s3.BucketServerSideEncryptionConfigurationRuleArgsDict:
    if purpose is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {
            "sse_algorithm": "aws:kms",
            "kms_master_key_id": keys.arns[purpose],
        },
        "bucket_key_enabled": True,  # one call to KMS for many objects
    }


def _lifecycle(plan: AwsPlan, purpose: str) -> list[s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Old versions and unfinished uploads go; logs go after their time. Nothing current is ever removed elsewhere."""
    rules: list[s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "tidy",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": UNFINISHED_UPLOAD_DAYS},
            "noncurrent_version_expiration": {
                "noncurrent_days": max(OLD_VERSIONS_DAYS, plan.spec.backup.retention_days)
            },
        }
    ]
    if purpose == "logs":
        rules.append(
            {
                "id": "logs-end",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "expiration": {"days": plan.spec.audit.retention_days},
            }
        )
    return rules
