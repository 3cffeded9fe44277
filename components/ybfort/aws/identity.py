"""Who a node is to the cloud: one role that may do what a node of this cluster does, and nothing to anything else."""

import pulumi
from pulumi_aws import iam

from ybfort.aws.documents import Arns, policy, statement, trust
from ybfort.plan.cluster import ClusterPlan


class Identity(pulumi.ComponentResource):
    """The nodes' role and instance profile.

    :ivar role: the role, which keys wait for: KMS refuses a policy that names an unknown principal
    :ivar profile_name: name of the instance profile
    """

    role: iam.Role
    profile_name: pulumi.Output[str]

    def __init__(self, name: str, plan: ClusterPlan, opts: pulumi.ResourceOptions | None = None) -> None:
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


def node_policy(plan: ClusterPlan) -> str:
    """What a node may do. Use of keys is granted by the keys' own policies.

    Its length does not grow with the cluster: the inline policies of a role end at 10,240 characters.
    """
    names, arns = plan.names, Arns(plan.names)
    artifacts, status, backup = (arns.bucket(purpose) for purpose in ("artifacts", "status", "backup"))
    authority = plan.spec.certificates.existing_authority
    return policy(
        statement("Fetch", "s3:GetObject", f"{artifacts}/*"),
        statement("Report", ["s3:GetObject", "s3:PutObject"], f"{status}/status/*"),
        # Without it what is not there yet answers 403 in place of 404.
        statement("TellAbsentFromForbidden", "s3:ListBucket", [artifacts, status]),
        statement("WriteBackups", "s3:PutObject", f"{backup}/*"),
        statement(
            "KeepPasswords",
            [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            arns.secrets,
        ),
        statement(
            "SignNodeCertificates",
            ["acm-pca:GetCertificate", "acm-pca:GetCertificateAuthorityCertificate", "acm-pca:IssueCertificate"],
            # The id of an authority is born with it: the cluster's own is told by its tag.
            authority or arns.regional("acm-pca", "certificate-authority/*"),
            conditions=None if authority else {"StringEquals": {"aws:ResourceTag/ybfort:cluster": names.prefix}},
        ),
        statement(
            "WriteOwnLogs",
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [f"{arns.log_group(part)}:*" for part in ("database", "node", "shell")],
        ),
        statement(
            "PublishMetrics",
            "cloudwatch:PutMetricData",
            "*",
            conditions={"StringEquals": {"cloudwatch:namespace": "ybfort"}},
        ),
        # What a recorded shell needs and no more (AWS: Session Manager, minimal permissions). Like the metrics above,
        # these actions take no resource.
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
