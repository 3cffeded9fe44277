"""YCQL: its default superuser is closed before anybody can reach it, and roles have what is declared.

The real agent with a simulated `ycqlsh`, which does what the real one's source says. YSQL is a real PostgreSQL.
"""

import contextlib
import fcntl
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ybfort
from node.roles.ysql import API, MIGRATIONS, OWNER, REPORT, Node, role
from ybfort.node.roles.passwords import DAY, HOUR
from ybfort.node.roles.renewal import Secret
from ybfort.node.roles.ycqlsh import HOME, YcqlFailure, Ycqlsh
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.ycql import ycql
from ybfort.node.system import Failure
from ybfort.sandbox.nodes.site import VARIABLE
from ybfort.sandbox.nodes.ycqlsh import DEFAULT, PAGE, Ycql

UUID = "6b835e9b-eb3a-407f-b560-7b7884063e81"
OWN_SECRET = "ybfort/orders-prod/ycql"
CLIENTS = [{"name": "orders-api", "cidrs": ["10.8.0.0/16"], "apis": ["ysql", "ycql"]}]


def uses(each: dict[str, Any], *keyspaces: str) -> dict[str, Any]:
    """A role that uses YCQL as well; a grant is `events read_only`."""
    return {**each, "keyspaces": [dict(zip(("keyspace", "access"), one.split(), strict=True)) for one in keyspaces]}


ROLES = [OWNER, uses(API, "events read_write"), uses(REPORT, "events read_only"), uses(MIGRATIONS, "events owner")]
PROGRAM = """\
#!/bin/sh
exec "{python}" -IS -c 'import sys; from pathlib import Path; sys.path.insert(0, "{components}")
from ybfort.sandbox.nodes import ycqlsh; sys.exit(ycqlsh.main(Path(sys.argv[1]), sys.argv[2:]))' "$0" "$@"
"""


class Cassandra:
    """A node that runs YCQL, too."""

    def __init__(self, node: Node) -> None:
        self.node, self.file = node, node.machine.path("ycql.json")
        self.start()
        version = node.declared["release"]["version"]
        program = PROGRAM.format(python=sys.executable, components=Path(ybfort.__file__).parents[1])
        node.program(f"opt/yugabyte/{version}/bin/ycqlsh", program)
        trusted = node.machine.path(node.declared["flags"]["yb-tserver"]["certs_for_client_dir"]) / "ca.crt"
        trusted.parent.mkdir(parents=True)
        trusted.write_text((node.server.folder / "own.crt").read_text())
        known = {"format": 1, "uuid": UUID, "finalized": version, "ycql_closed": False}
        node.secrets.objects["status/universe.json"] = json.dumps(known).encode()
        self.current = True

    def start(self) -> None:
        """The tablet server runs: so says a lock on a file of its."""
        self.running = self.node.machine.path("run/yb-tserver").open("w")
        fcntl.flock(self.running, fcntl.LOCK_EX)

    def stop(self) -> None:
        self.running.close()

    def declare(self, *declared: dict[str, Any], keyspaces: tuple[str, ...] = ("events",), **more: Any) -> None:
        self.node.declare(
            clients=CLIENTS, keyspaces=[{"name": name} for name in keyspaces], roles=list(declared), **more
        )

    def begin(self) -> Context:
        context = self.node.begin()
        context.report.servers = {"yb-tserver": {"running": True, "current": self.current}}
        self.node.machine.moments = 0
        self.node.machine.commands.clear()
        return context

    def run(self) -> Outcome:
        """The step that is YCQL's."""
        return ycql(self.begin())

    def run_roles(self) -> Outcome:
        """The step that passwords come with."""
        return self.node.roles(self.begin())

    def run_both(self) -> list[Outcome]:
        context = self.begin()
        return [ycql(context), self.node.roles(context)]

    @property
    def now(self) -> Ycql:
        return Ycql(self.file)

    def sql(self, *statements: str) -> None:
        """What a superuser does by hand."""
        now = self.now
        for statement in statements:
            now.carry_out("ybfort_admin", statement)
        now.keep()

    def die_after(self, statements: int | None) -> None:
        now = self.now
        now.lives_for = statements
        now.keep()

    def works(self, held: Secret) -> bool:
        return self.now.refuses(held.username, held.password) is None

    @property
    def closed(self) -> bool:
        """What the servers are told: that everybody may reach YCQL."""
        return json.loads(self.node.secrets.objects["status/universe.json"])["ycql_closed"]

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """What `ycqlsh` was called with in the last run."""
        return [one for one, _ in self.node.machine.commands if one[0].endswith("/ycqlsh")]


