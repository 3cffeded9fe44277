"""The secrets of a cluster: what each holds, and who puts in and takes out. Nobody plans a value."""

from collections.abc import Iterator
from dataclasses import dataclass

from ybfort.plan.cluster import AnyPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A secret without a value. Who reads and writes is told as the cloud knows them."""

    part: str  # in its logical name; only a role's has no hyphen, so none can be taken for another
    name: str
    holds: str
    readers: tuple[str, ...]
    writers: tuple[str, ...]


def containers(plan: AnyPlan, nodes: str) -> Iterator[Container]:
    """One for each database role that logs in, for YCQL's superuser, and for each certificate that is brought.

    :param nodes: what the cloud knows the nodes by
    """
    for role in plan.roles:
        if role.secret:
            holds, readers = f"login name and password of the database role {role.name}", (nodes, *role.readers)
            yield Container(part=role.name, name=role.secret, holds=holds, readers=readers, writers=(nodes,))
    if plan.ycql_secret:
        holds = "password of YCQL's superuser"
        yield Container(part="ycql-superuser", name=plan.ycql_secret, holds=holds, readers=(nodes,), writers=(nodes,))
    for node in plan.nodes:
        if secret := plan.certificate_secret(node.name):
            part, holds = f"{node.name}-certificate", f"key, certificate and CA of node {node.name}"
            bringers = plan.spec.certificates.brought_by
            yield Container(part=part, name=secret, holds=holds, readers=(nodes,), writers=bringers)
