"""The flags and the HBA that a secure node is started with; each line here is one that security hangs on."""

import csv

import pytest

from specs import prod_plan, region, zones
from ybfort.plan.flows import YCQL

YCQL_CLIENT = {"name": "events", "cidrs": ["10.9.0.0/16"], "apis": ["ycql"]}

ON_BOTH = {
    "use_node_to_node_encryption": "true",
    "use_client_to_server_encryption": "true",
    "allow_insecure_connections": "false",
    "node_to_node_encryption_use_client_certificates": "true",
    "ssl_protocols": "tls12,tls13",
    "callhome_enabled": "false",
    "certs_dir": "/etc/yugabyte/certificates",
    "logtostderr": "true",
}
ON_TSERVERS = {
    "ysql_enable_auth": "true",
    "ysql_enable_profile": "true",
    "use_cassandra_authentication": "true",
    "start_cql_proxy": "false",
    "start_redis_proxy": "false",
}


@pytest.mark.parametrize("server", ["yb-master", "yb-tserver"])
@pytest.mark.parametrize(("flag", "value"), ON_BOTH.items())
def test_every_server_encrypts_and_keeps_to_itself(server: str, flag: str, value: str) -> None:
    assert prod_plan().flags[server][flag] == value


@pytest.mark.parametrize(("flag", "value"), ON_TSERVERS.items())
def test_every_tablet_server_authenticates(flag: str, value: str) -> None:
    assert prod_plan().flags["yb-tserver"][flag] == value


def postgres_settings() -> dict[str, str]:
    (fields,) = csv.reader([prod_plan().flags["yb-tserver"]["ysql_pg_conf_csv"]])
    return dict(field.split("=", 1) for field in fields)


def test_postgres_gets_its_own_settings_in_a_form_that_survives_csv() -> None:
    assert postgres_settings() == {
        "log_connections": "on",
        "log_disconnections": "on",
        "log_line_prefix": "'%m [%p] %q%u@%d %h '",
        "password_encryption": "'scram-sha-256'",
        "pgaudit.log": "'ddl,role'",
        "pgaudit.log_catalog": "off",
        "pgaudit.log_parameter": "off",
        "ssl_min_protocol_version": "'TLSv1.2'",
    }


def test_everything_binds_to_the_nodes_private_address() -> None:
    made = prod_plan(clients=[YCQL_CLIENT])
    for node in made.nodes:
        own = made.own_flags[node.name]
        bound = {
            flag: value
            for flags in own.values()
            for flag, value in flags.items()
            if flag.endswith(("bind_address", "bind_addresses", "_interface", "broadcast_addresses"))
        }
        assert set(bound) == {
            "cql_proxy_bind_address",
            "pgsql_proxy_bind_address",
            "rpc_bind_addresses",
            "server_broadcast_addresses",
            "webserver_interface",
        }
        assert all(value.split(":")[0] == str(node.address) for value in bound.values())


def test_ycql_runs_authenticated_and_audited_and_only_when_a_client_asks() -> None:
    asked = prod_plan(clients=[YCQL_CLIENT])
    assert {flag: asked.flags["yb-tserver"][flag] for flag in ("start_cql_proxy", "ycql_enable_audit_log")} == {
        "start_cql_proxy": "true",
        "ycql_enable_audit_log": "true",
    }
    assert asked.flags["yb-tserver"]["use_cassandra_authentication"] == "true"
    assert asked.own_flags["a1"]["yb-tserver"]["cql_proxy_bind_address"].endswith(f":{YCQL}")
    assert "cql_proxy_bind_address" not in prod_plan().own_flags["a1"]["yb-tserver"]


def test_only_masters_run_a_master_and_everybody_knows_them_all() -> None:
    made = prod_plan(regions=[region(zones=zones(2, 1, 1))])
    addresses = ",".join(f"{node.address}:7100" for node in made.nodes if node.master)
    assert {name for name, own in made.own_flags.items() if "yb-master" in own} == {"a1", "b1", "c1"}
    assert {own["yb-tserver"]["tserver_master_addrs"] for own in made.own_flags.values()} == {addresses}
    assert made.own_flags["a1"]["yb-master"]["master_addresses"] == addresses


def test_a_blank_master_waits_to_be_taken_in() -> None:
    made = prod_plan()
    assert made.flags["yb-master"]["master_join_existing_universe"] == "true"
    assert "master_join_existing_universe" not in made.flags["yb-tserver"]


def test_the_local_socket_is_where_the_agent_finds_it() -> None:
    assert prod_plan().flags["yb-tserver"]["tmp_dir"] == "/run/yugabyte"


def test_a_node_says_where_it_stands() -> None:
    own = prod_plan().own_flags["b1"]
    for flags in own.values():
        assert [flags[f"placement_{part}"] for part in ("cloud", "region", "zone")] == [
            "aws",
            "eu-west-1",
            "eu-west-1b",
        ]


def hba() -> list[str]:
    clients = [{"name": "b", "cidrs": ["10.9.0.0/16"]}, {"name": "a", "cidrs": ["10.8.0.0/16"]}, YCQL_CLIENT]
    clients[2] = {**YCQL_CLIENT, "cidrs": ["10.7.0.0/16"]}
    made = prod_plan(clients=clients)
    (lines,) = csv.reader([made.flags["yb-tserver"]["ysql_hba_conf_csv"]])
    assert lines == list(made.hba)
    return lines


def test_the_hba_lets_in_the_agent_locally_and_ysql_clients_by_tls_and_scram_and_ends_in_reject() -> None:
    assert hba() == [
        "local all yugabyte peer",
        "local all all reject",
        "host all yugabyte all reject",
        "host all postgres all reject",
        "hostssl all all 10.8.0.0/16 scram-sha-256",
        "hostssl all all 10.9.0.0/16 scram-sha-256",
        "host all all all reject",
    ]


def test_clients_by_private_link_come_from_the_balancers_part_of_each_subnet() -> None:
    made = prod_plan(endpoint={"private_link": ["arn:aws:iam::210987654321:root"]})
    admitted = [line for line in made.hba if line.startswith("hostssl")]
    ranges = ("10.8.0.0/16", "10.40.0.0/24", "10.40.2.0/24", "10.40.4.0/24")
    assert admitted == [f"hostssl all all {range_} scram-sha-256" for range_ in ranges]
    assert made.hba[-1] == "host all all all reject"


def test_no_line_of_the_hba_trusts_or_hashes_weakly() -> None:
    assert not {line.split()[-1] for line in hba()} & {"trust", "md5", "password", "ident"}
