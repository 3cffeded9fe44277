"""The containers of what is secret: empty, encrypted, and closed to all but those who put in and take out.

No value passes through here. A node makes each password and puts it in; an application's role takes it out. Nodes also
change the passwords, within 90 days at most: they alone reach the database, so Secrets Manager's own rotation, which
needs a way in, is not used.
"""

from collections.abc import Iterable

import pulumi
from pulumi_aws import secretsmanager

from ybfort.aws.documents import Arns, policy, statement
from ybfort.aws.keys import Keys
from ybfort.aws.plan import AwsPlan
from ybfort.plan.secrets import Container, containers

RECOVERY_DAYS = 30  # the longest that Secrets Manager offers


class Secrets(pulumi.ComponentResource):
    """The containers.

    :ivar names: names of the secrets with passwords by database role
    """

    names: dict[str, str]

    def __init__(self, name: str, plan: AwsPlan, keys: Keys, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Secrets", name, {}, opts)
        for container in containers(plan, Arns(plan.names).node_role):
            secretsmanager.Secret(
                f"{name}-{container.part}",
                name=container.name,
                description=f"{plan.names.prefix}: {container.holds}",
                kms_key_id=keys.arns["secrets"],
                policy=secret_policy(container),
                recovery_window_in_days=RECOVERY_DAYS,
                tags=plan.tags(container.name),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.names = {role.name: role.secret for role in plan.roles if role.secret}
        self.register_outputs({"secretNames": self.names})


def secret_policy(container: Container) -> str:
    """Who may read and write one secret. The denials hold against every right that IAM may give elsewhere."""
    read, write = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
    return policy(
        statement("Read", read, "*", principals={"AWS": sorted({*container.readers})}),
        statement("Write", write, "*", principals={"AWS": sorted({*container.writers})}),
        _only("OnlyReadersRead", read, container.readers),
        # An older value that is made the current one again is written, too.
        _only("OnlyWritersWrite", [write, "secretsmanager:UpdateSecretVersionStage"], container.writers),
    )


def _only(sid: str, actions: str | list[str], principals: Iterable[str]) -> dict[str, object]:
    others = {"ArnNotEquals": {"aws:PrincipalArn": sorted({*principals})}}
    return statement(sid, actions, "*", effect="Deny", principals="*", conditions=others)
