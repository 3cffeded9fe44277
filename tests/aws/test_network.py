"""The network on AWS: no way to or from the internet, private ways to the cloud's APIs, addresses for nodes only."""

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from aws_parts import EXISTING, GROUP_CLIENT, YCQL_CLIENT, statements
from specs import prod_plan
from ybfort.aws.firewall import Firewall
from ybfort.aws.network import Network
from ybfort.aws.network_acl import AclRule, acl_rules
from ybfort.testing.graph import Graph, Resource

Record = Callable[..., Graph]

CLIENT = {"name": "orders-api", "cidrs": ["10.8.0.0/16", "10.9.0.0/16"]}
MOST_RULES = 20  # AWS: rules of a network ACL in one direction
ADMIN_PORTS = (20, 21, 22, 3389)
DATABASE_PORTS = (5433, 7000, 7100, 9000, 9042, 9100, 12000, 13000, 15433, 18018)


def own() -> Network:
    return Network("orders", prod_plan())


def existing() -> Network:
    return Network("orders", prod_plan(regions=[EXISTING]))


@pytest.fixture
def graph(record: Record) -> Any:
    return record(own)


def one(graph: Graph, type_: str) -> dict[str, Any]:
    (resource,) = graph.of(type_)
    return dict(resource.props)


def acl(**changes: Any) -> tuple[AclRule, ...]:
    return acl_rules(prod_plan(**changes))


# -------------------------------------------------------------------------------------------- rows 1-4, 14, 19: the VPC


def test_there_is_no_way_to_or_from_the_internet(graph: Graph) -> None:
    assert {resource.type for resource in graph.resources if resource.type.startswith("aws:")} == {
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/networkAcl:NetworkAcl",
        "aws:ec2/networkAclRule:NetworkAclRule",
        "aws:ec2/routeTable:RouteTable",  # it has no route: neither an internet gateway nor a NAT gateway exists
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/subnetCidrReservation:SubnetCidrReservation",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:route53/zone:Zone",
    }
    assert "routes" not in one(graph, "aws:ec2/routeTable:RouteTable")


def test_the_vpc_is_the_clusters_own_and_resolves_names(graph: Graph) -> None:
    vpc = one(graph, "aws:ec2/vpc:Vpc")
    assert (vpc["cidrBlock"], vpc["enableDnsSupport"], vpc["enableDnsHostnames"]) == ("10.40.0.0/20", True, True)


def test_every_zone_has_a_subnet_that_gives_out_no_public_address(graph: Graph) -> None:
    subnets = [subnet.props for subnet in graph.of("aws:ec2/subnet:Subnet")]
    assert {subnet["availabilityZone"] for subnet in subnets} == {"eu-west-1a", "eu-west-1b", "eu-west-1c"}
    assert {subnet["mapPublicIpOnLaunch"] for subnet in subnets} == {False}
    assert len(list(graph.of("aws:ec2/routeTableAssociation:RouteTableAssociation"))) == len(subnets)


