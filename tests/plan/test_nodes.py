"""Names and addresses of nodes: unique, inside what is theirs, and never moved by growth."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from specs import dev_plan, prod_plan, region, zones
from ybfort.plan.cluster import ClusterPlan

letters = st.permutations("abcdefgh").flatmap(lambda order: st.integers(1, 8).map(lambda count: order[:count]))
counts = st.integers(1, 30)


@st.composite
def zone_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Zones in any order, with any number of nodes each."""
    return [{"name": f"eu-west-1{letter}", "nodes": draw(counts)} for letter in draw(letters)]


def planned(of: list[dict[str, Any]]) -> ClusterPlan:
    return dev_plan(regions=[region(zones=of)], fault_tolerance="node")


@given(zone_lists())
def test_names_and_addresses_are_unique(of: list[dict[str, Any]]) -> None:
    nodes = planned(of).nodes
    assert len({node.name for node in nodes}) == len({node.address for node in nodes}) == len(nodes)


@given(zone_lists())
def test_an_address_lies_in_the_nodes_part_of_its_zones_subnet(of: list[dict[str, Any]]) -> None:
    for node in planned(of).nodes:
        assert node.subnet.cidr is not None
        assert node.address in node.subnet.node_range
        assert node.subnet.node_range.subnet_of(node.subnet.cidr)
        # AWS keeps the first four addresses of a subnet and its last.
        assert node.address not in [*list(node.subnet.cidr)[:4], node.subnet.cidr.broadcast_address]


@given(zone_lists())
def test_subnets_do_not_overlap_and_lie_in_the_network(of: list[dict[str, Any]]) -> None:
    made = planned(of)
    cidrs = [subnet.cidr for subnet in made.subnets if subnet.cidr]
    assert all(cidr.subnet_of(made.spec.region.cidr) for cidr in cidrs)
    assert not any(one.overlaps(other) for at, one in enumerate(cidrs) for other in cidrs[:at])


@given(zone_lists(), st.data())
def test_more_nodes_in_a_zone_move_nobody(of: list[dict[str, Any]], data: st.DataObject) -> None:
    grown = [{**zone, "nodes": zone["nodes"] + data.draw(st.integers(0, 5))} for zone in of]
    before = {node.name: node.address for node in planned(of).nodes}
    after = {node.name: node.address for node in planned(grown).nodes}
    assert before.items() <= after.items()


@given(zone_lists(), st.data())
def test_a_new_zone_and_another_order_of_zones_move_nobody(of: list[dict[str, Any]], data: st.DataObject) -> None:
    some = data.draw(st.permutations(of))[: data.draw(st.integers(1, len(of)))]
    before = {node.name: node.address for node in planned(some).nodes}
    after = {node.name: node.address for node in planned(of).nodes}
    assert before.items() <= after.items()


@given(st.sampled_from([3, 5, 7]), st.lists(st.integers(1, 4), min_size=7, max_size=8), st.integers(0, 4))
def test_masters_stand_one_a_zone_and_growth_makes_no_other_node_one(copies: int, sizes: list[int], more: int) -> None:
    def masters(sizes: list[int]) -> list[str]:
        made = prod_plan(replication_factor=copies, fault_tolerance="node", regions=[region(zones=zones(*sizes))])
        return [node.name for node in made.nodes if node.master]

    assert masters(sizes) == [f"{letter}1" for letter in "abcdefgh"[:copies]]
    assert masters([size + more for size in sizes]) == masters(sizes) == masters(sizes[:7])


def test_nodes_change_zone_by_zone_and_then_the_next_of_each() -> None:
    made = prod_plan(regions=[region(zones=zones(2, 1, 2))])
    assert [node.name for node in made.nodes] == ["a1", "b1", "c1", "a2", "c2"]


def test_in_an_existing_vpc_nodes_take_the_addresses_that_were_set_aside_for_them() -> None:
    homes = [
        {**zone, "subnet": {"id": f"subnet-0000000{at}", "node_range": f"10.40.{at}.128/28"}}
        for at, zone in enumerate(zones(1, 1, 1))
    ]
    vpc = {"id": "vpc-00000001", "endpoints_security_group": "sg-00000001", "s3_prefix_list": "pl-00000001"}
    made = prod_plan(regions=[region(zones=homes, existing_vpc=vpc)])
    assert [str(node.address) for node in made.nodes] == ["10.40.0.129", "10.40.1.129", "10.40.2.129"]
    assert [(subnet.cidr, subnet.existing) for subnet in made.subnets] == [
        (None, f"subnet-0000000{at}") for at in range(3)
    ]
