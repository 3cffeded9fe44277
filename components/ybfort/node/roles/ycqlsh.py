"""YCQL by the release's own `ycqlsh`.

Credentials and statements are in files that only root reads, for as long as it runs: neither stands in an argument, nor
in the environment. It does not read statements from a pipe and say whether they worked: only with a file its exit code
tells of errors, after which it goes on. It prints a hundred rows and no more, unless paging is off.

How it takes and prints things: github.com/yugabyte/cqlsh, bin/ycqlsh.py. No test of ours has run the real one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterable

from ybfort.node.config import TSERVER, Config
from ybfort.node.database import PRODUCT
from ybfort.node.system import Failure, Output, System

HOME = "/run/ybfort/ycqlsh"  # it keeps a history at home, too
CREDENTIALS, STATEMENTS = f"{HOME}/cqlshrc", f"{HOME}/statements"
SECONDS = 120.0
TIMEOUTS = ("--connect-timeout", "10", "--request-timeout", "60")  # seconds
RULER, ROWS = re.compile(r"-+(\+-+)*"), re.compile(r"\((\d+) rows\)")  # of a printed table
STATEMENT_FAILED = 2  # its exit code; it has gone on with the next statement


class YcqlFailure(Failure):
    """YCQL refused a statement, or the connection."""


class Ycqlsh:
    """YCQL as one of its superusers.

    :param address: where it is reached; from the node alone until its default superuser is closed
    """

    def __init__(self, system: System, config: Config, address: str, user: str, password: str) -> None:
        self._system, self._config, self._address = system, config, address
        self._user, self._password = user, password

    def tables(self, *queries: str) -> list[list[list[str]]]:
        """What queries answer: for each its rows, and of a row its cells as they are printed.

        :raises YcqlFailure: if YCQL refuses one, or its answer cannot be read
        """
        tables: list[list[list[str]]] = []
        lines: list[str] = []
        for line in self._run(["PAGING OFF", *queries]).splitlines():
            end = ROWS.fullmatch(line)
            if end:
                tables.append(_table(lines, int(end[1])))
                lines = []
            else:
                lines.append(line)
        if len(tables) != len(queries):
            raise YcqlFailure(f"YCQL gives {len(tables)} answers to {len(queries)} questions.")
        return tables

    def do(self, statements: Iterable[str]) -> int:
        """Carry out statements in one process; says how many there were.

        :raises YcqlFailure: if YCQL refuses any of them; the others were carried out
        """
        todo = list(statements)
        if todo:
            self._run(todo)
        return len(todo)

    def _run(self, statements: list[str]) -> str:
        flags, release = self._config.flags(TSERVER), self._config.cluster["release"]["version"]
        port = flags["cql_proxy_bind_address"].rpartition(":")[2]
        with self._files(statements):
            said = self._system.run(
                *(f"{PRODUCT}/{release}/bin/ycqlsh", "--ssl", "--no-color", *TIMEOUTS),
                *("--cqlshrc", str(self._system.path(CREDENTIALS)), "-f", str(self._system.path(STATEMENTS))),
                *(self._address, port),
                seconds=SECONDS,
                environment={
                    "HOME": str(self._system.path(HOME)),
                    "SSL_CERTFILE": str(self._system.path(f"{flags['certs_for_client_dir']}/ca.crt")),
                },
            )
        if said.code:
            raise YcqlFailure(f"YCQL as {self._user}: {_reason(said)}")
        return said.out

    @contextlib.contextmanager
    def _files(self, statements: list[str]) -> Generator[None, None, None]:
        self._system.directory(HOME, 0o700)
        credentials = f"[authentication]\nusername = {self._user}\npassword = {self._password}\n"
        try:
            self._system.write(CREDENTIALS, credentials.encode(), 0o600)
            self._system.write(STATEMENTS, "".join(f"{one};\n" for one in statements).encode(), 0o600)
            yield
        finally:
            self._system.remove(CREDENTIALS)
            self._system.remove(STATEMENTS)


def _table(lines: list[str], count: int) -> list[list[str]]:
    """The cells below the ruler under the columns' names."""
    ruler = next((at for at, line in enumerate(lines) if RULER.fullmatch(line)), len(lines))
    rows = [line.split("|") for line in lines[ruler + 1 :] if line.startswith(" ")]
    columns = lines[ruler].count("+") + 1 if ruler < len(lines) else 0
    if len(rows) != count or any(len(row) != columns for row in rows):
        raise YcqlFailure("The answer of YCQL cannot be read: is there a | in the name of a role? Drop it.")
    return [[cell.strip() for cell in row] for row in rows]


def _reason(said: Output) -> str:
    """What it complains of. After a statement it repeats the statement, which may hold a password."""
    if said.code != STATEMENT_FAILED:
        return said.last_line
    first = next((line for line in said.err.splitlines() if line.strip()), "a statement was refused")
    return re.sub(r"'[^']*('|$)", "'…'", first)