@pytest.fixture
def cassandra(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cassandra]:
    monkeypatch.setenv(VARIABLE, str(node.machine.root))
    cassandra = Cassandra(node)
    cassandra.declare(*ROLES)
    yield cassandra
    cassandra.stop()


def test_the_default_superuser_is_closed_before_that_is_told(cassandra: Cassandra) -> None:
    assert not cassandra.closed
    assert cassandra.run().result is Result.CHANGED
    assert cassandra.closed
    default = cassandra.now.roles[DEFAULT]
    assert (default["login"], default["superuser"]) == (False, False)
    assert not cassandra.works(Secret(DEFAULT, DEFAULT))
    superusers = [name for name, each in cassandra.now.roles.items() if each["superuser"]]
    assert superusers == ["ybfort_admin"]
    assert cassandra.works(Secret("ybfort_admin", cassandra.node.secrets.values[OWN_SECRET][-1]))


def test_until_then_it_is_reached_from_the_node_alone(cassandra: Cassandra) -> None:
    cassandra.current = False
    for _ in range(2):  # when that is told, the server still listens where it did
        cassandra.run()
        assert {command[-2] for command in cassandra.asked} == {"127.0.0.1"}
    cassandra.current = True
    cassandra.run()
    assert {command[-2] for command in cassandra.asked} == {cassandra.node.server.address}


def test_keyspaces_roles_and_rights_are_as_declared(cassandra: Cassandra) -> None:
    cassandra.run_both()
    assert "events" in cassandra.now.keyspaces
    has = {name: each["permissions"] for name, each in cassandra.now.roles.items()}
    assert has["orders_api"] == {"data/events": ["MODIFY", "SELECT"]}
    assert has["orders_report"] == {"data/events": ["SELECT"]}
    owners = ["ALTER", "AUTHORIZE", "CREATE", "DROP", "MODIFY", "SELECT"]
    assert has["orders_migrations"] == {"data/events": owners}
    assert has["orders_api_login_a"] == {}
    assert cassandra.now.roles["orders_api_login_a"]["member_of"] == ["orders_api"]
    assert "orders_owner" not in has


def test_one_password_opens_both(cassandra: Cassandra) -> None:
    cassandra.run_both()
    held = cassandra.node.secret("orders_api")
    assert cassandra.works(held)
    assert cassandra.node.works(held)
    assert not cassandra.works(Secret("orders_api", held.password))


def test_a_run_that_changes_nothing_only_asks(cassandra: Cassandra) -> None:
    cassandra.run_both()
    cassandra.run_both()
    before = cassandra.file.read_text()
    first, second = cassandra.run_both()
    assert (first.result, first.message) == (Result.DONE, "YCQL is as declared.")
    assert second.result is Result.DONE
    assert cassandra.file.read_text() == before
    assert len(cassandra.asked) == 1


def test_credentials_and_statements_are_in_files_of_its_own_for_as_long_as_it_runs(cassandra: Cassandra) -> None:
    machine, seen = cassandra.node.machine, list[tuple[int, str]]()

    def look(command: tuple[str, ...]) -> None:
        for name in ("--cqlshrc", "-f"):
            file = Path(command[command.index(name) + 1])
            seen.append((file.stat().st_mode & 0o777, file.read_text()))
            assert file.parent.stat().st_mode & 0o777 == 0o700

    machine.before_run = look
    cassandra.run_both()
    assert {mode for mode, _ in seen} == {0o600}
    held = cassandra.node.secret("orders_api")
    assert any(held.password in text for _, text in seen)
    passwords = [held.password, cassandra.node.secrets.values[OWN_SECRET][-1]]
    for command in machine.commands:
        assert not any(password in str(command) for password in passwords)
    kept = [path for path in machine.path("run/ybfort").rglob("*") if path.is_file()]
    assert kept == []


