"""The owner of a database plants what he can in it, and the superuser's session is not fooled by any of it."""

from node.roles.ysql import ROLES, Node, role
from ybfort.node.roles.session import SETTINGS, Session
from ybfort.node.roles.sql import literal, name
from ybfort.node.step import Result

# Each of these makes a superuser of whoever it is the superuser's own session that falls for it.
TRAP = "ALTER ROLE orders_migrations_login_a SUPERUSER"
PLANTED = f"""
CREATE FUNCTION public.sprung() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE '{TRAP}'; RETURN 1; END $$;
CREATE FUNCTION public.aclexplode(aclitem[], OUT grantor oid, OUT grantee oid, OUT privilege_type text,
  OUT is_grantable boolean) RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN PERFORM public.sprung(); END $$;
CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.sprung(); RETURN 'orders_owner'; END $$;
CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.sprung(); RETURN ''; END $$;
CREATE FUNCTION public.json_build_object(VARIADIC text[]) RETURNS json LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.sprung(); RETURN '{{}}'; END $$;
CREATE FUNCTION public.same(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.sprung(); RETURN true; END $$;
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
CREATE OPERATOR public.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
CREATE OPERATOR public.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
CREATE TYPE public.oid8 AS (one int);
CREATE FUNCTION public.cast_it(public.oid8) RETURNS text LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.sprung(); RETURN ''; END $$;
CREATE CAST (public.oid8 AS text) WITH FUNCTION public.cast_it(public.oid8) AS IMPLICIT;
CREATE VIEW public.pg_authid AS SELECT public.sprung();
CREATE VIEW public.pg_class AS SELECT public.sprung();
CREATE VIEW public.pg_namespace AS SELECT public.sprung();
CREATE VIEW public.pg_database AS SELECT public.sprung();
CREATE VIEW public.pg_available_extensions AS SELECT public.sprung();
CREATE TABLE public.watched (one int);
CREATE INDEX looked ON public.watched ((public.same(one::text, 'x')));
CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.sprung(); RETURN NEW; END $$;
CREATE TRIGGER fired BEFORE INSERT OR DELETE ON public.watched FOR EACH STATEMENT EXECUTE FUNCTION public.fired();
CREATE RULE looked AS ON UPDATE TO public.watched DO INSTEAD SELECT public.sprung();
"""
SUPERUSERS = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_authid WHERE rolsuper"


def test_what_an_owner_plants_is_never_looked_up(node: Node) -> None:
    node.run()
    planted = node.client("orders_migrations", "orders", PLANTED)
    assert planted.returncode == 0, planted.stderr
    node.client("orders_migrations", "orders", "ALTER DATABASE orders SET search_path = public, pg_catalog")
    node.server.sql("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM orders_read_only", "orders")
    with node.server.logged() as log:
        assert node.run().result is Result.CHANGED
        assert node.run().result is Result.DONE
        assert "sprung" not in log()
    assert node.server.sql(SUPERUSERS) == "postgres yugabyte"


# What the owner sets, and what it is for the superuser all the same.
SET_BY_THE_OWNER = {
    "role": ("orders_read_only", "none"),
    "standard_conforming_strings": ("off", "on"),
    "client_encoding": ("LATIN1", "SQL_ASCII"),
    "client_min_messages": ("debug5", "error"),
    "default_transaction_isolation": ("serializable", "read committed"),
    "default_transaction_read_only": ("on", "off"),
    "exit_on_error": ("on", "off"),
    "idle_session_timeout": ("1", "0"),
    "lock_timeout": ("1", "0"),
    "statement_timeout": ("1", "2min"),
    "local_preload_libraries": ("nowhere", ""),
    "search_path": ("public, pg_catalog", "pg_catalog"),
}


