"""The record on GCP: logs of nodes, network and project, kept for a year or more under the cluster's key."""

from collections.abc import Callable
from typing import Any

import pytest

from gcp_parts import EXISTING, GUARDRAILS, PROJECT, REGION
from gcp_specs import gcp_plan
from ybfort.gcp.audit import Audit
from ybfort.gcp.keys import Keys
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

BUCKET, SINK = "gcp:logging/projectBucketConfig:ProjectBucketConfig", "gcp:logging/projectSink:ProjectSink"
ACCESS = "gcp:projects/iAMAuditConfig:IAMAuditConfig"


def audit(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        plan = gcp_plan(**changes)
        Audit("orders", plan, Keys("orders", plan))

    return program


@pytest.fixture
def graph(record: Record) -> Graph:
    return record(audit())


def kept(graph: Graph) -> list[str]:
    """What the sink's filter names, one by one."""
    return graph.one(SINK).props["filter"].split(" OR\n")


# -------------------------------------------------------------------------------------------------- row 63: log bucket


def test_the_record_is_kept_for_a_year_or_more_under_the_clusters_key_once_that_may_be_used(graph: Graph) -> None:
    bucket = graph.one(BUCKET)
    assert bucket.props["cmekSettings"]["kmsKeyName"].endswith("/keyRings/orders-prod/cryptoKeys/logs")
    assert bucket.props["retentionDays"] >= 365
    assert bucket.props["location"] == REGION
    for type_ in ("gcp:kms/cryptoKey:CryptoKey", "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy"):
        assert graph.one(type_, "orders-logs").urn in bucket.dependencies


def test_retention_is_as_asked_and_can_be_made_longer(record: Record) -> None:
    bucket = record(audit(audit={"retention_days": 731})).one(BUCKET).props
    assert (bucket["retentionDays"], bucket["locked"]) == (731, False)


# -------------------------------------------------------------------------------------------------------- row 62: sink


def test_the_sink_leads_to_the_bucket_once_it_is_there(graph: Graph) -> None:
    sink, bucket = graph.one(SINK), graph.one(BUCKET)
    place = f"projects/{PROJECT}/locations/{REGION}/buckets/{bucket.props['bucketId']}"
    assert sink.props["destination"] == f"logging.googleapis.com/{place}"
    assert bucket.urn in sink.dependencies


def test_nothing_of_it_is_left_out(graph: Graph) -> None:
    assert "exclusions" not in graph.one(SINK).props
    assert not graph.one(SINK).props.get("disabled")


def test_the_record_holds_what_nodes_log_what_the_network_carried_and_every_call(graph: Graph) -> None:
    of_nodes = {'log_id("ybfort-orders-prod-database")', 'log_id("ybfort-orders-prod-node")'}
    calls = {'logName:"/logs/cloudaudit.googleapis.com"'}
    network = {one for one in kept(graph) if one.startswith("(")}
    assert set(kept(graph)) == of_nodes | calls | network
    assert {one.partition('"')[2].partition('"')[0] for one in network} == {
        "compute.googleapis.com/vpc_flows",
        "compute.googleapis.com/firewall",
        "dns.googleapis.com/dns_queries",
    }
    assert all(one.endswith('="orders-prod")') for one in network), "other networks of the project are none of ours"


def test_in_an_existing_network_flows_and_names_are_its_owners_to_record(record: Record) -> None:
    assert not [one for one in kept(record(audit(regions=[EXISTING]))) if one.startswith("(")]


def test_the_stack_that_owns_the_projects_settings_records_all_of_it(record: Record) -> None:
    assert "filter" not in record(audit(**GUARDRAILS)).one(SINK).props


def test_the_logs_are_told_by_part(graph: Graph) -> None:
    (made,) = graph.of("ybfort:gcp:Audit")
    assert made.outputs["logGroups"] == {
        "database": "ybfort-orders-prod-database",
        "node": "ybfort-orders-prod-node",
    }


# ------------------------------------------------------------------------------------------------ row 62: audit config


def test_all_access_to_all_services_by_everybody_is_recorded(graph: Graph) -> None:
    access = graph.one(ACCESS).props
    assert (access["project"], access["service"]) == (PROJECT, "allServices")
    # Without a field for exempted members nobody is exempted.
    assert access["auditLogConfigs"] == [{"logType": kind} for kind in ("ADMIN_READ", "DATA_READ", "DATA_WRITE")]


def test_what_holds_for_the_whole_project_outlives_the_cluster(graph: Graph) -> None:
    assert graph.one(ACCESS).retain_on_delete
