"""A simulated machine within the test's own process, with its cloud and its database: it can be killed at any
moment."""

import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

from certificates import authority, signed
from simulated_time import Clock
from specs import dev_plan
from ybfort.node.cloud import Listed, Missing, Signed
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.config import CLUSTER, IDENTITY, STATE, Identity
from ybfort.node.servers import SYS_CATALOG
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, Output, System
from ybfort.node.units import AGENT
from ybfort.plan.cluster import cluster_config
from ybfort.sandbox.nodes.machine import DEVICE as DEVICE
from ybfort.sandbox.nodes.machine import GIB as GIB
from ybfort.sandbox.nodes.machine import UUID as UUID
from ybfort.sandbox.nodes.machine import Machine, State
from ybfort.sandbox.nodes.release import archive
from ybfort.sandbox.nodes.universe import BLANK, MASTER, MEMBER, TSERVER, Refused, Running, Universe

HOME = Identity(
    cloud="aws",
    cluster="orders-dev",
    node="a1",
    region="eu-west-1",
    account="123456789012",
    bucket="orders-dev-artifacts-123456789012-eu-west-1",
)
STATUS_BUCKET = "orders-dev-status-123456789012-eu-west-1"
VOLUME = "vol-0123456789abcdef0"
AUTHORITY = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
BEGINNING = 1_800_000_000.0  # when every test begins: January 2027

PROCESSES = {MASTER: 1001, TSERVER: 1002}


class Killed(BaseException):
    """The process is gone, at this very instruction."""


