"""The containers of what is secret: empty, encrypted, and closed to all but those who put in and take out.

No value passes through here. A node makes each password and puts it in; an application's role takes it out. Nodes also
change the passwords, within 90 days at most: they alone reach the database, so Secrets Manager's own rotation, which
needs a way in, is not used.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pulumi
from pulumi_aws import secretsmanager

from ybfort.aws.documents import Arns, policy, statement
from ybfort.aws.keys import Keys
from ybfort.aws.plan import AwsPlan

RECOVERY_DAYS = 30  # the longest that Secrets Manager offers


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A secret without a value."""

    part: str  # in its logical name; only a role's has no hyphen, so none can be taken for another
    name: str
    holds: str
    readers: tuple[str, ...]  # ARNs of roles
    writers: tuple[str, ...]


class Secrets(pulumi.ComponentResource):
    """The containers.

    :ivar names: names of the secrets with passwords by database role
    """

    names: dict[str, str]

    def __init__(self, name: str, plan: AwsPlan, keys: Keys, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Secrets", name, {}, opts)
        for container in containers(plan):
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


def containers(plan: AwsPlan) -> Iterator[Container]:
    """One for each database role that logs in, for YCQL's superuser, and for each certificate that is brought."""
    nodes = (Arns(plan.names).node_role,)
    for role in plan.roles:
        if role.secret:
            holds = f"login name and password of the database role {role.name}"
            yield Container(
                part=role.name, name=role.secret, holds=holds, readers=(*nodes, *role.readers), writers=nodes
            )
    if plan.ycql_secret:
        holds = "password of YCQL's superuser"
        yield Container(part="ycql-superuser", name=plan.ycql_secret, holds=holds, readers=nodes, writers=nodes)
    for node in plan.nodes:
        if secret := plan.certificate_secret(node.name):
            holds = f"key, certificate and CA of node {node.name}"
            bringers = plan.spec.certificates.brought_by
            yield Container(part=f"{node.name}-certificate", name=secret, holds=holds, readers=nodes, writers=bringers)


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
