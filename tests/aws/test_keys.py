"""Keys: who may use each of them, and by which service."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from specs import prod_plan
from ybfort.aws.identity import Identity
from ybfort.aws.keys import Keys, key_policy
from ybfort.plan.names import PURPOSES
from ybfort.testing.graph import Graph

KEY = "aws:kms/key:Key"
ROOT = "arn:aws:iam::123456789012:root"
NODES = "arn:aws:iam::123456789012:role/orders-prod-node"

Record = Callable[..., Graph]


def keys(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = prod_plan(**changes)
        Keys("orders", made, Identity("orders", made))

    return program


def statements(purpose: str, **changes: Any) -> list[dict[str, Any]]:
    return json.loads(key_policy(prod_plan(**changes), purpose))["Statement"]


def users(purpose: str, action: str = "kms:Decrypt") -> set[str]:
    """Who may do `action` with the key, as `principal by service`."""
    found: set[str] = set()
    for one in statements(purpose):
        if action in one["Action"]:
            principal = next(iter(one["Principal"].values()))
            by = one.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", "")
            found |= {f"{who} {by}".strip() for who in ([principal] if isinstance(principal, str) else principal)}
    return found


def test_every_key_rotates_waits_thirty_days_and_is_protected(record: Record) -> None:
    made = list(record(keys()).of(KEY))
    assert len(made) == len(PURPOSES)
    for key in made:
        assert key.protect
        assert key.props["enableKeyRotation"] is True
        assert key.props["deletionWindowInDays"] == 30
        assert key.props["multiRegion"] is False


def test_protection_of_keys_can_be_lifted_by_name_only(record: Record) -> None:
    lifted = {"lifted_for": ["keys"]}
    assert not any(key.protect for key in record(keys(protection=lifted)).of(KEY))


def test_a_key_waits_for_the_role_that_its_policy_names(record: Record) -> None:
    graph = record(keys())
    role = graph.one("aws:iam/role:Role").urn
    assert all(role in key.dependencies for key in graph.of(KEY))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_policy_is_text_in_the_preview_and_fits_kms(record: Record, purpose: str) -> None:
    text = record(keys()).one(KEY, f"orders-{purpose}").props["policy"]
    assert json.loads(text)["Statement"] == statements(purpose)
    assert len(text) <= 32_768


@pytest.mark.parametrize("purpose", PURPOSES)
def test_administrators_of_the_account_cannot_decrypt_directly(purpose: str) -> None:
    (administration,) = [one for one in statements(purpose) if one["Sid"] == "Administration"]
    assert administration["Principal"] == {"AWS": ROOT}
    forbidden = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant", "kms:*"}
    assert not set(administration["Action"]) & forbidden


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_policy_is_open_to_everybody(purpose: str) -> None:
    for one in statements(purpose):
        assert one["Principal"] != "*"
        assert "*" not in str(list(one["Principal"].values()))


def test_volumes_are_used_through_ebs_only() -> None:
    assert users("data") == {f"{ROOT} ec2.eu-west-1.amazonaws.com"}
    (grants,) = [one for one in statements("data") if one["Action"] == ["kms:CreateGrant"]]
    assert grants["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_passwords_are_read_by_nodes_and_named_readers_only() -> None:
    by = "secretsmanager.eu-west-1.amazonaws.com"
    assert users("secrets") == {f"{NODES} {by}", f"arn:aws:iam::123456789012:role/orders-api {by}"}


def test_without_readers_nobody_but_nodes_reads_passwords() -> None:
    assert "ReadersReadPasswords" not in {one["Sid"] for one in statements("secrets", roles=[], databases=[])}


def test_a_node_writes_backups_and_cannot_read_them() -> None:
    assert users("backup", "kms:GenerateDataKey") == {f"{NODES} s3.eu-west-1.amazonaws.com"}
    assert users("backup") == {f"{ROOT} s3.eu-west-1.amazonaws.com"}
