"""PostgreSQL 15 in the place of YSQL, which is PostgreSQL 15.2 with another storage.

A cluster has one: the tablet server that holds the lock runs it, with its own certificate, address and HBA; when that
goes, another one takes it over. Every node's local socket leads to it.
"""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ybfort.sandbox.nodes.site import database_user, wait_until

VERSION = "15."
PLACES = (
    *("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin"),
    *("/opt/homebrew/opt/postgresql@15/bin", "/usr/local/opt/postgresql@15/bin"),
)
VARIABLE = "YBFORT_POSTGRES"  # a folder with its programs, in place of looking for one
# As in a new YugabyteDB: two superusers with passwords that everybody knows, and its own groups.
BEGIN = """\
CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'postgres';
ALTER ROLE yugabyte PASSWORD 'yugabyte';
CREATE ROLE yb_db_admin NOLOGIN NOINHERIT;
CREATE ROLE yb_extension NOLOGIN;
CREATE ROLE yb_fdw NOLOGIN;
CREATE DATABASE yugabyte;
CREATE DATABASE system_platform;
"""
START_SECONDS = 30


@cache
def programs() -> Path | None:
    """The folder with the programs of a PostgreSQL 15; None if there is none on this machine."""
    named = os.environ.get(VARIABLE)
    beside = shutil.which("postgres")
    places = [Path(named)] if named else [*map(Path, PLACES), *([Path(beside).parent] if beside else [])]
    for place in places:
        if all((place / name).exists() for name in ("initdb", "postgres", "psql")):
            said = subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
            if f" {VERSION}" in said:
                return place
    return None


class Postgres:
    """A server over a folder, as whoever may run one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        found = programs()
        if found is None:
            raise RuntimeError("There is no PostgreSQL 15 on this machine.")
        self._programs = found
        self._process: subprocess.Popen[str] | None = None

    def make(self) -> None:
        """A new database cluster, with what a new YugabyteDB has in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        user, uid, gid = database_user()
        if os.geteuid() == 0:
            os.chown(self.folder, uid, gid)
        made = ("--username=yugabyte", "--auth=peer", "--no-sync", "--no-instructions", "--encoding=UTF8")
        self._run("initdb", *made, f"--pgdata={self.data}")
        (self.data / "pg_ident.conf").write_text(f"node {user} yugabyte\nnode root yugabyte\n")
        self._run("postgres", "--single", "-D", str(self.data), "template1", text=BEGIN)

    def start(self, *, listen: str, port: int, settings: Mapping[str, str], hba: Sequence[str]) -> None:
        """Start it with these settings, and with its local socket in the folder."""
        self.stop()
        mapped = [f"{line} map=node" if line.endswith(" peer") else line for line in hba]
        (self.data / "pg_hba.conf").write_text("\n".join([*mapped, ""]))
        fixed = {
            "listen_addresses": listen,
            "port": str(port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "60",
        }
        lines = [f"{name} = '{value}'\n" for name, value in {**settings, **fixed}.items()]
        (self.data / "ysql_pg.conf").write_text("".join(lines))
        options = ("-D", str(self.data), "-c", f"config_file={self.data}/ysql_pg.conf")
        self._process = self._start("postgres", *options, stdin=subprocess.DEVNULL)
        file = self.data / "postmaster.pid"
        wait_until("PostgreSQL", lambda: not self._alive() or "ready" in _text(file), START_SECONDS)
        if not self._alive():
            raise RuntimeError("PostgreSQL does not start.")

    def reload(self) -> None:
        """Read certificates and lists again."""
        if self._process and self._alive():
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it; also one that somebody left behind who ran it before."""
        file = self.data / "postmaster.pid"
        pid = int((_text(file) or "0").splitlines()[0])
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)  # at once: nothing here has to outlive a power cut
            wait_until("the end of PostgreSQL", lambda: not self._alive() and not _runs(pid), START_SECONDS)
            file.unlink(missing_ok=True)

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _run(self, name: str, *arguments: str, text: str = "") -> None:
        with self._start(name, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            said, _ = process.communicate(text)
            if process.returncode:
                raise RuntimeError(f"{name}: {said}")

    def _start(self, name: str, *arguments: str, stdin: int, stdout: int | None = None) -> subprocess.Popen[str]:
        _, uid, gid = database_user()
        root = os.geteuid() == 0
        return subprocess.Popen(
            [str(self._programs / name), *arguments],
            cwd=self.folder,
            env={"PATH": str(self._programs), "LC_ALL": "C"},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT if stdout else None,
            text=True,
            user=uid if root else None,
            group=gid if root else None,
            extra_groups=[] if root else None,
        )


def settings_of(flag: str) -> dict[str, str]:
    """The settings in `ysql_pg_conf_csv`."""
    (fields,) = csv.reader([flag])
    named = (field.split("=", 1) for field in fields)
    return {name: value.strip("'") for name, value in named}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended, and that nobody has waited for, does not run.
    stat = _text(Path(f"/proc/{pid}/stat"))
    return stat.rpartition(")")[2].split()[:1] != ["Z"]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