class SimulatedMachine(Machine, System):
    """The machine. What outlives a process is in its attributes and its folder.

    :param universe: the database that its servers are part of
    :param clock: what it goes by
    :param skew: seconds that its own clock is ahead
    """

    def __init__(
        self, root: Path, universe: Universe | None = None, clock: Clock | None = None, *, skew: float = 0
    ) -> None:
        System.__init__(self, root)
        self.universe, self.state = universe or Universe(), State()
        self.clock, self.skew = clock or Clock(), skew
        self.commands: list[str] = []
        self.journal: list[dict[str, str]] = []
        self.moments, self.die_at = 0, -1
        self.pauses: Callable[[], float] | None = None  # seconds between any two things that happen here
        self.owners: dict[str, tuple[int, int]] = {}
        self.address = ""  # of the servers that run here
        self.make(VOLUME)

    # ----------------------------------------------------------------------------------------------------- instructions

    def moment(self) -> None:
        if self.moments == self.die_at:
            raise Killed
        self.moments += 1
        if self.pauses:
            self.clock.give_way(self.pauses())

    def run(
        self, *command: str, seconds: float = 0, environment: dict[str, str] | None = None, text: str = ""
    ) -> Output:
        self.commands.append(" ".join(command))
        self.moment()
        name = command[0].rpartition("/")[2]
        if command[:3] == ("openssl", "x509", "-in"):
            answer = _of_a_certificate(command[4:], Path(command[3]).read_bytes())
        elif name in ("openssl", "tar"):
            done = subprocess.run([name, *command[1:]], capture_output=True, text=True, input=text, timeout=60)
            answer = Output(done.returncode, done.stdout, done.stderr)
        elif command[0].startswith("/"):
            answer = self._of_the_release(name, *command[1:])
        else:
            said = self.call(*command)
            answer = Output(said.code, said.out, said.err)
        self.moment()
        return answer

    def start(self, *command: str, environment: dict[str, str] | None = None) -> Any:
        self.commands.append(" ".join(command))
        self.moment()
        if not self.universe.name or self.running(TSERVER) is None:
            raise Failure("connection to server on socket failed")
        return CannedSql()

    def lines(self, *command: str) -> Generator[str, None, None]:
        self.commands.append(" ".join(command))
        self.moment()
        after = next((one.partition("=")[2] for one in command if one.startswith("--after-cursor=")), "0")
        units = {one.partition("=")[2] for one in command if one.startswith("--unit=")}
        for number, entry in enumerate(self.journal, 1):
            if number > int(after) and entry["_SYSTEMD_UNIT"] in units:
                yield json.dumps({**entry, "__CURSOR": str(number)})

    def program(self, name: str) -> str:
        return name

    def get(self, address: str, port: int, path: str, *, seconds: float = 0) -> tuple[int, str]:
        self.tick()
        if f"{MASTER} {address}" not in self.universe.running:
            raise Failure(f"http://{address}:{port}{path}: Connection refused.")
        return self.universe.page(path, address, self.true_time)

    def shown_certificate(self, address: str, port: int) -> bytes:
        file = self.path(f"/etc/yugabyte/certificates/node.{address}.crt")
        return subprocess.run(["openssl", "x509", "-in", file, "-outform", "DER"], capture_output=True).stdout

    def now(self) -> float:
        return BEGINNING + self.clock.slept + self.skew

    @property
    def true_time(self) -> float:
        """What clocks without a skew say."""
        return BEGINNING + self.clock.slept

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.tick()

    def write(self, path: str, content: bytes, mode: int = 0o644) -> bool:
        self.moment()
        target = self.path(path)
        draft = target.with_name(f".{target.name}.draft")
        if not target.exists():
            draft.write_bytes(content[: len(content) // 2])  # killed half-way
            self.moment()
        changed = super().write(path, content, mode)
        self.moment()
        return changed

    def remove(self, path: str) -> bool:
        self.moment()
        return super().remove(path)

    def remove_tree(self, path: str) -> None:
        self.moment()
        super().remove_tree(path)

    def link(self, path: str, target: str) -> bool:
        self.moment()
        return super().link(path, target)

    def directory(self, path: str, mode: int, uid: int | None = None, gid: int | None = None) -> bool:
        self.moment()
        return super().directory(path, mode, uid, gid)

    def zero(self, path: str, offset: int, length: int) -> None:
        self.moment()
        super().zero(path, offset, length)

    def owner(self, target: Path) -> tuple[int, int]:
        return self.owners.get(str(target), (os.geteuid(), os.getegid()))

    def chown(self, target: Path, uid: int, gid: int) -> None:
        self.moment()
        self.owners[str(target)] = (uid, gid)

    # ---------------------------------------------------------------------------------------------------- the database

    def _of_the_release(self, name: str, *arguments: str) -> Output:
        if name == "post_install.sh":
            return Output(0, "", "")
        command = list(arguments)
        while command[0].startswith("--"):
            command = command[2:]
        try:
            if name == "yb-admin":
                return Output(0, self.universe.admin(*command), "")
            if command == ["is_server_ready"] and not self.universe.ready(self.address, self.true_time):
                raise Refused("Tablet server is not ready")
        except Refused as refused:
            return Output(1, "", str(refused))
        return Output(0, "", "")

    def running(self, server: str) -> int | None:
        return PROCESSES.get(server) if f"{server} {self.address}" in self.universe.running else None

    def start_server(self, server: str, command: list[str]) -> None:
        flags = dict(
            line[2:].split("=", 1)
            for line in [*(self.read(command[1].partition("=")[2]) or "").splitlines(), *command[2:]]
            if line.startswith("--")
        )
        self.address = flags["rpc_bind_addresses"].split(":")[0]
        home = self.path(f"/mnt/data/yb-data/{server.removeprefix('yb-')}")
        if not (home / "instance").exists():
            home.mkdir(parents=True)
            self.owners[str(home.parent)] = self.ids
            (home / "instance").write_text(f"{server} of {self.root.name}")
            self.universe.begun(server, self.address)
        catalog, id_ = home / SYS_CATALOG, (home / "instance").read_text()
        place = (flags["placement_cloud"], flags["placement_region"], flags["placement_zone"])
        version, since = command[0].split("/")[3], self.true_time
        self.universe.started(
            Running(server, self.address, int(flags["webserver_port"]), id_, place, since, version),
            data=MEMBER if catalog.exists() else BLANK,
            joins=flags.get("master_join_existing_universe") == "true",
            peers=[peer.split(":")[0] for peer in flags.get("master_addresses", "").split(",") if peer],
            copies=int(flags.get("replication_factor", 0)),
        )
        self.command_of(PROCESSES[server], command)

    def tick(self) -> None:
        """What servers do by themselves."""
        home = self.path("/mnt/data/yb-data/master")
        if (home / "instance").exists() and self.universe.member(self.address, (home / "instance").read_text()):
            (home / SYS_CATALOG).parent.mkdir(exist_ok=True)
            (home / SYS_CATALOG).write_text("")

    def stop_server(self, server: str) -> None:
        self.universe.stopping(server, self.address, self.true_time)
        self.universe.running.pop(f"{server} {self.address}")

    # ------------------------------------------------------------------------------------------------------------ looks

    def snapshot(self) -> dict[str, Any]:
        """All that a run is to bring about: files with their modes, owners, and what systemd and the kernel have."""
        passing = ("/fetched-", "/passing-", "/last-", "/status.json", DEVICE)  # of a run, not of the machine
        made_anew = ("/certificate-sets/", "/yb-data/", "/universe.json")  # keys and UUIDs are not the same twice
        files = {
            _without_number(str(path.relative_to(self.root))): (
                path.stat().st_mode,
                path.read_bytes() if path.is_file() and not any(name in str(path) for name in made_anew) else b"",
            )
            for path in sorted(self.root.rglob("*"))
            if not any(name in str(path) for name in passing)
        }
        owners = {_without_number(path): owner for path, owner in self.owners.items()}
        running = sorted(self.universe.running)
        disk = self.bytes_at(DEVICE, 0, 8192)
        return {"files": files, "owners": owners, "disk": disk, "running": running, **vars(self.state)}


@cache
def _of_a_certificate(options: tuple[str, ...], content: bytes) -> Output:
    """What openssl says of a certificate: asked in every run, and always the same."""
    done = subprocess.run(["openssl", "x509", *options], capture_output=True, input=content, timeout=60)
    return Output(done.returncode, done.stdout.decode(), done.stderr.decode())


def _without_number(path: str) -> str:
    """Certificate sets are numbered, and a killed run may have used up a number."""
    head, found, tail = path.partition("/certificate-sets/")
    return f"{head}{found}{'/'.join(['N', *tail.split('/')[1:]])}" if found else path


class CannedSql:
    """A session with a database in which everything is as declared, if nothing is declared."""

    pid = 0

    def __init__(self) -> None:
        self._answers, self._end = os.pipe()
        self.stdin, self.stdout = self, os.fdopen(self._answers, "rb", buffering=0)
        self._asked = io.StringIO()

    def write(self, text: str) -> None:
        self._asked.write(text)

    def flush(self) -> None:
        asked, self._asked = self._asked.getvalue(), io.StringIO()
        mark = asked.splitlines()[-1].split()[1].rstrip(".")
        answer = next((answer for begin, answer in CANNED.items() if begin in asked), [])
        os.write(self._end, f"{json.dumps(answer)}\n{mark} false 00000\n\n{mark}.\n".encode())

    def poll(self) -> int:
        return 0

    def communicate(self) -> tuple[str, str]:
        self.stdout.close()
        os.close(self._end)
        return "", ""


def _role(name: str, **more: Any) -> dict[str, Any]:
    never = dict.fromkeys(("createrole", "createdb", "replication", "bypassrls", "login"), False)
    known = {"name": name, "superuser": False, **never, "inherit": True, "connection_limit": -1}
    return {**known, "valid_until": None, "verifier": None, "comment": None, **more}


CANNED: dict[str, Any] = {
    "pg_try_advisory_lock": [{"held": True}],
    "to_regclass": [
        {
            "roles": [
                _role("yugabyte", superuser=True, login=True),
                _role("pg_read_all_stats"),
                _role("pg_signal_backend"),
                _role("ybfort_admin"),
            ],
            "members": [
                {"role": group, "member": "ybfort_admin", "admin": False}
                for group in ("pg_read_all_stats", "pg_signal_backend")
            ],
            "settings": None,
            "databases": [
                {
                    "name": "yugabyte",
                    "owner": "yugabyte",
                    "template": False,
                    "rights": [{"who": "ybfort_admin", "right": "CONNECT"}],
                }
            ],
            "has_profiles": False,
        }
    ],
}


class SimulatedCloud(AwsCloud):
    """Objects and secrets in memory, and one authority for all tests; disks as AWS shows them."""

    def __init__(
        self, machine: SimulatedMachine, home: Identity = HOME, shared: "SimulatedCloud | None" = None
    ) -> None:
        super().__init__(home, machine)
        self.machine, self.home = machine, home
        self.objects: dict[tuple[str, str], bytes] = shared.objects if shared else {}
        self.written: dict[tuple[str, str], float] = shared.written if shared else {}
        self.secrets: dict[str, list[str]] = shared.secrets if shared else {}
        self.asked: list[str] = []  # `get config/cluster.json`
        self.metrics: list[dict[str, float]] = []
        self.logged: dict[str, list[tuple[int, str]]] = {}

    def list_objects(self, bucket: str, prefix: str) -> dict[str, Listed]:
        self.asked.append(f"list {prefix}")
        self.machine.moment()
        return {
            key: Listed(str(hash(content)), self.written.get((bucket, key), 0.0))
            for (place, key), content in self.objects.items()
            if place == bucket and key.startswith(prefix)
        }

    def get_object(self, bucket: str, key: str, to: Path, *, seconds: float = 0) -> None:
        self.asked.append(f"get {key}")
        self.machine.moment()
        if (bucket, key) not in self.objects:
            raise Missing(f"s3://{bucket}/{key} is not there.")
        content = self.objects[bucket, key]
        to.write_bytes(content[: len(content) // 2])
        self.machine.moment()
        to.write_bytes(content)

    def put_object(self, bucket: str, key: str, source: Path) -> None:
        self.asked.append(f"put {key}")
        self.machine.moment()
        self.objects[bucket, key] = source.read_bytes()
        self.written[bucket, key] = BEGINNING + self.machine.clock.slept
        self.machine.moment()

    def create_object(self, bucket: str, key: str, source: Path) -> bool:
        self.machine.moment()
        if (bucket, key) in self.objects:
            return False
        self.put_object(bucket, key, source)
        return True

    def read_secret(self, name: str) -> str | None:
        return self.secrets.get(name, [None])[-1]

    def write_secret(self, name: str, value: str) -> None:
        self.secrets.setdefault(name, []).append(value)

    def sign(self, name: str, request: Path, days: int) -> Signed:
        self.machine.moment()
        return signed(request.read_bytes(), self.machine.now(), days, by=authority(name))

    def authorities(self, authority_: str) -> str:
        self.machine.moment()
        return authority(authority_).pem

    def put_metrics(self, namespace: str, dimensions: Any, values: Any) -> None:
        self.machine.moment()
        self.metrics.append(dict(values))

    def put_log(self, group: str, stream: str, events: Any) -> None:
        self.machine.moment()
        self.logged.setdefault(group, []).extend(events)

    # ---------------------------------------------------------------------------------------------------- what tests do

    def declare(self, cluster: str | None = None, ids: str | None = None) -> None:
        """Put the documents and the release where nodes look for them."""
        text = cluster or declared()
        self.objects[self.home.bucket, CLUSTER] = text.encode()
        self.objects[self.home.bucket, f"config/ids/{self.home.node}.json"] = (ids or invented()).encode()
        key = "releases/yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz"
        self.objects[self.home.bucket, key] = release("2025.2.8.0-b60")

    def status(self, node: str = "a1") -> dict[str, Any]:
        return json.loads(self.objects[STATUS_BUCKET, f"status/{node}.json"])


def declared(**changes: Any) -> str:
    """`cluster.json` as the program writes it for the smallest cluster, with some members changed."""
    text, _ = with_release({**json.loads(cluster_config(dev_plan())), **changes})
    return text


def with_release(document: dict[str, Any]) -> tuple[str, bytes]:
    """`cluster.json` with the SHA-256 of a release that there is, and that."""
    told = document["release"]
    if isinstance(told, dict) and told.keys() >= {"key", "sha256", "version"}:
        content = release(told["version"])
        document = {**document, "release": {**told, "sha256": hashlib.sha256(content).hexdigest()}}
    else:
        content = b""
    return json.dumps(document, indent=2, sort_keys=True), content


release = cache(archive)


def invented(**changes: str) -> str:
    """`ids/a1.json` as the program writes it, with some members changed."""
    told = {"format": 1, "certificate_authority": AUTHORITY, "node": "a1", "volume": VOLUME}
    return json.dumps({**told, **changes})


def install_agent(machine: System, content: bytes) -> None:
    path = machine.path(AGENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    machine.path(STATE).mkdir(parents=True, exist_ok=True)
    machine.path(IDENTITY).parent.mkdir(parents=True, exist_ok=True)
    machine.path(IDENTITY).write_text(json.dumps(vars(HOME)))


def context(machine: SimulatedMachine, cloud: SimulatedCloud, *, replaced: bool = False) -> Context:
    """What a new process begins with."""
    agent = machine.sha256(AGENT) or "none"
    return Context(identity=cloud.home, system=machine, cloud=cloud, agent=agent, replaced=replaced)


def results(steps: dict[str, Outcome]) -> dict[str, Result]:
    return {name: outcome.result for name, outcome in steps.items()}


@cache
def nodes_python() -> str | None:
    """A Python of the nodes' version."""
    return another_python("3.9")


def another_python(version: str) -> str | None:
    """A Python of a version, that runs: version managers put names on PATH that do not."""
    program = f"python{version}"
    for name in (shutil.which(program), *map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/{program}"))):
        if name and subprocess.run([name, "--version"], capture_output=True).returncode == 0:
            return name
    return None


def program(name: str) -> str | None:
    """Where a program of the machine that runs the tests is, if it has it."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin")
