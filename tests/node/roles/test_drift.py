"""What somebody has changed by hand: what is declared is put back, what is not is told and left alone."""

from threading import Thread

import pytest

from node.roles.ysql import API, OWNER, ROLES, Node, role
from ybfort.node.roles.session import SqlFailure
from ybfort.node.step import Result
from ybfort.node.system import Failure
from ybfort.sandbox.nodes.site import wait_until


@pytest.fixture
def node(node: Node) -> Node:
    node.run()
    return node


def test_a_run_that_changes_nothing_only_asks(settled: Node) -> None:
    settled.run()
    assert settled.run().result is Result.DONE
    assert len(settled.machine.statements) == 5  # two sessions begin, a lock is taken, and two questions are asked
    assert all(statement.startswith("SELECT ") for statement in settled.machine.statements)


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("ALTER ROLE orders_api SUPERUSER CREATEROLE", 'ALTER ROLE "orders_api" NOSUPERUSER NOCREATEROLE'),
        ("ALTER ROLE orders_owner REPLICATION BYPASSRLS", 'ALTER ROLE "orders_owner" NOREPLICATION NOBYPASSRLS'),
        ("ALTER ROLE orders_read_only LOGIN", 'ALTER ROLE "orders_read_only" NOLOGIN'),
        ("ALTER ROLE orders_owner PASSWORD 'known'", 'ALTER ROLE "orders_owner" PASSWORD NULL'),
        ("ALTER ROLE orders_api CREATEDB", 'ALTER ROLE "orders_api" NOCREATEDB'),
        ("ALTER ROLE alice NOCREATEDB", 'ALTER ROLE "alice" CREATEDB'),
        ("ALTER ROLE orders_api NOINHERIT", 'ALTER ROLE "orders_api" INHERIT'),
        ("ALTER ROLE orders_api_login_b CONNECTION LIMIT 0", 'ALTER ROLE "orders_api_login_b" CONNECTION LIMIT -1'),
        ("GRANT orders_owner TO orders_api", 'REVOKE "orders_owner" FROM "orders_api"'),
        ("REVOKE orders_read_write FROM orders_api", 'GRANT "orders_read_write" TO "orders_api"'),
        (
            "GRANT orders_read_write TO orders_api WITH ADMIN OPTION",
            'REVOKE ADMIN OPTION FOR "orders_read_write" FROM "orders_api"',
        ),
        ("ALTER ROLE orders_api_login_a RESET role", "ALTER ROLE \"orders_api_login_a\" SET role = 'orders_api'"),
        (
            "ALTER ROLE orders_api_login_a IN DATABASE orders SET role = 'orders_read_only'",
            'ALTER ROLE "orders_api_login_a" IN DATABASE "orders" RESET role',
        ),
        ("GRANT CONNECT ON DATABASE orders TO PUBLIC", 'REVOKE CONNECT ON DATABASE "orders" FROM PUBLIC'),
        ("GRANT TEMP ON DATABASE template1 TO PUBLIC", 'REVOKE TEMPORARY ON DATABASE "template1" FROM PUBLIC'),
        (
            "REVOKE CONNECT ON DATABASE orders FROM orders_read_only",
            'GRANT CONNECT ON DATABASE "orders" TO "orders_read_only"',
        ),
        (
            "REVOKE CREATE ON DATABASE orders FROM orders_owner",
            'GRANT CREATE ON DATABASE "orders" TO "orders_owner"',
        ),
        ("ALTER DATABASE orders OWNER TO alice", 'ALTER DATABASE "orders" OWNER TO "orders_owner"'),
        ("ALTER DATABASE orders IS_TEMPLATE true", 'ALTER DATABASE "orders" IS_TEMPLATE false'),
    ],
)
def test_put_back_is(settled: Node, spoil: str, mend: str) -> None:
    settled.server.sql(spoil)
    settled.run()
    assert mend in settled.changes
    assert settled.run().result is Result.DONE
    assert settled.changes == []


