"""The endpoint on AWS: internal, across all zones, with every node behind it, under one name."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from aws_parts import YCQL_CLIENT, firewall, network
from specs import prod_plan, region, zones
from ybfort.aws.endpoint import Endpoint
from ybfort.aws.plan import AwsPlan
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

BALANCER, TARGETS = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup"
LISTENER, ATTACHMENT = "aws:lb/listener:Listener", "aws:lb/targetGroupAttachment:TargetGroupAttachment"


def of(plan: AwsPlan) -> Callable[[], None]:
    def program() -> None:
        made = Endpoint("orders", plan, network(plan), firewall())
        for node in plan.nodes:
            made.join(f"orders-{node.name}", node, pulumi.ResourceOptions())

    return program


@pytest.fixture
def graph(record: Record) -> Any:
    return record(of(prod_plan()))


def balancer(graph: Graph) -> dict[str, Any]:
    (one,) = graph.of(BALANCER)
    return dict(one.props)


def test_the_load_balancer_is_internal_and_in_every_zone(graph: Graph) -> None:
    assert balancer(graph)["internal"] is True
    assert balancer(graph)["loadBalancerType"] == "network"
    assert balancer(graph)["subnets"] == ["subnet-a", "subnet-b", "subnet-c"]


def test_the_load_balancer_lets_in_whom_its_own_security_group_lets_in(graph: Graph) -> None:
    assert balancer(graph)["securityGroups"] == ["sg-endpoint"]
    assert balancer(graph)["enforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] == "on"


def test_a_zone_that_lost_its_node_is_served_by_the_others(graph: Graph) -> None:
    assert balancer(graph)["enableCrossZoneLoadBalancing"] is True


def test_the_load_balancer_is_protected_until_that_is_lifted(record: Record, graph: Graph) -> None:
    assert balancer(graph)["enableDeletionProtection"] is True
    lifted = record(of(prod_plan(protection={"lifted_for": ["endpoint"]})))
    assert balancer(lifted)["enableDeletionProtection"] is False


def test_tls_passes_through_and_ends_in_the_database(graph: Graph) -> None:
    (listener,) = graph.of(LISTENER)
    assert (listener.props["protocol"], listener.props["port"]) == ("TCP", 5433)
    assert "certificateArn" not in listener.props


def test_the_database_sees_the_clients_own_address(graph: Graph) -> None:
    (targets,) = graph.of(TARGETS)
    assert targets.props["preserveClientIp"] in {"true", True}
    assert targets.props["proxyProtocolV2"] is False


def test_a_dead_node_gets_no_new_connection_after_half_a_minute(graph: Graph) -> None:
    (targets,) = graph.of(TARGETS)
    check = targets.props["healthCheck"]
    assert (check["protocol"], check["port"]) == ("TCP", "traffic-port")
    assert check["interval"] * check["unhealthyThreshold"] <= 30


def test_waiting_connections_of_a_pool_are_not_cut_after_six_minutes(graph: Graph) -> None:
    (listener,) = graph.of(LISTENER)
    assert listener.props["tcpIdleTimeoutSeconds"] == 6000


def test_every_node_is_behind_every_api(record: Record) -> None:
    plan = prod_plan(clients=[YCQL_CLIENT], regions=[region(zones=zones(2, 1, 1))])
    graph = record(of(plan))
    assert {(one.props["targetId"], one.props["port"]) for one in graph.of(ATTACHMENT)} == {
        (str(node.address), port) for node in plan.nodes for port in (5433, 9042)
    }


def test_ycql_has_no_listener_until_a_client_asks_for_it(record: Record, graph: Graph) -> None:
    asked = record(of(prod_plan(clients=[YCQL_CLIENT])))
    assert {one.props["port"] for one in graph.of(LISTENER)} == {5433}
    assert {one.props["port"] for one in asked.of(LISTENER)} == {5433, 9042}


def test_clients_know_it_by_one_private_name(graph: Graph) -> None:
    (record_,) = graph.of("aws:route53/record:Record")
    assert (record_.props["name"], record_.props["type"]) == ("db.orders-prod.internal", "A")
    assert record_.props["zoneId"] == "ZONE"
    assert len(record_.props["aliases"]) == 1


def test_names_fit_where_the_longest_cluster_name_is_used(record: Record) -> None:
    graph = record(of(prod_plan(name="a23456789012345678bc")))
    assert all(len(one.props["name"]) <= 32 for type_ in (BALANCER, TARGETS) for one in graph.of(type_))


def test_it_carries_the_clusters_tags(graph: Graph) -> None:
    for type_ in (BALANCER, TARGETS, LISTENER):
        for one in graph.of(type_):
            assert one.props["tags"].items() >= {"team": "payments", "ybfort:cluster": "orders-prod"}.items()


SERVICE = "aws:ec2/vpcEndpointService:VpcEndpointService"


def test_there_is_no_private_link_unless_asked(graph: Graph) -> None:
    assert not graph.of(SERVICE)


def test_a_private_link_is_for_the_named_accounts_and_each_connection_is_accepted_by_somebody(record: Record) -> None:
    account = "arn:aws:iam::210987654321:root"
    service = record(of(prod_plan(endpoint={"private_link": [account]}))).one(SERVICE)
    assert service.props["allowedPrincipals"] == [account]
    assert service.props["acceptanceRequired"] is True
