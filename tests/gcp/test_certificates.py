"""The authority: a root that signs for nodes of its cluster alone, protected; or the user's own; or none."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import NODES, PKI, POOL, PROJECT, REGION
from gcp_specs import gcp_plan
from ybfort.gcp.certificates import Certificates
from ybfort.gcp.identity import Identity
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

POOLS, AUTHORITY = "gcp:certificateauthority/caPool:CaPool", "gcp:certificateauthority/authority:Authority"
MEMBER = "gcp:certificateauthority/caPoolIamMember:CaPoolIamMember"
OWN = f"projects/{PROJECT}/locations/{REGION}/caPools/orders-prod-authority"


def certificates(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        plan = gcp_plan(**changes)
        Certificates("orders", plan, Identity("orders", plan))

    return program


def issuance(graph: Graph) -> dict[str, Any]:
    return graph.one(POOLS).props["issuancePolicy"]


def rights(graph: Graph) -> set[tuple[str, str, str]]:
    return {(one.props["caPool"], one.props["member"], one.props["role"]) for one in graph.of(MEMBER)}


def signing(pool: str) -> set[tuple[str, str, str]]:
    return {(pool, NODES, f"roles/privateca.{role}") for role in ("certificateRequester", "poolReader")}


def test_the_root_has_a_strong_key_signs_no_other_authority_and_can_be_had_back(record: Record) -> None:
    root = record(certificates()).one(AUTHORITY).props
    assert (root["type"], root["keySpec"]) == ("SELF_SIGNED", {"algorithm": "EC_P256_SHA256"})
    assert root["config"]["x509Config"]["caOptions"] == {"isCa": True, "zeroMaxIssuerPathLength": True}
    assert root["skipGracePeriod"] is False


def test_it_is_protected_and_its_protection_can_be_lifted_by_name(record: Record) -> None:
    for lifted in (False, True):
        graph = record(certificates(protection={"lifted_for": ["certificates"] if lifted else []}))
        for one in (graph.one(AUTHORITY), graph.one(POOLS)):
            assert one.protect is not lifted
        assert graph.one(AUTHORITY).props["deletionProtection"] is not lifted
        # It holds the deleted root for as long as that can be had back, and cannot be deleted until then.
        assert graph.one(POOLS).retain_on_delete


@pytest.mark.parametrize("days", [2, 7])
def test_it_signs_for_days(record: Record, days: int) -> None:
    graph = record(certificates(certificates={"lifetime_days": days}))
    assert issuance(graph)["maximumLifetime"] == f"{days * 86_400}s"


def test_what_it_signs_serves_both_ends_of_a_connection_and_is_no_authority(record: Record) -> None:
    values = issuance(record(certificates()))["baselineValues"]
    assert values["caOptions"] == {"nonCa": True}
    assert values["keyUsage"] == {
        "baseKeyUsage": {"digitalSignature": True},
        "extendedKeyUsage": {"clientAuth": True, "serverAuth": True},
    }


def test_it_signs_requests_with_the_keys_that_nodes_make(record: Record) -> None:
    policy = issuance(record(certificates()))
    assert policy["allowedIssuanceModes"] == {"allowCsrBasedIssuance": True, "allowConfigBasedIssuance": False}
    assert policy["allowedKeyTypes"] == [{"ellipticCurve": {"signatureAlgorithm": "ECDSA_P256"}}]


def test_it_signs_addresses_and_names_of_its_own_cluster_alone(record: Record) -> None:
    constraints = issuance(record(certificates()))["identityConstraints"]
    assert constraints["celExpression"]["expression"] == (
        "subject_alt_names.exists(san, san.type == DNS) && subject_alt_names.all(san, "
        'san.type == IP_ADDRESS || (san.type == DNS && san.value.endsWith(".orders-prod.internal")))'
    )
    names = gcp_plan().names
    assert all(name.endswith(".orders-prod.internal") for name in (names.endpoint, gcp_plan().nodes[0].host))


def test_nodes_have_certificates_signed_by_it_and_read_its_own_and_nobody_else_may(record: Record) -> None:
    assert rights(record(certificates())) == signing(OWN)


def test_its_name_is_known_before_it_exists_and_what_uses_it_waits_for_it(record: Record) -> None:
    graph = record(certificates())
    (made,) = graph.of("ybfort:gcp:Certificates")
    assert made.outputs["authority"] == OWN
    assert all(graph.one(AUTHORITY).urn in one.dependencies for one in graph.of(MEMBER))


def test_with_an_authority_of_the_users_none_is_made(record: Record) -> None:
    graph = record(certificates(certificates={"existing_authority": POOL}))
    assert not [*graph.of(POOLS), *graph.of(AUTHORITY)]
    assert rights(graph) == signing(POOL)


def test_where_certificates_are_brought_there_is_none(record: Record) -> None:
    graph = record(certificates(certificates={"brought_by": [PKI]}))
    assert not [resource for resource in graph.resources if resource.type.startswith("gcp:certificateauthority/")]
    (made,) = graph.of("ybfort:gcp:Certificates")
    assert made.outputs["authority"] == "brought"


def test_pool_and_root_carry_the_clusters_labels(record: Record) -> None:
    graph = record(certificates())
    for one in (graph.one(AUTHORITY), graph.one(POOLS)):
        assert one.props["labels"].items() >= {"team": "payments", "ybfort-cluster": "orders-prod"}.items()