def test_what_an_owner_sets_for_everybody_is_not_set_for_the_superuser(node: Node) -> None:
    node.run()
    assert SET_BY_THE_OWNER.keys() == SETTINGS.keys()
    table = '"pgwho"."it\'s \\ größer"'
    made = node.client("orders_migrations", "orders", f"CREATE SCHEMA pgwho; CREATE TABLE {table} (id int)")
    assert made.returncode == 0, made.stderr
    node.server.sql(f"REVOKE ALL ON {table} FROM orders_read_only", "orders")
    for setting, (value, _) in SET_BY_THE_OWNER.items():
        node.server.sql(f"SET ROLE orders_owner; ALTER DATABASE orders SET {setting} = {value or repr('')}")
    with Session(node.machine, node.config, "orders") as session:
        asked = ", ".join(f"current_setting('{setting}') AS {setting}" for setting in SETTINGS)
        assert session.rows(f"SELECT {asked}") == [{name: kept for name, (_, kept) in SET_BY_THE_OWNER.items()}]
    node.run()
    assert node.changes == [f'GRANT SELECT ON TABLE {table} TO "orders_read_only"']
    assert node.run().result is Result.DONE


NAMES = [
    'with "quotes"',
    "with 'quotes'",
    "with\nnewlines\n\n",
    "with \\ backslashes \\\\echo x",
    "größer 大きい \N{SNOWMAN}\u202e",
    ":ERROR :LAST_ERROR_MESSAGE",
    "; DROP TABLE x; --",
    "$$ $1 {} %s",
    "x" * 63,
]


def test_names_and_comments_are_nothing_but_text(node: Node) -> None:
    node.run()
    node.server.sql('CREATE DATABASE ":ERROR\n\'; --"')
    for text in NAMES:
        known, comment = name(text), literal(text)
        node.server.sql(f"CREATE ROLE {known}; COMMENT ON ROLE {known} IS {comment}")
        node.server.sql(f"COMMENT ON ROLE orders_owner IS {comment}")
        node.server.sql(f"ALTER ROLE orders_api_login_a SET application_name = {comment}")
        node.server.sql(
            f"SET ROLE orders_owner; CREATE SCHEMA {known}; CREATE TABLE {known}.{known} ({known} int);"
            f"REVOKE ALL ON {known}.{known} FROM orders_read_only;",
            "orders",
        )
    assert node.run().result is Result.INCOMPLETE
    told = [*(f"role {text} is not declared" for text in sorted(NAMES)), "database :ERROR\n'; -- is not declared"]
    assert node.undeclared == [one.replace("\n", "\ufffd").replace("\u202e", "\ufffd") for one in told]
    assert len(node.changes) == 1
    for text in NAMES:
        assert node.client("orders_report", "orders", f"SELECT * FROM {name(text)}.{name(text)}").returncode == 0
    node.run()
    assert node.changes == []


def test_two_names_that_differ_in_another_encoding_stay_two(node: Node) -> None:
    """An admin makes a database in an encoding of his choice, and in there names of bytes that are no UTF-8."""
    node.run()
    latin = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    assert node.client("alice", "yugabyte", latin).returncode == 0
    try:
        made = node.client("alice", "latin", "SET client_encoding = 'UTF8'; CREATE DATABASE ordersö")
        assert made.returncode == 0, made.stderr
        assert node.run().result is Result.INCOMPLETE
        assert node.undeclared == ["database latin is not declared", "database orders\ufffdf6 is not declared"]
        assert node.changes == []
    finally:
        node.server.sql("SET client_encoding = 'UTF8'; DROP DATABASE IF EXISTS ordersö", "latin")


def test_a_comment_that_looks_like_a_mark_makes_no_login_name_of_a_role(node: Node) -> None:
    node.run()
    mark = "ybfort: in use since 2026-01-01T00:00:00Z, password generation 1, verifier 0123456789abcdef"
    node.server.sql(f"COMMENT ON ROLE orders_owner IS '{mark}'; COMMENT ON ROLE orders_api IS '{mark}'")
    assert node.run().result is Result.DONE
    assert node.changes == []


def test_names_may_be_as_long_as_a_stack_file_allows(node: Node) -> None:
    database, owner, api = "d" * 48, "o" * 48, "a" * 48
    node.declare(
        databases=[{"name": database, "owner": owner}],
        roles=[role(owner, login=False), role(api, f"{database} read_write")],
    )
    node.run()
    assert node.works(node.secret(api), database)
    assert node.run().result is Result.DONE


def test_a_role_may_be_called_like_a_word_of_sql(node: Node) -> None:
    words = ("user", "select", "group", "all", "table", "current_role")
    node.declare(roles=[*ROLES, *(role(word, "orders read_write") for word in words)])
    node.run()
    for word in words:
        assert node.works(node.secret(word)), word
    assert node.run().result is Result.DONE
