"""The endpoint on GCP: internal, across all zones, with every node behind it, under one name."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
from pulumi_gcp import compute

from gcp_parts import EXISTING, YCQL_CLIENT
from gcp_specs import gcp_data, gcp_plan
from gcp_stand_ins import network
from ybfort.gcp.endpoint import Endpoint, address
from ybfort.gcp.plan import GcpPlan
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

RULE, ADDRESS = "gcp:compute/forwardingRule:ForwardingRule", "gcp:compute/address:Address"
SERVICE = "gcp:compute/regionBackendService:RegionBackendService"
CHECK = "gcp:compute/regionHealthCheck:RegionHealthCheck"
GROUP, MEMBER = "gcp:compute/instanceGroup:InstanceGroup", "gcp:compute/instanceGroupMembership:InstanceGroupMembership"
ATTACHMENT, SUBNETWORK = "gcp:compute/serviceAttachment:ServiceAttachment", "gcp:compute/subnetwork:Subnetwork"
SHARED = {"private_service_connect": {"projects": ["web-4711", "billing-4711"], "nat_range": "10.99.0.0/28"}}


def of(plan: GcpPlan) -> Callable[[], None]:
    def program() -> None:
        made = Endpoint("orders", plan, network(plan))
        for node in plan.nodes:
            instance = SimpleNamespace(self_link=pulumi.Output.from_input(f"instance-{node.name}"))
            made.join(f"orders-{node.name}", node, cast(compute.Instance, instance), pulumi.ResourceOptions())

    return program


@pytest.fixture
def graph(record: Record) -> Any:
    return record(of(gcp_plan()))


def test_the_load_balancer_is_internal_and_in_the_region_alone(graph: Graph) -> None:
    rule, service = graph.one(RULE).props, graph.one(SERVICE).props
    assert rule["loadBalancingScheme"] == service["loadBalancingScheme"] == "INTERNAL"
    assert rule["allowGlobalAccess"] is False
    assert rule["subnetwork"].endswith("/subnetworks/own")


def test_it_has_a_group_of_nodes_in_every_zone(graph: Graph) -> None:
    assert {one.props["zone"] for one in graph.of(GROUP)} == {f"europe-west1-{letter}" for letter in "bcd"}
    backends = graph.one(SERVICE)
    assert len(backends.props["backends"]) == 3
    assert set(backends.property_dependencies["backends"]) == {one.urn for one in graph.of(GROUP)}


def test_address_and_rule_are_protected_until_that_is_lifted(record: Record, graph: Graph) -> None:
    lifted = record(of(gcp_plan(protection={"lifted_for": ["endpoint"]})))
    for type_ in (RULE, ADDRESS):
        assert graph.one(type_).protect is True
        assert not lifted.one(type_).protect


def test_tls_passes_through_and_ends_in_the_database(graph: Graph) -> None:
    """A passthrough load balancer hands on packets as they are; the database also sees the client's own address."""
    assert graph.one(SERVICE).props["protocol"] == graph.one(RULE).props["ipProtocol"] == "TCP"
    assert not [one for one in graph.resources if "Proxy" in one.type or "Certificate" in one.type]


def test_a_dead_node_gets_no_new_connection_after_half_a_minute(graph: Graph) -> None:
    check = graph.one(CHECK).props
    assert check["tcpHealthCheck"] == {"port": 5433, "portSpecification": "USE_FIXED_PORT"}
    assert check["checkIntervalSec"] * check["unhealthyThreshold"] <= 30
    assert graph.one(SERVICE).property_dependencies["healthChecks"] == (graph.one(CHECK).urn,)


def test_connections_and_what_the_health_check_finds_are_logged(graph: Graph) -> None:
    assert graph.one(SERVICE).props["logConfig"] == {"enable": True, "sampleRate": 1}
    assert graph.one(CHECK).props["logConfig"] == {"enable": True}


def test_a_node_that_leaves_may_end_what_it_is_at(graph: Graph) -> None:
    assert graph.one(SERVICE).props["connectionDrainingTimeoutSec"] == 60


