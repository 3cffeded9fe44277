"""The record of what was done: on nodes and in the database, on the network, in shells and in the account."""

import json

import pulumi
from pulumi_aws import cloudtrail, cloudwatch, ec2, iam, route53, ssm

from ybfort.aws.documents import Arns, policy, statement, trust
from ybfort.aws.guardrails import Guardrails
from ybfort.aws.keys import Keys
from ybfort.aws.network import Network
from ybfort.aws.plan import AwsPlan
from ybfort.aws.storage import Storage

FLOW_SECONDS = 60  # the shortest interval of a flow log; the other choice is ten minutes
TRAIL_PREFIX = "trail"  # where the logs bucket lets CloudTrail write
RECORDED_BUCKETS = ("artifacts", "backup", "status")  # every read and write of an object; the logs bucket would echo
SHELL_MINUTES, SHELL_IDLE_MINUTES = 60, 15


class Audit(pulumi.ComponentResource):
    """Log groups and what writes to them.

    In an existing VPC flow log and DNS log are the VPC owner's: they would show traffic that is not the cluster's.

    :ivar log_groups: names of the log groups by part: database, node, shell; dns and flow with a VPC of the cluster's
        own; trail with a trail of its own
    :ivar trail_group: name of the trail's log group once it exists; None with a trail of the user's
    """

    log_groups: dict[str, str]
    trail_group: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        plan: AwsPlan,
        network: Network,
        keys: Keys,
        storage: Storage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:aws:Audit", name, {}, opts)
        own_vpc = plan.spec.region.existing_vpc is None
        own_trail = plan.spec.audit.existing_trail is None
        parts = ["database", *(["dns", "flow"] if own_vpc else []), "node", "shell", *(["trail"] if own_trail else [])]
        groups = {part: self._log_group(name, plan, part, keys) for part in parts}
        self.log_groups = {part: plan.names.log_group(part) for part in parts}
        self.trail_group = groups["trail"].name if own_trail else None
        self._shell(name, plan)
        if own_vpc:
            self._flow_log(name, plan, network, groups["flow"])
            self._dns_log(name, plan, network, groups["dns"])
        if own_trail:
            self._trail(name, plan, keys, storage, groups["trail"])
        if plan.spec.account_settings.guardrails:
            Guardrails(name, plan, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"logGroups": self.log_groups})

    def _log_group(self, name: str, plan: AwsPlan, part: str, keys: Keys) -> cloudwatch.LogGroup:
        physical = plan.names.log_group(part)
        return cloudwatch.LogGroup(
            f"{name}-{part}",
            name=physical,
            kms_key_id=keys.arns["logs"],
            retention_in_days=plan.spec.audit.retention_days,
            tags=plan.tags(physical),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _shell(self, name: str, plan: AwsPlan) -> None:
        physical = plan.names.of("shell")
        ssm.Document(
            f"{name}-shell",
            name=physical,
            document_type="Session",
            document_format="JSON",
            content=shell_document(plan),
            tags=plan.tags(physical),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _flow_log(self, name: str, plan: AwsPlan, network: Network, group: cloudwatch.LogGroup) -> None:
        role, rights = self._writer(name, plan, "flow", "vpc-flow-logs.amazonaws.com", flow_log_policy(plan))
        ec2.FlowLog(
            f"{name}-flow",
            vpc_id=network.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=FLOW_SECONDS,
            tags=plan.tags(plan.names.of("flow")),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )

    def _dns_log(self, name: str, plan: AwsPlan, network: Network, group: cloudwatch.LogGroup) -> None:
        """AWS itself adds the delivery service to the log group's resource policy when this is created."""
        mine = pulumi.ResourceOptions(parent=self)
        physical = plan.names.of("dns")
        config = route53.ResolverQueryLogConfig(
            f"{name}-dns", name=physical, destination_arn=group.arn, tags=plan.tags(physical), opts=mine
        )
        route53.ResolverQueryLogConfigAssociation(
            f"{name}-dns", resolver_query_log_config_id=config.id, resource_id=network.vpc_id, opts=mine
        )

    def _trail(self, name: str, plan: AwsPlan, keys: Keys, storage: Storage, group: cloudwatch.LogGroup) -> None:
        role, rights = self._writer(name, plan, "trail", "cloudtrail.amazonaws.com", trail_policy(plan))
        physical = plan.names.of("trail")
        cloudtrail.Trail(
            f"{name}-trail",
            name=physical,
            enable_logging=True,
            is_multi_region_trail=True,
            is_organization_trail=False,
            include_global_service_events=True,
            enable_log_file_validation=True,
            kms_key_id=keys.arns["logs"],
            s3_bucket_name=storage.buckets["logs"],
            s3_key_prefix=TRAIL_PREFIX,
            cloud_watch_logs_group_arn=f"{Arns(plan.names).log_group('trail')}:*",
            cloud_watch_logs_role_arn=role.arn,
            advanced_event_selectors=trail_selectors(plan),
            tags=plan.tags(physical),
            # CloudTrail tries to write to both before it accepts the trail.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[group, rights, storage]),
        )

    def _writer(
        self, name: str, plan: AwsPlan, part: str, service: str, document: str
    ) -> tuple[iam.Role, iam.RolePolicy]:
        """The role by which a service writes to one log group."""
        mine = pulumi.ResourceOptions(parent=self)
        physical = plan.names.of(f"{part}-log")
        role = iam.Role(
            f"{name}-{part}",
            name=physical,
            description=f"{service} writes the {part} log of {plan.names.prefix}",
            assume_role_policy=trust(service, plan.names),
            permissions_boundary=plan.spec.account_settings.permissions_boundary,
            max_session_duration=3600,
            tags=plan.tags(physical),
            opts=mine,
        )
        return role, iam.RolePolicy(f"{name}-{part}", name="write", role=role.name, policy=document, opts=mine)


def flow_log_policy(plan: AwsPlan) -> str:
    """What the flow log's role may do: write to its log group, which it looks up first."""
    group = Arns(plan.names).log_group("flow")
    return policy(
        statement(
            "WriteFlowLog",
            ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [group, f"{group}:*"],
        )
    )


def trail_policy(plan: AwsPlan) -> str:
    """What the trail's role may do: write to its log group, in the streams that CloudTrail names after the account."""
    names = plan.names
    stream = f"{Arns(names).log_group('trail')}:log-stream:{names.account}_CloudTrail_{names.region}*"
    return policy(statement("WriteTrail", ["logs:CreateLogStream", "logs:PutLogEvents"], stream))


def trail_selectors(plan: AwsPlan) -> list[cloudtrail.TrailAdvancedEventSelectorArgsDict]:
    """What the trail records: all that is managed in the account, and every object of the cluster read or written."""
    arns = Arns(plan.names)
    return [
        {
            "name": "Management of the account",
            "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}],
        },
        {
            "name": "Objects of the cluster",
            "field_selectors": [
                {"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                {
                    "field": "resources.ARN",
                    "starts_withs": [f"{arns.bucket(purpose)}/" for purpose in RECORDED_BUCKETS],
                },
            ],
        },
    ]


def shell_document(plan: AwsPlan) -> str:
    """How a shell on a node is held: encrypted with the cluster's key, recorded as it runs, and closed when forgotten.

    The key stands here by its alias: its id is not known before it exists, and would hide the document in a preview.
    """
    return json.dumps(
        {
            "schemaVersion": "1.0",
            "description": f"Recorded shell on a node of {plan.names.prefix}",
            "sessionType": "Standard_Stream",
            "inputs": {
                "kmsKeyId": Arns(plan.names).regional("kms", f"alias/{plan.names.of('logs')}"),
                "cloudWatchLogGroupName": plan.names.log_group("shell"),
                "cloudWatchEncryptionEnabled": True,
                "cloudWatchStreamingEnabled": True,
                "s3BucketName": "",
                "s3KeyPrefix": "",
                "s3EncryptionEnabled": True,
                "idleSessionTimeout": str(SHELL_IDLE_MINUTES),
                "maxSessionDuration": str(SHELL_MINUTES),
                "runAsEnabled": False,
                "runAsDefaultUser": "",
            },
        },
        indent=2,
    )
