"""Keys: who may use each of them, and by which service."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aws_policies import allows
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


READER, PKI, ADMINISTRATOR, STRANGER = (
    f"arn:aws:iam::{account}:role/{name}"
    for account, name in (
        ("123456789012", "orders-api"),
        ("123456789012", "pki"),
        ("123456789012", "administrator"),
        ("210987654321", "orders-api"),
    )
)
BROUGHT = {"certificates": {"brought_by": [PKI]}}
BY_SECRETS_MANAGER = {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}
READ, WRITE = "kms:Decrypt", "kms:GenerateDataKey"


def uses(
    action: str, secret: str, *, version: str = "1", by: dict[str, str] = BY_SECRETS_MANAGER, **changes: Any
) -> set[str]:
    """Who may use the key for a secret."""
    told = {
        **by,
        "kms:EncryptionContext:SecretARN": f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{secret}-a1B2c3",
        "kms:EncryptionContext:SecretVersionId": version,
    }
    document = key_policy(prod_plan(**{**BROUGHT, **changes}), "secrets")
    everybody = (NODES, READER, PKI, ADMINISTRATOR, STRANGER)
    return {who for who in everybody if allows(document, action, who=who, given=told)}


def test_each_kind_of_secret_is_opened_and_closed_by_those_who_have_to() -> None:
    assert uses(READ, "ybfort/orders-prod/roles/orders_api") == {NODES, READER}
    assert uses(WRITE, "ybfort/orders-prod/roles/orders_api") == {NODES}
    assert uses(READ, "ybfort/orders-prod/ycql") == uses(WRITE, "ybfort/orders-prod/ycql") == {NODES}
    assert uses(READ, "ybfort/orders-prod/certificates/a1") == {NODES, PKI}
    assert uses(WRITE, "ybfort/orders-prod/certificates/a1") == {NODES, PKI}


def test_the_key_is_of_no_use_for_other_secrets_or_past_secrets_manager() -> None:
    for action in (READ, WRITE):
        assert not uses(action, "ybfort/orders-dev/roles/orders_api")
        assert not uses(action, "ybfort/orders-prod/roles/orders_api", by={})
    for action in ("kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant"):
        assert not uses(action, "ybfort/orders-prod/roles/orders_api")


def test_without_readers_and_bringers_nobody_but_nodes_uses_it() -> None:
    alone = {"certificates": {}, "databases": [], "roles": [{"name": "alice"}]}
    for secret in ("roles/alice", "certificates/a1"):
        assert uses(READ, f"ybfort/orders-prod/{secret}", **alone) == {NODES}


def test_a_reader_may_be_of_another_account() -> None:
    roles = [{"name": "orders_api", "readers": [STRANGER]}]
    assert STRANGER in uses(READ, "ybfort/orders-prod/roles/orders_api", databases=[], roles=roles)


def test_whoever_makes_a_secret_may_try_the_key_and_open_nothing() -> None:
    for action in (READ, WRITE):
        assert ADMINISTRATOR in uses(action, "ybfort/orders-prod/roles/alice", version="RequestToValidateKeyAccess")
        assert ADMINISTRATOR not in uses(action, "ybfort/orders-prod/roles/alice")


def test_the_policy_fits_kms_with_as_many_and_as_long_names_as_there_can_be() -> None:
    longest = [f"arn:aws:iam::123456789012:role/{number:02}{'x' * 510}" for number in range(50)]
    readers = [{"name": f"r{at}", "readers": longest[at : at + 15]} for at in range(0, 35, 15)]
    readers[-1]["readers"] = longest[30:35]
    made = prod_plan(name="n" * 20, certificates={"brought_by": longest[35:]}, roles=readers, databases=[])
    assert len(key_policy(made, "secrets")) <= 32_768


def test_a_node_writes_backups_and_cannot_read_them() -> None:
    assert users("backup", "kms:GenerateDataKey") == {f"{NODES} s3.eu-west-1.amazonaws.com"}
    assert users("backup") == {f"{ROOT} s3.eu-west-1.amazonaws.com"}
