"""The session with the database: it tells what was refused, tries again what passes, and never hangs."""

import time
from collections.abc import Iterator

import pytest

from node.roles.ysql import Node
from ybfort.node.roles import session as module
from ybfort.node.roles.session import TRIES, Session, SqlFailure
from ybfort.node.system import Failure


@pytest.fixture
def session(settled: Node) -> Iterator[Session]:
    with Session(settled.machine, settled.config) as session:
        yield session


def test_rows_are_told_by_the_names_of_their_columns(session: Session) -> None:
    assert session.rows("SELECT n AS number, NULL AS nothing FROM generate_series(1, 2) n") == [
        {"number": 1, "nothing": None},
        {"number": 2, "nothing": None},
    ]
    assert session.rows("SELECT 1 AS one WHERE false") == []


def test_an_answer_may_be_long(session: Session) -> None:
    (row,) = session.rows("SELECT repeat('größer ', 1000000) AS long")
    assert row["long"] == "größer " * 1_000_000


def test_a_refused_statement_stops_no_other(session: Session) -> None:
    problems: list[str] = []
    statements = [
        "CREATE TEMPORARY TABLE one (id int)",
        "GRANT nothing TO nobody",
        "CREATE TEMPORARY TABLE other (id int)",
    ]
    assert session.do(statements, problems) == 2
    assert problems == ['postgres: GRANT nothing TO nobody …: role "nobody" does not exist (42704)']
    (row,) = session.rows("SELECT to_regclass('pg_temp.other') IS NOT NULL AS there")
    assert row["there"]


FAILS = """DO $body$ BEGIN
  IF nextval('pg_temp.tries') < {} THEN RAISE EXCEPTION USING MESSAGE = '{}', ERRCODE = '{}'; END IF; END $body$"""


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("40001", "could not serialize access"),
        ("40P01", "deadlock detected"),
        ("XX000", "The catalog snapshot used for this transaction has been invalidated"),
        ("XX000", "schema version mismatch for table one"),
    ],
)
def test_what_passes_by_itself_is_tried_again(settled: Node, session: Session, state: str, message: str) -> None:
    slept = len(settled.machine.slept)
    session.ask("CREATE TEMPORARY SEQUENCE tries")
    session.ask(FAILS.format(3, message, state))
    assert len(settled.machine.slept) - slept == 2


def test_the_context_of_a_message_counts(settled: Node, session: Session) -> None:
    """There YugabyteDB often says what it is about."""
    slept = len(settled.machine.slept)
    session.ask("CREATE TEMPORARY SEQUENCE tries")
    body = "BEGIN IF nextval('pg_temp.tries') < 2 THEN RAISE EXCEPTION 'internal error'; END IF; END"
    session.ask(f'CREATE FUNCTION pg_temp."Catalog Version Mismatch"() RETURNS void LANGUAGE plpgsql AS $${body}$$')
    session.ask('SELECT pg_temp."Catalog Version Mismatch"()')
    assert len(settled.machine.slept) - slept == 1


def test_what_does_not_pass_is_given_up(session: Session) -> None:
    session.ask("CREATE TEMPORARY SEQUENCE tries")
    with pytest.raises(SqlFailure, match="deadlock detected"):
        session.ask(FAILS.format(100, "deadlock detected", "40P01"))
    assert session.rows("SELECT last_value FROM pg_temp.tries") == [{"last_value": TRIES}]
    with pytest.raises(SqlFailure, match="wrong"):
        session.ask(FAILS.format(100, "wrong", "P0001"))
    assert session.rows("SELECT last_value FROM pg_temp.tries") == [{"last_value": TRIES + 1}]


def test_a_database_that_is_not_there_is_told(settled: Node) -> None:
    with pytest.raises(Failure, match=r'^nowhere: .* database "nowhere" does not exist$'):
        Session(settled.machine, settled.config, "nowhere")


def test_a_server_that_is_not_there_is_told(settled: Node) -> None:
    settled.machine.path(f"run/yugabyte/.yb.{settled.server.address}:5433").rename(settled.machine.path("run/away"))
    try:
        with pytest.raises(Failure, match=r"^postgres: .* failed: No such file or directory$"):
            Session(settled.machine, settled.config)
    finally:
        settled.machine.path("run/away").rename(settled.machine.path(f"run/yugabyte/.yb.{settled.server.address}:5433"))


def test_a_session_that_is_ended_from_outside_is_told(settled: Node, session: Session) -> None:
    (row,) = session.rows("SELECT pg_backend_pid() AS pid")
    settled.server.sql(f"SELECT pg_terminate_backend({row['pid']})")
    for _ in range(2):
        with pytest.raises(Failure, match=r"^postgres: ") as told:
            session.ask("SELECT 1")
        assert not isinstance(told.value, SqlFailure)


def test_a_database_that_does_not_answer_is_given_up(settled: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(settled.machine, settled.config)
    monkeypatch.setattr(module, "STATEMENT_SECONDS", 0)
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    begin = time.monotonic()
    with pytest.raises(Failure, match="no answer"):
        session.ask("SELECT pg_sleep(600)")
    session.close()
    assert time.monotonic() - begin < 60


def test_a_session_leaves_no_process_behind(settled: Node) -> None:
    with Session(settled.machine, settled.config) as session:
        process = session._process
    assert process.returncode == 0
