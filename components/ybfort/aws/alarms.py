"""Who is told when something is wrong, and what counts as wrong: tables of watches, and one alarm for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_aws import cloudwatch, sns

from ybfort.aws.audit import Audit
from ybfort.aws.documents import Arns, policy, statement
from ybfort.aws.endpoint import Endpoint
from ybfort.aws.keys import Keys
from ybfort.aws.plan import AwsPlan
from ybfort.aws.trail_events import SAYS, WATCHED
from ybfort.plan.cluster import METRICS
from ybfort.plan.nodes import Node
from ybfort.plan.watches import Watch, node_watches

MINUTE, FIVE_MINUTES = 60, 300


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricWatch:
    """A condition that is wrong when it holds in every one of `periods` periods."""

    what: str
    says: str
    namespace: str
    metric: str
    statistic: Literal["Maximum", "Minimum", "Sum"]
    wrong: Literal["GreaterThanOrEqualToThreshold", "LessThanThreshold"]
    threshold: float
    period: int  # seconds
    periods: int
    silence: Literal["breaching", "missing", "notBreaching"]  # what it means to hear nothing


def node_watch(watch: Watch) -> MetricWatch:
    """What a node says of itself. Its agent publishes these metrics with the dimensions Cluster and Node."""
    too_much = watch.wrong == ">="
    return MetricWatch(
        what=watch.what,
        says=watch.says,
        namespace=METRICS,
        metric=watch.metric,
        statistic="Maximum" if too_much else "Minimum",
        wrong="GreaterThanOrEqualToThreshold" if too_much else "LessThanThreshold",
        threshold=watch.threshold,
        period=FIVE_MINUTES,
        periods=3 if watch.passes else 1,
        silence="breaching" if watch.silence else "missing",
    )


def endpoint_watch(api: str) -> MetricWatch:
    """What the load balancer says of the nodes."""
    return MetricWatch(
        what=f"{api}-targets",
        says=f"The load balancer cannot reach {api.upper()} on a node.",
        namespace="AWS/NetworkELB",
        metric="UnHealthyHostCount",
        statistic="Maximum",
        wrong="GreaterThanOrEqualToThreshold",
        threshold=1,
        period=MINUTE,
        periods=3,
        silence="breaching",
    )


def trail_watch(alarm: str, namespace: str) -> MetricWatch:
    """What the trail says of the account."""
    return MetricWatch(
        what=alarm,
        says=SAYS[alarm],
        namespace=namespace,
        metric=alarm,
        statistic="Sum",
        wrong="GreaterThanOrEqualToThreshold",
        threshold=1,
        period=FIVE_MINUTES,
        periods=1,
        silence="notBreaching",
    )


class Alarms(pulumi.ComponentResource):
    """The topic, its subscribers, and the alarms.

    :ivar topic_arn: ARN of the topic, for alarms of your own whose names begin with the cluster's
    """

    topic_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        plan: AwsPlan,
        endpoint: Endpoint,
        audit: Audit,
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:aws:Alarms", name, {}, opts)
        self.topic_arn = self._topic(name, plan, keys)
        for api, group in sorted(endpoint.target_groups.items()):
            dimensions = {"LoadBalancer": endpoint.load_balancer, "TargetGroup": group.arn_suffix}
            self._alarm(name, plan, endpoint_watch(api), dimensions)
        # The trail sees the whole account, so its watches go with the account's settings: to one stack.
        if audit.trail_group is not None and plan.spec.account_settings.guardrails:
            self._watch_trail(name, plan, audit.trail_group)
        self.register_outputs({"topicArn": self.topic_arn})

    def watch_node(self, name: str, plan: AwsPlan, node: Node, opts: pulumi.ResourceOptions) -> None:
        """The alarms of a node."""
        for watch in node_watches(plan, data="volume"):
            dimensions = {"Cluster": plan.names.prefix, "Node": node.name}
            self._alarm(name, plan, node_watch(watch), dimensions, of=node.name, opts=opts)

    def _topic(self, name: str, plan: AwsPlan, keys: Keys) -> pulumi.Output[str]:
        physical = plan.names.of("alarms")
        topic = sns.Topic(
            f"{name}-alarms",
            name=physical,
            kms_master_key_id=keys.arns["logs"],
            policy=topic_policy(plan),
            tags=plan.tags(physical),
            opts=pulumi.ResourceOptions(parent=self),
        )
        for email in sorted(plan.spec.alerts.emails):
            sns.TopicSubscription(
                f"{name}-{email}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return topic.arn

    def _watch_trail(self, name: str, plan: AwsPlan, log_group: pulumi.Output[str]) -> None:
        """Filters that count events, and one alarm for each kind of trouble: a changed network is one mail."""
        namespace = f"{METRICS}/{plan.names.prefix}/trail"
        for events in WATCHED:
            cloudwatch.LogMetricFilter(
                f"{name}-{events.what}",
                name=plan.names.of(events.what),
                log_group_name=log_group,
                pattern=events.pattern,
                metric_transformation={"name": events.alarm, "namespace": namespace, "value": "1"},
                opts=pulumi.ResourceOptions(parent=self),
            )
        for alarm in SAYS:
            self._alarm(name, plan, trail_watch(alarm, namespace), {}, back_to_normal=False)

    def _alarm(
        self,
        name: str,
        plan: AwsPlan,
        watch: MetricWatch,
        dimensions: Mapping[str, pulumi.Input[str]],
        *,
        of: str | None = None,
        back_to_normal: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """One alarm. What passes by itself is also told when it is over; what somebody did is not undone by time."""
        part = f"{of}-{watch.what}" if of else watch.what
        physical = plan.names.of(part)
        cloudwatch.MetricAlarm(
            f"{name}-{part}",
            name=physical,
            alarm_description=f"{plan.names.prefix}, node {of}: {watch.says}"
            if of
            else f"{plan.names.prefix}: {watch.says}",
            namespace=watch.namespace,
            metric_name=watch.metric,
            dimensions=dict(dimensions),
            statistic=watch.statistic,
            comparison_operator=watch.wrong,
            threshold=watch.threshold,
            period=watch.period,
            evaluation_periods=watch.periods,
            datapoints_to_alarm=watch.periods,
            treat_missing_data=watch.silence,
            actions_enabled=True,
            alarm_actions=[self.topic_arn],
            ok_actions=[self.topic_arn] if back_to_normal else [],
            tags=plan.tags(physical),
            opts=opts or pulumi.ResourceOptions(parent=self),
        )


def topic_policy(plan: AwsPlan) -> str:
    """Who may publish: the cluster's own alarms, and nobody without TLS."""
    names, arns = plan.names, Arns(plan.names)
    topic = arns.regional("sns", names.of("alarms"))
    return policy(
        statement(
            "OwnAlarmsPublish",
            "sns:Publish",
            topic,
            principals={"Service": "cloudwatch.amazonaws.com"},
            conditions={
                "ArnLike": {"aws:SourceArn": arns.regional("cloudwatch", f"alarm:{names.prefix}-*")},
                "StringEquals": {"aws:SourceAccount": names.account},
            },
        ),
        statement(
            "DenyPlaintext",
            "sns:Publish",
            topic,
            effect="Deny",
            principals="*",
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )
