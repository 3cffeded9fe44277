"""YCQL's keyspaces, roles and rights: what there is, and the statements that lead to what is declared.

YCQL knows no local login without a password and takes no verifier: its superuser's password is in a secret that only
nodes read, and a new password of a role reaches it in a statement, over TLS.

Tables and permissions: YugabyteDB documentation, api/ycql (ddl_create_role, ddl_grant_permission). Who makes a table
gets rights on it by himself; they are his who may make tables there, and nobody minds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ybfort.node.config import Config
from ybfort.node.roles.scram import password
from ybfort.node.roles.sql import name
from ybfort.node.roles.wanted import Login, is_login_name
from ybfort.node.roles.ycqlsh import YcqlFailure, Ycqlsh
from ybfort.node.system import System

SUPERUSER, DEFAULT = "ybfort_admin", "cassandra"
KEYSPACES = "SELECT keyspace_name FROM system_schema.keyspaces"
WORDS = re.compile(r"'([^']+)'")  # of a printed list: ['CREATE', 'SELECT']

RIGHTS: Mapping[str, frozenset[str]] = {
    "read_only": frozenset(["SELECT"]),
    "read_write": frozenset(["MODIFY", "SELECT"]),
    "owner": frozenset(["ALTER", "AUTHORIZE", "CREATE", "DROP", "MODIFY", "SELECT"]),
}


@dataclass(frozen=True)
class YcqlRole:
    """A role as YCQL has it."""

    logs_in: bool
    superuser: bool
    member_of: frozenset[str]
    rights: Mapping[str, frozenset[str]]  # by resource: data/KEYSPACE, data/KEYSPACE/TABLE, data, roles, …


@dataclass(frozen=True)
class FoundYcql:
    """What there is."""

    keyspaces: frozenset[str]
    roles: Mapping[str, YcqlRole]


@dataclass(frozen=True)
class WantedYcql:
    """What is declared."""

    keyspaces: tuple[str, ...]
    access: Mapping[str, Mapping[str, str]]  # by role and keyspace, of every declared role
    names: Mapping[str, str]  # login names of the roles that use YCQL -> their role


def wanted(config: Config) -> WantedYcql:
    """What `cluster.json` asks for."""
    roles = config.cluster["roles"]
    return WantedYcql(
        keyspaces=tuple(sorted(config.cluster["keyspaces"])),
        access={one["name"]: one["keyspaces"] for one in roles},
        names={login: one["name"] for one in roles if one["keyspaces"] for login in one["logins"]},
    )


def found(user: Ycqlsh) -> FoundYcql:
    """All keyspaces and roles that there are."""
    permissions, roles, keyspaces = user.tables(
        "SELECT role, resource, permissions FROM system_auth.role_permissions",
        "SELECT role, can_login, is_superuser, member_of FROM system_auth.roles",
        KEYSPACES,
    )
    rights: dict[str, dict[str, frozenset[str]]] = {}
    for role, resource, told in permissions:
        rights.setdefault(role, {})[resource] = frozenset(WORDS.findall(told))
    return FoundYcql(
        keyspaces=frozenset(keyspace for (keyspace,) in keyspaces),
        roles={
            role: YcqlRole(login == "True", superuser == "True", frozenset(WORDS.findall(groups)), rights.get(role, {}))
            for role, login, superuser, groups in roles
        },
    )


def opened(system: System, config: Config, address: str, secret: str) -> Ycqlsh:
    """YCQL as ybfort's own superuser, which is made if it is not there.

    :param secret: the password that is kept in the secret store; nobody has used it yet if it is new
    :raises YcqlFailure: if neither it nor the default superuser is let in
    """
    own = Ycqlsh(system, config, address, SUPERUSER, secret)
    try:
        own.tables(KEYSPACES)
    except YcqlFailure as problem:  # a new cluster, or the start was cut short
        first = Ycqlsh(system, config, address, DEFAULT, DEFAULT)
        rights = f"PASSWORD = '{secret}' AND SUPERUSER = true AND LOGIN = true"
        make = [f"{verb} {name(SUPERUSER)} WITH {rights}" for verb in ("CREATE ROLE IF NOT EXISTS", "ALTER ROLE")]
        try:
            first.do(make)
        except YcqlFailure:
            raise problem from None
    return own


def statements(wanted: WantedYcql, now: FoundYcql) -> Iterator[str]:
    """What leads to the declared keyspaces and rights. The default superuser is closed before anything else."""
    default = now.roles.get(DEFAULT)
    if default and (default.logs_in or default.superuser):
        yield f"ALTER ROLE {name(DEFAULT)} WITH PASSWORD = '{password()}' AND SUPERUSER = false AND LOGIN = false"
    for keyspace in wanted.keyspaces:
        if keyspace not in now.keyspaces:
            yield f"CREATE KEYSPACE IF NOT EXISTS {name(keyspace)}"
    for role, access in sorted(wanted.access.items()):
        if role in now.roles or access:
            yield from _role(role, access, now.roles.get(role))
    for login, there in sorted(now.roles.items()):
        yield from _login(login, there, wanted)


def _role(role: str, access: Mapping[str, str], now: YcqlRole | None) -> Iterator[str]:
    if now is None:
        yield f"CREATE ROLE IF NOT EXISTS {name(role)} WITH LOGIN = false AND SUPERUSER = false"
    elif now.logs_in or now.superuser:
        yield f"ALTER ROLE {name(role)} WITH LOGIN = false AND SUPERUSER = false"
    there = dict(_on_keyspaces(now))
    for keyspace in sorted(access.keys() | there.keys()):
        wanted = RIGHTS[access[keyspace]] if keyspace in access else frozenset[str]()
        has, on = there.get(keyspace, frozenset[str]()), f"ON KEYSPACE {name(keyspace)}"
        yield from (f"GRANT {right} {on} TO {name(role)}" for right in sorted(wanted - has))
        yield from (f"REVOKE {right} {on} FROM {name(role)}" for right in sorted(has - wanted))


def _on_keyspaces(now: YcqlRole | None) -> Iterator[tuple[str, frozenset[str]]]:
    for resource, rights in now.rights.items() if now else ():
        kind, _, keyspace = resource.partition("/")
        if kind == "data" and keyspace and "/" not in keyspace:
            yield keyspace, rights


def _login(login: str, now: YcqlRole, wanted: WantedYcql) -> Iterator[str]:
    """A login name that is there: a member of its role, and closed when the role does not use YCQL any more."""
    role = wanted.names.get(login)
    if role is None:
        if now.logs_in and is_login_name(login, now.member_of):
            yield closing_statement(login)
        return
    if now.superuser:
        yield f"ALTER ROLE {name(login)} WITH SUPERUSER = false"
    if role not in now.member_of:
        yield f"GRANT {name(role)} TO {name(login)}"


def login_statements(login: Login, username: str, password: str) -> Iterator[str]:
    """A login name with this password, as a member of its role."""
    rights = f"PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = false"
    yield f"CREATE ROLE IF NOT EXISTS {name(username)} WITH {rights}"
    yield f"ALTER ROLE {name(username)} WITH {rights}"
    yield f"GRANT {name(login.role)} TO {name(username)}"


def closing_statement(username: str) -> str:
    """A login name that logs in no more; its password is another one, too."""
    return f"ALTER ROLE {name(username)} WITH PASSWORD = '{password()}' AND LOGIN = false"


def undeclared(wanted: WantedYcql, now: FoundYcql) -> Iterator[str]:
    """Roles, memberships and rights that nobody declared."""
    for role, there in sorted(now.roles.items()):
        if role in (SUPERUSER, DEFAULT):
            continue
        if role not in wanted.names and role not in wanted.access:
            yield f"YCQL {'superuser' if there.superuser else 'role'} {role} is not declared"
            continue
        own = wanted.names.get(role)
        for group in sorted(there.member_of - {own}):
            yield f"YCQL role {role} is a member of {group}, which is not declared"
        for resource in sorted(there.rights):
            kind, _, place = resource.partition("/")
            if kind != "data" or place.split("/")[0] not in wanted.access[own or role]:
                yield f"YCQL role {role} has rights on {resource}, which is not declared"
