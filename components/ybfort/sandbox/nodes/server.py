"""A simulated yb-master or yb-tserver: a process with pages, a port for the tools, and data on its disk.

It starts only if what real ones need is there: its disk, its flags, and certificates that it can use. The port for the
tools speaks TLS and wants a certificate of the same authority, as the real one does with mutual TLS.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socketserver
import ssl
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from ybfort.sandbox.nodes.postgres import Postgres, programs, settings_of
from ybfort.sandbox.nodes.site import Site, database_user
from ybfort.sandbox.nodes.universe import BLANK, MASTER, MEMBER, TSERVER, Refused, Running

SYS_CATALOG = "consensus-meta/" + "0" * 32
PRODUCT = "/opt/yugabyte/"


def main(name: str, program: Path, arguments: list[str]) -> int:
    """Run until somebody ends it. What is wrong is said as the real one says it: a line, and exit code 1."""
    try:
        Server(name, program, arguments).run()
    except (OSError, KeyError, ValueError) as problem:
        sys.stderr.write(f"F1128 12:00:00.000000 1 {name}: {type(problem).__name__}: {problem}\n")
        return 1
    return 0


class Server:
    """One of them."""

    def __init__(self, name: str, program: Path, arguments: list[str]) -> None:
        root, _, rest = str(program).partition(PRODUCT)
        self.name, self.root, self.release = name, Path(root), rest.split("/")[0]
        self.flags = self._read(arguments)
        self.site, self.stopped = Site.here(), threading.Event()
        self.address, self.rpc_port = _place(self.flags["rpc_bind_addresses"])
        self.data = self.path(f"{self.flags['fs_data_dirs']}/yb-data/{name.rpartition('-')[2]}")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.verify_mode = ssl.CERT_REQUIRED
        self.load_certificates()
        self.postgres: Postgres | None = None

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def _read(self, arguments: list[str]) -> dict[str, str]:
        """The flags, of which the last counts."""
        flags: dict[str, str] = {}
        for argument in arguments:
            flag, _, value = argument.removeprefix("--").partition("=")
            if flag == "flagfile":
                lines = self.path(value).read_text().splitlines()
                flags |= dict(line.removeprefix("--").split("=", 1) for line in lines if line.startswith("--"))
            else:
                flags[flag] = value
        return flags

    def load_certificates(self) -> None:
        folder, name = self.path(self.flags["certs_dir"]), self.flags["cert_node_filename"]
        self.tls.load_cert_chain(folder / f"node.{name}.crt", folder / f"node.{name}.key")
        self.tls.load_verify_locations(folder / "ca.crt")

    # ------------------------------------------------------------------------------------------------------------- life

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._end)
        pages = _listen(
            ThreadingHTTPServer, self.flags["webserver_interface"], int(self.flags["webserver_port"]), self._pages()
        )
        tools = _listen(_Tools, self.address, self.rpc_port, self._tool())
        alive = self._begin()
        sys.stderr.write(f"W1128 12:00:00.000000 1 {self.name} {self.release} runs at {self.address}\n")
        while not self.stopped.wait(0.05):
            self._tick()
        with self.site.universe() as universe:
            universe.stopping(self.name, self.address, time.time())
            if self.postgres:
                self.postgres.stop()
            alive.close()
        pages.shutdown()
        tools.shutdown()

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopped.set()

    def _begin(self) -> Any:
        """Have an identity on the disk, and be known to the others."""
        if not self.data.parents[1].is_dir():
            raise OSError(f"{self.data.parents[1]} is not there")
        instance = self.data / "instance"
        with self.site.universe() as universe:
            if not instance.exists():
                self.data.mkdir(parents=True)
                instance.write_text(str(uuid.uuid4()))
                if os.geteuid() == 0:  # a real one would not be root
                    os.chown(self.data.parent, *database_user()[1:])
                universe.begun(self.name, self.address)
            one = Running(
                self.name,
                self.address,
                int(self.flags["webserver_port"]),
                instance.read_text(),
                (self.flags["placement_cloud"], self.flags["placement_region"], self.flags["placement_zone"]),
                time.time(),
                self.release,
            )
            alive = self.site.live(one)
            member = self.name == TSERVER or (self.data / SYS_CATALOG).exists()
            universe.started(
                one,
                data=MEMBER if member else BLANK,
                joins=self.flags.get("master_join_existing_universe") == "true",
                peers=[_place(peer)[0] for peer in self.flags.get("master_addresses", "").split(",") if peer],
                copies=int(self.flags.get("replication_factor", "0")),
            )
        return alive

    def _tick(self) -> None:
        if self.name == TSERVER:
            self._serve_ysql()
        elif not (self.data / SYS_CATALOG).exists():
            with self.site.universe() as universe:
                member = universe.member(self.address, (self.data / "instance").read_text())
            if member:
                (self.data / SYS_CATALOG).parent.mkdir(exist_ok=True)
                (self.data / SYS_CATALOG).write_text("")

    # ------------------------------------------------------------------------------------------------------------- YSQL

    def _serve_ysql(self) -> None:
        """Run PostgreSQL if nobody else does, and once there is a master that leads."""
        if self.postgres or programs() is None:
            return
        with self.site.universe() as universe:
            if not universe.name or not universe.lead():
                return
        folder = self.site.folder / "ysql"
        folder.mkdir(exist_ok=True)
        self._link(folder)
        lock = (folder.parent / ".ysql.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return
        self.postgres, self._holds = Postgres(folder), lock
        if not self.postgres.data.exists():
            self.postgres.make()
        certificates, name = self.path(self.flags["certs_for_client_dir"]), self.flags["cert_node_filename"]
        self.postgres.start(
            listen=_place(self.flags["pgsql_proxy_bind_address"])[0],
            port=_place(self.flags["pgsql_proxy_bind_address"])[1],
            settings={
                **settings_of(self.flags["ysql_pg_conf_csv"]),
                "ssl": "on",
                "ssl_cert_file": str(certificates / f"node.{name}.crt"),
                "ssl_key_file": str(certificates / f"node.{name}.key"),
                "ssl_ca_file": str(certificates / "ca.crt"),
            },
            hba=self.flags["ysql_hba_conf_csv"].split(","),
        )

    def _link(self, folder: Path) -> None:
        """The node's own local socket."""
        place = self.flags["pgsql_proxy_bind_address"]
        own = self.path(f"{self.flags['tmp_dir']}/.yb.{place}")
        own.mkdir(parents=True, exist_ok=True)
        file = f".s.PGSQL.{_place(place)[1]}"
        if not (own / file).is_symlink():
            (own / file).symlink_to(folder / file)

    # -------------------------------------------------------------------------------------------------- pages and tools

    def _pages(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with server.site.universe() as universe:
                    status, text = universe.page(self.path, server.address, time.time())
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        return Pages

    def _tool(self) -> type[socketserver.StreamRequestHandler]:
        server = self

        class Tool(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    secure = server.tls.wrap_socket(self.request, server_side=True)
                    with secure, secure.makefile("rw") as stream:
                        try:
                            answer = {"says": server.told(json.loads(stream.readline()))}
                        except Refused as refused:
                            answer = {"refuses": str(refused)}
                        stream.write(json.dumps(answer) + "\n")
                except (OSError, ValueError) as problem:
                    sys.stderr.write(f"W1128 12:00:00.000000 1 a tool was refused: {problem}\n")

        return Tool

    def told(self, command: list[str]) -> str:
        """What a tool is told."""
        if command == ["reload_certificates"]:
            self.load_certificates()
            if self.postgres:
                self.postgres.reload()
            return ""
        with self.site.universe() as universe:
            if command == ["is_server_ready"]:
                if not universe.ready(self.address, time.time()):
                    raise Refused("Tablet server is not ready")
                return "Tablet server is ready"
            if universe.lead() != self.address or self.name != MASTER:
                raise Refused("not the leader")
            return universe.admin(*command)


class _Tools(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _listen(kind: Any, address: str, port: int, handler: Any) -> Any:
    listening = kind((address, port), handler)
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return listening


def _place(text: str) -> tuple[str, int]:
    address, port = text.split(":")
    return address, int(port)
