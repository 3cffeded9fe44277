"""The buckets: what nodes fetch (artifacts), what they report (status), backups, and the logs of access to these."""

import pulumi
from pulumi_gcp import storage

from ybfort.gcp.documents import policy
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import DAY, Keys
from ybfort.gcp.plan import GcpPlan, labels
from ybfort.plan.names import BUCKETS

KEYS = {"artifacts": "logs", "status": "logs", "backup": "backup", "logs": "logs"}  # which one encrypts a bucket

OLD_VERSIONS_DAYS = 90  # how long an overwritten object can be had back
SOFT_DELETE_DAYS = 7  # how long an object, or the bucket, can be had back after that
UNFINISHED_UPLOAD_DAYS = 7

# What nodes may do beside seeing whose a bucket is and what is in it. To write over an object is to delete the old one
# (Cloud Storage: permissions of objects.insert), so who reports may delete; versions keep what was there.
NODES = {
    "artifacts": "roles/storage.objectViewer",
    "status": "roles/storage.objectUser",
    "backup": "roles/storage.objectCreator",  # a node cannot read one back: who takes it does not get the history
}
SEE = "roles/storage.legacyBucketReader"
DELIVER = {"roles/storage.objectCreator": ["group:cloud-storage-analytics@google.com"]}  # access logs


class Storage(pulumi.ComponentResource):
    """Buckets that are private, encrypted, versioned and logged. Cloud Storage speaks nothing but TLS.

    :ivar buckets: names of the buckets by purpose: artifacts, status, backup, logs
    """

    buckets: dict[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        plan: GcpPlan,
        keys: Keys,
        identity: Identity,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:gcp:Storage", name, {}, opts)
        self.buckets = {}
        ready: list[pulumi.Resource] = []
        for purpose in reversed(BUCKETS):  # the logs bucket comes first, the others deliver to it
            bucket = self._bucket(f"{name}-{purpose}", plan, purpose, keys, after=ready)
            access = storage.BucketIAMPolicy(
                f"{name}-{purpose}",
                bucket=bucket.name,
                policy_data=bucket_policy(plan, purpose, identity.member),
                # Taken from a bucket that is still there, it would take the bucket from its owners.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[identity.account], deleted_with=bucket),
            )
            ready = ready or [access]
            self.buckets[purpose] = bucket.name
        self.register_outputs({"buckets": self.buckets})

    def _bucket(
        self, name: str, plan: GcpPlan, purpose: str, keys: Keys, *, after: list[pulumi.Resource]
    ) -> storage.Bucket:
        locked = purpose == "backup"
        return storage.Bucket(
            name,
            name=plan.names.bucket(purpose),
            location=plan.names.region.upper(),  # as Cloud Storage tells it
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            encryption={"default_kms_key_name": keys.ids[KEYS[purpose]]},
            # A bucket keeps old versions or forbids to make any (Cloud Storage: Object Versioning, retention policies).
            versioning={"enabled": not locked},
            retention_policy=_retention(plan) if locked else None,
            soft_delete_policy={"retention_duration_seconds": SOFT_DELETE_DAYS * DAY},
            lifecycle_rules=_lifecycle(plan, purpose),
            logging=None
            if purpose == "logs"
            else {"log_bucket": plan.names.bucket("logs"), "log_object_prefix": f"access/{purpose}/"},
            force_destroy=False,
            labels=labels(plan),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=locked and plan.protected("backup"),
                depends_on=[*keys.ready[KEYS[purpose]], *after],
            ),
        )


def bucket_policy(plan: GcpPlan, purpose: str, nodes: str) -> str:
    """Nodes, the project's owners, and into the logs bucket what the cloud delivers.

    A new bucket lets everybody read it who may look at the project, and everybody write who may edit the project (Cloud
    Storage: convenience values). They are not named here.
    """
    owners = f"projectOwner:{plan.names.account}"
    return policy(
        {
            "roles/storage.legacyBucketOwner": [owners],
            "roles/storage.legacyObjectOwner": [owners],
            **(DELIVER if purpose == "logs" else {SEE: [nodes], NODES[purpose]: [nodes]}),
        }
    )


def _retention(plan: GcpPlan) -> storage.BucketRetentionPolicyArgsDict:
    """So long nobody deletes or overwrites an object. The lock is for ever: the time can only be made longer."""
    backup = plan.spec.backup
    return {"retention_period": str(backup.retention_days * DAY), "is_locked": backup.lock == "compliance"}


def _lifecycle(plan: GcpPlan, purpose: str) -> list[storage.BucketLifecycleRuleArgsDict]:
    """Old versions and unfinished uploads go; logs go after their time. Nothing current is ever removed elsewhere."""
    rules: list[storage.BucketLifecycleRuleArgsDict] = [
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": UNFINISHED_UPLOAD_DAYS}},
    ]
    if purpose != "backup":  # which has no versions
        rules.append(
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": OLD_VERSIONS_DAYS, "with_state": "ARCHIVED"},
            }
        )
    if purpose == "logs":
        rules.append(
            {
                "action": {"type": "Delete"},
                "condition": {"age": plan.spec.audit.retention_days, "with_state": "LIVE"},
            }
        )
    return rules
