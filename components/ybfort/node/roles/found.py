"""What the database has: its roles and databases in one question, and the inside of a database in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ybfort.node.roles.session import Session
from ybfort.node.roles.sql import SUPERUSERS, literal

AUDIT_SCHEMA = "ybfort"  # the agent's own: what lies in a schema can be dropped by who owns the schema
TO_HAND_ON = " WITH GRANT OPTION"
SUPERUSER_NAMES = ", ".join(map(literal, SUPERUSERS))

# A right that may be handed on counts twice: as itself, and as the right to hand it on.
RIGHTS = f"""(SELECT coalesce(json_agg(json_build_object(
    'who', CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END, 'right', r.named)), '[]')
  FROM aclexplode(%s) a, LATERAL (VALUES (a.privilege_type),
    (CASE WHEN a.is_grantable THEN a.privilege_type || '{TO_HAND_ON}' END)) r(named)
  WHERE r.named IS NOT NULL AND a.grantee IS DISTINCT FROM %s)"""  # noqa: S608 (nothing in it comes from elsewhere)

CLUSTER = f"""
SELECT
  (SELECT json_agg(json_build_object(
      'name', rolname, 'superuser', rolsuper, 'createrole', rolcreaterole, 'createdb', rolcreatedb, 'login',
      rolcanlogin, 'replication', rolreplication, 'bypassrls', rolbypassrls, 'inherit', rolinherit, 'connection_limit',
      rolconnlimit, 'valid_until', CASE WHEN isfinite(rolvaliduntil) THEN extract(epoch FROM rolvaliduntil) END,
      'verifier', rolpassword, 'comment', description))
    FROM pg_authid LEFT JOIN pg_shdescription ON objoid = oid AND classoid = 'pg_authid'::regclass) AS roles,
  (SELECT json_agg(json_build_object(
      'role', g.rolname, 'member', m.rolname, 'admin', a.admin_option))
    FROM pg_auth_members a JOIN pg_authid g ON g.oid = a.roleid JOIN pg_authid m ON m.oid = a.member) AS members,
  (SELECT json_agg(json_build_object('role', r.rolname, 'database', coalesce(d.datname, ''), 'settings', s.setconfig))
    FROM pg_db_role_setting s JOIN pg_authid r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  ) AS settings,
  (SELECT json_agg(json_build_object(
      'name', datname, 'owner', pg_get_userbyid(datdba), 'template', datistemplate,
      'rights', {RIGHTS % ("coalesce(datacl, acldefault('d', datdba))", "NULL")})) FROM pg_database) AS databases,
  to_regclass('pg_catalog.pg_yb_profile') IS NOT NULL AS has_profiles
"""  # noqa: S608 (nothing in it comes from elsewhere)
PROFILES = """
SELECT
  (SELECT json_agg(prfname) FROM pg_yb_profile) AS names,
  (SELECT json_agg(json_build_object('role', r.rolname, 'profile', p.prfname, 'locked', m.rolprfstatus = 'l'))
    FROM pg_yb_role_profile m JOIN pg_authid r ON r.oid = m.rolprfrole JOIN pg_yb_profile p ON p.oid = m.rolprfprofile
  ) AS roles