def test_a_message_does_not_repeat_a_statement_that_was_refused(cassandra: Cassandra) -> None:
    cassandra.run_both()
    cassandra.node.machine.ahead += 31 * DAY
    now = cassandra.now
    del now.roles["orders_api"]
    now.keep()
    user = Ycqlsh(
        cassandra.node.machine,
        cassandra.node.config,
        "127.0.0.1",
        "ybfort_admin",
        cassandra.node.secrets.values[OWN_SECRET][-1],
    )
    with pytest.raises(YcqlFailure) as told:
        user.do(["ALTER ROLE \"gone\" WITH PASSWORD = 'known' AND LOGIN = true"])
    assert str(told.value).endswith("Role Not Found. Role gone does not exist")
    assert "known" not in str(told.value)


# ------------------------------------------------------------------------------------------------------------- rotation


def test_both_names_work_until_the_time_of_the_old_one_has_ended(cassandra: Cassandra) -> None:
    cassandra.run_both()
    first = cassandra.node.secret("orders_api")
    cassandra.node.machine.ahead += 31 * DAY
    cassandra.run_both()
    second = cassandra.node.secret("orders_api")
    assert second.username != first.username
    for held in (first, second):
        assert cassandra.works(held)
        assert cassandra.node.works(held)
    cassandra.node.machine.ahead += 25 * HOUR
    cassandra.run_both()
    assert not cassandra.works(first)
    assert not cassandra.node.works(first)
    assert cassandra.works(second)


def test_a_role_that_cannot_be_told_to_ycql_keeps_its_password(cassandra: Cassandra) -> None:
    cassandra.declare(*ROLES, role("alice", admin=True))
    cassandra.run_both()
    before = {name: cassandra.node.secret(name) for name in ("orders_api", "alice")}
    cassandra.node.machine.ahead += 31 * DAY
    cassandra.stop()
    with pytest.raises(Failure, match="YCQL as ybfort_admin: Connection error: "):
        cassandra.run_roles()
    assert cassandra.node.secret("orders_api") == before["orders_api"]
    assert cassandra.node.works(before["orders_api"])
    assert cassandra.node.secret("alice") != before["alice"]


def test_a_name_that_cannot_be_closed_in_ycql_is_closed_when_it_can(cassandra: Cassandra) -> None:
    cassandra.declare(*ROLES, role("zoe", admin=True))
    cassandra.run_both()
    before = {name: cassandra.node.secret(name) for name in ("orders_api", "zoe")}
    cassandra.node.machine.ahead += 31 * DAY
    cassandra.run_both()
    cassandra.node.machine.ahead += 25 * HOUR
    cassandra.stop()
    with pytest.raises(Failure, match="YCQL as ybfort_admin: Connection error: "):
        cassandra.run_roles()
    assert not cassandra.node.works(before["zoe"], "yugabyte")
    cassandra.start()
    cassandra.run_both()
    assert not cassandra.works(before["orders_api"])
    assert not cassandra.node.works(before["orders_api"])


@pytest.mark.parametrize("access", [(), None], ids=["no keyspaces", "gone"])
def test_who_uses_ycql_no_more_is_closed_there(cassandra: Cassandra, access: tuple[str, ...] | None) -> None:
    cassandra.run_both()
    held = cassandra.node.secret("orders_api")
    others = [each for each in ROLES if each["name"] != "orders_api"]
    cassandra.declare(*others, *([] if access is None else [uses(API, *access)]))
    cassandra.run_both()
    assert not cassandra.works(held)
    assert cassandra.node.works(held) == (access is not None)
    if access is not None:
        assert cassandra.now.roles["orders_api"]["permissions"] == {}
        cassandra.declare(*ROLES)
        cassandra.run_both()
        assert cassandra.works(held)


def test_ycql_comes_later_than_the_roles(cassandra: Cassandra) -> None:
    """Somebody asks for it when the passwords are there already."""
    cassandra.declare(*ROLES)
    cassandra.node.declare(roles=[OWNER, API, REPORT, MIGRATIONS])
    cassandra.node.run()
    held = cassandra.node.secret("orders_api")
    cassandra.declare(*ROLES)
    cassandra.run_both()
    assert cassandra.node.secret("orders_api") == held
    assert cassandra.works(held)


# ---------------------------------------------------------------------------------------------------------------- drift


