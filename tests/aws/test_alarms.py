"""Alarms on AWS: what is watched, what silence means, and that somebody is told over an encrypted topic."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest

from aws_parts import KEY, YCQL_CLIENT, endpoint, keys, statements
from specs import prod_plan, region, zones
from ybfort.aws.alarms import Alarms
from ybfort.aws.audit import Audit
from ybfort.aws.trail_events import SAYS, WATCHED
from ybfort.plan.agent import PACKAGE
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

ALARM, FILTER = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/logMetricFilter:LogMetricFilter"
TOPIC, SUBSCRIPTION = "aws:sns/topic:Topic", "aws:sns/topicSubscription:TopicSubscription"
NODE_WATCHES = {"agent", "certificate", "database", "disk"}
LONGEST_PATTERN = 1024  # CloudWatch Logs: characters of a filter pattern


def alarms(*, own_trail: bool = True, **changes: Any) -> Callable[[], None]:
    def program() -> None:
        plan = prod_plan(**{"account_settings": {"guardrails": True}, **changes})
        trail = pulumi.Output.from_input("/ybfort/orders-prod/trail") if own_trail else None
        audit = cast(Audit, SimpleNamespace(trail_group=trail))
        made = Alarms("orders", plan, endpoint(plan), audit, keys())
        for node in plan.nodes:
            made.watch_node("orders", plan, node, pulumi.ResourceOptions())

    return program


@pytest.fixture
def graph(record: Record) -> Graph:
    return record(alarms())


def by_name(graph: Graph) -> dict[str, Any]:
    return {alarm.props["name"].removeprefix("orders-prod-"): alarm.props for alarm in graph.of(ALARM)}


def test_every_alarm_acts_and_says_what_is_wrong(graph: Graph) -> None:
    assert by_name(graph)
    for alarm in by_name(graph).values():
        assert alarm["actionsEnabled"] is True
        assert len(alarm["alarmActions"]) == 1
        assert alarm["alarmDescription"].startswith("orders-prod")


def test_every_node_is_watched_in_the_same_way(record: Record) -> None:
    names = set(by_name(record(alarms(regions=[region(zones=zones(2, 1, 1))]))))
    for node in ("a1", "a2", "b1", "c1"):
        assert {name for name in names if name.startswith(f"{node}-")} == {f"{node}-{what}" for what in NODE_WATCHES}


def test_a_node_is_known_by_its_name_whatever_machine_it_runs_on(graph: Graph) -> None:
    made = by_name(graph)
    for what in NODE_WATCHES:
        assert made[f"a1-{what}"]["namespace"] == "ybfort"
        assert made[f"a1-{what}"]["dimensions"] == {"Cluster": "orders-prod", "Node": "a1"}


def test_a_node_that_falls_silent_is_told_once(graph: Graph) -> None:
    silent = {name for name, alarm in by_name(graph).items() if alarm["treatMissingData"] == "breaching"}
    assert silent == {"a1-agent", "b1-agent", "c1-agent", "ysql-targets"}


def test_the_metrics_are_those_that_the_agent_publishes(graph: Graph) -> None:
    published = set(re.findall(r'"((?:[A-Z][a-z]+){2,})"', (PACKAGE / "node/steps/report.py").read_text()))
    assert {by_name(graph)[f"a1-{what}"]["metricName"] for what in NODE_WATCHES} == published


def test_a_database_that_is_unwell_for_a_quarter_of_an_hour_is_told(graph: Graph) -> None:
    made = by_name(graph)["b1-database"]
    assert (made["metricName"], made["statistic"]) == ("DatabaseHealthy", "Minimum")
    assert (made["comparisonOperator"], made["threshold"]) == ("LessThanThreshold", 1)
    assert made["period"] * made["evaluationPeriods"] == 900
    assert made["datapointsToAlarm"] == made["evaluationPeriods"]


@pytest.mark.parametrize(("days", "alarms_at"), [(2, 0.5), (4, 1), (7, 1.75)])
def test_a_certificate_alarms_only_after_its_renewal_was_due(record: Record, days: int, alarms_at: float) -> None:
    made = by_name(record(alarms(certificates={"lifetime_days": days})))["a1-certificate"]
    assert made["comparisonOperator"] == "LessThanThreshold"
    assert made["threshold"] == alarms_at < days / 3


def test_each_api_of_the_endpoint_is_watched(record: Record) -> None:
    made = by_name(record(alarms(clients=[YCQL_CLIENT])))
    for api in ("ysql", "ycql"):
        assert made[f"{api}-targets"]["metricName"] == "UnHealthyHostCount"
        assert made[f"{api}-targets"]["dimensions"] == {"LoadBalancer": "net/db", "TargetGroup": f"targetgroup/{api}"}


def test_what_passes_by_itself_is_told_when_it_is_over(graph: Graph) -> None:
    for name, alarm in by_name(graph).items():
        assert bool(alarm.get("okActions")) is (name not in SAYS), name


def test_the_topic_is_encrypted_with_the_clusters_key(graph: Graph) -> None:
    (topic,) = graph.of(TOPIC)
    assert topic.props["kmsMasterKeyId"] == KEY.format("logs")


def test_only_the_clusters_own_alarms_can_use_the_topic_and_only_over_tls(graph: Graph) -> None:
    (topic,) = graph.of(TOPIC)
    allow, deny = statements(topic.props["policy"])
    assert (allow["Principal"], allow["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    assert allow["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:orders-prod-*"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert all(alarm.props["name"].startswith("orders-prod-") for alarm in graph.of(ALARM))


def test_everybody_named_is_told(record: Record) -> None:
    graph = record(alarms(alerts={"emails": ["dba@example.com", "ops@example.com"]}))
    assert {(one.props["protocol"], one.props["endpoint"]) for one in graph.of(SUBSCRIPTION)} == {
        ("email", "dba@example.com"),
        ("email", "ops@example.com"),
    }


# -------------------------------------------------------------------------------------- CIS metric filters of the trail


def test_the_trail_is_watched_for_what_the_benchmark_names(graph: Graph) -> None:
    assert {events.cis for events in WATCHED} == {
        *("4.1", "4.3", "4.4", "4.5", "4.7", "4.8", "4.10", "4.11", "4.12", "4.13", "4.14"),
    }
    assert {one.props["pattern"] for one in graph.of(FILTER)} == {events.pattern for events in WATCHED}
    assert {one.props["logGroupName"] for one in graph.of(FILTER)} == {"/ybfort/orders-prod/trail"}


def test_every_filter_feeds_an_alarm(graph: Graph) -> None:
    watched = {(alarm["namespace"], alarm["metricName"]) for alarm in by_name(graph).values()}
    for one in graph.of(FILTER):
        metric = one.props["metricTransformation"]
        assert (metric["namespace"], metric["name"]) in watched
        assert float(metric["value"]) == 1


@pytest.mark.parametrize("events", WATCHED, ids=lambda events: events.what)
def test_a_pattern_is_one_that_cloudwatch_takes(events: Any) -> None:
    assert events.pattern.startswith("{ ")
    assert events.pattern.endswith(" }")
    assert len(events.pattern) <= LONGEST_PATTERN
    assert events.pattern.count("(") == events.pattern.count(")")


def test_a_trail_of_somebody_else_is_somebody_elses_to_watch(record: Record) -> None:
    graph = record(alarms(own_trail=False))
    assert not list(graph.of(FILTER))
    assert not set(SAYS) & set(by_name(graph))


def test_the_account_is_watched_by_the_stack_that_owns_its_settings(record: Record) -> None:
    assert not list(record(alarms(account_settings={"guardrails": False})).of(FILTER))


def test_topic_and_alarms_carry_the_clusters_tags(graph: Graph) -> None:
    for type_ in (TOPIC, ALARM):
        for resource in graph.of(type_):
            assert resource.props["tags"].items() >= {"team": "payments", "ybfort:cluster": "orders-prod"}.items()
