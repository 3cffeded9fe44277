"""A node and its YSQL: the agent is real and so is the database, a PostgreSQL 15 with TLS, at an address of its own.

It runs with what the plan gives a tablet server: the node's certificate, the HBA and the settings. Only the range of
the clients is another one.
"""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from certificates import authority, pair
from simulated_machine import Killed
from specs import prod_plan
from ybfort.node.cloud import CloudFailure, Missing
from ybfort.node.config import Config, Identity, checked
from ybfort.node.roles.renewal import Secret, secret_of
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.roles import roles
from ybfort.node.system import Output, System
from ybfort.plan.cluster import cluster_config
from ybfort.sandbox.nodes.postgres import Postgres, programs, settings_of
from ybfort.sandbox.nodes.site import database_user, wait_until

PORT = 5433
OWN, STRANGE = authority("the cluster's"), authority("somebody else's")
CLIENTS = "127.0.0.0/8"  # in place of the plan's range
PACE = {"reconcile": 0}
BUSY = Outcome(Result.INCOMPLETE, "Another node is at it.")
PAGES: Mapping[str, Any] = {
    "is-leader": {"STATUS": "OK"},
    "cluster-config": {},
    "masters": {},
    "tablet-servers": {},
    "tablet-under-replication": {"underreplicated_tablets": []},
    "tablet-replication": {"leaderless_tablets": []},
}
# All that tests leave behind, and the two default passwords as they were.
LEFT = """
SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database
  WHERE datistemplate AND datname NOT LIKE 'template_' \\gexec
SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database
  WHERE datname NOT IN ('postgres', 'system_platform', 'yugabyte') AND datname NOT LIKE 'template_' \\gexec
SELECT format('DROP OWNED BY %I', rolname) FROM pg_roles
  WHERE rolname !~ '^(pg_.*|yb_(db_admin|extension|fdw)|postgres|yugabyte)$' \\gexec
SELECT format('DROP ROLE %I', rolname) FROM pg_roles
  WHERE rolname !~ '^(pg_.*|yb_(db_admin|extension|fdw)|postgres|yugabyte)$' \\gexec
GRANT CONNECT, TEMPORARY ON DATABASE postgres, system_platform, yugabyte, template1 TO PUBLIC;
ALTER ROLE postgres PASSWORD 'postgres';
ALTER ROLE yugabyte PASSWORD 'yugabyte';
"""


def role(name: str, *grants: str, **more: Any) -> dict[str, Any]:
    """A declared role; a grant is `orders read_only`."""
    told = [dict(zip(("database", "access"), grant.split(), strict=True)) for grant in grants]
    return {"name": name, "grants": told, **more}


OWNER = role("orders_owner", login=False)
API = role("orders_api", "orders read_write")
REPORT = role("orders_report", "orders read_only")
MIGRATIONS = role("orders_migrations", "orders owner")
ADMIN = role("alice", admin=True)
WEEKLY = {"rotation_days": 7, "overlap_hours": 24}
ROLES = [OWNER, API, REPORT, MIGRATIONS, ADMIN]


def audited() -> bool:
    """Whether this machine has pgaudit for its PostgreSQL 15."""
    found = programs()
    if found is None or not (found / "pg_config").exists():
        return False
    told = subprocess.run([found / "pg_config", "--pkglibdir"], capture_output=True, text=True, check=True)
    return (Path(told.stdout.strip()) / "pgaudit.so").exists()


