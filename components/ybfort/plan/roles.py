"""The database roles to reconcile: groups, members, login names, limits. The agent turns this into statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ybfort.plan.names import Names
from ybfort.spec.database import Access, Database, Role
from ybfort.spec.rules import LOGIN_SUFFIXES

ADMIN = "ybfort_admin"  # group in the manner of Aeon's yb_superuser: may run the database, is no superuser


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRole:
    """A declared role with what it is a member of.

    It never logs in itself. Its two login names do, in turns, and act as the role from their first statement on.
    """

    name: str
    admin: bool
    connection_limit: int | None  # of each login name, on each node
    member_of: tuple[str, ...]
    acts_as: Mapping[str, str]  # by database: the owner that a login is there, so that what it makes is the owner's
    keyspaces: Mapping[str, Access]
    logins: tuple[str, ...]  # none, or two
    generation: int  # of the password
    secret: str | None  # name of the secret with its password, for roles that log in
    readers: tuple[str, ...]  # cloud identities that may read the secret


def roles(declared: Sequence[Role], databases: Sequence[Database], names: Names) -> tuple[PlannedRole, ...]:
    """The roles by name."""
    owners = {database.name: database.owner for database in databases}
    return tuple(_planned(role, owners, names) for role in sorted(declared, key=lambda role: role.name))


def _planned(role: Role, owners: Mapping[str, str], names: Names) -> PlannedRole:
    groups = [group(grant.database, grant.access, owners) for grant in role.grants]
    return PlannedRole(
        name=role.name,
        admin=role.admin,
        connection_limit=role.connection_limit,
        member_of=tuple(sorted({*groups, ADMIN} if role.admin else set(groups))),
        acts_as={
            grant.database: owners[grant.database]
            for grant in sorted(role.grants, key=lambda grant: grant.database)
            if grant.access == "owner" and role.login
        },
        keyspaces={grant.keyspace: grant.access for grant in sorted(role.keyspaces, key=lambda one: one.keyspace)},
        logins=tuple(role.name + suffix for suffix in LOGIN_SUFFIXES) if role.login else (),
        generation=role.password_generation,
        secret=names.secret(role.name) if role.login else None,
        readers=tuple(sorted(role.readers)),
    )


def group(database: str, access: Access, owners: Mapping[str, str]) -> str:
    """The role whose membership gives this access."""
    return owners[database] if access == "owner" else f"{database}_{access}"
