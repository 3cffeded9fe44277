"""Databases and the roles that use them. Passwords are not here: they are made on a node, for the secret store."""

from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import Count, IamRoleArn, Section, SqlName, Switch

Access = Literal["read_only", "read_write", "owner"]


class Database(Section):
    """A YSQL database. Two group roles come with it: `<name>_read_only` and `<name>_read_write`."""

    name: SqlName
    """The database's name."""
    owner: SqlName
    """A declared role with `login: false` that owns the database and all in it."""


class Grant(Section):
    """What a role may do in one database."""

    database: SqlName
    """A declared database."""
    access: Access
    """`read_only`, `read_write`, or `owner` (schema changes)."""


class Role(Section):
    """A YSQL role. Nobody is superuser: the database's own superusers work over the local socket only."""

    name: SqlName
    """The role's name."""
    login: Switch = True
    """Whether it logs in. Each role that does gets a secret with a password that rotates."""
    admin: Switch = False
    """Whether it may create roles and databases, signal sessions and read statistics. It is still no superuser."""
    connection_limit: Annotated[Count, Field(ge=1, le=10_000)] | None = None
    """The most connections it may hold on each node; none means no limit of its own."""
    grants: Annotated[tuple[Grant, ...], Field(max_length=100)] = ()
    """Its access, database by database."""
    readers: Annotated[tuple[IamRoleArn, ...], Field(max_length=20)] = ()
    """IAM roles that may read its password: the application's own. They must exist, AWS refuses unknown ones."""
