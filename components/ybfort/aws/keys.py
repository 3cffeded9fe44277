"""The customer-managed keys: one for each purpose, each with a policy that names who may use it for what."""

from collections.abc import Iterable
from typing import Any

import pulumi
from pulumi_aws import kms

from ybfort.aws.documents import Arns, policy, statement
from ybfort.aws.identity import Identity
from ybfort.aws.plan import AwsPlan
from ybfort.plan.names import PURPOSES

ROTATION_DAYS = 365  # AWS rotates the material behind the same key; older material keeps decrypting
DELETION_WINDOW_DAYS = 30  # the longest that KMS offers between a deletion's order and the loss of the data

# Everything about a key but its use. `kms:*` here would let every administrator of the account decrypt.
ADMINISTER = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
KEEP = ("kms:Decrypt", "kms:GenerateDataKey")  # Secrets Manager, "Permissions for the KMS key"


class Keys(pulumi.ComponentResource):
    """Keys and their aliases.

    :ivar arns: key ARNs by purpose: data, secrets, logs, backup
    """

    arns: dict[str, pulumi.Output[str]]

    def __init__(
        self, name: str, plan: AwsPlan, identity: Identity, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ybfort:aws:Keys", name, {}, opts)
        self.arns = {}
        for purpose in PURPOSES:
            physical = plan.names.of(purpose)
            key = kms.Key(
                f"{name}-{purpose}",
                description=f"{plan.names.prefix}: {purpose}",
                policy=key_policy(plan, purpose),
                enable_key_rotation=True,
                rotation_period_in_days=ROTATION_DAYS,
                deletion_window_in_days=DELETION_WINDOW_DAYS,
                is_enabled=True,
                multi_region=False,
                tags=plan.tags(physical),
                opts=pulumi.ResourceOptions(parent=self, protect=plan.protected("keys"), depends_on=[identity.role]),
            )
            kms.Alias(
                f"{name}-{purpose}",
                name=f"alias/{physical}",
                target_key_id=key.key_id,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.arns[purpose] = key.arn
        self.register_outputs({f"{purpose}KeyArn": arn for purpose, arn in self.arns.items()})


def key_policy(plan: AwsPlan, purpose: str) -> str:
    """The policy of one key. `*` as a resource is the key itself; ids of keys are not known before they exist.

    The account's administrators may administer a key. They may use it only in the ways that its purpose has.
    """
    arns = Arns(plan.names)
    administration = statement("Administration", ADMINISTER, "*", principals={"AWS": arns.root})
    return policy(administration, *_USES[purpose](plan, arns))


def _data(plan: AwsPlan, arns: Arns) -> list[dict[str, Any]]:
    # EBS uses the key in the name of who creates a volume or starts an instance, and hands it on by a grant.
    grant = _by_service(plan, "EbsGrants", arns.root, "ec2", ["kms:CreateGrant"])
    grant["Condition"]["Bool"] = {"kms:GrantIsForAWSResource": "true"}
    return [_by_service(plan, "Ebs", arns.root, "ec2", USE), grant]


def _secrets(plan: AwsPlan, arns: Arns) -> list[dict[str, Any]]:
    """Each is held to its own secrets by the encryption context, in which Secrets Manager names the secret.

    Who is named here is admitted whatever account it is of: an application may well live in another.
    """
    names = plan.names
    service = {"kms:ViaService": f"secretsmanager.{names.region}.amazonaws.com"}

    def through(sid: str, principals: str | list[str], actions: Iterable[str], secrets: str) -> dict[str, Any]:
        own = {"ArnLike": {"kms:EncryptionContext:SecretARN": arns.secret(secrets)}, "StringEquals": service}
        return statement(sid, actions, "*", principals={"AWS": principals}, conditions=own)

    readers = sorted({reader for role in plan.roles for reader in role.readers})
    bringers = sorted({*plan.spec.certificates.brought_by})
    # Secrets Manager tries the key in the name of who creates a secret, with these words in place of a version.
    trial = {**service, "kms:EncryptionContext:SecretVersionId": "RequestToValidateKeyAccess"}
    return [
        statement("AccountMakesSecrets", KEEP, "*", principals={"AWS": arns.root}, conditions={"StringEquals": trial}),
        through("NodesKeepSecrets", arns.node_role, KEEP, names.every_secret),
        *([through("ReadersReadPasswords", readers, ["kms:Decrypt"], names.secret("*"))] if readers else []),
        *([through("OthersBringCertificates", bringers, KEEP, names.certificate("*"))] if bringers else []),
    ]


def _logs(plan: AwsPlan, arns: Arns) -> list[dict[str, Any]]:
    account = {"aws:SourceAccount": plan.names.account}
    groups = arns.regional("logs", f"log-group:{plan.names.log_group('*')}")
    return [
        statement(
            "LogGroups",
            USE,
            "*",
            principals={"Service": f"logs.{plan.names.region}.amazonaws.com"},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        ),
        statement(
            "Trail",
            ["kms:DescribeKey", "kms:GenerateDataKey*"],
            "*",
            principals={"Service": "cloudtrail.amazonaws.com"},
            conditions={"StringEquals": {**account, "aws:SourceArn": arns.trail}},
        ),
        statement(
            "Alarms",
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            "*",
            principals={"Service": "cloudwatch.amazonaws.com"},
            conditions={"StringEquals": account},
        ),
        statement(
            "Shell",  # both ends of a Session Manager session
            ["kms:Decrypt", "kms:GenerateDataKey"],
            "*",
            principals={"AWS": [arns.node_role, arns.root]},
            conditions={"Null": {"kms:EncryptionContext:aws:ssm:SessionId": "false"}},
        ),
        _by_service(plan, "Buckets", [arns.node_role, arns.root], "s3", ["kms:Decrypt", "kms:GenerateDataKey"]),
    ]


def _backup(plan: AwsPlan, arns: Arns) -> list[dict[str, Any]]:
    # A node writes backups and cannot read one back: who takes a node does not get the history with it.
    return [
        _by_service(plan, "NodesWriteBackups", arns.node_role, "s3", ["kms:GenerateDataKey"]),
        _by_service(plan, "AccountReadsBackups", arns.root, "s3", ["kms:Decrypt", "kms:DescribeKey"]),
    ]


def _by_service(
    plan: AwsPlan, sid: str, principals: str | list[str], service: str, actions: Iterable[str]
) -> dict[str, Any]:
    """Use of the key through one service of this region and account only."""
    through = {
        "kms:CallerAccount": plan.names.account,
        "kms:ViaService": f"{service}.{plan.names.region}.amazonaws.com",
    }
    return statement(sid, actions, "*", principals={"AWS": principals}, conditions={"StringEquals": through})


_USES = {"data": _data, "secrets": _secrets, "logs": _logs, "backup": _backup}
