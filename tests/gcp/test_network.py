"""The network on GCP: no way to or from the internet, a private way to Google's APIs, and private names."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import EXISTING
from gcp_specs import gcp_plan
from ybfort.gcp.network import Network
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

ZONE, RECORD = "gcp:dns/managedZone:ManagedZone", "gcp:dns/recordSet:RecordSet"
NETWORK, SUBNETWORK = "gcp:compute/network:Network", "gcp:compute/subnetwork:Subnetwork"
ROUTE, POLICY = "gcp:compute/route:Route", "gcp:dns/policy:Policy"


@pytest.fixture
def graph(record: Record) -> Any:
    return record(lambda: Network("orders", gcp_plan()))


@pytest.fixture
def existing(record: Record) -> Any:
    return record(lambda: Network("orders", gcp_plan(regions=[EXISTING])))


# ------------------------------------------------------------------------------------ rows 1-4, 16, 17, 19: the network


def test_there_is_no_way_to_or_from_the_internet(graph: Graph) -> None:
    """Neither a router nor a NAT gateway, and of all routes one that leads to Google's private addresses."""
    assert {resource.type for resource in graph.resources if resource.type.startswith("gcp:")} == {
        NETWORK,
        SUBNETWORK,
        ROUTE,
        POLICY,
        ZONE,
        RECORD,
    }
    assert graph.one(NETWORK).props["deleteDefaultRoutesOnCreate"] is True
    assert graph.one(ROUTE).props["destRange"] == "199.36.153.4/30"


def test_the_network_is_the_clusters_own_and_has_no_subnetwork_that_we_did_not_make(graph: Graph) -> None:
    network = graph.one(NETWORK).props
    assert (network["name"], network["autoCreateSubnetworks"]) == ("orders-prod", False)
    assert network["enableUlaInternalIpv6"] is False


def test_one_subnetwork_holds_the_nodes_of_all_zones_and_knows_no_ipv6(graph: Graph) -> None:
    subnetwork = graph.one(SUBNETWORK)
    assert (subnetwork.props["ipCidrRange"], subnetwork.props["stackType"]) == ("10.40.0.0/20", "IPV4_ONLY")
    assert subnetwork.property_dependencies["network"] == (graph.one(NETWORK).urn,)


def test_every_flow_is_logged_in_full(graph: Graph) -> None:
    assert graph.one(SUBNETWORK).props["logConfig"] == {
        "aggregationInterval": "INTERVAL_5_SEC",
        "flowSampling": 1,
        "metadata": "INCLUDE_ALL_METADATA",
    }


def test_google_is_reached_by_private_addresses_alone(graph: Graph) -> None:
    assert graph.one(SUBNETWORK).props["privateIpGoogleAccess"] is True
    records = {one.props["name"]: (one.props["type"], one.props["rrdatas"]) for one in graph.of(RECORD)}
    assert records == {
        "restricted.googleapis.com.": ("A", [f"199.36.153.{last}" for last in (4, 5, 6, 7)]),
        "*.googleapis.com.": ("CNAME", ["restricted.googleapis.com."]),
    }


# ------------------------------------------------------------------------------------------------ row 21: private names


def test_names_are_known_in_the_network_only(graph: Graph) -> None:
    assert {one.props["dnsName"] for one in graph.of(ZONE)} == {"orders-prod.internal.", "googleapis.com."}
    for zone in graph.of(ZONE):
        assert zone.props["visibility"] == "private"
        assert len(zone.props["privateVisibilityConfig"]["networks"]) == 1
        assert graph.one(NETWORK).urn in zone.property_dependencies["privateVisibilityConfig"]
        assert zone.props["forceDestroy"] is False


def test_it_is_logged_which_names_are_asked_for(graph: Graph) -> None:
    policy = graph.one(POLICY)
    assert (policy.props["enableLogging"], policy.props["enableInboundForwarding"]) == (True, False)
    assert policy.property_dependencies["networks"] == (graph.one(NETWORK).urn,)


def test_what_takes_labels_carries_the_clusters(graph: Graph) -> None:
    for zone in graph.of(ZONE):
        assert zone.props["labels"] == {"team": "payments", "ybfort-cluster": "orders-prod"}


# -------------------------------------------------------------------------------------------------- an existing network


def test_in_an_existing_network_only_the_private_zone_is_made(existing: Graph) -> None:
    assert [resource.type for resource in existing.resources if resource.type.startswith("gcp:")] == [ZONE]
    zone = existing.one(ZONE).props
    assert zone["privateVisibilityConfig"]["networks"] == [{"networkUrl": "projects/shared-net-1/global/networks/prod"}]


def test_rules_go_to_the_project_of_the_network(record: Record) -> None:
    made: list[str] = []
    for plan in (gcp_plan(), gcp_plan(regions=[EXISTING])):
        record(lambda plan=plan: made.append(Network("orders", plan).project))
    assert made == ["orders-prod-4711", "shared-net-1"]
