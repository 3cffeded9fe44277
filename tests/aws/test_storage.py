"""Buckets: private, encrypted with their key, versioned, logged, TLS only; backups cannot be deleted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from specs import prod_plan
from ybfort.aws.identity import Identity
from ybfort.aws.keys import Keys
from ybfort.aws.storage import Storage, bucket_policy
from ybfort.plan.names import BUCKETS
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]


def storage(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = prod_plan(**changes)
        Storage("orders", made, Keys("orders", made, Identity("orders", made)))

    return program


def s3(graph: Graph, kind: str, purpose: str) -> Any:
    return graph.one(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}", f"orders-{purpose}")


@pytest.mark.parametrize("purpose", BUCKETS)
class TestEveryBucket:
    def test_is_named_for_account_and_region(self, record: Record, purpose: str) -> None:
        bucket = s3(record(storage()), "Bucket", purpose)
        assert bucket.props["bucket"] == f"orders-prod-{purpose}-123456789012-eu-west-1"
        assert bucket.props["forceDestroy"] is False

    def test_blocks_public_access_in_all_four_ways(self, record: Record, purpose: str) -> None:
        props = s3(record(storage()), "BucketPublicAccessBlock", purpose).props
        switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert [props[switch] for switch in switches] == [True] * 4

    def test_has_no_acls_and_keeps_versions(self, record: Record, purpose: str) -> None:
        graph = record(storage())
        assert s3(graph, "BucketOwnershipControls", purpose).props["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
        assert s3(graph, "BucketVersioning", purpose).props["versioningConfiguration"] == {"status": "Enabled"}

    def test_ends_unfinished_uploads(self, record: Record, purpose: str) -> None:
        rules = s3(record(storage()), "BucketLifecycleConfiguration", purpose).props["rules"]
        assert rules[0]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}

    def test_refuses_plaintext_and_old_tls(self, purpose: str) -> None:
        denied = [one for one in policy(purpose) if one["Effect"] == "Deny"]
        bucket = f"arn:aws:s3:::orders-prod-{purpose}-123456789012-eu-west-1"
        assert [one["Condition"] for one in denied] == [
            {"Bool": {"aws:SecureTransport": "false"}},
            {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        ]
        assert all(one["Resource"] == [bucket, f"{bucket}/*"] and one["Principal"] == "*" for one in denied)

    def test_allows_nobody_from_outside(self, purpose: str) -> None:
        allowed = [one for one in policy(purpose) if one["Effect"] == "Allow"]
        assert all(list(one["Principal"]) == ["Service"] and one["Condition"] for one in allowed)


def policy(purpose: str, **changes: Any) -> list[dict[str, Any]]:
    return json.loads(bucket_policy(prod_plan(**changes), purpose))["Statement"]


@pytest.mark.parametrize("purpose", ["artifacts", "status", "backup"])
def test_a_bucket_with_our_data_is_encrypted_with_our_key_and_logs_its_access(record: Record, purpose: str) -> None:
    graph = record(storage())
    encryption = s3(graph, "BucketServerSideEncryptionConfiguration", purpose)
    assert encryption.props["rules"][0]["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    key = graph.one("aws:kms/key:Key", "orders-backup" if purpose == "backup" else "orders-logs")
    assert key.urn in encryption.property_dependencies["rules"]
    assert s3(graph, "BucketLogging", purpose).props["targetPrefix"] == f"access/{purpose}/"


def test_backups_are_locked_and_their_bucket_is_protected(record: Record) -> None:
    graph = record(storage(backup={"retention_days": 40}))
    assert s3(graph, "Bucket", "backup").protect
    assert s3(graph, "Bucket", "backup").props["objectLockEnabled"] is True
    rule = s3(graph, "BucketObjectLockConfiguration", "backup").props["rule"]
    assert rule == {"defaultRetention": {"mode": "COMPLIANCE", "days": 40}}


def test_protection_of_backups_can_be_lifted_by_name(record: Record) -> None:
    assert not s3(record(storage(protection={"lifted_for": ["backup"]})), "Bucket", "backup").protect


def test_the_trail_delivers_to_the_logs_bucket_unless_somebody_elses_does_the_work() -> None:
    own = {one["Sid"] for one in policy("logs")}
    existing = {"existing_trail": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/organisation"}
    others = {one["Sid"] for one in policy("logs", audit=existing)}
    assert own - others == {"TrailLooks", "DeliverTrail"}
