"""`ybfort plan`: what will exist, in text for people and in JSON for machines."""

import json
from pathlib import Path
from typing import Any

import pytest

import gcp_specs
from cli_project import GCP_ANSWERS, Ybfort
from specs import BROUGHT, FULL
from ybfort.cli.template import stack_file


def test_it_says_who_talks_to_whom_and_who_may_log_in(ybfort: Ybfort, project: Path) -> None:
    text = ybfort("plan", "orders-prod").out
    assert text.startswith("orders-prod: YugabyteDB 2025.2.8.0-b60 in eu-west-1, account 123456789012\n")
    for line in (
        "Survives the loss of a zone.",
        "no way to or from the internet",
        "a1    eu-west-1a",
        "b1.orders-prod.internal",
        "Endpoint: db.orders-prod.internal",
        "everything else is closed",
        "orders-api (10.8.0.0/16)  endpoint      5433",
        "hostssl all all 10.8.0.0/16 scram-sha-256",
        "host all all all reject",
        "orders_app         orders_read_write  -      orders_app_login_a, orders_app_login_b",
        "orders_owner       -                  -      does not log in",
        "orders_migrations acts as orders_owner in orders",
        "Passwords: a new one after 30 days, with the other of the two login names; the one before works for 24 hours",
        "ybfort/orders-prod/roles/orders_app         generation 1",
        "Certificates: 7 days, authority made for this cluster",
        "From a newer one there is a way back, until `finalized` names it",
        "use_node_to_node_encryption                      true",
        "orders-prod-backup-123456789012-eu-west-1",
        "s3://orders-prod-artifacts-123456789012-eu-west-1/releases/yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz",
        "Everything that holds data is protected.",
    ):
        assert line in text


def test_a_cluster_on_gcp_is_told_in_gcps_words(ybfort: Ybfort, stack: Path) -> None:
    stack.write_text(stack_file(GCP_ANSWERS))
    text = ybfort("plan", "orders-prod").out
    assert text.startswith("orders-prod: YugabyteDB 2025.2.8.0-b60 in europe-west1, project orders-prod-4711\n")
    for line in (
        "image projects/rocky-linux-cloud/global/images/rocky-linux-9-optimized-gcp-v20261110",
        "PART OF THE SUBNETWORK",
        "Data disk 500 GiB",
        "ybfort-orders-prod-roles-orders_app         generation 1",
        "logs                400 days\n",
        "Nodes fetch it from gs://orders-prod-artifacts-",
        "project guardrails",
    ):
        assert line in text
    for word in ("trail", "s3://", "account guardrails", "volume"):
        assert word not in text


@pytest.mark.parametrize("data", [gcp_specs.FULL, gcp_specs.BROUGHT], ids=["full", "brought"])
def test_every_section_of_a_cluster_on_gcp_is_shown(ybfort: Ybfort, tmp_path: Path, data: dict[str, Any]) -> None:
    stack = written(tmp_path / "Pulumi.events.yaml", data)
    text, document = ybfort("plan", stack).out, json.loads(ybfort("plan", stack, "--json").out)
    assert "projects/shared-net-1/global/networks/prod" in text
    assert "analytics-4712 may ask for a way to it from another network" in text
    assert (document["cloud"], document["account"]) == ("gcp", "orders-prod-4711")


def test_the_text_has_no_trailing_spaces_and_no_colour_in_a_pipe(ybfort: Ybfort, project: Path) -> None:
    text = ybfort("plan", "orders-prod").out
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "\x1b" not in text


def test_lifted_protection_is_named(ybfort: Ybfort, stack: Path) -> None:
    stack.write_text(stack.read_text().replace("lifted_for: []", "lifted_for: [a1, keys]"))
    text = ybfort("plan", "orders-prod").out
    assert "LIFTED for a1, keys" in text
    assert "Everything that holds data is protected" not in text


def written(path: Path, data: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"config": {"ybfort:cluster": data}}))
    return path


def test_ycql_is_shown_with_its_keyspaces_and_who_may_use_them(ybfort: Ybfort, tmp_path: Path) -> None:
    stack = written(tmp_path / "Pulumi.events.yaml", FULL)
    text, document = ybfort("plan", stack).out, json.loads(ybfort("plan", stack, "--json").out)
    assert "\nKeyspaces\n  events\n" in text
    assert "orders_api has read_write in keyspace events" in text
    assert "ybfort/orders-prod/ycql" in text
    assert (document["keyspaces"], document["ycql_secret"]) == (["events"], "ybfort/orders-prod/ycql")
    (api,) = [role for role in document["roles"] if role["name"] == "orders_api"]
    assert (api["keyspaces"], api["generation"]) == ({"events": "read_write"}, 2)
    assert "ybfort/orders-prod/roles/orders_api  generation 2" in text


def test_without_ycql_no_keyspaces_are_shown(ybfort: Ybfort, project: Path) -> None:
    assert "Keyspaces" not in ybfort("plan", "orders-prod").out
    document = json.loads(ybfort("plan", "orders-prod", "--json").out)
    assert (document["keyspaces"], document["ycql_secret"]) == ([], None)


