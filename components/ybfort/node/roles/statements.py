"""The statements that lead from the roles and databases that there are to those that are declared. Nothing comes out
where nothing differs.

What ybfort manages is brought to its declared state in full, so access that is no longer declared is taken away. What
it does not manage is left alone, and reported (`undeclared`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from ybfort.node.roles.found import Found, FoundRole, Right
from ybfort.node.roles.sql import SUPERUSERS, literal, name, names
from ybfort.node.roles.wanted import ADMIN, HOME, Wanted, WantedDatabase, WantedRole
from ybfort.node.system import Failure

SYSTEM_DATABASES = ("postgres", "system_platform", "template1", HOME)

PROFILE = "ybfort_logins"
FAILED_LOGINS = 10  # then the name is locked, until the next reconciliation opens it again and says so

OWN_RIGHTS = ("CONNECT", "CREATE", "TEMPORARY")  # an owner has them from the beginning, and could lose them
NEW_DATABASE = frozenset(Right("", right) for right in ("CONNECT", "TEMPORARY"))  # it lets everybody in


def role_statements(wanted: Wanted, found: Found) -> Iterator[str]:
    """Roles and memberships. Groups come first, so that members find them.

    :raises Failure: if roles would be members of each other
    """
    for superuser in SUPERUSERS:
        if superuser in found.roles and found.roles[superuser].verifier is not None:
            yield f"ALTER ROLE {name(superuser)} PASSWORD NULL"  # they work over the local socket only
    for role in _groups_first(wanted):
        now = found.roles.get(role.name)
        if now is None:
            yield _made(role, wanted, found)
        else:
            yield from _corrected(role, now)
            yield from _members(role, wanted, found)


def _groups_first(wanted: Wanted) -> list[WantedRole]:
    """All roles, each after those that it is a member of."""
    members = {role.name: sorted(role.member_of) for role in wanted.roles.values()}
    try:
        return [wanted.roles[one] for one in TopologicalSorter(members).static_order() if one in wanted.roles]
    except CycleError as problem:
        circle = " and ".join(sorted(set(problem.args[1])))
        raise Failure(f"{circle} would be members of each other: take away one of their `owner` grants.") from None


def _made(role: WantedRole, wanted: Wanted, found: Found) -> str:
    groups = _groups(role, wanted, found)
    return (
        f"CREATE ROLE {name(role.name)} NOLOGIN {_createdb(role)} CONNECTION LIMIT {role.connection_limit}"
        f"{' IN ROLE ' + names(groups) if groups else ''}"
    )


def _corrected(role: WantedRole, now: FoundRole) -> Iterator[str]:
    """Rights that no role of ours has, a limit that was changed; and no login but by a login name."""
    options = {
        "NOSUPERUSER": now.superuser,
        "NOCREATEROLE": now.createrole,
        "NOREPLICATION": now.replication,
        "NOBYPASSRLS": now.bypassrls,
        "INHERIT": not now.inherit,
        _createdb(role): now.createdb != role.createdb,
        f"CONNECTION LIMIT {role.connection_limit}": now.connection_limit != role.connection_limit,
        "NOLOGIN": now.login and not role.login_of,
        "PASSWORD NULL": now.verifier is not None and not role.login_of,
    }
    needed = [option for option, is_needed in options.items() if is_needed]
    if needed:
        yield f"ALTER ROLE {name(role.name)} {' '.join(needed)}"


def _createdb(role: WantedRole) -> str:
    return "CREATEDB" if role.createdb else "NOCREATEDB"


def _groups(role: WantedRole, wanted: Wanted, found: Found) -> list[str]:
    """What a role is to be a member of, if it is there: not every release has all of the system's own groups."""
    return sorted(group for group in role.member_of if group in wanted.roles or group in found.roles)


def _members(role: WantedRole, wanted: Wanted, found: Found) -> Iterator[str]:
    """Bring memberships to what is declared. Those in groups that are not declared are not touched."""
    now, asked = found.groups.get(role.name, {}), set(_groups(role, wanted, found))
    more, less = asked - now.keys(), (now.keys() - asked) & wanted.roles.keys()
    handed_on = {group for group in now.keys() & asked if now[group]}
    if less:
        yield f"REVOKE {names(less)} FROM {name(role.name)}"
    if more:
        yield f"GRANT {names(more)} TO {name(role.name)}"
    if handed_on:
        yield f"REVOKE ADMIN OPTION FOR {names(handed_on)} FROM {name(role.name)}"


