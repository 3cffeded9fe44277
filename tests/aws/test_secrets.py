"""Secrets: empty containers, each closed to all but those who put in and take out."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aws_parts import YCQL_CLIENT, statements
from aws_policies import allows
from specs import prod_plan
from ybfort.aws.identity import Identity
from ybfort.aws.keys import Keys
from ybfort.aws.secrets import Secrets, secret_policy
from ybfort.plan.secrets import Container, containers
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

SECRET = "aws:secretsmanager/secret:Secret"
NODES = "arn:aws:iam::123456789012:role/orders-prod-node"
READER = "arn:aws:iam::123456789012:role/orders-api"
PKI = "arn:aws:iam::123456789012:role/pki"
ADMINISTRATOR = "arn:aws:iam::123456789012:role/administrator"
EVERYBODY = (NODES, READER, PKI, ADMINISTRATOR)
READ, WRITE = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
ALL: dict[str, Any] = {"clients": [YCQL_CLIENT], "certificates": {"brought_by": [PKI]}}


def secrets(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = prod_plan(**changes)
        Secrets("orders", made, Keys("orders", made, Identity("orders", made)))

    return program


def planned(secret: str, **changes: Any) -> Container:
    (container,) = (
        one for one in containers(prod_plan(**changes), NODES) if one.name == f"ybfort/orders-prod/{secret}"
    )
    return container


def who_may(action: str, secret: str, **changes: Any) -> set[str]:
    """Which of everybody the secret lets do this. Where it says nothing, an administrator's own rights would decide."""
    container = planned(secret, **changes)
    return {who for who in EVERYBODY if allows(secret_policy(container), action, who=who)}


def refused(action: str, secret: str, **changes: Any) -> set[str]:
    """To which of everybody the secret refuses this, whatever rights they have."""
    container = planned(secret, **changes)
    denials = [one for one in statements(secret_policy(container)) if one["Effect"] == "Deny"]
    turned = json.dumps({"Statement": [{**one, "Effect": "Allow"} for one in denials]})
    return {who for who in EVERYBODY if allows(turned, action, who=who)}


def test_each_role_that_logs_in_has_one(record: Record) -> None:
    names = {secret.props["name"] for secret in record(secrets()).of(SECRET)}
    assert names == {"ybfort/orders-prod/roles/alice", "ybfort/orders-prod/roles/orders_api"}


def test_ycqls_superuser_has_one_if_ycql_runs_and_each_node_if_certificates_are_brought(record: Record) -> None:
    more = {secret.props["name"] for secret in record(secrets(**ALL)).of(SECRET)}
    more -= {secret.props["name"] for secret in record(secrets()).of(SECRET)}
    certificates = {f"ybfort/orders-prod/certificates/{node}" for node in ("a1", "b1", "c1")}
    assert more == {"ybfort/orders-prod/ycql", *certificates}


def test_a_role_of_any_name_stands_beside_the_others(record: Record) -> None:
    roles = [{"name": name} for name in ("ycql", "ycql_superuser", "a1", "a1_certificate")]
    graph = record(secrets(**ALL, databases=[], roles=roles))
    assert len({secret.urn for secret in graph.of(SECRET)}) == len(roles) + 1 + 3


def test_where_the_passwords_are_is_told_by_role(record: Record) -> None:
    graph = record(secrets(**ALL))
    (made,) = graph.of("ybfort:aws:Secrets")
    assert made.outputs["secretNames"] == {
        "alice": "ybfort/orders-prod/roles/alice",
        "orders_api": "ybfort/orders-prod/roles/orders_api",
    }


def test_a_secret_has_our_key_time_to_recover_and_a_policy(record: Record) -> None:
    graph = record(secrets(**ALL))
    key = graph.one("aws:kms/key:Key", "orders-secrets").urn
    for secret in graph.of(SECRET):
        assert secret.props["recoveryWindowInDays"] == 30
        assert secret.property_dependencies["kmsKeyId"] == (key,)
        assert json.loads(secret.props["policy"])["Statement"]


def test_pulumi_never_writes_a_value(record: Record) -> None:
    assert not list(record(secrets(**ALL)).of("aws:secretsmanager/secretVersion:SecretVersion"))


@pytest.mark.parametrize(
    ("secret", "readers", "writers"),
    [
        ("roles/orders_api", {NODES, READER}, {NODES}),
        ("roles/alice", {NODES}, {NODES}),
        ("ycql", {NODES}, {NODES}),
        ("certificates/b1", {NODES}, {PKI}),
    ],
)
def test_nobody_reads_or_writes_but_those_who_have_to_whatever_iam_says(
    secret: str, readers: set[str], writers: set[str]
) -> None:
    everybody = set(EVERYBODY)
    assert (who_may(READ, secret, **ALL), refused(READ, secret, **ALL)) == (readers, everybody - readers)
    assert (who_may(WRITE, secret, **ALL), refused(WRITE, secret, **ALL)) == (writers, everybody - writers)
    # To make an older value the current one is to write.
    assert refused("secretsmanager:UpdateSecretVersionStage", secret, **ALL) == everybody - writers


def test_a_role_that_is_named_twice_is_named_once() -> None:
    certificates = {"brought_by": [PKI, PKI]}
    (first, *_) = [one for one in containers(prod_plan(certificates=certificates), NODES) if "certificates" in one.name]
    assert secret_policy(first).count(PKI) == 2  # once allowed, once left out of the denial


def test_a_policy_fits_secrets_manager_with_as_many_and_as_long_names_as_there_can_be() -> None:
    longest = [f"arn:aws:iam::123456789012:role/{number:02}{'x' * 510}" for number in range(15)]
    made = prod_plan(name="n" * 20, roles=[{"name": "r" * 48, "readers": longest}], databases=[])
    brought = prod_plan(name="n" * 20, certificates={"brought_by": longest})
    assert max(len(secret_policy(one)) for plan in (made, brought) for one in containers(plan, NODES)) <= 20_480
