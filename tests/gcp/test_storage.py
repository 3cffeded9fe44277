"""Buckets: private, encrypted with their key, versioned, logged; backups cannot be deleted."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import NODES, PROJECT, by_name, members
from gcp_specs import gcp_plan
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import Keys
from ybfort.gcp.storage import Storage
from ybfort.plan.names import BUCKETS
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

BUCKET, POLICY = "gcp:storage/bucket:Bucket", "gcp:storage/bucketIAMPolicy:BucketIAMPolicy"
OWNERS = f"projectOwner:{PROJECT}"
DELIVERY = "group:cloud-storage-analytics@google.com"
DAY = 86_400


def storage(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = gcp_plan(**changes)
        Storage("orders", made, Keys("orders", made), Identity("orders", made))

    return program


def bucket(graph: Graph, purpose: str) -> Any:
    return by_name(graph, BUCKET)[purpose]


def access(graph: Graph, purpose: str) -> dict[str, set[str]]:
    return members(by_name(graph, POLICY)[purpose]["policyData"])


@pytest.mark.parametrize("purpose", BUCKETS)
class TestEveryBucket:
    def test_is_named_for_project_and_region_and_lies_there(self, record: Record, purpose: str) -> None:
        made = bucket(record(storage()), purpose)
        assert made["name"] == gcp_plan().names.bucket(purpose)
        assert made["name"].startswith(f"orders-prod-{purpose}-")
        assert made["location"] == "EUROPE-WEST1"
        assert made["forceDestroy"] is False

    def test_cannot_be_made_public_and_has_no_acls(self, record: Record, purpose: str) -> None:
        made = bucket(record(storage()), purpose)
        assert made["publicAccessPrevention"] == "enforced"
        assert made["uniformBucketLevelAccess"] is True

    def test_is_encrypted_with_our_key_once_it_may_be_used(self, record: Record, purpose: str) -> None:
        graph = record(storage())
        key = "backup" if purpose == "backup" else "logs"
        assert bucket(graph, purpose)["encryption"]["defaultKmsKeyName"].endswith(f"/cryptoKeys/{key}")
        waits_for = graph.one(BUCKET, f"orders-{purpose}").dependencies
        for type_ in ("gcp:kms/cryptoKey:CryptoKey", "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy"):
            assert graph.one(type_, f"orders-{key}").urn in waits_for

    def test_gives_deleted_objects_back_and_ends_unfinished_uploads(self, record: Record, purpose: str) -> None:
        made = bucket(record(storage()), purpose)
        assert made["softDeletePolicy"]["retentionDurationSeconds"] == 7 * DAY
        assert made["lifecycleRules"][0] == {
            "action": {"type": "AbortIncompleteMultipartUpload"},
            "condition": {"age": 7},
        }

    def test_is_closed_to_everybody_but_owners_nodes_and_delivery(self, record: Record, purpose: str) -> None:
        given = access(record(storage()), purpose)
        everybody = {member for those in given.values() for member in those}
        assert everybody == {OWNERS, DELIVERY if purpose == "logs" else NODES}
        assert given["roles/storage.legacyBucketOwner"] == given["roles/storage.legacyObjectOwner"] == {OWNERS}

    def test_its_policy_goes_with_it(self, record: Record, purpose: str) -> None:
        graph = record(storage())
        policy, made = graph.one(POLICY, f"orders-{purpose}"), graph.one(BUCKET, f"orders-{purpose}")
        assert policy.deleted_with == made.urn
        assert policy.props["bucket"] == made.props["name"]


@pytest.mark.parametrize("purpose", ["artifacts", "status", "backup"])
def test_a_bucket_with_our_data_logs_its_access_once_that_can_be_delivered(record: Record, purpose: str) -> None:
    graph = record(storage())
    logging = bucket(graph, purpose)["logging"]
    assert (logging["logBucket"], logging["logObjectPrefix"]) == (bucket(graph, "logs")["name"], f"access/{purpose}/")
    assert graph.one(POLICY, "orders-logs").urn in graph.one(BUCKET, f"orders-{purpose}").dependencies


def test_the_logs_bucket_takes_access_logs_and_logs_none_to_itself(record: Record) -> None:
    graph = record(storage())
    assert access(graph, "logs")["roles/storage.objectCreator"] == {DELIVERY}
    assert "logging" not in bucket(graph, "logs")


def test_nodes_fetch_report_and_write_backups_that_they_cannot_read(record: Record) -> None:
    graph = record(storage())
    for purpose, role in {"artifacts": "Viewer", "status": "User", "backup": "Creator"}.items():
        given = {role for role, those in access(graph, purpose).items() if NODES in those}
        assert given == {"roles/storage.legacyBucketReader", f"roles/storage.object{role}"}


@pytest.mark.parametrize("purpose", ["artifacts", "status", "logs"])
def test_old_versions_are_kept_for_a_while(record: Record, purpose: str) -> None:
    made = bucket(record(storage()), purpose)
    assert made["versioning"] == {"enabled": True}
    assert made["lifecycleRules"][1] == {
        "action": {"type": "Delete"},
        "condition": {"daysSinceNoncurrentTime": 90, "withState": "ARCHIVED"},
    }


def test_logs_end_after_their_time_and_nothing_else_that_is_current_does(record: Record) -> None:
    graph = record(storage(audit={"retention_days": 731}))
    ended = {
        purpose: rule["condition"].get("age")
        for purpose in BUCKETS
        for rule in bucket(graph, purpose)["lifecycleRules"]
        if rule["action"]["type"] == "Delete" and rule["condition"]["withState"] != "ARCHIVED"
    }
    assert ended == {"logs": 731}


@pytest.mark.parametrize(("lock", "locked"), [("compliance", True), ("governance", False)])
def test_backups_are_locked_and_their_bucket_is_protected(record: Record, lock: str, locked: bool) -> None:
    graph = record(storage(backup={"retention_days": 40, "lock": lock}))
    assert graph.one(BUCKET, "orders-backup").protect
    assert bucket(graph, "backup")["retentionPolicy"] == {"retentionPeriod": str(40 * DAY), "isLocked": locked}


def test_what_is_written_again_and_again_is_not_locked(record: Record) -> None:
    graph = record(storage())
    assert not [purpose for purpose in BUCKETS if "retentionPolicy" in bucket(graph, purpose) and purpose != "backup"]


def test_a_bucket_has_versions_or_a_retention_and_never_both(record: Record) -> None:
    for made in by_name(record(storage()), BUCKET).values():
        assert made["versioning"]["enabled"] is not ("retentionPolicy" in made)


def test_protection_of_backups_can_be_lifted_by_name(record: Record) -> None:
    assert not record(storage(protection={"lifted_for": ["backup"]})).one(BUCKET, "orders-backup").protect


def test_buckets_carry_the_clusters_labels(record: Record) -> None:
    for made in by_name(record(storage()), BUCKET).values():
        assert made["labels"].items() >= {"team": "payments", "ybfort-cluster": "orders-prod"}.items()
