"""The plan as a whole, and the document that the nodes read."""

import json
import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import VALID, prod_plan, spec_data
from ybfort.plan.cluster import cluster_config, plan, release_key
from ybfort.plan.names import BUCKETS, Names
from ybfort.spec import ClusterSpec


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
        "flags", "format", "logs", "nodes", "region", "release", "replication_factor", "roles",
    }  # fmt: skip
    assert document["agent"]["key"] == f"agent/{document['agent']['sha256']}.pyz"
    assert document["endpoint"] == {"host": "db.orders-prod.internal", "ports": {"ysql": 5433}}
    assert document["release"]["key"] == "releases/yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz"
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


def test_an_owner_grant_makes_a_member_of_the_owner() -> None:
    migrations = {"name": "orders_migrations", "grants": [{"database": "orders", "access": "owner"}]}
    made = prod_plan(roles=[*VALID["roles"], migrations])
    assert {role.name: role.member_of for role in made.roles}["orders_migrations"] == ("orders_owner",)


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
    text = cluster_config(plan(ClusterSpec.model_validate(spec_data())))
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    assert not [string for string in strings if re.search(r"[;$`&|<>\n\\!*?]", string.replace('\\"', ""))]
