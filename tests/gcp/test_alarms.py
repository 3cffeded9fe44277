"""Alarms on GCP: what is watched, what silence means, and that somebody is told."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from gcp_parts import GUARDRAILS, by_name
from gcp_specs import gcp_data, gcp_plan
from ybfort.gcp.alarms import Alarms
from ybfort.gcp.trail_events import SAYS, WATCHED
from ybfort.plan.agent import PACKAGE
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

POLICY, CHANNEL = "gcp:monitoring/alertPolicy:AlertPolicy", "gcp:monitoring/notificationChannel:NotificationChannel"
METRIC = "gcp:logging/metric:Metric"
NODE_WATCHES = {"agent", "certificate", "database", "disk"}
MOST_CONDITIONS = 6  # Cloud Monitoring: of one policy


def alarms(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        plan = gcp_plan(**{**GUARDRAILS, **changes})
        made = Alarms("orders", plan)
        for node in plan.nodes:
            made.watch_node("orders", plan, node, pulumi.ResourceOptions())

    return program


@pytest.fixture
def graph(record: Record) -> Graph:
    return record(alarms())


def queries(graph: Graph, policy: str) -> dict[str, str]:
    """What a policy asks, by condition."""
    return {
        one["displayName"]: one["conditionPrometheusQueryLanguage"]["query"]
        for one in by_name(graph, POLICY)[policy]["conditions"]
    }


def test_every_alarm_acts_and_says_what_is_wrong(graph: Graph) -> None:
    channels = {channel.urn for channel in graph.of(CHANNEL)}
    assert graph.of(POLICY)
    for policy in graph.of(POLICY):
        assert policy.props["enabled"] is True
        assert set(policy.property_dependencies["notificationChannels"]) == channels
        assert policy.props["documentation"]["content"].startswith("orders-prod")
        assert policy.props["displayName"].startswith("orders-prod-")
        assert 1 <= len(policy.props["conditions"]) <= MOST_CONDITIONS
        assert policy.props["combiner"] == "OR"


def test_everybody_named_is_told(record: Record) -> None:
    graph = record(alarms(alerts={"emails": ["dba@example.com", "ops@example.com"]}))
    assert {(one.props["type"], one.props["labels"]["email_address"]) for one in graph.of(CHANNEL)} == {
        ("email", "dba@example.com"),
        ("email", "ops@example.com"),
    }


def test_every_node_is_watched_in_the_same_way(record: Record) -> None:
    (region,) = gcp_data()["regions"]
    region["zones"][0]["nodes"] = 2
    names = set(by_name(record(alarms(regions=[region])), POLICY))
    for node in ("b1", "b2", "c1", "d1"):
        assert {name for name in names if name.startswith(f"{node}-")} == {f"{node}-{what}" for what in NODE_WATCHES}


def test_a_node_is_known_by_its_name_whatever_machine_it_runs_on(graph: Graph) -> None:
    for what in NODE_WATCHES:
        for query in queries(graph, f"b1-{what}").values():
            assert re.search(r"custom_googleapis_com:ybfort_\w+\{", query)
            assert '{monitored_resource="generic_node",cluster="orders-prod",node="b1"}' in query


def test_a_node_that_falls_silent_or_never_spoke_is_told_once(graph: Graph) -> None:
    silent = {name for name in by_name(graph, POLICY) if any("absent" in one for one in queries(graph, name).values())}
    assert silent == {"b1-agent", "c1-agent", "d1-agent"}
    _, silence = by_name(graph, POLICY)["b1-agent"]["conditions"]
    condition = silence["conditionPrometheusQueryLanguage"]
    # The agent reports every 300 seconds: three reports did not come.
    assert condition["query"].endswith("[300s])")
    assert condition["duration"] == "600s"


def test_the_metrics_are_those_that_the_agent_publishes(graph: Graph) -> None:
    published = set(re.findall(r'"((?:[A-Z][a-z]+){2,})"', (PACKAGE / "node/steps/report.py").read_text()))
    asked = {query for what in NODE_WATCHES for query in queries(graph, f"b1-{what}").values()}
    assert {name for query in asked for name in re.findall(r"ybfort_(\w+)", query)} == published


@pytest.mark.parametrize(
    ("watch", "query"),
    [
        ("agent", "min_over_time(…[900s]) >= 3600"),
        ("certificate", "max_over_time(…[900s]) < 1.75"),
        ("database", "max_over_time(…[900s]) < 1"),
        ("disk", "min_over_time(…[900s]) >= 80"),
    ],
)
def test_what_a_node_says_is_wrong_when_all_that_it_said_in_a_quarter_of_an_hour_is(
    graph: Graph, watch: str, query: str
) -> None:
    asked = queries(graph, f"c1-{watch}")[watch]
    assert re.sub(r"custom\w+:\w+\{.*?\}", "…", asked) == query


@pytest.mark.parametrize(("days", "alarms_at"), [(2, 0.5), (4, 1), (7, 1.75)])
def test_a_certificate_alarms_only_after_its_renewal_was_due(record: Record, days: int, alarms_at: float) -> None:
    graph = record(alarms(certificates={"lifetime_days": days}))
    query = queries(graph, "b1-certificate")["certificate"]
    assert float(query.rpartition(" < ")[2]) == alarms_at < days / 3


def test_an_alarm_can_be_made_before_anything_was_ever_measured(graph: Graph) -> None:
    for policy in graph.of(POLICY):
        for condition in policy.props["conditions"]:
            assert condition["conditionPrometheusQueryLanguage"]["disableMetricValidation"] is True


def test_what_passes_by_itself_is_told_when_it_is_over(graph: Graph) -> None:
    for name, policy in by_name(graph, POLICY).items():
        assert ("CLOSED" in policy["alertStrategy"]["notificationPrompts"]) is (name not in SAYS), name
        assert "OPENED" in policy["alertStrategy"]["notificationPrompts"]


# ------------------------------------------------------------------------------------------- CIS log metrics of row 64


def test_the_trail_is_watched_for_what_the_benchmark_names(graph: Graph) -> None:
    assert {events.cis for events in WATCHED if events.cis} == {f"2.{number}" for number in range(4, 11)}
    assert {one.props["filter"] for one in graph.of(METRIC)} == {events.filter for events in WATCHED}


def test_every_metric_feeds_an_alarm(graph: Graph) -> None:
    asked = {query for alarm in SAYS for query in queries(graph, alarm).values()}
    for one in graph.of(METRIC):
        metric = "logging_googleapis_com:user_" + one.props["name"].replace("-", "_")
        assert f"sum(increase({metric}[300s])) > 0" in asked
    assert len(asked) == len(graph.of(METRIC)) == len(WATCHED)


def test_the_loss_of_a_key_and_of_the_record_is_watched_as_well() -> None:
    added = {events.alarm: events.filter for events in WATCHED if not events.cis}
    assert "DestroyCryptoKeyVersion" in added["keys-lost"]
    assert re.search(r"Delete.*Sink", added["record-changed"])


@pytest.mark.parametrize("events", WATCHED, ids=lambda events: events.what)
def test_a_filter_is_one_that_cloud_logging_takes(events: Any) -> None:
    assert events.filter.count("(") == events.filter.count(")")
    assert events.filter.count('"') % 2 == 0
    assert len(events.filter) <= 20_000


def test_the_project_is_watched_by_the_stack_that_owns_its_settings(record: Record) -> None:
    graph = record(alarms(account_settings={"guardrails": False}))
    assert not list(graph.of(METRIC))
    assert not set(SAYS) & set(by_name(graph, POLICY))


def test_channels_and_alarms_carry_the_clusters_labels(graph: Graph) -> None:
    for type_ in (CHANNEL, POLICY):
        for resource in graph.of(type_):
            assert resource.props["userLabels"].items() >= {"team": "payments", "ybfort-cluster": "orders-prod"}.items()
