"""What a node may do in the cloud, and what it may not."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import NODES, PKI, POOL, PROJECT, REGION, YCQL_CLIENT, by_name, roles
from gcp_specs import gcp_plan
from ybfort.gcp.certificates import Certificates
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import Keys
from ybfort.gcp.secrets import Secrets
from ybfort.gcp.storage import Storage
from ybfort.testing.graph import Graph, Resource

Record = Callable[..., Graph]

ACCOUNT, MEMBER = "gcp:serviceaccount/account:Account", "gcp:projects/iAMMember:IAMMember"
# The whole list: what the agent asks of the cloud, and nothing beside it.
IN_PROJECT = {"projects/" + PROJECT: {"roles/logging.logWriter", "roles/monitoring.metricWriter"}}
IN_BUCKETS = {
    "artifacts": {"roles/storage.legacyBucketReader", "roles/storage.objectViewer"},
    "status": {"roles/storage.legacyBucketReader", "roles/storage.objectUser"},
    "backup": {"roles/storage.legacyBucketReader", "roles/storage.objectCreator"},
}
PASSWORD = {"roles/secretmanager.secretAccessor", "roles/secretmanager.secretVersionManager"}
IN_SECRETS = {f"ybfort-orders-prod-roles-{role}": PASSWORD for role in ("alice", "orders_api")}
SIGNING = {"roles/privateca.certificateRequester", "roles/privateca.poolReader"}
OWN_POOL = f"projects/{PROJECT}/locations/{REGION}/caPools/orders-prod-authority"
BROUGHT = {
    f"ybfort-orders-prod-certificates-{node}": {"roles/secretmanager.secretAccessor"} for node in ("b1", "c1", "d1")
}
KINDS: dict[str, tuple[dict[str, Any], dict[str, set[str]]]] = {
    "signed": ({}, {OWN_POOL: SIGNING}),
    "signed by the user's": ({"certificates": {"existing_authority": POOL}}, {POOL: SIGNING}),
    "brought": ({"certificates": {"brought_by": [PKI]}}, BROUGHT),
    "ycql": ({"clients": [YCQL_CLIENT]}, {OWN_POOL: SIGNING, "ybfort-orders-prod-ycql": PASSWORD}),
}


def parts(**changes: Any) -> Callable[[], None]:
    """All parts that give rights to nodes."""

    def program() -> None:
        plan = gcp_plan(**changes)
        identity, keys = Identity("orders", plan), Keys("orders", plan)
        Storage("orders", plan, keys, identity)
        Secrets("orders", plan, keys, identity)
        Certificates("orders", plan, identity)

    return program


def place(right: Resource) -> str:
    """What a right is for."""
    props = right.props
    if "bucket" in props:
        return right.name.removeprefix("orders-")
    named = (props.get(one) for one in ("secretId", "cryptoKeyId", "caPool"))
    return next((one for one in named if one), f"projects/{props.get('project')}")


def rights_of_nodes(graph: Graph) -> dict[str, set[str]]:
    """Every role that nodes have anywhere, by what it is for."""
    found: dict[str, set[str]] = {}
    for one in graph.resources:
        given = roles(one.props["policyData"], NODES) if "policyData" in one.props else set[str]()
        if one.props.get("member") == NODES:
            given = {one.props["role"]}
        if given:
            found[place(one)] = found.get(place(one), set()) | given
    return found


@pytest.mark.parametrize(("changes", "more"), KINDS.values(), ids=KINDS.keys())
def test_a_node_has_the_rights_that_its_agent_needs_and_no_other(
    record: Record, changes: dict[str, Any], more: dict[str, set[str]]
) -> None:
    rights = rights_of_nodes(record(parts(**changes)))
    assert rights == {**IN_PROJECT, **IN_BUCKETS, **IN_SECRETS, **more}


def test_no_right_lets_a_node_administer_use_a_key_or_read_a_backup(record: Record) -> None:
    rights = rights_of_nodes(record(parts(clients=[YCQL_CLIENT])))
    given = {role for those in rights.values() for role in those}
    assert not [role for role in given if "admin" in role.lower() or "owner" in role.lower() or "kms" in role]
    assert not given & {"roles/owner", "roles/editor", "roles/viewer", "roles/iam.serviceAccountTokenCreator"}
    assert not rights["backup"] & {"roles/storage.objectViewer", "roles/storage.objectUser"}


def test_rights_for_the_whole_project_are_to_write_what_has_no_place_yet(record: Record) -> None:
    graph = record(parts())
    for right in graph.of(MEMBER):
        assert right.props["project"] == PROJECT
        assert right.props["role"].endswith("Writer")


def test_the_account_has_no_key_and_nobody_may_borrow_it(record: Record) -> None:
    graph = record(parts())
    assert graph.one(ACCOUNT).props["accountId"] == "orders-prod-node"
    assert [one.type for one in graph.resources if one.type.startswith("gcp:serviceaccount/")] == [ACCOUNT]


def test_its_address_is_known_before_it_exists_and_fits(record: Record) -> None:
    found: list[str] = []
    record(lambda: found.append(Identity("orders", gcp_plan()).email))
    assert found == ["orders-prod-node@orders-prod-4711.iam.gserviceaccount.com"]
    assert len(gcp_plan(name="n" * 20).names.of("node")) <= 30


def test_every_right_of_nodes_waits_for_the_account(record: Record) -> None:
    graph = record(parts())
    account = graph.one(ACCOUNT).urn
    named = [one for one in graph.resources if NODES in (one.props.get("member"), *_members(one))]
    assert len(named) > len(by_name(graph, MEMBER))
    assert all(account in one.dependencies for one in named)


def _members(one: Resource) -> list[str]:
    return [NODES] if "policyData" in one.props and roles(one.props["policyData"], NODES) else []