SPOILT = (
    'GRANT DROP ON KEYSPACE "events" TO "orders_report"',
    'REVOKE SELECT ON KEYSPACE "events" FROM "orders_report"',
    'ALTER ROLE "orders_report" WITH LOGIN = true',
    'ALTER ROLE "orders_report" WITH SUPERUSER = true',
    'ALTER ROLE "orders_report_login_a" WITH SUPERUSER = true',
    'ALTER ROLE "cassandra" WITH LOGIN = true AND SUPERUSER = true',
)


def test_what_is_declared_is_put_back(cassandra: Cassandra) -> None:
    def state() -> list[Any]:
        return [{**each, "password": None} for each in cassandra.now.roles.values()]

    cassandra.run_both()
    before = state()
    cassandra.sql(*SPOILT)
    assert state() != before
    assert cassandra.run().result is Result.CHANGED
    assert state() == before


def test_a_membership_that_was_lost_is_put_back(cassandra: Cassandra) -> None:
    cassandra.run_both()
    now = cassandra.now
    now.roles["orders_api_login_a"]["member_of"] = []
    now.keep()
    cassandra.run()
    assert cassandra.now.roles["orders_api_login_a"]["member_of"] == ["orders_api"]


def test_what_nobody_declared_is_told_and_left_alone(cassandra: Cassandra) -> None:
    cassandra.run_both()
    cassandra.sql(
        "CREATE ROLE IF NOT EXISTS \"bob\" WITH PASSWORD = 'x' AND LOGIN = true AND SUPERUSER = true",
        "CREATE ROLE IF NOT EXISTS \"odd_login_a\" WITH PASSWORD = 'x' AND LOGIN = true",
        'GRANT "bob" TO "orders_api"',
    )
    now = cassandra.now
    now.roles["orders_api"]["permissions"].update({"data": ["SELECT"], "data/events/made": ["SELECT"]})
    now.roles["orders_api_login_a"]["permissions"].update({"data/events/made": ["SELECT"], "data/other/t": ["SELECT"]})
    now.keep()
    before = cassandra.file.read_text()
    assert cassandra.run().result is Result.INCOMPLETE
    assert cassandra.node.context is not None
    assert cassandra.node.context.report.undeclared_ycql == [
        "YCQL superuser bob is not declared",
        "YCQL role odd_login_a is not declared",
        "YCQL role orders_api is a member of bob, which is not declared",
        "YCQL role orders_api has rights on data, which is not declared",
        "YCQL role orders_api_login_a has rights on data/other/t, which is not declared",
    ]
    assert cassandra.file.read_text() == before


def test_more_roles_than_fit_on_a_page_are_all_seen(cassandra: Cassandra) -> None:
    cassandra.run()
    cassandra.sql(*(f'CREATE ROLE IF NOT EXISTS "bob_{n}" WITH LOGIN = false' for n in range(PAGE + 20)))
    cassandra.sql('CREATE ROLE IF NOT EXISTS "last" WITH LOGIN = false')
    assert list(cassandra.now.roles)[-1] == "last"
    assert "and 21 more" in cassandra.run().message


def test_a_name_that_cannot_be_told_from_a_table_is_a_clear_failure(cassandra: Cassandra) -> None:
    cassandra.run()
    cassandra.sql('CREATE ROLE IF NOT EXISTS "a | True | True" WITH LOGIN = false')
    with pytest.raises(Failure, match="in the name of a role"):
        cassandra.run()


# ---------------------------------------------------------------------------------------------------------------- kills


def check(cassandra: Cassandra, names: tuple[str, ...]) -> None:
    """What holds at every moment."""
    default = cassandra.now.roles[DEFAULT]
    assert not cassandra.closed or not (default["login"] or default["superuser"])
    for name in names:
        if f"ybfort/orders-prod/roles/{name}" in cassandra.node.secrets.values:
            assert cassandra.works(cassandra.node.secret(name))
            assert cassandra.node.works(cassandra.node.secret(name))