"""

# Of users: not the system's schemas, not what an extension brought, and not the agent's own schema.
SCHEMAS = rf"""n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND NOT (n.nspname = '{AUDIT_SCHEMA}' AND pg_get_userbyid(n.nspowner) IN ({SUPERUSER_NAMES}))"""
BROUGHT = "EXISTS (SELECT FROM pg_depend e WHERE e.classid = '%s'::regclass AND e.objid = %s.oid AND e.deptype = 'e')"
# What is alike in all but its name comes together: most things of an owner are.
INSIDE = rf"""
SELECT
  EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgaudit' AND installed_version IS NULL)
    AND current_setting('shared_preload_libraries') LIKE '%pgaudit%' AS audit_missing,
  (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = '{AUDIT_SCHEMA}') AS audit_owner,
  (SELECT coalesce(json_agg(json_build_object('kind', x.kind, 'schema', x.schema, 'names', x.names, 'owner',
      pg_get_userbyid(x.owner), 'rights', {RIGHTS % ("x.acl", "x.owner")}) ORDER BY x.kind, x.schema), '[]')
    FROM (SELECT kind, schema, owner, acl, json_agg(name) AS names FROM (
      SELECT 'SCHEMAS' AS kind, n.nspname AS schema, n.nspname::text AS name, n.nspowner AS owner, n.nspacl AS acl
        FROM pg_namespace n WHERE {SCHEMAS} AND NOT {BROUGHT % ("pg_namespace", "n")}
      UNION ALL
      SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END, n.nspname, c.relname, c.relowner, c.relacl
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {SCHEMAS} AND NOT {BROUGHT % ("pg_class", "c")}
      UNION ALL
      SELECT 'COLUMNS', n.nspname, c.relname || '.' || a.attname, c.relowner, a.attacl
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND {SCHEMAS} AND NOT {BROUGHT % ("pg_class", "c")}
      UNION ALL
      SELECT 'FUNCTIONS', n.nspname, p.proname, p.proowner, NULL
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE {SCHEMAS} AND NOT {BROUGHT % ("pg_proc", "p")}
    ) each GROUP BY kind, schema, owner, acl) x) AS objects,
  (SELECT coalesce(json_agg(json_build_object('role', pg_get_userbyid(d.defaclrole), 'kind', d.defaclobjtype, 'schema',
      coalesce(n.nspname, ''), 'rights', {RIGHTS % ("d.defaclacl", "d.defaclrole")})), '[]')
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace) AS defaults
"""  # noqa: S608 (nothing in it comes from elsewhere)


class Right(NamedTuple):
    """Somebody's right on something; nobody's name is everybody."""

    who: str
    right: str


@dataclass(frozen=True)
class FoundRole:
    """A role as the database has it."""

    name: str
    superuser: bool
    createrole: bool
    createdb: bool
    login: bool
    replication: bool
    bypassrls: bool
    inherit: bool
    connection_limit: int
    valid_until: float | None  # seconds since 1970; None if it has no end
    verifier: str | None
    comment: str | None


@dataclass(frozen=True)
class FoundDatabase:
    """A database as it is."""

    name: str
    owner: str
    template: bool
    rights: frozenset[Right]


@dataclass(frozen=True)
class Profiles:
    """Login profiles, which only YugabyteDB has."""

    names: frozenset[str]
    roles: Mapping[str, Mapping[str, Any]]  # by role: its profile, and whether it is locked


@dataclass(frozen=True)
class Found:
    """The roles and databases of a cluster."""

    roles: Mapping[str, FoundRole]
    groups: Mapping[str, Mapping[str, bool]]  # by member and group: whether the member may hand it on
    settings: Mapping[str, Mapping[str, list[str]]]  # by role and database ("" for all)
    databases: Mapping[str, FoundDatabase]
    profiles: Profiles | None  # None where the release has none


@dataclass(frozen=True)
class Alike:
    """Things in a database that differ in nothing but their names; of rights, not the owner's own."""

    kind: str
    schema: str
    names: list[str]
    owner: str
    rights: frozenset[Right]


@dataclass(frozen=True)
class Defaults:
    """Rights on what a role will make; not its own."""

    role: str
    kind: str  # pg_default_acl.defaclobjtype
    schema: str  # "" for all
    rights: frozenset[Right]


@dataclass(frozen=True)
class Inside:
    """What is in a database."""

    audit_missing: bool  # pgaudit is loaded, and not in this database
    audit_owner: str | None  # who owns the schema that is meant for it; None if there is none
    objects: tuple[Alike, ...]
    defaults: tuple[Defaults, ...]


def found(session: Session) -> Found:
    """What there is now."""
    (told,) = session.rows(CLUSTER)
    groups: dict[str, dict[str, bool]] = {}
    for one in told["members"] or ():
        groups.setdefault(one["member"], {})[one["role"]] = one["admin"]
    settings: dict[str, dict[str, list[str]]] = {}
    for one in told["settings"] or ():
        settings.setdefault(one["role"], {})[one["database"]] = one["settings"]
    return Found(
        roles={one["name"]: FoundRole(**one) for one in told["roles"]},
        groups=groups,
        settings=settings,
        databases={one["name"]: FoundDatabase(**_with_rights(one)) for one in told["databases"]},
        profiles=_profiles(session) if told["has_profiles"] else None,
    )


def inside(session: Session) -> Inside:
    """The inside of the database that the session is connected to."""
    (told,) = session.rows(INSIDE)
    return Inside(
        audit_missing=told["audit_missing"],
        audit_owner=told["audit_owner"],
        objects=tuple(Alike(**_with_rights(one)) for one in told["objects"]),
        defaults=tuple(Defaults(**_with_rights(one)) for one in told["defaults"]),
    )


def _with_rights(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "rights": frozenset(Right(**one) for one in told["rights"])}


def _profiles(session: Session) -> Profiles:
    (told,) = session.rows(PROFILES)
    assigned: list[dict[str, Any]] = told["roles"] or []
    return Profiles(names=frozenset(told["names"] or []), roles={one["role"]: one for one in assigned})
