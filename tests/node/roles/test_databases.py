"""Databases, owners and groups, and what they may do: tried by clients of a real database."""

import pytest

from node.roles.ysql import MIGRATIONS, OWNER, REPORT, ROLES, Node, audited, role
from ybfort.node.step import Result
from ybfort.node.system import Failure

MAKE = """
CREATE TABLE {0}orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
CREATE TABLE {0}parts (id int) PARTITION BY RANGE (id);
CREATE TABLE {0}parts_1 PARTITION OF {0}parts FOR VALUES FROM (0) TO (9);
CREATE VIEW {0}seen AS SELECT what FROM {0}orders;
CREATE MATERIALIZED VIEW {0}kept AS SELECT what FROM {0}orders;
CREATE SEQUENCE {0}numbers;
"""
READ = (
    "SELECT what FROM {0}orders; SELECT what FROM {0}seen; SELECT what FROM {0}kept; SELECT last_value FROM {0}numbers"
)
WRITE = (
    "INSERT INTO {0}orders (what) VALUES ('x'); UPDATE {0}orders SET what = 'y'; INSERT INTO {0}parts VALUES (1);"
    "DELETE FROM {0}orders; SELECT nextval('{0}numbers')"
)
REFUSED = ("INSERT INTO {0}orders (what) VALUES ('x')", "UPDATE {0}orders SET what = 'y'", "DELETE FROM {0}orders")


def works(node: Node, who: str, text: str, database: str = "orders") -> None:
    told = node.client(who, database, text)
    assert told.returncode == 0, told.stderr


def refused(node: Node, who: str, text: str, why: str = "permission denied", database: str = "orders") -> None:
    told = node.client(who, database, text)
    assert told.returncode != 0
    assert why in told.stderr


def test_a_database_belongs_to_its_owner_and_lets_its_groups_in(node: Node) -> None:
    assert node.run().result is Result.CHANGED
    assert node.server.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'orders'") == "orders_owner"
    works(node, "orders_api", "SELECT 1")
    works(node, "orders_report", "SELECT 1")
    works(node, "orders_migrations", "SELECT 1")


@pytest.mark.parametrize("schema", ["", "sales."], ids=["public", "a new schema"])
def test_groups_may_use_what_is_made_later(node: Node, schema: str) -> None:
    node.run()
    works(node, "orders_migrations", ("CREATE SCHEMA sales;" if schema else "") + MAKE.format(schema))
    works(node, "orders_report", READ.format(schema))
    works(node, "orders_api", READ.format(schema) + ";" + WRITE.format(schema))
    for text in REFUSED:
        refused(node, "orders_report", text.format(schema))
    for who in ("orders_report", "orders_api"):
        refused(node, who, f"CREATE TABLE {schema}mine (id int)")
        refused(node, who, f"TRUNCATE {schema}orders")


def test_groups_may_use_what_was_there_before_them(node: Node) -> None:
    node.server.sql("CREATE ROLE orders_owner; CREATE DATABASE orders OWNER orders_owner")
    node.server.sql("SET ROLE orders_owner; CREATE SCHEMA sales;" + MAKE.format("sales.") + MAKE.format(""), "orders")
    node.run()
    for schema in ("", "sales."):
        works(node, "orders_report", READ.format(schema))
        works(node, "orders_api", WRITE.format(schema))
        refused(node, "orders_report", REFUSED[0].format(schema))
    assert node.run().result is Result.DONE
    assert node.changes == []


def test_a_login_that_may_change_the_schema_acts_as_the_owner(node: Node) -> None:
    node.run()
    works(node, "orders_migrations", "CREATE SCHEMA sales; CREATE TABLE sales.new (id int); CREATE SEQUENCE sales.one")
    owners = "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'sales'::regnamespace"
    assert node.server.sql(owners, "orders") == "orders_owner"


def test_elsewhere_a_login_acts_as_its_role(node: Node) -> None:
    both = [{"name": name, "owner": "orders_owner"} for name in ("orders", "stock")]
    node.declare(databases=both, roles=[OWNER, role("orders_migrations", "orders owner", "stock read_only")])
    node.run()
    who = "SELECT current_user"
    assert node.client("orders_migrations", "orders", who).stdout == "orders_owner\n"
    node.declare(
        databases=[{"name": "orders", "owner": "orders_owner"}, {"name": "stock", "owner": "stock_owner"}],
        roles=[OWNER, role("stock_owner", login=False), role("orders_migrations", "orders owner", "stock read_only")],
    )
    node.run()
    assert node.client("orders_migrations", "stock", who).stdout == "orders_migrations\n"


def test_who_only_reads_cannot_make_temporary_tables(node: Node) -> None:
    node.run()
    refused(node, "orders_report", "CREATE TEMPORARY TABLE mine (id int)", "permission denied to create temporary")
    works(node, "orders_api", "CREATE TEMPORARY TABLE mine (id int)")


def test_a_schema_is_closed_to_everybody(node: Node) -> None:
    node.run()
    node.server.sql("GRANT CREATE ON SCHEMA public TO PUBLIC", "orders")
    node.run()
    refused(node, "orders_api", "CREATE TABLE mine (id int)")