class Server:
    """The database of one node."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "ysql" / "server.log"
        self.kept: tuple[str, Node] | None = None  # for the next test
        self.address = _free_address()
        self._flags = cluster(self)["flags"]["yb-tserver"]
        self.host = cluster(self)["endpoint"]["host"]
        self.postgres = Postgres(folder / "ysql")
        self.postgres.make()
        for name, by in (("own", OWN), ("strange", STRANGE)):
            (folder / f"{name}.crt").write_text(by.pem)
        self._certify()
        self.start()

    def start(self, **settings: str) -> None:
        """Start it as the tablet server would; its log is in a file."""
        logged = {"logging_collector": "on", "log_directory": str(self.log.parent), "log_filename": self.log.name}
        loaded = {"shared_preload_libraries": "pgaudit"} if audited() else {}
        files = {
            f"ssl_{kind}_file": str(self.folder / f"node.{end}") for kind, end in (("cert", "crt"), ("key", "key"))
        }
        self.postgres.start(
            listen=self.address,
            port=PORT,
            settings={
                **settings_of(self._flags["ysql_pg_conf_csv"]),
                "ssl": "on",
                "ssl_ca_file": str(self.folder / "own.crt"),
                **files,
                **logged,
                **loaded,
                **settings,
            },
            hba=self._flags["ysql_hba_conf_csv"].split(","),
        )

    def _certify(self) -> None:
        key, certificate = pair(address=self.address, names=(self.host,), now=time.time() - 60, by=OWN)
        for name, text in (("node.crt", certificate), ("node.key", key)):
            file = self.folder / name
            file.write_text(text)
            file.chmod(0o600)
            if os.geteuid() == 0:
                os.chown(file, *database_user()[1:])

    def reset(self) -> None:
        """As it was in the beginning."""
        self.sql(LEFT)

    def sql(self, text: str, database: str = "postgres") -> str:
        """What the superuser gets to see, over the local socket."""
        where = ("-h", str(self.folder / "ysql"), "-p", str(PORT), "-U", "yugabyte", "-d", database)
        return _psql(*where, text=text, check=True).stdout.strip()

    def client(
        self, user: str, password: str, database: str, text: str = "SELECT 1", **options: str
    ) -> "subprocess.CompletedProcess[str]":
        """What a client gets to see, over the network. It looks closely at whom it talks to."""
        return _psql(
            *("-d", database, "-U", user),
            text=text,
            environment=self.environment(password, **options),
        )

    def environment(self, password: str, **options: str) -> dict[str, str]:
        """How a client is told of the server: https://www.postgresql.org/docs/15/libpq-envars.html"""
        told = {"host": self.host, "hostaddr": self.address, "port": str(PORT), "password": password}
        tls = {"sslmode": "verify-full", "sslrootcert": str(self.folder / "own.crt")}
        return {f"PG{name.upper()}": value for name, value in {**told, **tls, **options}.items()}

    @contextmanager
    def logged(self) -> Iterator[Callable[[], str]]:
        """What the server has logged since then, every statement included."""
        begin = self.log.stat().st_size

        def told() -> str:
            mark = f"all until {time.monotonic_ns()} is written"
            self.sql(f"SELECT '{mark}'")
            wait_until("the log", lambda: mark.encode() in self.log.read_bytes()[begin:])
            return self.log.read_bytes()[begin:].decode()

        self.sql("ALTER SYSTEM SET log_statement = 'all'; ALTER SYSTEM SET log_min_messages = 'debug1'")
        self.sql("SELECT pg_reload_conf()")
        wait_until("the settings", lambda: self.sql("SHOW log_statement") == "all")
        try:
            yield told
        finally:
            self.sql("ALTER SYSTEM RESET ALL; SELECT pg_reload_conf()")


