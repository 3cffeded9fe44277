"""The database roles to reconcile: groups, members, limits. The node's agent turns this into statements."""

from collections.abc import Sequence
from dataclasses import dataclass

from ybfort.plan.names import Names
from ybfort.spec.database import Access, Database, Role

ADMIN = "ybfort_admin"  # group in the manner of Aeon's yb_superuser: may run the database, is no superuser


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRole:
    """A declared role with what it is a member of."""

    name: str
    login: bool
    admin: bool
    connection_limit: int | None
    member_of: tuple[str, ...]
    secret: str | None  # name of the secret with its password, for roles that log in
    readers: tuple[str, ...]  # cloud identities that may read the secret


def roles(declared: Sequence[Role], databases: Sequence[Database], names: Names) -> tuple[PlannedRole, ...]:
    """The roles by name."""
    owners = {database.name: database.owner for database in databases}
    return tuple(
        PlannedRole(
            name=role.name,
            login=role.login,
            admin=role.admin,
            connection_limit=role.connection_limit,
            member_of=tuple(
                sorted(
                    [
                        *([ADMIN] if role.admin else []),
                        *(group(grant.database, grant.access, owners) for grant in role.grants),
                    ]
                )
            ),
            secret=names.secret(role.name) if role.login else None,
            readers=tuple(sorted(role.readers)),
        )
        for role in sorted(declared, key=lambda role: role.name)
    )


def group(database: str, access: Access, owners: dict[str, str]) -> str:
    """The role whose membership gives this access."""
    return owners[database] if access == "owner" else f"{database}_{access}"
