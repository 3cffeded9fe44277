"""Secrets: a container for each role that logs in, empty, and closed to all but nodes and readers."""

import json
from collections.abc import Callable
from typing import Any

from specs import prod_plan
from ybfort.aws.identity import Identity
from ybfort.aws.keys import Keys
from ybfort.aws.secrets import Secrets, secret_policy
from ybfort.testing.graph import Graph

SECRET = "aws:secretsmanager/secret:Secret"
NODES = "arn:aws:iam::123456789012:role/orders-prod-node"
READER = "arn:aws:iam::123456789012:role/orders-api"


def secrets() -> None:
    made = prod_plan()
    Secrets("orders", made, Keys("orders", made, Identity("orders", made)))


def statements(role: str) -> dict[str, dict[str, Any]]:
    made = prod_plan()
    (planned,) = [one for one in made.roles if one.name == role]
    return {one["Sid"]: one for one in json.loads(secret_policy(made, planned))["Statement"]}


def test_each_role_that_logs_in_has_one(record: Callable[..., Graph]) -> None:
    names = {secret.props["name"] for secret in record(secrets).of(SECRET)}
    assert names == {"ybfort/orders-prod/roles/alice", "ybfort/orders-prod/roles/orders_api"}


def test_a_secret_has_our_key_time_to_recover_and_a_policy(record: Callable[..., Graph]) -> None:
    graph = record(secrets)
    key = graph.one("aws:kms/key:Key", "orders-secrets").urn
    for secret in graph.of(SECRET):
        assert secret.props["recoveryWindowInDays"] == 30
        assert secret.property_dependencies["kmsKeyId"] == (key,)
        assert json.loads(secret.props["policy"])["Statement"]


def test_pulumi_never_writes_a_value(record: Callable[..., Graph]) -> None:
    assert not list(record(secrets).of("aws:secretsmanager/secretVersion:SecretVersion"))


def test_nobody_reads_but_nodes_and_the_named_readers_whatever_iam_says() -> None:
    read, only = (statements("orders_api")[sid] for sid in ("Read", "OnlyReadersRead"))
    assert read["Principal"]["AWS"] == [READER, NODES]
    assert (only["Effect"], only["Condition"]) == ("Deny", {"ArnNotEquals": {"aws:PrincipalArn": [READER, NODES]}})
    assert statements("alice")["Read"]["Principal"]["AWS"] == [NODES]


def test_nobody_writes_but_nodes() -> None:
    only = statements("orders_api")["OnlyNodesWrite"]
    assert (only["Effect"], only["Condition"]) == ("Deny", {"ArnNotEquals": {"aws:PrincipalArn": [NODES]}})
    assert "secretsmanager:PutSecretValue" in only["Action"]