class Machine(System):
    """A node's machine: its programs are real. Between any two effects that a run has lies a `moment`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.ahead = 0.0  # seconds that its clock differs by from the database's
        self.slept: list[float] = []
        self.statements: list[str] = []  # that went to the database
        self.commands: list[tuple[tuple[str, ...], Mapping[str, str]]] = []  # with their environment
        self.meanwhile: Callable[[str], object] = str  # what others do before a statement is sent
        self.before_run: Callable[[tuple[str, ...]], object] = str
        self.moments, self.die_at = 0, -1
        self._lock = threading.Lock()

    def moment(self) -> None:
        """At this one the run may be killed; then it has no further effect."""
        with self._lock:
            if 0 <= self.die_at <= self.moments:
                raise Killed
            self.moments += 1

    def start(self, *command: str, environment: dict[str, str] | None = None) -> Any:
        self.commands.append((command, environment or {}))
        process = super().start(*command, environment=environment)
        process.stdin = Told(process.stdin, self)
        return process

    def run(
        self, *command: str, seconds: float = 60, environment: dict[str, str] | None = None, text: str = ""
    ) -> Output:
        self.moment()
        self.before_run(command)
        return super().run(*command, seconds=seconds, environment=environment, text=text)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return float(int(time.time() + self.ahead))

    def get(self, address: str, port: int, path: str, *, seconds: float = 0) -> tuple[int, str]:
        return 200, json.dumps(PAGES[path.removeprefix("/api/v1/")])


class Told:
    """What is written to a session's program: nothing gets through to it after the run has been killed."""

    def __init__(self, pipe: Any, machine: Machine) -> None:
        self._pipe, self._machine = pipe, machine

    def write(self, text: str) -> None:
        statement = text.partition(";\n\\echo ")[0]
        if not statement.startswith("SELECT"):
            self._machine.moment()
        self._machine.meanwhile(statement)
        self._machine.statements.append(statement)
        self._pipe.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)


