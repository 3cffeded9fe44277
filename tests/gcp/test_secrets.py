"""Secrets: empty containers, each closed to all but those who put in and take out."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import NODES, PKI, READER, REGION, YCQL_CLIENT, members
from gcp_specs import gcp_plan
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import Keys
from ybfort.gcp.secrets import Secrets, secret_policy
from ybfort.plan.secrets import containers
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

SECRET, POLICY = "gcp:secretmanager/secret:Secret", "gcp:secretmanager/secretIamPolicy:SecretIamPolicy"
EMAIL = NODES.removeprefix("serviceAccount:")
ALL: dict[str, Any] = {"clients": [YCQL_CLIENT], "certificates": {"brought_by": [PKI]}}


def secrets(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = gcp_plan(**changes)
        Secrets("orders", made, Keys("orders", made), Identity("orders", made))

    return program


def names(graph: Graph) -> set[str]:
    return {secret.props["secretId"].removeprefix("ybfort-orders-prod-") for secret in graph.of(SECRET)}


def test_each_role_that_logs_in_has_one(record: Record) -> None:
    assert names(record(secrets())) == {"roles-alice", "roles-orders_api"}


def test_ycqls_superuser_has_one_if_ycql_runs_and_each_node_if_certificates_are_brought(record: Record) -> None:
    more = names(record(secrets(**ALL))) - names(record(secrets()))
    assert more == {"ycql", *(f"certificates-{node}" for node in ("b1", "c1", "d1"))}


def test_a_role_of_any_name_stands_beside_the_others(record: Record) -> None:
    roles = [{"name": name} for name in ("ycql", "ycql_superuser", "b1", "b1_certificate")]
    graph = record(secrets(**ALL, databases=[], roles=roles))
    assert len({secret.urn for secret in graph.of(SECRET)}) == len(names(graph)) == len(roles) + 1 + 3


def test_where_the_passwords_are_is_told_by_role(record: Record) -> None:
    (made,) = record(secrets(**ALL)).of("ybfort:gcp:Secrets")
    assert made.outputs["secretNames"] == {
        "alice": "ybfort-orders-prod-roles-alice",
        "orders_api": "ybfort-orders-prod-roles-orders_api",
    }


def test_a_secret_is_kept_in_the_region_under_our_key_once_that_may_be_used(record: Record) -> None:
    graph = record(secrets(**ALL))
    for secret in graph.of(SECRET):
        (replica,) = secret.props["replication"]["userManaged"]["replicas"]
        assert replica["location"] == REGION
        assert replica["customerManagedEncryption"]["kmsKeyName"].endswith("/cryptoKeys/secrets")
        for type_ in ("gcp:kms/cryptoKey:CryptoKey", "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy"):
            assert graph.one(type_, "orders-secrets").urn in secret.dependencies


def test_a_destroyed_value_can_be_had_back_for_a_while(record: Record) -> None:
    assert {secret.props["versionDestroyTtl"] for secret in record(secrets(**ALL)).of(SECRET)} == {f"{30 * 86_400}s"}


def test_pulumi_never_writes_a_value(record: Record) -> None:
    assert not list(record(secrets(**ALL)).of("gcp:secretmanager/secretVersion:SecretVersion"))


def test_every_secret_has_a_policy_that_is_the_whole_of_it_and_goes_with_it(record: Record) -> None:
    graph = record(secrets(**ALL))
    for secret in graph.of(SECRET):
        policy = graph.one(POLICY, secret.name)
        assert policy.props["secretId"] == secret.props["secretId"]
        assert policy.deleted_with == secret.urn
    assert len(graph.of(POLICY)) == len(graph.of(SECRET))


@pytest.mark.parametrize(
    ("secret", "readers", "writers"),
    [
        ("roles-orders_api", {NODES, f"serviceAccount:{READER}"}, {NODES}),
        ("roles-alice", {NODES}, {NODES}),
        ("ycql", {NODES}, {NODES}),
        ("certificates-c1", {NODES}, {f"serviceAccount:{PKI}"}),
    ],
)
def test_nobody_reads_or_writes_but_those_who_have_to(secret: str, readers: set[str], writers: set[str]) -> None:
    (container,) = [one for one in containers(gcp_plan(**ALL), EMAIL) if one.name == f"ybfort-orders-prod-{secret}"]
    assert members(secret_policy(container)) == {
        "roles/secretmanager.secretAccessor": readers,
        "roles/secretmanager.secretVersionManager": writers,
    }


def test_an_account_that_is_named_twice_is_named_once() -> None:
    certificates = {"brought_by": [PKI, PKI]}
    (first, *_) = [one for one in containers(gcp_plan(certificates=certificates), EMAIL) if "certificates" in one.name]
    assert secret_policy(first).count(PKI) == 1


def test_the_longest_name_is_one_that_secret_manager_takes() -> None:
    made = gcp_plan(name="n" * 20, roles=[{"name": "r" * 48}], databases=[])
    assert max(len(one.name) for one in containers(made, EMAIL)) <= 255


def test_secrets_carry_the_clusters_labels(record: Record) -> None:
    for secret in record(secrets(**ALL)).of(SECRET):
        assert secret.props["labels"].items() >= {"team": "payments", "ybfort-cluster": "orders-prod"}.items()
