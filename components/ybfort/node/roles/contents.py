"""The statements that bring the inside of a database to what is declared: what its groups may do with what its owner
has made, and with what he will make. Nothing comes out where nothing differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ybfort.node.roles.found import AUDIT_SCHEMA, Alike, Inside, Right
from ybfort.node.roles.sql import SUPERUSERS, name, names
from ybfort.node.roles.wanted import READ_ONLY, READ_WRITE, WantedDatabase

SCHEMAS, TABLES, SEQUENCES = "SCHEMAS", "TABLES", "SEQUENCES"
ONE = {SCHEMAS: "SCHEMA", TABLES: "TABLE", SEQUENCES: "SEQUENCE"}
DEFAULT_KINDS = {SCHEMAS: "n", TABLES: "r", SEQUENCES: "S"}  # pg_default_acl.defaclobjtype
AT_ONCE = 200  # things in one statement

# What the groups of a database may do with what is in it, by kind.
RIGHTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    SCHEMAS: {READ_ONLY: ("USAGE",), READ_WRITE: ("USAGE",)},
    TABLES: {READ_ONLY: ("SELECT",), READ_WRITE: ("DELETE", "INSERT", "SELECT", "UPDATE")},
    SEQUENCES: {READ_ONLY: ("SELECT",), READ_WRITE: ("SELECT", "UPDATE", "USAGE")},
}


def owners(database: WantedDatabase) -> tuple[str, str]:
    """Whose things are the owner's: his own, and the schema `public`, which belongs to whoever owns the database."""
    return database.owner, "pg_database_owner"


def content_statements(database: WantedDatabase, now: Inside) -> Iterator[str]:
    """Auditing, schemas that are closed to everybody, and the rights of the groups."""
    yield from _audit(now)
    for some in now.objects:
        if some.kind == SCHEMAS and some.owner in owners(database) and Right("", "CREATE") in some.rights:
            yield f"REVOKE CREATE ON SCHEMA {names(some.names)} FROM PUBLIC"
    for kind, by_group in RIGHTS.items():
        for suffix, rights in by_group.items():
            group = database.name + suffix
            yield from _defaults(database.owner, kind, group, rights, now)
            mine = [some for some in now.objects if some.kind == kind and some.owner in owners(database)]
            yield from _existing(kind, group, rights, mine)


def _audit(now: Inside) -> Iterator[str]:
    """The part of pgaudit that each database has for itself."""
    if now.audit_missing and now.audit_owner is None:
        yield f"CREATE SCHEMA {name(AUDIT_SCHEMA)}"
    if now.audit_missing and now.audit_owner in (None, *SUPERUSERS):
        yield f"CREATE EXTENSION pgaudit WITH SCHEMA {name(AUDIT_SCHEMA)}"


def _defaults(owner: str, kind: str, group: str, rights: tuple[str, ...], now: Inside) -> Iterator[str]:
    there = {
        right
        for one in now.defaults
        for right in one.rights
        if (one.role, one.kind, one.schema) == (owner, DEFAULT_KINDS[kind], "")
    }
    missing = [right for right in rights if Right(group, right) not in there]
    if missing:
        yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {name(owner)} GRANT {', '.join(missing)} ON {kind} TO {name(group)}"


def _existing(kind: str, group: str, rights: tuple[str, ...], mine: Sequence[Alike]) -> Iterator[str]:
    """What the owner made before there were defaults, or took rights from. Things of others are left alone, so each is
    named."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for some in mine:
        missing = tuple(right for right in rights if Right(group, right) not in some.rights)
        if missing:
            lacking.setdefault(missing, []).extend(_places(some))
    for missing, places in lacking.items():
        for part in (places[at : at + AT_ONCE] for at in range(0, len(places), AT_ONCE)):
            yield f"GRANT {', '.join(missing)} ON {ONE[kind]} {', '.join(part)} TO {name(group)}"


def _places(some: Alike) -> list[str]:
    if some.kind == SCHEMAS:
        return [name(one) for one in sorted(some.names)]
    return [f"{name(some.schema)}.{name(one)}" for one in sorted(some.names)]
