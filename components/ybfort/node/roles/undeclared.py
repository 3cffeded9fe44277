"""What is in the database and nobody declared. It is told and never touched: somebody may need it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ybfort.node.roles.contents import DEFAULT_KINDS, RIGHTS, SCHEMAS, owners
from ybfort.node.roles.found import AUDIT_SCHEMA, TO_HAND_ON, Found, FoundRole, Inside, Right
from ybfort.node.roles.sql import SUPERUSERS, shown
from ybfort.node.roles.statements import SYSTEM_DATABASES
from ybfort.node.roles.wanted import ADMIN, HOME, Wanted, WantedDatabase

MOST = 100  # that a status repeats
SYSTEM = ("pg_", "yb_")  # how the names of the system's roles begin; none of them logs in, and none is a superuser


def undeclared(wanted: Wanted, found: Found) -> Iterator[str]:
    """Roles, superusers, memberships, databases, and rights on databases."""
    yield from _roles(wanted, found)
    yield from _members(wanted, found)
    for database in sorted(found.databases.keys() - wanted.databases.keys() - {*SYSTEM_DATABASES, "template0"}):
        yield f"database {database} is not declared"
    for database in SYSTEM_DATABASES:
        if database in found.databases:
            yield from _rights(database, found, (*SUPERUSERS, ADMIN) if database == HOME else SUPERUSERS)
    for database in sorted(wanted.databases.keys() & found.databases.keys()):
        yield from _rights(database, found, _groups(wanted.databases[database]))


def _roles(wanted: Wanted, found: Found) -> Iterator[str]:
    for role, now in sorted(found.roles.items()):
        if role not in wanted.roles and not _of_the_system(now):
            logs_in = " logs in and" if now.login else ""
            yield f"{'superuser' if now.superuser else 'role'} {role}{logs_in} is not declared"


def _of_the_system(role: FoundRole) -> bool:
    return role.name in SUPERUSERS or (role.name.startswith(SYSTEM) and not role.login and not role.superuser)


def _members(wanted: Wanted, found: Found) -> Iterator[str]:
    members = sorted((group, member) for member, groups in found.groups.items() for group in groups)
    for group, member in members:
        ours = wanted.roles.get(member)
        kept = group in wanted.roles or (ours and group in ours.member_of)  # as declared by now, if it was not before
        if not (ours and kept) and not _of_the_system(found.roles[member]):
            yield f"{member} is a member of {group}, which is not declared"


def _rights(database: str, found: Found, known: tuple[str, ...]) -> Iterator[str]:
    for who, right in sorted(found.databases[database].rights):
        if who and (who not in known or right.endswith(TO_HAND_ON)):
            yield f"{who} has {right} on database {database}, which is not declared"


def undeclared_inside(database: WantedDatabase, now: Inside) -> Iterator[str]:
    """Rights on what is in a database, and things of others than its owner, counted by kind."""
    if now.audit_missing and now.audit_owner not in (None, *SUPERUSERS):
        yield (
            f"schema {AUDIT_SCHEMA} of {database.name} belongs to {now.audit_owner}, and is where pgaudit has to be: "
            "nothing of it is audited in full until that schema is gone"
        )
    rights: Counter[tuple[str, str, str]] = Counter()
    things: Counter[tuple[str, str]] = Counter()
    for some in now.objects:
        kind = some.kind.lower()
        if some.owner not in owners(database) and some.kind != "COLUMNS":
            things[some.owner, kind] += len(some.names)
        for right in some.rights:
            if not _declared(database, some.kind, right):
                rights[right.who or "everybody", right.right, kind] += len(some.names)
    for (who, right, kind), count in sorted(rights.items()):
        yield f"{who} has {right} on {count} {kind} of {database.name}, which is not declared"
    for (owner, kind), count in sorted(things.items()):
        yield f"{count} {kind} of {database.name} belong to {owner}, and not to {database.owner}"
    yield from _defaults(database, now)


def _defaults(database: WantedDatabase, now: Inside) -> Iterator[str]:
    kinds = {letter: kind for kind, letter in DEFAULT_KINDS.items()}
    for one in sorted(now.defaults, key=lambda one: (one.role, one.kind, one.schema)):
        for right in sorted(one.rights):
            if one.kind in kinds and not _declared(database, kinds[one.kind], right):
                what = f"{kinds[one.kind].lower()} that {one.role} will make in {database.name}"
                yield f"{right.who or 'everybody'} gets {right.right} on {what}, which is not declared"


def _declared(database: WantedDatabase, kind: str, right: Right) -> bool:
    """Whether somebody has a right by declaration, or by PostgreSQL's own: everybody may look into schemas."""
    if right.who == "":
        return (kind, right.right) == (SCHEMAS, "USAGE")
    by_group = {database.name + suffix: rights for suffix, rights in RIGHTS.get(kind, {}).items()}
    return right.who == database.owner or right.right in by_group.get(right.who, ())


def shortened(told: Iterable[str]) -> list[str]:
    """As many as a status has room for, as they may be shown."""
    everything = [shown(one) for one in told]
    more = len(everything) - MOST
    return [*everything[:MOST], f"and {more} more"] if more > 0 else everything


def _groups(database: WantedDatabase) -> tuple[str, str, str]:
    return database.owner, database.read_only, database.read_write
