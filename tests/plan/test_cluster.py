"""The plan as a whole, and the document that the nodes read."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import VALID, prod_plan, spec_data
from ybfort.plan.cluster import cluster_config, plan, release_key
from ybfort.plan.names import BUCKETS, Names
from ybfort.plan.roles import PlannedRole
from ybfort.spec.aws.cluster import AwsSpec

YCQL: dict[str, Any] = {
    "clients": [{"name": "events", "cidrs": ["10.9.0.0/16"], "apis": ["ysql", "ycql"]}],
    "keyspaces": [{"name": "events"}],
}


def test_the_same_spec_gives_the_same_plan_and_the_same_bytes() -> None:
    assert prod_plan() == prod_plan()
    assert cluster_config(prod_plan()) == cluster_config(prod_plan())


@given(st.permutations(VALID["roles"]))
def test_the_order_of_roles_does_not_change_what_nodes_read(roles: list[dict[str, object]]) -> None:
    assert cluster_config(prod_plan(roles=roles)) == cluster_config(prod_plan())


def test_the_nodes_document_is_readable_sorted_json() -> None:
    text = cluster_config(prod_plan())
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_the_nodes_document_names_everything_a_node_needs() -> None:
    document = json.loads(cluster_config(prod_plan()))
    assert set(document) == {
        "account", "agent", "buckets", "certificates", "cloud", "cluster", "databases", "endpoint", "fault_tolerance",
        "flags", "format", "keyspaces", "logs", "metrics", "nodes", "pace", "passwords", "region", "release",
        "replication_factor", "roles", "ycql_secret",
    }  # fmt: skip
    assert document["agent"]["key"] == f"agent/{document['agent']['sha256']}.pyz"
    assert document["endpoint"] == {"host": "db.orders-prod.internal", "ports": {"ysql": 5433}}
    assert document["release"]["key"] == "releases/yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz"
    assert document["release"]["finalized"] is None
    assert document["passwords"] == {"rotation_days": 30, "overlap_hours": 24}
    assert {role["name"]: role["member_of"] for role in document["roles"]} == {
        "alice": ["ybfort_admin"],
        "orders_api": ["orders_read_write"],
        "orders_owner": [],
    }
    assert {role["name"]: role["secret"] for role in document["roles"]} == {
        "alice": "ybfort/orders-prod/roles/alice",
        "orders_api": "ybfort/orders-prod/roles/orders_api",
        "orders_owner": None,
    }


def role(name: str, **changes: Any) -> PlannedRole:
    """A role as it is planned, with something of it declared otherwise."""
    declared = [{**one, **changes} if one["name"] == name else one for one in VALID["roles"]]
    (planned,) = [one for one in prod_plan(roles=declared, **YCQL).roles if one.name == name]
    return planned


def test_a_role_that_logs_in_does_it_by_two_names_in_turns() -> None:
    assert role("orders_api").logins == ("orders_api_login_a", "orders_api_login_b")
    assert role("orders_owner").logins == ()
    assert role("orders_owner").secret is None


def test_an_owner_grant_makes_a_member_of_the_owner_who_acts_as_the_owner_there() -> None:
    migrations = role("orders_api", grants=[{"database": "orders", "access": "owner"}])
    assert migrations.member_of == ("orders_owner",)
    assert migrations.acts_as == {"orders": "orders_owner"}
    assert role("orders_api").acts_as == role("alice").acts_as == {}


def test_a_group_role_acts_as_nobody_since_it_never_logs_in() -> None:
    databases = [*VALID["databases"], {"name": "billing", "owner": "billing_owner"}]
    above = {"name": "billing_owner", "login": False, "grants": [{"database": "orders", "access": "owner"}]}
    made = {one.name: one for one in prod_plan(databases=databases, roles=[*VALID["roles"], above]).roles}
    assert (made["billing_owner"].member_of, made["billing_owner"].acts_as) == (("orders_owner",), {})


def test_membership_is_named_once_however_many_databases_give_it() -> None:
    databases = [{"name": name, "owner": "orders_owner"} for name in ("orders", "billing")]
    both = [{"database": name, "access": "owner"} for name in ("orders", "billing")]
    (api,) = prod_plan(databases=databases, roles=[VALID["roles"][0], {"name": "api", "grants": both}]).roles[:1]
    assert api.member_of == ("orders_owner",)
    assert api.acts_as == {"billing": "orders_owner", "orders": "orders_owner"}


def test_a_role_carries_its_keyspaces_and_the_generation_of_its_password() -> None:
    planned = role("orders_api", keyspaces=[{"keyspace": "events", "access": "read_only"}], password_generation=3)
    assert (planned.keyspaces, planned.generation) == ({"events": "read_only"}, 3)


def test_nodes_hear_of_ycql_only_if_somebody_uses_it() -> None:
    asked, unasked = json.loads(cluster_config(prod_plan(**YCQL))), json.loads(cluster_config(prod_plan()))
    assert (asked["ycql_secret"], asked["keyspaces"]) == ("ybfort/orders-prod/ycql", ["events"])
    assert (unasked["ycql_secret"], unasked["keyspaces"]) == (None, [])


def test_a_node_looks_for_its_certificate_in_a_secret_only_if_it_is_brought() -> None:
    brought = prod_plan(certificates={"brought_by": ["arn:aws:iam::123456789012:role/pki"]})
    secrets = {node["name"]: node["certificate_secret"] for node in json.loads(cluster_config(brought))["nodes"]}
    assert secrets == {name: f"ybfort/orders-prod/certificates/{name}" for name in ("a1", "b1", "c1")}
    assert {node["certificate_secret"] for node in json.loads(cluster_config(prod_plan()))["nodes"]} == {None}


def test_what_proved_itself_is_told_to_the_nodes() -> None:
    release = {**VALID["release"], "finalized": "2025.2.8.0-b60"}
    assert json.loads(cluster_config(prod_plan(release=release)))["release"]["finalized"] == "2025.2.8.0-b60"


@pytest.mark.parametrize(
    ("machine", "archive"),
    [
        ("m7i.large", "linux-x86_64"),
        ("m7g.large", "el8-aarch64"),
        ("g5.xlarge", "linux-x86_64"),
        ("x2gd.large", "el8-aarch64"),
    ],
)
def test_the_release_archive_fits_the_machines_processor(machine: str, archive: str) -> None:
    made = prod_plan(nodes={"machine": machine, "disk": {"size_gib": 500}})
    assert release_key(made.spec).endswith(f"-{archive}.tar.gz")


def test_protection_is_on_until_somebody_names_what_may_go() -> None:
    lifted = prod_plan(protection={"lifted_for": ["a1", "backup"]})
    assert [part for part in ("a1", "b1", "backup", "keys") if not lifted.protected(part)] == ["a1", "backup"]
    assert prod_plan().protected("a1")


LONGEST = Names(prefix=f"{'n' * 20}-prod", account="1" * 12, region="ap-southeast-1")


@pytest.mark.parametrize("purpose", BUCKETS)
def test_the_longest_names_fit_their_services(purpose: str) -> None:
    assert len(LONGEST.bucket(purpose)) <= 63
    assert len(LONGEST.of("ysql")) <= 32


def test_a_plan_cannot_be_changed() -> None:
    made = prod_plan()
    for field in fields(made):
        with pytest.raises(AttributeError):
            setattr(made, field.name, None)


def test_no_value_of_a_plan_leaves_the_alphabet_that_needs_no_quoting() -> None:
    text = cluster_config(plan(AwsSpec.model_validate(spec_data())))
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    assert not [string for string in strings if re.search(r"[;$`&|<>\n\\!*?]", string.replace('\\"', ""))]
