"""The security groups on AWS: exactly the declared flows, each with its reason, and nothing that the world can use."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from aws_parts import EXISTING, GROUP_CLIENT, YCQL_CLIENT, network
from specs import prod_plan
from ybfort.aws.firewall import Firewall
from ybfort.aws.plan import AwsPlan
from ybfort.plan.flows import Party
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"

# EC2: what a description may hold, of a group and of a rule.
DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")
PORTS = {5433, 7000, 7100, 9000, 9100, 443}


def rules(record: Record, plan: AwsPlan, type_: str) -> dict[str, dict[str, Any]]:
    graph = record(lambda: Firewall("orders", plan, network(plan)))
    return {rule.name.removeprefix("orders-"): dict(rule.props) for rule in graph.of(type_)}


@pytest.fixture
def ingress(record: Record) -> dict[str, dict[str, Any]]:
    return rules(record, prod_plan(), INGRESS)


@pytest.fixture
def egress(record: Record) -> dict[str, dict[str, Any]]:
    return rules(record, prod_plan(), EGRESS)


def test_each_flow_into_the_cluster_is_one_rule_at_its_target(ingress: dict[str, dict[str, Any]]) -> None:
    assert set(ingress) == {
        "cloud-apis-443-from-nodes",
        "endpoint-5433-from-orders-api-10.8.0.0-16",
        "nodes-5433-from-endpoint",
        "nodes-5433-from-orders-api-10.8.0.0-16",
        "nodes-7000-from-nodes",
        "nodes-7100-from-nodes",
        "nodes-9000-from-nodes",
        "nodes-9100-from-nodes",
    }


def test_each_flow_out_of_a_group_is_one_rule_at_its_source(egress: dict[str, dict[str, Any]]) -> None:
    assert set(egress) == {
        "endpoint-to-nodes-5433",
        "nodes-to-cloud-apis-443",
        "nodes-to-nodes-7000",
        "nodes-to-nodes-7100",
        "nodes-to-nodes-9000",
        "nodes-to-nodes-9100",
        "nodes-to-object-store-443",
    }


@pytest.mark.parametrize("type_", [INGRESS, EGRESS])
def test_a_rule_opens_one_port_to_somebody_named(record: Record, type_: str) -> None:
    for rule in rules(
        record, prod_plan(clients=[GROUP_CLIENT, {"name": "api", "cidrs": ["10.8.0.0/16"]}]), type_
    ).values():
        assert rule["ipProtocol"] == "tcp"
        assert rule["fromPort"] == rule["toPort"]
        assert rule["fromPort"] in PORTS
        assert len({"cidrIpv4", "referencedSecurityGroupId", "prefixListId"} & set(rule)) == 1
        assert "cidrIpv6" not in rule


@pytest.mark.parametrize("type_", [INGRESS, EGRESS, GROUP])
def test_every_rule_and_group_says_what_it_is_for_in_words_that_ec2_takes(record: Record, type_: str) -> None:
    described = rules(record, prod_plan(clients=[GROUP_CLIENT, YCQL_CLIENT]), type_)
    assert described
    for name, rule in described.items():
        assert DESCRIPTION.fullmatch(rule["description"]), f"{name}: {rule['description']}"


def test_a_rule_carries_the_reason_of_its_flow(ingress: dict[str, dict[str, Any]]) -> None:
    flows = {flow.why for flow in prod_plan().flows if flow.target is not Party.OBJECT_STORE}
    assert {rule["description"] for rule in ingress.values()} == flows


def test_no_shell_port_is_open(ingress: dict[str, dict[str, Any]], egress: dict[str, dict[str, Any]]) -> None:
    assert not {22, 3389} & {rule["fromPort"] for rule in (*ingress.values(), *egress.values())}


def test_rpc_and_web_pages_are_for_nodes_only(ingress: dict[str, dict[str, Any]]) -> None:
    for rule in ingress.values():
        if rule["fromPort"] in {7000, 7100, 9000, 9100}:
            assert rule["referencedSecurityGroupId"] == rule["securityGroupId"]


def test_nodes_reach_the_clouds_apis_and_the_clusters_s3_and_nothing_else_outside(
    egress: dict[str, dict[str, Any]],
) -> None:
    assert egress["nodes-to-object-store-443"]["prefixListId"] == "pl-s3"
    assert egress["nodes-to-cloud-apis-443"]["referencedSecurityGroupId"] == "sg-cloud-apis"
    assert not any("cidrIpv4" in rule for rule in egress.values())


def test_ycql_is_closed_until_a_client_asks_for_it(record: Record, ingress: dict[str, dict[str, Any]]) -> None:
    assert 9042 not in {rule["fromPort"] for rule in ingress.values()}
    asked = rules(record, prod_plan(clients=[YCQL_CLIENT]), INGRESS)
    assert {name for name, rule in asked.items() if rule["fromPort"] == 9042} == {
        "endpoint-9042-from-events-172.20.0.0-16",
        "nodes-9042-from-endpoint",
        "nodes-9042-from-events-172.20.0.0-16",
    }


def test_a_client_with_security_groups_is_let_in_by_them_and_not_by_its_range(record: Record) -> None:
    sides = [
        (rule.get("referencedSecurityGroupId"), rule.get("cidrIpv4"))
        for name, rule in rules(record, prod_plan(clients=[GROUP_CLIENT]), INGRESS).items()
        if "batch" in name
    ]
    assert sides == [("sg-0123456789abcdef0", None)] * 2


def test_a_new_client_adds_rules_and_changes_none(record: Record) -> None:
    before = rules(record, prod_plan(clients=[GROUP_CLIENT]), INGRESS)
    after = rules(record, prod_plan(clients=[{"name": "api", "cidrs": ["10.8.0.0/16"]}, GROUP_CLIENT]), INGRESS)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"endpoint-5433-from-api-10.8.0.0-16", "nodes-5433-from-api-10.8.0.0-16"}


def test_the_endpoints_of_an_existing_vpc_keep_their_owners_rules(record: Record) -> None:
    plan = prod_plan(regions=[EXISTING])
    assert "cloud-apis-443-from-nodes" not in rules(record, plan, INGRESS)
    assert "nodes-to-cloud-apis-443" in rules(record, plan, EGRESS)


def test_groups_and_rules_carry_the_clusters_tags(record: Record) -> None:
    for type_ in (GROUP, INGRESS, EGRESS):
        for rule in rules(record, prod_plan(), type_).values():
            assert rule["tags"].items() >= {"team": "payments", "ybfort:cluster": "orders-prod"}.items()
            assert rule["tags"]["Name"].startswith("orders-prod-")