def test_access_that_is_no_longer_declared_is_taken_away(node: Node) -> None:
    node.run()
    node.server.sql("SET ROLE orders_owner; CREATE TABLE orders (id int)", "orders")
    node.declare(roles=[OWNER, role("orders_api", "orders read_only"), {**REPORT, "grants": []}, MIGRATIONS])
    node.run()
    works(node, "orders_api", "SELECT * FROM orders")
    refused(node, "orders_api", "INSERT INTO orders VALUES (1)")
    refused(node, "orders_report", "SELECT 1", 'permission denied for database "orders"')


def test_a_new_owner_gets_the_database(node: Node) -> None:
    node.run()
    node.declare(
        databases=[{"name": "orders", "owner": "next_owner"}],
        roles=[*ROLES, role("next_owner", login=False)],
    )
    node.run()
    works(node, "orders_migrations", "CREATE TABLE new (id int)")
    works(node, "orders_api", "INSERT INTO new VALUES (1)")
    assert node.run().result is Result.DONE


def test_a_database_that_was_dropped_by_hand_is_made_again(node: Node) -> None:
    node.run()
    node.server.sql("DROP DATABASE orders")
    assert node.run().result is Result.CHANGED
    works(node, "orders_migrations", "CREATE TABLE again (id int)")
    works(node, "orders_report", "SELECT * FROM again")


def test_a_database_that_could_be_copied_is_a_template_no_more(node: Node) -> None:
    node.run()
    node.server.sql("ALTER DATABASE orders IS_TEMPLATE true")
    node.run()
    refused(node, "alice", "CREATE DATABASE mine TEMPLATE orders", database="yugabyte")


def test_a_database_that_lets_nobody_in_is_told_and_stops_no_other(node: Node) -> None:
    node.run()
    node.server.sql("ALTER DATABASE orders ALLOW_CONNECTIONS false")
    both = [{"name": name, "owner": "orders_owner"} for name in ("orders", "stock")]
    node.declare(databases=both, roles=[*ROLES, role("clerk", "stock read_write")])
    with pytest.raises(Failure) as told:
        node.run()
    assert str(told.value).endswith('FATAL:  database "orders" is not currently accepting connections')
    works(node, "clerk", "SELECT 1", "stock")
    node.server.sql("SET ROLE orders_owner; CREATE TABLE here (id int)", "stock")
    works(node, "clerk", "SELECT * FROM here", "stock")
    node.server.sql("ALTER DATABASE orders ALLOW_CONNECTIONS true")
    assert node.run().result is Result.DONE


def test_what_an_extension_brought_is_left_alone(node: Node) -> None:
    node.run()
    rights = "SELECT relname, relacl FROM pg_class WHERE relname IN ('pg_stat_statements', 'pg_stat_statements_info')"
    node.server.sql("CREATE EXTENSION pg_stat_statements", "orders")
    before = node.server.sql(rights, "orders")
    assert node.run().result is Result.DONE
    assert node.server.sql(rights, "orders") == before


def test_the_owner_of_a_database_needs_nobody_for_a_trusted_extension(node: Node) -> None:
    node.run()
    works(node, "orders_migrations", "CREATE EXTENSION pgcrypto; DROP EXTENSION pgcrypto")
    refused(node, "orders_migrations", "CREATE EXTENSION dblink", "permission denied to create extension")


@pytest.mark.skipif(not audited(), reason="cannot run here: there is no pgaudit for PostgreSQL 15 on this machine")
def test_every_database_is_audited_and_its_owner_cannot_end_that(node: Node) -> None:
    node.run()
    where = "SELECT extnamespace::regnamespace, pg_get_userbyid(extowner) FROM pg_extension WHERE extname = 'pgaudit'"
    assert node.server.sql(where, "orders") == "ybfort|yugabyte"
    refused(node, "orders_migrations", "DROP EXTENSION pgaudit", "must be owner")
    refused(node, "orders_migrations", "DROP SCHEMA ybfort CASCADE", "must be owner")
    with node.server.logged() as log:
        works(node, "orders_migrations", "CREATE TABLE audited (id int)")
        assert "DDL,CREATE TABLE,TABLE,public.audited" in log()


@pytest.mark.skipif(not audited(), reason="cannot run here: there is no pgaudit for PostgreSQL 15 on this machine")
def test_an_owner_who_takes_the_place_of_the_audit_is_told_of(node: Node) -> None:
    node.server.sql("CREATE ROLE orders_owner; CREATE DATABASE orders OWNER orders_owner")
    node.server.sql("SET ROLE orders_owner; CREATE SCHEMA ybfort; CREATE TABLE ybfort.hidden (id int)", "orders")
    assert node.run().result is Result.INCOMPLETE
    (told,) = node.undeclared
    assert told.startswith("schema ybfort of orders belongs to orders_owner, and is where pgaudit has to be")
    there = "SELECT count(*) FROM pg_extension WHERE extname = 'pgaudit'"
    assert node.server.sql(there, "orders") == "0"  # its owner could drop it together with the schema
    works(node, "orders_report", "SELECT * FROM ybfort.hidden")  # it is the owner's, as everything else
    works(node, "orders_migrations", "DROP SCHEMA ybfort CASCADE")
    node.run()
    assert node.server.sql(there, "orders") == "1"


def test_nothing_is_declared(node: Node) -> None:
    node.declare(databases=[], roles=[])
    assert node.run().result is Result.CHANGED
    assert node.run().result is Result.DONE
    assert node.changes == []
