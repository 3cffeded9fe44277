"""Databases and the roles that use them. Passwords are not here: they are made on a node, for the secret store."""

from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import Count, Section, SqlName, Switch

Access = Literal["read_only", "read_write", "owner"]


class Passwords(Section):
    """The passwords of roles that log in. They are made on a node and change by themselves.

    Each such role has two login names, which take turns: a new password comes with the other name, so the one that
    applications still hold goes on working while they fetch the new one.
    """

    rotation_days: Annotated[Count, Field(ge=1, le=90)] = 30
    """Days that a password is the current one."""
    overlap_hours: Annotated[Count, Field(ge=0, le=720)] = 24
    """Hours that the password before it still works. 0 cuts it off at once."""


class Database(Section):
    """A YSQL database. Two group roles come with it: `<name>_read_only` and `<name>_read_write`."""

    name: SqlName
    """The database's name."""
    owner: SqlName
    """A declared role with `login: false` that owns the database and all in it."""


class Keyspace(Section):
    """A YCQL keyspace."""

    name: SqlName
    """The keyspace's name."""


class KeyspaceGrant(Section):
    """What a role may do in one keyspace."""

    keyspace: SqlName
    """A declared keyspace."""
    access: Access
    """`read_only`, `read_write`, or `owner` (schema changes)."""


class Grant(Section):
    """What a role may do in one database."""

    database: SqlName
    """A declared database."""
    access: Access
    """`read_only`, `read_write`, or `owner` (schema changes)."""


class Role(Section):
    """A role. Nobody is superuser: the database's own superusers work over the local socket only."""

    name: SqlName
    """The role's name."""
    login: Switch = True
    """Whether it logs in. Each role that does gets a secret with its current login name and password."""
    admin: Switch = False
    """Whether it may create databases, end sessions and read statistics. It is no superuser, and makes no roles: in
    PostgreSQL 15 who may do that can become one."""
    connection_limit: Annotated[Count, Field(ge=1, le=10_000)] | None = None
    """The most connections it may hold on each node; none means no limit of its own."""
    grants: Annotated[tuple[Grant, ...], Field(max_length=100)] = ()
    """Its access, database by database."""
    keyspaces: Annotated[tuple[KeyspaceGrant, ...], Field(max_length=100)] = ()
    """Its access in YCQL, keyspace by keyspace, with the same login name and password."""
    password_generation: Annotated[Count, Field(ge=1, le=1_000_000)] = 1
    """Raise it by one to change the password now, for example after a leak."""
    readers: tuple[str, ...] = ()
    """Who may read its password: the application itself, as the cloud knows it."""
