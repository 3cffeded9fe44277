"""The containers of passwords: empty, encrypted, and closed to all but the nodes and the named readers.

No value passes through here. A node makes each password and puts it in; an application's role takes it out.
"""

import pulumi
from pulumi_aws import secretsmanager

from ybfort.aws.documents import Arns, policy, statement
from ybfort.aws.keys import Keys
from ybfort.plan.cluster import ClusterPlan
from ybfort.plan.roles import PlannedRole

RECOVERY_DAYS = 30  # the longest that Secrets Manager offers


class Secrets(pulumi.ComponentResource):
    """One secret for each role that logs in.

    :ivar names: names of the secrets by role
    """

    names: dict[str, str]

    def __init__(self, name: str, plan: ClusterPlan, keys: Keys, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Secrets", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.names = {}
        for role in plan.roles:
            if role.secret is None:
                continue
            secretsmanager.Secret(
                f"{name}-{role.name}",
                name=role.secret,
                description=f"Password of the database role {role.name} of {plan.names.prefix}",
                kms_key_id=keys.arns["secrets"],
                policy=secret_policy(plan, role),
                recovery_window_in_days=RECOVERY_DAYS,
                tags=plan.tags(role.secret),
                opts=mine,
            )
            self.names[role.name] = role.secret
        self.register_outputs({"secretNames": self.names})


def secret_policy(plan: ClusterPlan, role: PlannedRole) -> str:
    """Who may read and write one password. The denials hold against every right that IAM may give elsewhere."""
    arns = Arns(plan.names)
    readers = sorted({arns.node_role, *role.readers})
    return policy(
        statement("Read", "secretsmanager:GetSecretValue", "*", principals={"AWS": readers}),
        _only("OnlyReadersRead", "secretsmanager:GetSecretValue", readers),
        _only(
            "OnlyNodesWrite",
            ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
            [arns.node_role],
        ),
    )


def _only(sid: str, actions: str | list[str], principals: list[str]) -> dict[str, object]:
    others = {"ArnNotEquals": {"aws:PrincipalArn": principals}}
    return statement(sid, actions, "*", effect="Deny", principals="*", conditions=others)