def test_rights_that_a_group_has_lost_are_put_back(node: Node) -> None:
    node.server.sql("SET ROLE orders_owner; CREATE TABLE one (id serial); CREATE TABLE other (id int)", "orders")
    node.server.sql(
        "REVOKE ALL ON one, one_id_seq FROM orders_read_only; REVOKE INSERT ON other FROM orders_read_write", "orders"
    )
    node.server.sql(
        "ALTER DEFAULT PRIVILEGES FOR ROLE orders_owner REVOKE SELECT ON TABLES FROM orders_read_only", "orders"
    )
    node.run()
    assert node.changes == [
        'ALTER DEFAULT PRIVILEGES FOR ROLE "orders_owner" GRANT SELECT ON TABLES TO "orders_read_only"',
        'GRANT SELECT ON TABLE "public"."one" TO "orders_read_only"',
        'GRANT INSERT ON TABLE "public"."other" TO "orders_read_write"',
        'GRANT SELECT ON SEQUENCE "public"."one_id_seq" TO "orders_read_only"',
    ]
    assert node.run().result is Result.DONE


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("CREATE ROLE bob", ["role bob is not declared"]),
        ("CREATE ROLE bob SUPERUSER LOGIN", ["superuser bob logs in and is not declared"]),
        ("CREATE ROLE bob_login_a LOGIN", ["role bob_login_a logs in and is not declared"]),
        ("CREATE ROLE yb_bob SUPERUSER", ["superuser yb_bob is not declared"]),
        ("CREATE ROLE yb_bob LOGIN", ["role yb_bob logs in and is not declared"]),
        ("CREATE DATABASE bobs", ["database bobs is not declared"]),
        (
            "CREATE ROLE bob IN ROLE orders_owner",
            ["role bob is not declared", "bob is a member of orders_owner, which is not declared"],
        ),
        (
            "GRANT pg_read_all_data TO orders_api",
            ["orders_api is a member of pg_read_all_data, which is not declared"],
        ),
        (
            "GRANT CREATE ON DATABASE orders TO orders_api",
            ["orders_api has CREATE on database orders, which is not declared"],
        ),
        (
            "GRANT CONNECT ON DATABASE orders TO orders_read_only WITH GRANT OPTION",
            ["orders_read_only has CONNECT WITH GRANT OPTION on database orders, which is not declared"],
        ),
        (
            "GRANT CONNECT ON DATABASE postgres TO alice",
            ["alice has CONNECT on database postgres, which is not declared"],
        ),
    ],
)
def test_told_and_left_alone_is(node: Node, made: str, told: list[str]) -> None:
    node.server.sql(made)
    before = node.server.sql("SELECT count(*) FROM pg_auth_members") + node.server.sql("SELECT datacl FROM pg_database")
    assert node.run().result is Result.INCOMPLETE
    assert node.undeclared == told
    assert node.changes == []
    after = node.server.sql("SELECT count(*) FROM pg_auth_members") + node.server.sql("SELECT datacl FROM pg_database")
    assert after == before


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("GRANT DELETE ON one TO orders_read_only", "orders_read_only has DELETE on 1 tables of orders"),
        ("GRANT SELECT ON one, other TO orders_api", "orders_api has SELECT on 2 tables of orders"),
        ("GRANT SELECT ON one TO PUBLIC", "everybody has SELECT on 1 tables of orders"),
        ("GRANT UPDATE (id) ON one TO alice", "alice has UPDATE on 1 columns of orders"),
        ("GRANT CREATE ON SCHEMA public TO orders_api", "orders_api has CREATE on 1 schemas of orders"),
        ("GRANT USAGE ON SEQUENCE one_id_seq TO orders_report", "orders_report has USAGE on 1 sequences of orders"),
        (
            "GRANT SELECT ON one TO orders_read_only WITH GRANT OPTION",
            "orders_read_only has SELECT WITH GRANT OPTION on 1 tables of orders",
        ),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE orders_owner IN SCHEMA public GRANT SELECT ON TABLES TO alice",
            "alice gets SELECT on tables that orders_owner will make in orders",
        ),
    ],
)
def test_told_of_what_is_inside_and_left_alone_is(node: Node, made: str, told: str) -> None:
    node.server.sql("SET ROLE orders_owner; CREATE TABLE one (id serial); CREATE TABLE other (id int)", "orders")
    node.server.sql(made, "orders")
    assert node.run().result is Result.INCOMPLETE
    assert node.undeclared == [f"{told}, which is not declared"]
    assert node.changes == []


