"""Keys: which service may use each of them, and that nobody else may."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import AGENTS, PROJECT, REGION, by_name, members
from gcp_specs import gcp_plan
from ybfort.gcp.keys import Keys
from ybfort.plan.names import PURPOSES
from ybfort.testing.graph import Graph

RING, KEY, POLICY = (
    "gcp:kms/keyRing:KeyRing",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy",
)
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
USERS = {
    "data": {AGENTS["disks"]},
    "secrets": {AGENTS["secrets"]},
    "logs": {AGENTS["buckets"], AGENTS["logs"]},
    "backup": {AGENTS["buckets"]},
}

Record = Callable[..., Graph]


def keys(**changes: Any) -> Callable[[], Keys]:
    return lambda: Keys("orders", gcp_plan(**changes))


def test_every_key_rotates_waits_thirty_days_and_is_protected(record: Record) -> None:
    graph = record(keys())
    made = by_name(graph, KEY)
    assert set(made) == set(PURPOSES)
    for key in made.values():
        assert key["rotationPeriod"] == f"{90 * 86_400}s"
        assert key["destroyScheduledDuration"] == f"{30 * 86_400}s"
        assert key["purpose"] == "ENCRYPT_DECRYPT"
    assert all(one.protect for one in (*graph.of(KEY), *graph.of(RING)))


def test_protection_of_keys_can_be_lifted_by_name_only(record: Record) -> None:
    graph = record(keys(protection={"lifted_for": ["keys"]}))
    assert not any(one.protect for one in (*graph.of(KEY), *graph.of(RING)))


def test_the_keys_are_in_the_clusters_own_ring_in_its_region(record: Record) -> None:
    graph = record(keys())
    ring = graph.one(RING)
    assert (ring.props["name"], ring.props["location"]) == ("orders-prod", REGION)
    for key in graph.of(KEY):
        assert key.props["keyRing"] == f"projects/{PROJECT}/locations/{REGION}/keyRings/orders-prod"
        assert ring.urn in key.dependencies


def test_ids_are_text_before_anything_exists(record: Record) -> None:
    found: dict[str, str] = {}
    record(lambda: found.update(keys()().ids))
    ring = f"projects/{PROJECT}/locations/{REGION}/keyRings/orders-prod"
    assert found == {purpose: f"{ring}/cryptoKeys/{purpose}" for purpose in PURPOSES}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_key_is_used_by_its_services_and_nobody_else(record: Record, purpose: str) -> None:
    policy = by_name(record(keys()), POLICY)[purpose]
    assert policy["cryptoKeyId"].endswith(f"/cryptoKeys/{purpose}")
    assert members(policy["policyData"]) == {USE: USERS[purpose]}


def test_no_policy_grows_with_the_cluster(record: Record) -> None:
    many = [
        {"name": f"r{number}", "readers": [f"reader-{number}@{PROJECT}.iam.gserviceaccount.com"]}
        for number in range(50)
    ]
    assert by_name(record(keys(roles=many, databases=[])), POLICY) == by_name(record(keys()), POLICY)


def test_what_uses_a_key_can_wait_for_the_key_and_its_grants(record: Record) -> None:
    ready: dict[str, list[str]] = {}

    def program() -> None:
        made = keys()()
        ready.update({purpose: [type(one).__name__ for one in those] for purpose, those in made.ready.items()})

    graph = record(program)
    assert ready == {purpose: ["CryptoKey", "CryptoKeyIAMPolicy"] for purpose in PURPOSES}
    for policy in graph.of(POLICY):
        assert graph.one(KEY, policy.name).urn in policy.dependencies
        assert policy.deleted_with == graph.one(KEY, policy.name).urn


def test_the_account_that_is_made_on_demand_is_asked_for_before_it_is_named(record: Record) -> None:
    graph = record(keys())
    asked = graph.one("gcp:projects/serviceIdentity:ServiceIdentity")
    assert asked.props["service"] == "secretmanager.googleapis.com"
    assert asked.urn in graph.one(POLICY, "orders-secrets").dependencies


def test_only_the_clusters_own_project_is_asked(record: Record) -> None:
    asked = [lookup.args for lookup in record(keys()).lookups]
    assert asked
    assert all(set(args.values()) == {PROJECT} for args in asked)


def test_keys_carry_the_clusters_labels(record: Record) -> None:
    for key in record(keys()).of(KEY):
        assert key.props["labels"].items() >= {"team": "payments", "ybfort-cluster": "orders-prod"}.items()
