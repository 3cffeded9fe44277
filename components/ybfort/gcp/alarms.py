"""Who is told when something is wrong, and what counts as wrong: tables of watches, and one alert policy for each."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import logging, monitoring

from ybfort.gcp.plan import GcpPlan, labels
from ybfort.gcp.trail_events import SAYS, WATCHED
from ybfort.plan.cluster import METRICS, PACE
from ybfort.plan.nodes import Node
from ybfort.plan.watches import Watch, node_watches

# What a node says is wrong when it is wrong in all that it said for so long, and so long it may say nothing. Seconds.
REPORT, STALE = PACE["report"], PACE["stale"]
EVENTS_SECONDS, EVERY_SECONDS = 300, 60  # from event to mail; from one look to the next
ENDED_SECONDS = 1_800  # an alarm of which nothing more is heard is over; the shortest that Monitoring takes


class Alarms(pulumi.ComponentResource):
    """The notification channels and the alert policies.

    What the load balancer sees of the nodes is no metric on GCP: nodes themselves tell whether the database answers.

    :ivar channels: ids of the notification channels, for alert policies of your own
    """

    channels: list[pulumi.Output[str]]

    def __init__(self, name: str, plan: GcpPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Alarms", name, {}, opts)
        self.channels = [self._channel(name, plan, email) for email in sorted(plan.spec.alerts.emails)]
        # The audit trail is the whole project's, so its watches go with the project's settings: to one stack.
        if plan.spec.account_settings.guardrails:
            self._watch_trail(name, plan)
        self.register_outputs({"channels": self.channels})

    def watch_node(self, name: str, plan: GcpPlan, node: Node, opts: pulumi.ResourceOptions) -> None:
        """The alarms of a node."""
        for watch in node_watches(plan, data="disk"):
            says = f"{plan.names.prefix}, node {node.name}: {watch.says}"
            conditions = node_conditions(plan, node, watch)
            self._policy(name, plan, f"{node.name}-{watch.what}", says, conditions, opts=opts)

    def _channel(self, name: str, plan: GcpPlan, email: str) -> pulumi.Output[str]:
        return monitoring.NotificationChannel(
            f"{name}-{email}",
            display_name=f"{plan.names.prefix}: {email}",
            type="email",
            labels={"email_address": email},
            enabled=True,
            force_delete=False,
            user_labels=labels(plan),
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _watch_trail(self, name: str, plan: GcpPlan) -> None:
        """Metrics that count events, and one alarm for each kind of trouble: a changed network is one mail."""
        for events in WATCHED:
            logging.Metric(
                f"{name}-{events.what}",
                name=plan.names.of(events.what),
                description=f"{plan.names.prefix}: {SAYS[events.alarm]}",
                filter=events.filter,
                metric_descriptor={"metric_kind": "DELTA", "value_type": "INT64", "unit": "1"},
                opts=pulumi.ResourceOptions(parent=self),
            )
        for alarm, says in SAYS.items():
            conditions = [trail_condition(plan, events.what) for events in WATCHED if events.alarm == alarm]
            self._policy(name, plan, alarm, f"{plan.names.prefix}: {says}", conditions, back_to_normal=False)

    def _policy(
        self,
        name: str,
        plan: GcpPlan,
        part: str,
        says: str,
        conditions: Sequence[monitoring.AlertPolicyConditionArgsDict],
        *,
        back_to_normal: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """One alarm. What passes by itself is also told when it is over; what somebody did is not undone by time."""
        monitoring.AlertPolicy(
            f"{name}-{part}",
            display_name=plan.names.of(part),
            documentation={"content": says, "mime_type": "text/markdown"},
            enabled=True,
            severity="ERROR",
            combiner="OR",
            conditions=conditions,
            notification_channels=self.channels,
            alert_strategy={
                "auto_close": f"{ENDED_SECONDS}s",
                "notification_prompts": ["OPENED", "CLOSED"] if back_to_normal else ["OPENED"],
            },
            user_labels=labels(plan),
            opts=opts or pulumi.ResourceOptions(parent=self),
        )


def node_conditions(plan: GcpPlan, node: Node, watch: Watch) -> list[monitoring.AlertPolicyConditionArgsDict]:
    """In PromQL, which also misses a metric that never was there: of a node that never said anything."""
    labelled = f'monitored_resource="generic_node",cluster="{plan.names.prefix}",node="{node.name}"'
    metric = f"custom_googleapis_com:{METRICS}_{watch.metric}{{{labelled}}}"
    best = {">=": "min_over_time", "<": "max_over_time"}[watch.wrong]
    wrong = _condition(watch.what, f"{best}({metric}[{STALE}s]) {watch.wrong} {watch.threshold}")
    if not watch.silence:
        return [wrong]
    # Not at once: a new node is watched before it can say anything.
    return [wrong, _condition("silence", f"absent_over_time({metric}[{REPORT}s])", seconds=STALE - REPORT)]


def trail_condition(plan: GcpPlan, what: str) -> monitoring.AlertPolicyConditionArgsDict:
    """Whether there was an event. PromQL knows a metric by its name without hyphens."""
    metric = plan.names.of(what).replace("-", "_")
    return _condition(what, f"sum(increase(logging_googleapis_com:user_{metric}[{EVENTS_SECONDS}s])) > 0")


def _condition(what: str, query: str, *, seconds: int = 0) -> monitoring.AlertPolicyConditionArgsDict:
    """:param seconds: for how long the query must find something"""
    return {
        "display_name": what,
        "condition_prometheus_query_language": {
            "query": query,
            "duration": f"{seconds}s",
            "evaluation_interval": f"{EVERY_SECONDS}s",
            # A metric begins with its first value, and Monitoring refuses what it has never heard of.
            "disable_metric_validation": True,
        },
    }
