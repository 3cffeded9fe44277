"""The roles and databases that the declared state asks for, as the database would have them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ybfort.node.config import Config

ADMIN = "ybfort_admin"
# What the group of admins may do. Each of these would make superusers of them:
# - CREATEROLE: in PostgreSQL 15 who has it may grant himself pg_execute_server_program, and with it the shell.
# - yb_db_admin: its event triggers run with the rights of whoever makes tables, and it may set passwords of others.
# - yb_extension: CREATE EXTENSION runs a script as the superuser, in a schema of the caller's choice, where functions
#   of the caller's may be waiting for it; and who has it may drop pgaudit. The extensions that PostgreSQL calls trusted
#   need no such right: an owner makes them in his database.
ADMIN_RIGHTS = ("pg_read_all_stats", "pg_signal_backend")
HOME = "yugabyte"  # the database that a client connects to who is told no other; YugabyteDB's default
READ_ONLY, READ_WRITE = "_read_only", "_read_write"
LOGIN_NAME = re.compile(r"(.+)_login_[ab]")  # of a role; a stack file gives no such name to anything else


@dataclass(frozen=True)
class WantedRole:
    """A role, with everything about it that is kept as declared."""

    name: str
    createdb: bool = False
    connection_limit: int = -1  # none
    member_of: frozenset[str] = frozenset()
    login_of: str | None = None  # the declared role, for a login name; its password is another matter (`passwords`)
    acts_as: Mapping[str, str] = field(default_factory=dict[str, str])  # by database, "" for all others


@dataclass(frozen=True)
class WantedDatabase:
    """A database, its owner, and the groups that may use it."""

    name: str
    owner: str

    @property
    def read_only(self) -> str:
        return self.name + READ_ONLY

    @property
    def read_write(self) -> str:
        return self.name + READ_WRITE


@dataclass(frozen=True)
class Login:
    """A declared role that logs in: its two names, and where its current name and password are kept."""

    role: str
    names: tuple[str, str]
    secret: str
    generation: int
    database: str  # where a client that is told no other connects to
    keyspaces: Mapping[str, str]  # access in YCQL


@dataclass(frozen=True)
class Wanted:
    """All of it."""

    roles: Mapping[str, WantedRole]
    databases: Mapping[str, WantedDatabase]
    logins: tuple[Login, ...]

    @property
    def login_names(self) -> list[str]:
        """The names that log in, of all roles."""
        return sorted(role.name for role in self.roles.values() if role.login_of)


def is_login_name(name: str, member_of: Collection[str]) -> bool:
    """Whether a role was made as a login name of another one, be that declared or not."""
    named = LOGIN_NAME.fullmatch(name)
    return named is not None and named[1] in member_of


def wanted(config: Config) -> Wanted:
    """What `cluster.json` asks for."""
    databases = {one["name"]: WantedDatabase(one["name"], one["owner"]) for one in config.cluster["databases"]}
    roles = {ADMIN: WantedRole(ADMIN, member_of=frozenset(ADMIN_RIGHTS))}
    logins: list[Login] = []
    for database in databases.values():
        for group in (database.read_only, database.read_write):
            roles[group] = WantedRole(group)
    for told in config.cluster["roles"]:
        name = told["name"]
        roles[name] = WantedRole(name, createdb=told["admin"], member_of=frozenset(told["member_of"]))
        for login in told["logins"]:
            roles[login] = WantedRole(
                login,
                connection_limit=told["connection_limit"] or -1,
                member_of=frozenset([name]),
                login_of=name,
                acts_as={"": name, **told["acts_as"]},
            )
        if told["logins"]:
            logins.append(_login(told, databases))
    return Wanted(roles, databases, tuple(logins))


def _login(told: Mapping[str, Any], databases: Mapping[str, WantedDatabase]) -> Login:
    first, second = told["logins"]
    reachable = [
        one.name for one in databases.values() if {one.owner, one.read_only, one.read_write} & set(told["member_of"])
    ]
    return Login(
        role=told["name"],
        names=(first, second),
        secret=told["secret"],
        generation=told["generation"],
        database=reachable[0] if reachable else HOME,
        keyspaces=told["keyspaces"],
    )
