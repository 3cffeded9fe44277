"""Every port of YugabyteDB's matrix is either in a declared flow or closed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import prod_plan
from ybfort.plan.flows import Party, Peers

# Port matrix of YugabyteDB (reference/configuration/default-ports) and who may reach it in ybfort.
FROM_NODES = {7000, 7100, 9000, 9100}
NEVER = {22, 6379, 9070, 9090, 9300, 11000, 12000, 13000, 15433, 18018, 54422}

YCQL_CLIENT = {"name": "events", "cidrs": ["10.9.0.0/16"], "apis": ["ycql", "ysql"]}


def ports(source: object, target: Party, **changes: object) -> set[int]:
    made = prod_plan(**changes)
    return {flow.port for flow in made.flows if flow.target is target and (flow.source is source or source is None)}


def test_nodes_talk_to_each_other_on_rpc_and_ui_ports_only() -> None:
    assert ports(Party.NODES, Party.NODES) == FROM_NODES


def test_nobody_else_reaches_those_ports() -> None:
    reachable = {flow.port for flow in prod_plan().flows if flow.source is not Party.NODES}
    assert reachable == {5433}


@pytest.mark.parametrize("port", sorted(NEVER))
def test_the_other_ports_of_the_matrix_are_in_no_flow(port: int) -> None:
    assert port not in {flow.port for flow in prod_plan(clients=[YCQL_CLIENT]).flows}


def test_ycql_is_closed_until_a_client_asks_for_it() -> None:
    assert 9042 not in ports(None, Party.NODES)
    assert 9042 in ports(None, Party.NODES, clients=[YCQL_CLIENT])
    assert ports(Party.ENDPOINT, Party.NODES, clients=[YCQL_CLIENT]) == {5433, 9042}


def test_a_client_reaches_the_endpoint_and_the_nodes_on_its_api_alone() -> None:
    clients = [YCQL_CLIENT, {"name": "orders-api", "cidrs": ["10.8.0.0/16"]}]
    of = [flow for flow in prod_plan(clients=clients).flows if isinstance(flow.source, Peers)]
    assert {(flow.source.client, flow.target, flow.port) for flow in of if isinstance(flow.source, Peers)} == {
        (name, target, port)
        for name, port in (("events", 5433), ("events", 9042), ("orders-api", 5433))
        for target in (Party.ENDPOINT, Party.NODES)
    }


def test_a_clients_security_groups_take_the_place_of_its_ranges() -> None:
    client = {"name": "orders-api", "cidrs": ["10.8.0.0/16"], "security_groups": ["sg-00000002", "sg-00000001"]}
    peers = [flow.source for flow in prod_plan(clients=[client]).flows if isinstance(flow.source, Peers)]
    assert {peer.group for peer in peers} == {"sg-00000001", "sg-00000002"}
    assert {peer.cidr for peer in peers} == {None}


def test_out_of_the_cluster_goes_only_tls_to_the_cloud_itself() -> None:
    out = [flow for flow in prod_plan().flows if flow.target in (Party.CLOUD_APIS, Party.OBJECT_STORE)]
    assert {(flow.source, flow.port) for flow in out} == {(Party.NODES, 443)}


@given(st.permutations([YCQL_CLIENT, {"name": "a", "cidrs": ["10.1.0.0/16"]}, {"name": "b", "cidrs": ["10.2.0.0/16"]}]))
def test_the_order_of_clients_does_not_matter(clients: list[dict[str, object]]) -> None:
    in_order = sorted(clients, key=lambda client: str(client["name"]))
    assert prod_plan(clients=clients).flows == prod_plan(clients=in_order).flows


def test_every_flow_says_why() -> None:
    assert all(flow.why for flow in prod_plan().flows)
