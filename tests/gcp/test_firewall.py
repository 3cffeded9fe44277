"""The firewall on GCP: exactly the declared flows, each with its reasons, and nothing that the world can use."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import EXISTING, YCQL_CLIENT
from gcp_specs import gcp_plan
from gcp_stand_ins import NODES, identity, network
from ybfort.gcp.firewall import Firewall
from ybfort.gcp.plan import GcpPlan
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

FIREWALL = "gcp:compute/firewall:Firewall"
NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")  # Compute Engine: naming resources
PORTS = {"22", "443", "5433", "7000", "7100", "9000", "9100"}
NODE_RANGES = ["10.40.3.0/24", "10.40.5.0/24", "10.40.7.0/24"]
PROBES = ["130.211.0.0/22", "35.191.0.0/16"]
SHARED = {"private_service_connect": {"projects": ["billing-4711"], "nat_range": "10.99.0.0/28"}}
ACCOUNT = "batch-jobs@batch-4711.iam.gserviceaccount.com"
ACCOUNT_CLIENT = {"name": "batch", "cidrs": ["10.9.0.0/16"], "service_accounts": [ACCOUNT]}

Rules = dict[str, dict[str, Any]]


def rules(record: Record, plan: GcpPlan) -> Rules:
    graph = record(lambda: Firewall("orders", plan, network(plan), identity()))
    return {rule.name.removeprefix("orders-"): dict(rule.props) for rule in graph.of(FIREWALL)}


def allowing(rules: Rules, direction: str) -> Rules:
    return {name: one for name, one in rules.items() if one["direction"] == direction and "allows" in one}


@pytest.fixture
def made(record: Record) -> Rules:
    return rules(record, gcp_plan())


def test_each_flow_to_the_nodes_is_one_rule_whoever_hands_it_on(made: Rules) -> None:
    sources = {
        name: one.get("sourceRanges", one.get("sourceServiceAccounts"))
        for name, one in allowing(made, "INGRESS").items()
    }
    assert sources == {
        "orders-api-5433": ["10.8.0.0/16"],
        "5433-from-health-checks": PROBES,
        "7000-from-nodes": [NODES],
        "7100-from-nodes": [NODES],
        "9000-from-nodes": [NODES],
        "9100-from-nodes": [NODES],
        "22-from-iap": ["35.235.240.0/20"],
    }


def test_nodes_reach_each_other_and_googles_private_addresses_and_nothing_else(made: Rules) -> None:
    assert {name: one["destinationRanges"] for name, one in allowing(made, "EGRESS").items()} == {
        "7000-to-nodes": NODE_RANGES,
        "7100-to-nodes": NODE_RANGES,
        "9000-to-nodes": NODE_RANGES,
        "9100-to-nodes": NODE_RANGES,
        "443-to-cloud-apis": ["199.36.153.4/30"],
    }


def test_everything_else_is_refused_both_ways_right_behind_the_flows(made: Rules) -> None:
    refusing = {name: one for name, one in made.items() if "denies" in one}
    assert set(refusing) == {"no-other-ingress", "no-other-egress"}
    for one in refusing.values():
        assert one["denies"] == [{"protocol": "all"}]
        assert one.get("sourceRanges", one.get("destinationRanges")) == ["0.0.0.0/0"]
        assert one["priority"] == 1_001
        assert "targetServiceAccounts" not in one  # whatever stands in the network
    assert {one["priority"] for one in made.values() if "allows" in one} == {1_000}


def test_a_rule_opens_one_port_of_the_nodes_to_somebody_named(record: Record) -> None:
    plan = gcp_plan(regions=[EXISTING], clients=[ACCOUNT_CLIENT, {"name": "api", "cidrs": ["10.8.0.0/16"]}])
    for name, one in rules(record, plan).items():
        assert one["targetServiceAccounts"] == [NODES], name
        assert one["disabled"] is False
        if "allows" in one:
            ((allowed),) = one["allows"]
            assert allowed["protocol"] == "tcp"
            assert len(allowed["ports"]) == 1
            assert allowed["ports"][0] in PORTS
            assert len({"sourceRanges", "sourceServiceAccounts", "destinationRanges"} & set(one)) == 1
            assert "0.0.0.0/0" not in one.get("sourceRanges", []) + one.get("destinationRanges", [])
        assert "sourceTags" not in one


def test_every_rule_is_logged_and_says_what_it_is_for(made: Rules) -> None:
    for name, one in made.items():
        assert one["logConfig"] == {"metadata": "INCLUDE_ALL_METADATA"}, name
        assert one["description"], name


def test_a_rule_carries_all_the_reasons_of_its_flows(made: Rules) -> None:
    assert {flow.why for flow in gcp_plan().flows} == {
        why for one in made.values() if "allows" in one for why in one["description"].split("; ")
    } - {"administrators open a shell by IAP, which asks who they are"}
    assert made["orders-api-5433"]["description"] == (
        "orders-api uses YSQL by the endpoint; orders-api uses YSQL on the node that its driver chose"
    )


def test_a_shell_comes_through_iap_and_from_nowhere_else(made: Rules) -> None:
    opened = {name for name, one in made.items() if "allows" in one and one["allows"][0]["ports"] in (["22"], ["3389"])}
    assert opened == {"22-from-iap"}


def test_rpc_and_web_pages_are_for_nodes_only(made: Rules) -> None:
    for one in allowing(made, "INGRESS").values():
        if one["allows"][0]["ports"][0] in {"7000", "7100", "9000", "9100"}:
            assert one["sourceServiceAccounts"] == one["targetServiceAccounts"] == [NODES]
            assert "sourceRanges" not in one


def test_ycql_is_closed_until_a_client_asks_for_it(record: Record, made: Rules) -> None:
    assert "9042" not in {one["allows"][0]["ports"][0] for one in made.values() if "allows" in one}
    asked = rules(record, gcp_plan(clients=[YCQL_CLIENT]))
    assert asked["events-9042"]["sourceRanges"] == ["172.20.0.0/16"]


def test_a_client_with_service_accounts_is_let_in_by_them_and_not_by_its_range(record: Record) -> None:
    rule = rules(record, gcp_plan(regions=[EXISTING], clients=[ACCOUNT_CLIENT]))["batch-5433"]
    assert rule["sourceServiceAccounts"] == [ACCOUNT]
    assert "sourceRanges" not in rule


def test_all_ranges_of_a_client_are_in_one_rule_in_order(record: Record) -> None:
    wide = {"name": "api", "cidrs": ["10.9.0.0/16", "10.8.0.0/16"]}
    assert rules(record, gcp_plan(clients=[wide]))["api-5433"]["sourceRanges"] == ["10.8.0.0/16", "10.9.0.0/16"]


def test_clients_of_other_networks_are_let_in_by_the_range_that_they_are_seen_by(record: Record) -> None:
    assert rules(record, gcp_plan(endpoint=SHARED))["shared-5433"]["sourceRanges"] == ["10.99.0.0/28"]


def test_a_new_client_adds_a_rule_and_changes_none(record: Record, made: Rules) -> None:
    clients = [{"name": "api", "cidrs": ["10.1.0.0/16"]}, {"name": "orders-api", "cidrs": ["10.8.0.0/16"]}]
    after = rules(record, gcp_plan(clients=clients))
    assert {name: after[name] for name in made} == made
    assert set(after) - set(made) == {"api-5433"}


def test_in_an_existing_network_the_rules_are_in_its_project_and_about_the_nodes_alone(record: Record) -> None:
    for one in rules(record, gcp_plan(regions=[EXISTING])).values():
        assert one["project"] == "shared-net-1"
        assert one["network"] == "projects/shared-net-1/global/networks/own"
        assert one["targetServiceAccounts"] == [NODES]


def test_names_are_such_as_gcp_takes_where_the_longest_are_used(record: Record) -> None:
    longest = {"name": "a" + "-" * 30, "cidrs": ["10.8.0.0/16"], "apis": ["ysql", "ycql"]}
    for one in rules(record, gcp_plan(name="a23456789012345678bc", clients=[longest])).values():
        assert NAME.fullmatch(one["name"]), one["name"]


def test_no_clients_name_can_take_a_rule_of_the_cluster(record: Record) -> None:
    names = ["nodes", "health-checks", "from-nodes", "no-other-ingress", "shared", "iap"]
    clients = [{"name": name, "cidrs": [f"10.{at}.0.0/16"], "apis": ["ysql", "ycql"]} for at, name in enumerate(names)]
    assert {f"{name}-{port}" for name in names for port in (5433, 9042)} < set(rules(record, gcp_plan(clients=clients)))