def test_a_first_run_may_be_killed_anywhere(cassandra: Cassandra) -> None:
    cassandra.declare(OWNER, uses(API, "events read_write"))
    moment = 0
    while cassandra.node.run_until(moment, cassandra.run_both):
        check(cassandra, ("orders_api",))
        moment += 1
    check(cassandra, ("orders_api",))
    assert moment >= 10
    assert [outcome.result for outcome in cassandra.run_both()] == [Result.DONE, Result.DONE]
    assert [path for path in cassandra.node.machine.path("run/ybfort").rglob("*") if path.is_file()] == []


def test_the_program_may_die_after_any_statement(cassandra: Cassandra) -> None:
    cassandra.declare(OWNER, uses(API, "events read_write"))
    for statements in range(60):
        cassandra.die_after(statements)
        with contextlib.suppress(Failure):
            cassandra.run_both()
        check(cassandra, ("orders_api",))
        if cassandra.now.lives_for:
            break
    assert statements >= 10
    cassandra.die_after(None)
    assert [outcome.result for outcome in cassandra.run_both()] == [Result.DONE, Result.DONE]
    check(cassandra, ("orders_api",))


def test_a_change_of_passwords_may_be_killed_anywhere(cassandra: Cassandra) -> None:
    cassandra.declare(OWNER, uses(API, "events read_write"), passwords={"rotation_days": 7, "overlap_hours": 24})
    cassandra.run_both()
    moment, was_killed = 0, True
    while was_killed:
        before = cassandra.node.secret("orders_api")
        cassandra.node.machine.ahead += 7 * DAY
        was_killed = cassandra.node.run_until(moment, cassandra.run_roles)
        check(cassandra, ("orders_api",))
        assert cassandra.works(before), f"killed at {moment}"
        cassandra.run_roles()
        check(cassandra, ("orders_api",))
        assert cassandra.works(before), f"killed at {moment}"
        assert cassandra.node.secret("orders_api") != before
        moment += 1
    assert moment > 8


def test_an_end_may_be_killed_anywhere(cassandra: Cassandra) -> None:
    cassandra.declare(OWNER, uses(API, "events read_write"), passwords={"rotation_days": 7, "overlap_hours": 24})
    cassandra.run_both()
    before = cassandra.node.secret("orders_api")
    cassandra.node.machine.ahead += 7 * DAY
    cassandra.run_roles()
    cassandra.node.machine.ahead += 24 * HOUR
    moment = 0
    while cassandra.node.run_until(moment, cassandra.run_roles):
        check(cassandra, ("orders_api",))
        moment += 1
    assert moment >= 3
    assert not cassandra.works(before)
    assert not cassandra.node.works(before)
    check(cassandra, ("orders_api",))


def test_what_a_killed_run_has_left_is_gone_after_the_next_one(cassandra: Cassandra) -> None:
    machine = cassandra.node.machine
    machine.directory(HOME, 0o700)
    for name in ("cqlshrc", "statements", ".cqlshrc.draft", ".statements.draft"):
        machine.path(f"{HOME}/{name}").write_text("password = known")
    cassandra.run()
    assert [path for path in machine.path(HOME).rglob("*") if path.is_file()] == []


# ------------------------------------------------------------------------------------------------------ where it is not


def test_nobody_uses_it(node: Node) -> None:
    node.declare()
    assert ycql(node.begin()).message == "Nobody uses YCQL, and it does not run."


def test_it_does_not_run_yet(cassandra: Cassandra) -> None:
    context = cassandra.node.begin()
    context.report.servers = {"yb-tserver": {"running": False, "current": False}}
    assert ycql(context) == Outcome(Result.INCOMPLETE, "YCQL does not run here yet.")
    assert OWN_SECRET not in cassandra.node.secrets.values


def test_its_own_password_is_lost(cassandra: Cassandra) -> None:
    """Nobody is let in who closed the door behind himself, and the message tells who was refused."""
    cassandra.run_both()
    cassandra.node.secrets.values[OWN_SECRET] = ["lost"]
    with pytest.raises(Failure, match=r"^YCQL as ybfort_admin: Connection error: .*Bad credentials"):
        cassandra.run_both()


def test_a_role_may_be_called_like_a_word_of_cql(cassandra: Cassandra) -> None:
    words = ("user", "table", "keyspace", "primary", "select")
    cassandra.declare(OWNER, *(uses(role(word), "events read_only") for word in words))
    cassandra.run_both()
    for word in words:
        assert cassandra.works(cassandra.node.secret(word))