class Store:
    """A secret store that can fail; everything that it ever held can be had back. And a bucket."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.values = machine, dict[str, list[str]]()
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []  # for which it was asked
        self.failing: set[str] = set()
        self.lost = False  # what it answers to a write

    def read_secret(self, name: str) -> str | None:
        self._asked(name)
        return self.values.get(name, [None])[-1]

    def write_secret(self, name: str, value: str) -> None:
        self.machine.moment()
        self._asked(name)
        self.values.setdefault(name, []).append(value)
        if self.lost:
            raise CloudFailure(f"secret {name}: no answer.")

    def get_object(self, bucket: str, key: str, to: Path) -> None:
        if key not in self.objects:
            raise Missing(f"{key} is not there.")
        to.write_bytes(self.objects[key])

    def put_object(self, bucket: str, key: str, source: Path) -> None:
        self.machine.moment()
        self.objects[key] = source.read_bytes()

    def _asked(self, name: str) -> None:
        self.asked.append(name)
        if name in self.failing:
            raise CloudFailure(f"secret {name}: access denied.")


class Node:
    """The node whose master leads; its agent reconciles."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.server, self.machine = server, Machine(folder)
        self.secrets = Store(self.machine)
        self.declared: dict[str, Any] = {}
        self.context: Context | None = None
        for name in ("usr/bin", "var/lib/ybfort", "run"):
            (folder / name).mkdir(parents=True)
        self.program("usr/bin/runuser", '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
        psql = programs()
        assert psql is not None
        version = cluster(server)["release"]["version"]
        self.program(f"opt/yugabyte/{version}/bin/ysqlsh", f'#!/bin/sh\nexec "{psql}/psql" "$@"\n')
        own = folder / f"run/yugabyte/.yb.{server.address}:{PORT}"
        own.mkdir(parents=True)
        (own / f".s.PGSQL.{PORT}").symlink_to(server.folder / "ysql" / f".s.PGSQL.{PORT}")

    @classmethod
    def beside(cls, other: "Node") -> "Node":
        """Another one that believes to lead, with the same database and the same secrets."""
        node = cls(other.machine.root.with_name(f"{other.machine.root.name}-beside"), other.server)
        node.declared, node.secrets.values = other.declared, other.secrets.values
        return node

    def program(self, path: str, text: str) -> None:
        file = self.machine.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    # ------------------------------------------------------------------------------------------------- what is declared

    def declare(self, **changes: Any) -> None:
        """What a stack file says: a database with roles of all kinds, or what is given in its place."""
        self.declared = cluster(self.server, **{"roles": ROLES, **changes})

    @property
    def config(self) -> Config:
        told = self.declared
        home = {name: told[name] for name in ("cloud", "cluster", "region", "account")}
        identity = Identity(**home, node="a1", bucket=told["buckets"]["artifacts"])
        invented = {"format": 1, "certificate_authority": "ca", "node": "a1", "volume": "vol-1"}
        self.identity = identity
        return checked(json.dumps(told), json.dumps(invented), identity)

    # ------------------------------------------------------------------------------------------------------------- runs

    def run(self) -> Outcome:
        """A new run of the agent's step."""
        self.machine.statements.clear()
        self.machine.moments = 0
        return self.roles(self.begin())

    def roles(self, context: Context) -> Outcome:
        """The agent's step, as soon as the session of the run before has ended."""
        ended: list[Outcome] = []

        def not_busy() -> bool:
            ended.append(roles(context))
            return ended[-1] != BUSY

        wait_until("the end of the session before", not_busy)
        return ended[-1]

    def begin(self) -> Context:
        """What a new process of the agent begins with."""
        config = self.config
        self.context = Context(self.identity, self.machine, self.secrets, "agent", replaced=False, accepted=config)
        return self.context

    def run_until(self, moment: int, run: Callable[[], object] | None = None) -> bool:
        """A run that is killed before its so-manieth effect; says whether it came that far."""
        self.machine.die_at = moment
        try:
            (run or self.run)()
        except Killed:
            return True
        finally:
            self.machine.die_at = -1
        return False

    @property
    def undeclared(self) -> list[str]:
        """What the last run has reported."""
        assert self.context is not None
        return self.context.report.undeclared

    @property
    def changes(self) -> list[str]:
        """The statements of the last run that were no questions."""
        return [one for one in self.machine.statements if not one.startswith("SELECT")]

    # ---------------------------------------------------------------------------------------------------------- clients

    def secret(self, role: str) -> Secret:
        """The pair that an application of this role fetches."""
        held = secret_of(self.secrets.values[f"ybfort/{self.declared['cluster']}/roles/{role}"][-1])
        assert held is not None
        return held

    def works(self, held: Secret, database: str = "orders") -> bool:
        """Whether a client is let in with this pair."""
        return self.server.client(held.username, held.password, database).returncode == 0

    def client(
        self, role: str, database: str, text: str = "SELECT 1", **options: str
    ) -> "subprocess.CompletedProcess[str]":
        """What an application of this role gets to see."""
        held = self.secret(role)
        return self.server.client(held.username, held.password, database, text, **options)

    @contextmanager
    def session(self, role: str, database: str) -> Iterator[Callable[[str], str]]:
        """A client that stays: what it asks is answered with one line."""
        held = self.secret(role)
        with subprocess.Popen(
            [f"{programs()}/psql", "-XAtq", "-U", held.username, "-d", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.server.environment(held.password),
        ) as process:
            stdin, stdout = process.stdin, process.stdout
            assert stdin is not None
            assert stdout is not None

            def ask(text: str) -> str:
                stdin.write(f"{text};\n")
                stdin.flush()
                return stdout.readline().strip()

            yield ask
            stdin.close()


def cluster(server: Server, **changes: Any) -> dict[str, Any]:
    """`cluster.json` of the plan, with the server's address for the first node, and clients that are here."""
    planned = prod_plan(**changes)
    text = cluster_config(planned).replace(str(planned.nodes[0].address), server.address)
    for client in planned.spec.clients:
        for cidr in client.cidrs:
            text = text.replace(f"hostssl all all {cidr} ", f"hostssl all all {CLIENTS} ")
    told = json.loads(text)
    return {**told, "pace": {**told["pace"], **PACE}}


def _psql(
    *arguments: str, text: str, check: bool = False, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [f"{programs()}/psql", "-XAtq", "-w", "-v", "ON_ERROR_STOP=1", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
        env={"PATH": os.defpath, "PGCONNECT_TIMEOUT": "10", **(environment or {})},
    )


def _free_address() -> str:
    """A loopback address at which nobody listens."""
    for third in range(1, 255):
        address = f"127.{os.getpid() % 250 + 2}.{third}.9"
        with socket.socket() as probe:
            try:
                probe.bind((address, PORT))
            except OSError:
                continue
        return address
    raise RuntimeError("There is no free loopback address.")
