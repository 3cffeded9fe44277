"""Object storage on this machine for the real AWS CLI: moto's, and one that misbehaves on request."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

START_SECONDS = 60
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def aws_cli() -> Path:
    """The AWS CLI of the environment that runs the tests."""
    return Path(sys.executable).with_name("aws")


@contextmanager
def moto() -> Iterator[str]:
    """Moto's server as a process of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **CREDENTIALS}
    ) as server:
        try:
            _wait(url, server)
            yield url
        finally:
            server.kill()


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/moto-api/", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"moto did not start within {START_SECONDS} seconds")


@dataclass
class ObjectServer:
    """The part of S3 that nodes use, and its bad days."""

    account: str
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])  # /bucket/key
    failures: list[int] = field(default_factory=list[int])  # answered first, one a request
    cut: bool = False  # answers end half-way
    asked: list[str] = field(default_factory=list[str])
    url: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        path = request.path.partition("?")[0]
        self.asked.append(f"{request.command} {path}")
        if self.failures:
            return self.failures.pop(0), _error("SlowDown")
        if request.headers.get("x-amz-expected-bucket-owner") != self.account:
            return 403, _error("AccessDenied")
        if request.command == "PUT":
            self.objects[path] = request.rfile.read(int(request.headers["Content-Length"]))
            return 200, b""
        return (200, self.objects[path]) if path in self.objects else (404, _error("NoSuchKey"))


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


@contextmanager
def object_server(account: str = "123456789012") -> Iterator[ObjectServer]:
    """A server whose buckets all belong to `account`."""
    state = ObjectServer(account)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = state.answer(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if state.cut and status == 200 else body)

        do_PUT = do_GET  # noqa: N815 (the base class names them)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
