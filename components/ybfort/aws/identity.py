"""Who a node is to the cloud: one role that may do what a node of this cluster does, and nothing to anything else."""

from typing import Any

import pulumi
from pulumi_aws import iam

from ybfort.aws.documents import Arns, policy, statement, trust
from ybfort.aws.plan import AwsPlan
from ybfort.plan.cluster import METRICS

FETCHED = ("agent", "config", "releases")  # folders of the artifacts bucket
NODE_TEMPLATE = "arn:aws:acm-pca:::template/EndEntityCertificate/V1"  # usages server and client, no authority


class Identity(pulumi.ComponentResource):
    """The nodes' role and instance profile.

    :ivar role: the role, which keys wait for: KMS refuses a policy that names an unknown principal
    :ivar profile_name: name of the instance profile
    """

    role: iam.Role
    profile_name: pulumi.Output[str]

    def __init__(self, name: str, plan: AwsPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Identity", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        physical = plan.names.of("node")
        self.role = iam.Role(
            f"{name}-node",
            name=physical,
            description=f"Nodes of the YugabyteDB cluster {plan.names.prefix}",
            assume_role_policy=trust("ec2.amazonaws.com", plan.names),
            permissions_boundary=plan.spec.account_settings.permissions_boundary,
            max_session_duration=3600,
            tags=plan.tags(physical),
            opts=mine,
        )
        iam.RolePolicy(f"{name}-node", name="node", role=self.role.name, policy=node_policy(plan), opts=mine)
        profile = iam.InstanceProfile(
            f"{name}-node", name=physical, role=self.role.name, tags=plan.tags(physical), opts=mine
        )
        self.profile_name = profile.name
        self.register_outputs({"roleArn": self.role.arn, "profileName": profile.name})


def node_policy(plan: AwsPlan) -> str:
    """What a node may do. Use of keys is granted by the keys' own policies.

    Its length does not grow with the cluster: the inline policies of a role end at 10,240 characters.
    """
    names, arns = plan.names, Arns(plan.names)
    artifacts, status, backup = (arns.bucket(purpose) for purpose in ("artifacts", "status", "backup"))
    kept = [arns.secret(name) for name in (names.secret("*"), plan.ycql_secret) if name]
    return policy(
        statement("Fetch", "s3:GetObject", [f"{artifacts}/{folder}/*" for folder in FETCHED]),
        statement("Report", ["s3:GetObject", "s3:PutObject"], f"{status}/status/*"),
        # By this right, and the name of an object in place of a prefix, S3 also decides whether it tells a node that
        # something is not there (404) or only that it gets nothing (403).
        statement(
            "LookWhatIsThere",
            "s3:ListBucket",
            artifacts,
            conditions={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in FETCHED]}},
        ),
        statement("LookWhoReports", "s3:ListBucket", status),
        statement("WriteBackups", "s3:PutObject", f"{backup}/*"),
        statement("KeepPasswords", ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], kept),
        *_certificates(plan, arns),
        statement(
            "WriteOwnLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{arns.log_group(part)}:*" for part in ("database", "node", "shell")],
        ),
        statement(
            "PublishMetrics",
            "cloudwatch:PutMetricData",
            "*",
            conditions={"StringEquals": {"cloudwatch:namespace": METRICS}},
        ),
        # What a recorded shell needs and no more (AWS: Session Manager, minimal permissions). Like the metrics above,
        # these actions take no resource; its log has one.
        statement("ContinueShellLog", "logs:DescribeLogStreams", f"{arns.log_group('shell')}:*"),
        statement(
            "RecordedShell",
            [
                "logs:DescribeLogGroups",
                "ssm:UpdateInstanceInformation",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "*",
        ),
    )


def _certificates(plan: AwsPlan, arns: Arns) -> list[dict[str, Any]]:
    """Have certificates signed by the cluster's authority, or take those that are brought."""
    if plan.spec.certificates.brought_by:
        brought = arns.secret(plan.names.certificate("*"))
        return [statement("TakeCertificates", "secretsmanager:GetSecretValue", brought)]
    existing = plan.spec.certificates.existing_authority
    # The id of an authority is born with it: the cluster's own is told by its tag.
    authority = existing or arns.regional("acm-pca", "certificate-authority/*")
    own = {} if existing else {"aws:ResourceTag/ybfort:cluster": plan.names.prefix}
    return [
        statement(
            "AskAuthority",
            [
                "acm-pca:DescribeCertificateAuthority",
                "acm-pca:GetCertificate",
                "acm-pca:GetCertificateAuthorityCertificate",
            ],
            authority,
            conditions={"StringEquals": own} if own else None,
        ),
        # By any other template a node could sign itself an authority, or names that the request does not show.
        statement(
            "SignNodeCertificates",
            "acm-pca:IssueCertificate",
            authority,
            conditions={"StringEquals": {**own, "acm-pca:TemplateArn": NODE_TEMPLATE}},
        ),
    ]