def test_what_forgets_its_security_group_gets_one_that_lets_nothing_through(graph: Graph) -> None:
    default = one(graph, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert default.get("ingress", []) == default.get("egress", []) == []


def test_only_a_node_gets_an_address_of_the_nodes(graph: Graph) -> None:
    reservations = [one.props for one in graph.of("aws:ec2/subnetCidrReservation:SubnetCidrReservation")]
    assert {reservation["reservationType"] for reservation in reservations} == {"explicit"}
    reserved = [IPv4Network(reservation["cidrBlock"]) for reservation in reservations]
    assert len(reserved) == 3
    for node in prod_plan().nodes:
        assert any(node.address in range_ for range_ in reserved)


def test_the_nodes_addresses_are_reserved_before_anything_enters_a_subnet(graph: Graph) -> None:
    reservations = {one.urn for one in graph.of("aws:ec2/subnetCidrReservation:SubnetCidrReservation")}
    for endpoint in interface_endpoints(graph).values():
        assert set(endpoint.property_dependencies["subnetIds"]) == reservations


# ---------------------------------------------------------------------------------------------- row 15: the network ACL


def test_every_rule_of_the_acl_is_told_to_the_engine_and_every_subnet_is_behind_it(graph: Graph) -> None:
    told = {
        (
            rule["ruleNumber"],
            rule["egress"],
            rule["protocol"],
            rule["cidrBlock"],
            rule.get("fromPort"),
            rule.get("toPort"),
        )
        for rule in (resource.props for resource in graph.of("aws:ec2/networkAclRule:NetworkAclRule"))
    }
    assert told == {
        (rule.number, rule.egress, "1" if rule.icmp else "6", str(rule.cidr), *(rule.ports or (None, None)))
        for rule in acl()
    }
    assert len(one(graph, "aws:ec2/networkAcl:NetworkAcl")["subnetIds"]) == 3


def test_nothing_of_the_world_reaches_a_port_that_somebody_listens_on() -> None:
    world = [rule.ports for rule in acl(clients=[CLIENT, YCQL_CLIENT]) if not rule.egress and not rule.cidr.is_private]
    assert world == [(32768, 60999)]
    assert not any(first <= port <= last for first, last in world for port in (*ADMIN_PORTS, *DATABASE_PORTS))


def test_nodes_talk_to_each_other_and_to_the_endpoints_in_the_vpc() -> None:
    inside = IPv4Network("10.40.0.0/20")
    assert {(rule.egress, rule.ports) for rule in acl() if rule.cidr == inside} == {
        (False, (0, 65535)),
        (True, (0, 65535)),
    }


def test_s3_is_reached_and_its_answers_come_back() -> None:
    world = IPv4Network("0.0.0.0/0")
    assert {(rule.egress, rule.ports) for rule in acl() if rule.cidr == world} == {
        (True, (443, 443)),
        (False, (32768, 60999)),
    }


def test_clients_reach_their_api_and_get_an_answer() -> None:
    rules = {rule.name: rule for rule in acl(clients=[CLIENT, YCQL_CLIENT])}
    assert {name: rule.ports for name, rule in rules.items() if "-from-" in name and rule.ports} == {
        "in-ysql-from-10.0.0.0-8": (5433, 5433),
        "in-ysql-from-172.16.0.0-12": (5433, 5433),
        "in-ycql-from-172.16.0.0-12": (9042, 9042),
    }
    assert rules["out-answers-to-10.0.0.0-8"].ports == rules["out-answers-to-172.16.0.0-12"].ports == (1024, 65535)


def test_large_packets_to_a_client_find_out_that_they_are_too_large() -> None:
    assert [(str(rule.cidr), rule.icmp) for rule in acl(clients=[CLIENT]) if rule.icmp] == [("10.0.0.0/8", (3, 4))]


def test_the_acl_names_no_client_range_when_there_is_no_client() -> None:
    assert [rule.name for rule in acl(clients=[])] == ["in-cluster", "in-s3-answers", "out-cluster", "out-s3"]


def test_the_acl_has_room_for_every_client_there_can_be() -> None:
    everybody = {"name": "all", "cidrs": ["10.8.0.0/16", "172.16.0.0/12", "192.168.0.0/16"], "apis": ["ysql", "ycql"]}
    for egress in (False, True):
        numbers = [rule.number for rule in acl(clients=[everybody]) if rule.egress is egress]
        assert len(numbers) == len(set(numbers)) <= MOST_RULES


def test_a_new_client_changes_no_rule_of_the_acl() -> None:
    assert set(acl(clients=[CLIENT])) < set(acl(clients=[YCQL_CLIENT, CLIENT]))


def test_a_client_known_by_security_group_passes_the_acl_by_its_range() -> None:
    assert "in-ysql-from-10.0.0.0-8" in {rule.name for rule in acl(clients=[GROUP_CLIENT])}


# -------------------------------------------------------------------------------------- row 17: endpoints of cloud APIs


def interface_endpoints(graph: Graph) -> dict[str, Resource]:
    return {
        endpoint.props["serviceName"].removeprefix("com.amazonaws.eu-west-1."): endpoint
        for endpoint in graph.of("aws:ec2/vpcEndpoint:VpcEndpoint")
        if endpoint.props["vpcEndpointType"] == "Interface"
    }


def test_every_api_that_a_node_needs_is_in_the_vpc_in_every_zone_under_its_own_name(graph: Graph) -> None:
    endpoints = {api: endpoint.props for api, endpoint in interface_endpoints(graph).items()}
    assert set(endpoints) == {
        *("acm-pca", "ec2", "kms", "logs", "monitoring", "secretsmanager", "ssm", "ssmmessages"),
    }
    assert {len(endpoint["subnetIds"]) for endpoint in endpoints.values()} == {3}
    assert {len(endpoint["securityGroupIds"]) for endpoint in endpoints.values()} == {1}
    assert {endpoint["privateDnsEnabled"] for endpoint in endpoints.values()} == {True}


def test_an_endpoint_is_of_use_to_the_account_only(graph: Graph) -> None:
    for endpoint in graph.of("aws:ec2/vpcEndpoint:VpcEndpoint"):
        for statement in statements(endpoint.props["policy"]):
            assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
            assert statement["Action"] != "*"


def test_s3_means_the_clusters_own_buckets(graph: Graph) -> None:
    (gateway,) = [
        one.props for one in graph.of("aws:ec2/vpcEndpoint:VpcEndpoint") if one.props["vpcEndpointType"] == "Gateway"
    ]
    (statement,) = statements(gateway["policy"])
    assert {resource.removesuffix("/*") for resource in statement["Resource"]} == {
        "arn:aws:s3:::orders-prod-artifacts-123456789012-eu-west-1",
        "arn:aws:s3:::orders-prod-backup-123456789012-eu-west-1",
        "arn:aws:s3:::orders-prod-status-123456789012-eu-west-1",
    }
    assert len(gateway["routeTableIds"]) == 1


# ------------------------------------------------------------------------------------------------ row 21: private names


def test_names_are_known_in_the_vpc_only(graph: Graph) -> None:
    zone = one(graph, "aws:route53/zone:Zone")
    assert (zone["name"], len(zone["vpcs"])) == ("orders-prod.internal", 1)


def test_the_users_association_of_a_clients_vpc_is_not_undone(graph: Graph) -> None:
    (zone,) = graph.of("aws:route53/zone:Zone")
    assert zone.ignore_changes == ("vpcs",)


def test_everything_that_takes_tags_carries_the_clusters(graph: Graph) -> None:
    untaggable = ("NetworkAclRule", "RouteTableAssociation", "SubnetCidrReservation")
    for resource in graph.resources:
        if resource.type.startswith("aws:") and not resource.type.endswith(untaggable):
            assert resource.props["tags"].items() >= {"team": "payments", "ybfort:cluster": "orders-prod"}.items()


# ------------------------------------------------------------------------------------------------------ an existing VPC


def test_in_an_existing_vpc_only_addresses_are_reserved_and_a_zone_made(record: Record) -> None:
    graph = record(existing)
    assert {resource.type for resource in graph.resources if resource.type.startswith("aws:")} == {
        "aws:ec2/subnetCidrReservation:SubnetCidrReservation",
        "aws:route53/zone:Zone",
    }
    reservations = [one.props for one in graph.of("aws:ec2/subnetCidrReservation:SubnetCidrReservation")]
    assert {(one["subnetId"], one["cidrBlock"]) for one in reservations} == {
        ("subnet-0000000000000000a", "10.60.0.64/26"),
        ("subnet-0000000000000000b", "10.60.1.64/26"),
        ("subnet-0000000000000000c", "10.60.2.64/26"),
    }
    assert one(graph, "aws:route53/zone:Zone")["vpcs"][0]["vpcId"] == "vpc-0123456789abcdef0"


def test_the_firewall_stands_on_what_the_owner_of_an_existing_vpc_gave(record: Record) -> None:
    graph = record(lambda: Firewall("orders", prod_plan(regions=[EXISTING]), existing()))
    groups = [group.props for group in graph.of("aws:ec2/securityGroup:SecurityGroup")]
    assert {group["vpcId"] for group in groups} == {"vpc-0123456789abcdef0"}
    egress = [rule.props for rule in graph.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")]
    assert "sg-0fedcba9876543210" in {rule.get("referencedSecurityGroupId") for rule in egress}
    assert "pl-6da54004" in {rule.get("prefixListId") for rule in egress}