# ------------------------------------------------------------------------------------------------------------ databases


def database_statements(wanted: Wanted, found: Found) -> Iterator[str]:
    """Databases, their owners, and who may connect."""
    for database in SYSTEM_DATABASES:
        if database in found.databases:
            yield from _closed(database, found.databases[database].rights)
    if HOME in found.databases:
        yield from _granted(HOME, ADMIN, ("CONNECT",), found.databases[HOME].rights)
    for database in wanted.databases.values():
        yield from _database(database, found)


def _database(database: WantedDatabase, found: Found) -> Iterator[str]:
    now = found.databases.get(database.name)
    if now is None:
        yield f"CREATE DATABASE {name(database.name)} OWNER {name(database.owner)}"
        rights = NEW_DATABASE | {Right(database.owner, right) for right in OWN_RIGHTS}
    else:
        rights = now.rights
        if now.owner != database.owner:
            yield f"ALTER DATABASE {name(database.name)} OWNER TO {name(database.owner)}"
        if now.template:  # who may make databases could copy it
            yield f"ALTER DATABASE {name(database.name)} IS_TEMPLATE false"
    yield from _closed(database.name, rights)
    yield from _granted(database.name, database.owner, OWN_RIGHTS, rights)
    yield from _granted(database.name, database.read_only, ("CONNECT",), rights)
    yield from _granted(database.name, database.read_write, ("CONNECT", "TEMPORARY"), rights)


def _closed(database: str, rights: frozenset[Right]) -> Iterator[str]:
    everybody = sorted(one.right for one in rights if one.who == "")
    if everybody:
        yield f"REVOKE {', '.join(everybody)} ON DATABASE {name(database)} FROM PUBLIC"


def _granted(database: str, who: str, wanted: Iterable[str], rights: frozenset[Right]) -> Iterator[str]:
    missing = [right for right in wanted if Right(who, right) not in rights]
    if missing:
        yield f"GRANT {', '.join(missing)} ON DATABASE {name(database)} TO {name(who)}"


# ---------------------------------------------------------------------------------------------------------- login names


def setting_statements(wanted: Wanted, found: Found) -> Iterator[str]:
    """A login name acts as its role from its first statement on; in a database that it owns, as the owner.

    What it makes is then the role's or the owner's, and not of a name that is replaced by another one next month.
    """
    for role in wanted.roles.values():
        if role.login_of:
            yield from _settings(role, found)


def _settings(role: WantedRole, found: Found) -> Iterator[str]:
    now = found.settings.get(role.name, {})
    for database, acts_as in sorted(role.acts_as.items()):
        if f"role={acts_as}" not in now.get(database, []):
            yield f"ALTER ROLE {name(role.name)}{_in(database)} SET role = {literal(acts_as)}"
    for database, settings in sorted(now.items()):
        if database not in role.acts_as and any(setting.startswith("role=") for setting in settings):
            yield f"ALTER ROLE {name(role.name)}{_in(database)} RESET role"


def _in(database: str) -> str:
    return f" IN DATABASE {name(database)}" if database else ""


def profile_statements(wanted: Wanted, found: Found) -> Iterator[str]:
    """A name that is tried with wrong passwords is locked for a while, where the release can do that.

    Proven as a function only: PostgreSQL has no login profiles.
    """
    logins = wanted.login_names
    if found.profiles is None or not logins:
        return
    if PROFILE not in found.profiles.names:
        yield f"CREATE PROFILE {name(PROFILE)} LIMIT FAILED_LOGIN_ATTEMPTS {FAILED_LOGINS}"
    for login in logins:
        now = found.profiles.roles.get(login)
        if now is None or now["profile"] != PROFILE:
            yield f"ALTER ROLE {name(login)} PROFILE {name(PROFILE)}"
        elif now["locked"]:
            yield f"ALTER ROLE {name(login)} ACCOUNT UNLOCK"


def locked(wanted: Wanted, found: Found) -> list[str]:
    """The login names that were locked, and are opened by `profile_statements`."""
    if found.profiles is None:
        return []
    return [one for one in wanted.login_names if one in found.profiles.roles and found.profiles.roles[one]["locked"]]
