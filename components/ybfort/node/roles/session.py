"""A session with YSQL over the node's local socket: the operating-system user of the database, and no password.

It is the release's own `ysqlsh` (PostgreSQL's psql), talked to through pipes. Statements go in one by one, so nothing
of them stands in a process's arguments.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import select
import signal
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from ybfort.node.config import TSERVER, USER, Config
from ybfort.node.database import PRODUCT
from ybfort.node.roles.sql import SUPERUSERS, shown
from ybfort.node.system import Failure, System

HOME_DATABASE = "postgres"  # only superusers connect to it, so nobody else can take a lock there
STATEMENT_SECONDS = 120  # making a database is the longest
GRACE_SECONDS = 10  # for the database to end a statement by itself

# The owner of a database may set these for everybody who connects to it (ALTER DATABASE … SET), superusers included.
# What the connection itself brings along counts more.
SETTINGS = {
    "search_path": "pg_catalog",  # functions and operators of any name can be made by owners: none of them is looked up
    "role": "none",
    "standard_conforming_strings": "on",  # or a backslash in a literal would mean something
    "client_encoding": "SQL_ASCII",  # nothing is converted or left out: names that differ stay different
    "client_min_messages": "error",
    "default_transaction_isolation": r"read\ committed",
    "default_transaction_read_only": "off",
    "exit_on_error": "off",
    "idle_session_timeout": "0",
    "lock_timeout": "0",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "local_preload_libraries": "",  # one that does not exist would refuse every connection
}

# Another session changed the catalog meanwhile: the statement is right, and is tried again. YugabyteDB says so with
# codes of all kinds, and often in the context of the message only; PostgreSQL, when two grant on the same thing.
PASSING = (
    "Catalog Version Mismatch",
    "schema version mismatch",
    "catalog snapshot used",
    "Restarting a DDL",
    "tuple concurrently updated",
)
PASSING_STATES = ("40001", "40P01")
TRIES, PAUSE = 5, 0.5
MOST_REFUSALS = 10  # of statements that belong together: then something is wrong with all of them

NO_UTF8 = re.compile("[\udc80-\udcff]")  # as Python reads bytes that are none


class SqlFailure(Failure):
    """The database refused a statement."""

    def __init__(self, text: str, *, passes: bool) -> None:
        super().__init__(text)
        self.passes = passes  # another try may have better luck


class Session:
    """One connection, as the database's superuser.

    :raises Failure: if the database cannot be reached
    """

    def __init__(self, system: System, config: Config, database: str = HOME_DATABASE) -> None:
        host, port = config.flags(TSERVER)["pgsql_proxy_bind_address"].split(":")
        socket = system.path(f"{config.flags(TSERVER)['tmp_dir']}/.yb.{host}:{port}")
        program = f"{PRODUCT}/{config.cluster['release']['version']}/bin/ysqlsh"
        self._system, self._database = system, database
        self._mark = secrets.token_hex(16)  # nothing that the database holds can be taken for it
        self._process = system.start(
            *("runuser", "-u", USER, "--", system.program(program)),
            *("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"),
            *("--host", str(socket), "--port", port, "--username", SUPERUSERS[0], "--dbname", database),
            environment={
                "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in SETTINGS.items()),
                "PGAPPNAME": "ybfort",
                "PGCONNECT_TIMEOUT": "10",
            },
        )
        try:
            self.rows("SELECT 1 AS one")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the session: the program ends with its input. A signal would make `runuser` wait for two seconds."""
        self._process.communicate()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, each by its columns' names.

        :raises SqlFailure: if the database refuses it
        """
        return json.loads(self.ask(f"SELECT coalesce(json_agg(row), '[]') FROM ({query}) AS row"))  # noqa: S608 (ours)

    def do(self, statements: Iterable[str], problems: list[str]) -> int:
        """Carry out statements, each by itself; says how many were carried out.

        One that the database refuses is added to `problems`, and does not stop the others.
        """
        count, before = 0, len(problems)
        for statement in statements:
            if len(problems) - before == MOST_REFUSALS:
                break
            try:
                self.ask(statement)
                count += 1
            except SqlFailure as problem:
                problems.append(str(problem))
        return count

    def ask(self, statement: str) -> str:
        """What the database answers to a statement.

        :raises SqlFailure: if it refuses it
        """
        for _ in range(TRIES - 1):
            try:
                return self._once(statement)
            except SqlFailure as problem:
                if not problem.passes:
                    raise
            self._system.sleep(PAUSE)
        return self._once(statement)

    def _once(self, statement: str) -> str:
        process, mark = self._process, self._mark
        assert process.stdin is not None  # noqa: S101 (it is a pipe)
        try:
            process.stdin.write(
                f"{statement};\n\\echo {mark} :ERROR :SQLSTATE\n\\echo :LAST_ERROR_MESSAGE\n\\echo {mark}.\n"
            )
            process.stdin.flush()
        except (BrokenPipeError, ValueError):  # it has ended, or was closed
            raise self._ended() from None
        answer, told, _ = self._until(f"{mark}.\n").split(mark)
        outcome, _, message = told.strip().partition("\n")
        error, state = outcome.split()
        if error == "true":
            raise self._refused(statement, state, " ".join(message.split()))
        return answer.strip()

    def _until(self, end: str) -> str:
        """All that comes up to this."""
        stdout, read = self._process.stdout, bytearray()
        assert stdout is not None  # noqa: S101 (it is a pipe)
        last = time.monotonic() + STATEMENT_SECONDS + GRACE_SECONDS
        while not read.endswith(end.encode()):
            if not select.select([stdout], [], [], max(0, last - time.monotonic()))[0]:
                os.killpg(self._process.pid, signal.SIGKILL)
                raise Failure(f"{self._database}: no answer within {STATEMENT_SECONDS} seconds.")
            part = os.read(stdout.fileno(), 1 << 16)
            if not part:
                raise self._ended()
            read += part
        return _readable(bytes(read))

    def _refused(self, statement: str, state: str, message: str) -> SqlFailure:
        """What goes to the journal: of the statement only its beginning, since a verifier may follow."""
        whole = message + self._complaint()
        passes = state in PASSING_STATES or any(word in whole for word in PASSING)
        begin = " ".join(statement.split()[:4])
        return SqlFailure(shown(f"{self._database}: {begin} …: {message} ({state})"), passes=passes)

    def _complaint(self) -> str:
        """What the program has said so far besides its answers: the whole of a message, with its context."""
        stderr, read = self._process.stderr, b""
        assert stderr is not None  # noqa: S101 (it is a pipe)
        while select.select([stderr], [], [], 0)[0]:
            part = os.read(stderr.fileno(), 1 << 16)
            if not part:
                break
            read += part
        return _readable(read)

    def _ended(self) -> Failure:
        _, said = self._process.communicate()
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith("\t")]  # advice is indented
        return Failure(f"{self._database}: {lines[-1] if lines else 'the session ended'}")


def _readable(text: bytes) -> str:
    """UTF-8; and what is none, byte by byte in a way that can be shown."""
    return NO_UTF8.sub(lambda byte: f"\ufffd{ord(byte[0]) & 0xFF:02x}", text.decode("utf-8", "surrogateescape"))
