"""A cluster of simulated machines: the agent is the real one, as the file that real nodes fetch and run."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ybfort.sandbox.nodes import postgres
from ybfort.sandbox.nodes.cloud import Cloud
from ybfort.sandbox.nodes.programs import OF_THE_IMAGE, REAL, Image, script
from ybfort.sandbox.nodes.release import archive
from ybfort.sandbox.nodes.site import VARIABLE, Site, held, wait_until
from ybfort.sandbox.nodes.universe import Universe

# Nothing here takes minutes.
PACE = {"settle": 0, "drain": 10, "healthy": 20, "report": 3, "stale": 60, "reconcile": 3}
RUN_SECONDS = 120.0
CLIENTS = r"hostssl all all [0-9./]+ "  # in the HBA: clients are on this machine, too


class Fleet:
    """The machines that a `cluster.json` names, on loopback addresses of their own.

    :param folder: an empty folder with a short name, which the user that runs PostgreSQL can look into
    :param cluster: `cluster.json`, as the program writes it
    :param ids: `ids/<node>.json` by node
    :param agent: the agent's file
    :param python: what runs it
    """

    def __init__(
        self,
        folder: Path,
        cluster: Mapping[str, Any],
        ids: Mapping[str, Mapping[str, Any]],
        agent: bytes,
        python: str = sys.executable,
    ) -> None:
        self.site, self.cloud = Site(folder), Cloud(folder / "cloud")
        self.ids, self.agent, self.python = ids, agent, python
        self._network = _free_network()
        self.cluster: dict[str, Any] = {}
        self.declare(self.local(cluster))
        for node in self.cluster["nodes"]:
            self.add(node["name"])

    def local(self, cluster: Mapping[str, Any]) -> dict[str, Any]:
        """The document with loopback addresses in place of the plan's, at a pace for people who wait."""
        text = json.dumps(cluster)
        for number, node in enumerate(cluster["nodes"]):
            text = text.replace(node["address"], str(self._network[number + 1]))
        return {**json.loads(re.sub(CLIENTS, r"hostssl all all 127.0.0.0/8 ", text)), "pace": PACE}

    # ----------------------------------------------------------------------------------------------------- the declared

    def declare(self, cluster: Mapping[str, Any]) -> None:
        """Put what is declared where nodes look for it: the documents, the agent, and the release."""
        bucket, version = cluster["buckets"]["artifacts"], cluster["release"]["version"]
        content = archive(version)
        release = {**cluster["release"], "sha256": hashlib.sha256(content).hexdigest()}
        self.cluster = {**cluster, "release": release}
        self.cloud.put(bucket, release["key"], content)
        self.cloud.put(bucket, cluster["agent"]["key"], self.agent)
        for node in cluster["nodes"]:
            self.cloud.put(bucket, f"config/ids/{node['name']}.json", json.dumps(self.ids[node["name"]]).encode())
        self.cloud.put(bucket, "config/cluster.json", json.dumps(self.cluster, indent=2).encode())

    def status(self, node: str) -> dict[str, Any]:
        """What a node says of itself."""
        return json.loads(self.cloud.object(self.cluster["buckets"]["status"], f"status/{node}.json").read_text())

    # -------------------------------------------------------------------------------------------------------- the nodes

    @property
    def nodes(self) -> list[str]:
        return [node["name"] for node in self.cluster["nodes"]]

    def address(self, node: str) -> str:
        return next(one["address"] for one in self.cluster["nodes"] if one["name"] == node)

    def add(self, node: str) -> None:
        """A new machine that has gone through its boot script, with a blank volume."""
        root = self.site.root(node)
        image = Image(root)
        image.make(self.ids[node]["volume"])
        image.keep()
        for name in OF_THE_IMAGE:
            (root / "usr/bin" / name).write_bytes(script(name))
            (root / "usr/bin" / name).chmod(0o755)
        for name in REAL:
            (root / "usr/bin" / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
        (root / "agent.pyz").write_bytes(self.agent)
        identity = {name: self.cluster[name] for name in ("cloud", "cluster", "region", "account")}
        told = {**identity, "node": node, "bucket": self.cluster["buckets"]["artifacts"]}
        done = self.agent_of(node, "install", *(f"--{name}={value}" for name, value in told.items()), file="agent.pyz")
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def agent_of(
        self, node: str, *arguments: str, file: str = "opt/ybfort/agent.pyz"
    ) -> subprocess.CompletedProcess[str]:
        """Run the agent of a node to its end."""
        with self.start(node, *arguments, file=file) as process:
            out, err = process.communicate(timeout=RUN_SECONDS)
        journal = self.site.root(node) / "var/log/journal"
        journal.mkdir(exist_ok=True)
        with (journal / "ybfort-converge").open("a") as log:
            log.write(out + err)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, node: str, *arguments: str, file: str = "opt/ybfort/agent.pyz") -> subprocess.Popen[str]:
        """Start the agent of a node; it leads a process group of its own."""
        root = self.site.root(node)
        return subprocess.Popen(
            [self.python, "-I", str(root / file), "--root", str(root), *(arguments or ("converge",))],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What an agent here runs in."""
        return {VARIABLE: str(self.site.folder), postgres.VARIABLE: str(postgres.programs() or ""), "PATH": os.defpath}

    def run(self, *nodes: str) -> dict[str, subprocess.CompletedProcess[str]]:
        """Run the agents of these nodes, or of all, at the same time, once each."""
        from ybfort.node.together import together

        names = list(nodes or self.nodes)
        return dict(zip(names, together(self.agent_of, names), strict=True))

    def settle(self, *nodes: str, rounds: int = 20) -> int:
        """Run the agents again and again until they all have nothing left to do; says how many rounds that took.

        :raises RuntimeError: if they do not come to an end
        """
        done: dict[str, subprocess.CompletedProcess[str]] = {}
        for number in range(1, rounds + 1):
            done = self.run(*nodes)
            if all(one.returncode == 0 for one in done.values()):
                return number
        told = "\n".join(f"{node}:\n{one.stdout}{one.stderr}" for node, one in done.items())
        raise RuntimeError(f"not done after {rounds} rounds\n{told}")

    # ----------------------------------------------------------------------------------------------------- what happens

    def lose(self, node: str) -> None:
        """A node's machine is gone, with all its processes."""
        for server in ("yb-master", "yb-tserver"):
            process = Image(self.site.root(node)).running(server)
            if process is not None:
                os.killpg(process, signal.SIGKILL)
                file = self.site.root(node) / "run" / server
                wait_until(f"the end of {server}", lambda file=file: not held(file))

    def replace(self, node: str, *, volume: bool) -> None:
        """A new machine in the place of a lost one, with the volume of the old one or with a blank one."""
        root, kept = self.site.root(node), self.site.folder / f"volume-{node}"
        for name in ("dev/nvme1n1", "mnt/data"):
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).rename(kept / name)
        shutil.rmtree(root)
        self.add(node)
        if volume:
            shutil.rmtree(root / "mnt/data", ignore_errors=True)
            for name in ("dev/nvme1n1", "mnt/data"):
                (kept / name).replace(root / name)
        else:
            with self.site.universe() as universe:
                universe.blanked(self.address(node))
        shutil.rmtree(kept)

    def universe(self) -> Universe:
        """How the database is."""
        with self.site.universe() as universe:
            return universe

    def ysql(self) -> str:
        """The address at which PostgreSQL listens, which is that of one of the nodes."""
        settings = (self.site.folder / "ysql/data/ysql_pg.conf").read_text().splitlines()
        return next(line.split("'")[1] for line in settings if line.startswith("listen_addresses"))

    def end(self) -> None:
        """End everything that runs."""
        for node in self.nodes:
            with contextlib.suppress(FileNotFoundError):
                self.lose(node)
        if (self.site.folder / "ysql/data").exists():
            postgres.Postgres(self.site.folder / "ysql").stop()

    # ----------------------------------------------------------------------------------------------- what never happens

    def violations(self) -> list[str]:
        """What must never happen and did: to the database, or with a secret."""
        return [*self.universe().violations, *self._seen_secrets()]

    def _seen_secrets(self) -> Iterator[str]:
        """Passwords and private keys in places where somebody else could read them."""
        hidden = {
            value: name for name, values in self.cloud.secrets().items() for text in values for value in _values(text)
        }
        for place, text in self._readable():
            for value, name in hidden.items():
                if value in text:
                    yield f"the password in {name} is in {place}"
            if "PRIVATE KEY" in text:
                yield f"a private key is in {place}"

    def _readable(self) -> Iterator[tuple[str, str]]:
        yield "arguments", _text(self.site.folder / "arguments")
        for folder in ("cloud/buckets", "cloud/told"):
            for path in (self.site.folder / folder).rglob("*"):
                if path.is_file() and "releases" not in path.name and "agent%2F" not in path.name:
                    yield path.name, _text(path)
        for node in self.nodes:
            root = self.site.root(node)
            for path in [*(root / "var/log").rglob("*"), *(root / "var/lib/ybfort").rglob("*")]:
                if path.is_file():
                    yield str(path.relative_to(self.site.folder)), _text(path)


def _values(text: str) -> list[str]:
    """What is secret in the value of a secret: some of an object, or all of a text."""
    told = json.loads(text) if text.startswith("{") else {"password": text}
    return [told[name] for name in ("password", "private_key") if name in told]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _free_network() -> Sequence[ipaddress.IPv4Address]:
    """A range of loopback addresses that nobody listens at."""
    for third in range(1, 255):
        network = ipaddress.IPv4Network(f"127.{os.getpid() % 250 + 2}.{third}.0/24")
        with socket.socket() as probe:
            try:
                probe.bind((str(network[1]), 5433))
            except OSError:
                continue
        return list(network)
    raise RuntimeError("There is no free range of loopback addresses.")