def test_every_node_is_behind_it_in_the_group_of_its_zone(record: Record) -> None:
    region = gcp_data()["regions"][0]
    region["zones"][0]["nodes"] = 2
    graph = record(of(gcp_plan(regions=[region])))
    assert {(one.props["instance"], one.props["instanceGroup"], one.props["zone"]) for one in graph.of(MEMBER)} == {
        ("instance-b1", "orders-prod-nodes-b", "europe-west1-b"),
        ("instance-b2", "orders-prod-nodes-b", "europe-west1-b"),
        ("instance-c1", "orders-prod-nodes-c", "europe-west1-c"),
        ("instance-d1", "orders-prod-nodes-d", "europe-west1-d"),
    }


def test_ycql_is_not_passed_on_until_a_client_asks_for_it(record: Record, graph: Graph) -> None:
    asked = record(of(gcp_plan(clients=[YCQL_CLIENT])))
    assert graph.one(RULE).props["ports"] == ["5433"]
    assert set(asked.one(RULE).props["ports"]) == {"5433", "9042"}


def test_clients_know_it_by_one_private_name_and_one_address(graph: Graph) -> None:
    record_ = graph.one("gcp:dns/recordSet:RecordSet").props
    assert (record_["name"], record_["type"]) == ("db.orders-prod.internal.", "A")
    assert (record_["managedZone"], record_["rrdatas"]) == ("ZONE", ["10.40.0.2"])
    assert graph.one(ADDRESS).props["address"] == graph.one(RULE).props["ipAddress"] == "10.40.0.2"
    assert graph.one(ADDRESS).props["addressType"] == "INTERNAL"


@pytest.mark.parametrize("region", [gcp_data()["regions"][0], EXISTING], ids=["own", "existing"])
def test_its_address_can_never_be_a_nodes(region: dict[str, Any]) -> None:
    plan = gcp_plan(regions=[region])
    assert address(plan) in plan.spec.region.cidr
    for home in plan.subnets:
        assert address(plan) not in {home.address(index) for index in range(home.node_range.num_addresses - 2)}


def test_names_fit_where_the_longest_cluster_name_is_used(record: Record) -> None:
    graph = record(of(gcp_plan(name="a23456789012345678bc", endpoint=SHARED)))
    for one in graph.resources:
        assert len(one.props.get("name", "")) <= 63


def test_what_takes_labels_carries_the_clusters(graph: Graph) -> None:
    for type_ in (ADDRESS, RULE):
        assert graph.one(type_).props["labels"] == {"team": "payments", "ybfort-cluster": "orders-prod"}


def test_there_is_no_way_in_from_other_projects_unless_asked(graph: Graph) -> None:
    assert not graph.of(ATTACHMENT)
    assert not graph.of(SUBNETWORK)


def test_a_way_in_is_for_the_named_projects_and_others_wait_to_be_accepted(record: Record) -> None:
    graph = record(of(gcp_plan(endpoint=SHARED)))
    attachment = graph.one(ATTACHMENT)
    assert [one["projectIdOrNum"] for one in attachment.props["consumerAcceptLists"]] == ["billing-4711", "web-4711"]
    assert attachment.props["connectionPreference"] == "ACCEPT_MANUAL"
    assert attachment.props["reconcileConnections"] is True
    assert attachment.props["enableProxyProtocol"] is False
    assert attachment.property_dependencies["targetService"] == (graph.one(RULE).urn,)
    lent = graph.one(SUBNETWORK).props
    assert (lent["ipCidrRange"], lent["purpose"]) == ("10.99.0.0/28", "PRIVATE_SERVICE_CONNECT")


def test_in_an_existing_network_the_lent_range_is_in_its_project(record: Record) -> None:
    graph = record(of(gcp_plan(regions=[EXISTING], endpoint=SHARED)))
    assert graph.one(SUBNETWORK).props["project"] == "shared-net-1"