def test_rotation_and_what_is_final_are_shown_as_written(ybfort: Ybfort, stack: Path) -> None:
    text = stack.read_text().replace("{rotation_days: 30, overlap_hours: 24}", "{rotation_days: 7, overlap_hours: 1}")
    stack.write_text(text.replace("version: 2025.2.8.0-b60", "version: 2025.2.8.0-b60\n      finalized: 2025.2.7.0-b1"))
    document = json.loads(ybfort("plan", "orders-prod", "--json").out)
    assert document["passwords"] == {"rotation_days": 7, "overlap_hours": 1}
    assert document["release"]["finalized"] == "2025.2.7.0-b1"
    shown = ybfort("plan", "orders-prod").out
    assert "a new one after 7 days" in shown
    assert "There is no way back behind 2025.2.7.0-b1, which is final" in shown


def test_who_brings_certificates_and_where_is_shown(ybfort: Ybfort, tmp_path: Path) -> None:
    stack = written(tmp_path / "Pulumi.brought.yaml", BROUGHT)
    text, document = ybfort("plan", stack).out, json.loads(ybfort("plan", stack, "--json").out)
    assert "Certificates: 90 days, brought to each node's secret" in text
    assert "arn:aws:iam::123456789012:role/pki brings them" in text
    assert "a1  ybfort/orders-prod/certificates/a1" in text
    assert document["certificates"]["authority"] is None
    assert document["certificates"]["brought_by"] == ["arn:aws:iam::123456789012:role/pki"]
    assert document["nodes"][0]["certificate_secret"] == "ybfort/orders-prod/certificates/a1"


def test_an_authority_of_the_users_is_named(ybfort: Ybfort, tmp_path: Path) -> None:
    text = ybfort("plan", written(tmp_path / "Pulumi.own.yaml", FULL)).out
    assert f"Certificates: 90 days, authority {FULL['certificates']['existing_authority']}" in text


def test_json_is_sorted_and_the_same_every_time(ybfort: Ybfort, project: Path) -> None:
    first = ybfort("plan", "orders-prod", "--json").out
    assert first == ybfort("plan", "orders-prod", "--json").out
    document = json.loads(first)
    assert first == json.dumps(document, indent=2, sort_keys=True) + "\n"
    assert [node["name"] for node in document["nodes"]] == ["a1", "b1", "c1"]
    assert {"from": "nodes", "to": "nodes", "port": 7100, "why": "nodes reach the masters"} in document["flows"]


def test_text_and_json_say_the_same_of_nodes_flows_and_roles(ybfort: Ybfort, project: Path) -> None:
    text = ybfort("plan", "orders-prod").out
    document = json.loads(ybfort("plan", "orders-prod", "--json").out)
    for node in document["nodes"]:
        assert node["address"] in text
    for flow in document["flows"]:
        assert flow["why"] in text
    for role in document["roles"]:
        assert role["secret"] is None or role["secret"] in text
        for login in role["logins"]:
            assert login in text
    for flags in document["flags"].values():
        for name, value in flags.items():
            assert f"{name} " in text
            assert value in text


def test_all_flags_of_one_node_can_be_seen(ybfort: Ybfort, project: Path) -> None:
    document = json.loads(ybfort("plan", "orders-prod", "--json").out)
    address = next(node["address"] for node in document["nodes"] if node["name"] == "b1")
    text = ybfort("plan", "orders-prod", "--node", "b1").out
    assert "yb-master on b1" in text
    assert f"cert_node_filename                               {address}" in text
    assert "allow_insecure_connections                       false" in text


def test_the_nodes_own_document_can_be_seen(ybfort: Ybfort, project: Path) -> None:
    document = json.loads(ybfort("plan", "orders-prod", "--config").out)
    assert document["cluster"] == "orders-prod"
    assert len(document["agent"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--node", "x9"], "there is no node 'x9' (there are a1, b1, c1)"),
        (["--node", "a1", "--json"], "are three answers: ask for one"),
        (["--config", "--json"], "are three answers: ask for one"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(ybfort: Ybfort, project: Path, arguments: list[str], says: str) -> None:
    answer = ybfort("plan", "orders-prod", *arguments)
    assert answer.code == 2
    assert says in answer.err.replace("\n", " ")


def test_a_wrong_stack_file_gives_its_problems_and_no_plan(ybfort: Ybfort, stack: Path) -> None:
    stack.write_text(stack.read_text().replace("replication_factor: 3", "replication_factor: 4"))
    answer = ybfort("plan", "orders-prod")
    assert answer.code == 1
    assert answer.out == ""
    assert "replication_factor: 4 is even" in answer.err


def test_a_cluster_in_an_existing_vpc_without_clients_or_roles_has_a_plan_too(ybfort: Ybfort, tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"clients": [], "databases": [], "keyspaces": [], "roles": []}
    text = ybfort("plan", written(tmp_path / "Pulumi.small.yaml", {**FULL, **nothing})).out
    assert "vpc-0123456789abcdef0" in text
    assert "subnet-0123456789abcdef0" in text