def test_things_of_others_are_told_and_left_alone(node: Node) -> None:
    node.server.sql("CREATE TABLE dumped (id serial); CREATE FUNCTION dumped() RETURNS int RETURN 1", "orders")
    node.server.sql("CREATE SCHEMA hers AUTHORIZATION alice CREATE VIEW hers AS SELECT 1 AS one", "orders")
    before = node.server.sql("SELECT relname, relacl FROM pg_class WHERE relname IN ('dumped', 'hers')", "orders")
    assert node.run().result is Result.INCOMPLETE
    assert node.undeclared == [
        "1 schemas of orders belong to alice, and not to orders_owner",
        "1 tables of orders belong to alice, and not to orders_owner",
        "1 functions of orders belong to yugabyte, and not to orders_owner",
        "1 sequences of orders belong to yugabyte, and not to orders_owner",
        "1 tables of orders belong to yugabyte, and not to orders_owner",
    ]
    assert node.changes == []
    after = node.server.sql("SELECT relname, relacl FROM pg_class WHERE relname IN ('dumped', 'hers')", "orders")
    assert after == before


def test_a_status_has_room_for_the_first_hundred(node: Node) -> None:
    node.server.sql("SELECT format('CREATE ROLE stranger_%s', n) FROM generate_series(100, 249) n \\gexec")
    node.run()
    assert len(node.undeclared) == 101
    assert node.undeclared[-1] == "and 50 more"


# ---------------------------------------------------------------------------------------------- what cannot be done


def test_owners_in_a_circle_are_one_clear_failure(node: Node) -> None:
    """A stack file with one is refused long before; another program could have written the document."""
    (owner,) = (one for one in node.declared["roles"] if one["name"] == "orders_owner")
    owner["member_of"] = ["orders_api"]
    (api,) = (one for one in node.declared["roles"] if one["name"] == "orders_api")
    api["member_of"] = ["orders_owner"]
    with pytest.raises(Failure) as told:
        node.run()
    message = "orders_api and orders_owner would be members of each other: take away one of their `owner` grants."
    assert str(told.value) == message


def test_a_circle_by_way_of_a_stranger_stops_nothing_else(node: Node) -> None:
    node.server.sql("CREATE ROLE bob IN ROLE orders_report; GRANT bob TO orders_owner")
    grants = role("orders_report", "orders owner")
    node.declare(roles=[OWNER, API, grants, role("clerk", "orders read_only")])
    with pytest.raises(Failure, match='role "orders_owner" is a member of role "orders_report"'):
        node.run()
    assert node.works(node.secret("clerk"))


def test_what_all_statements_are_refused_for_is_not_tried_for_all(node: Node) -> None:
    many = [role(f"clerk_{number}", "orders read_only") for number in range(30)]
    node.declare(roles=[*ROLES, *many])
    node.machine.meanwhile = refuse
    with pytest.raises(Failure, match=r"and \d+ more$"):
        node.run()
    assert len(node.changes) < 60


def refuse(statement: str) -> None:
    if statement.startswith("CREATE ROLE"):
        raise SqlFailure("no space left on device", passes=False)


def test_what_is_dropped_while_a_run_is_at_it_is_right_in_the_next(node: Node) -> None:
    node.server.sql("SET ROLE orders_owner; CREATE TABLE one (id int); CREATE TABLE other (id int)", "orders")
    node.server.sql("REVOKE ALL ON one, other FROM orders_read_only", "orders")

    def drop(statement: str) -> None:
        if statement.startswith("GRANT SELECT ON TABLE"):
            node.server.sql("DROP TABLE one", "orders")

    node.machine.meanwhile = drop
    with pytest.raises(Failure, match=r'relation "public\.one" does not exist'):
        node.run()
    node.machine.meanwhile = str
    node.run()
    assert node.run().result is Result.DONE


def test_two_that_grant_at_once_do_not_stop_each_other(node: Node) -> None:
    """PostgreSQL refuses the later one of two, and the agent tries again."""
    node.server.sql("SET ROLE orders_owner; CREATE TABLE one (id int)", "orders")
    node.server.sql("REVOKE ALL ON one FROM orders_read_only", "orders")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ybfort' AND wait_event_type = 'Lock'"
    with node.session("orders_migrations", "orders") as ask:
        assert ask("BEGIN; GRANT SELECT ON one TO alice; SELECT 1") == "1"

        def commit() -> None:
            wait_until("the agent", lambda: node.server.sql(waiting) == "1")
            ask("COMMIT; SELECT 1")

        committed = Thread(target=commit)
        committed.start()
        node.run()
        committed.join()
    assert node.changes.count('GRANT SELECT ON TABLE "public"."one" TO "orders_read_only"') == 2
    assert node.client("orders_report", "orders", "SELECT * FROM one").returncode == 0
