"""AWS on this machine for the real AWS CLI: moto's, and servers that misbehave on request."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar
from urllib.parse import parse_qs

START_SECONDS = 60
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_EC2_METADATA_DISABLED": "true",
}

Answer = tuple[int, bytes]  # status and body
SILENCE: Answer = (0, b"")  # nothing at all, until whoever asked gives up
S = TypeVar("S", bound="Server")


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


@dataclass(kw_only=True)
class Server:
    """A server of a test."""

    url: str = ""
    cut: bool = False  # good answers end half-way
    ended: Event = field(default_factory=Event)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Status and body."""
        raise NotImplementedError


@dataclass
class ObjectServer(Server):
    """The part of S3 that nodes use, and its bad days."""

    account: str
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])  # /bucket/key
    ages: dict[str, float] = field(default_factory=dict[str, float])  # seconds; of those that are not new
    failures: list[int] = field(default_factory=list[int])  # answered first, one a request
    asked: list[str] = field(default_factory=list[str])
    one_by_one: Lock = field(default_factory=Lock)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        path = request.path.partition("?")[0]
        self.asked.append(f"{request.command} {path}")
        if self.failures:
            return self.failures.pop(0), s3_error("SlowDown")
        if request.headers.get("x-amz-expected-bucket-owner") != self.account:
            return 403, s3_error("AccessDenied")
        if request.command == "PUT":
            with self.one_by_one:
                if path in self.objects and request.headers.get("if-none-match") == "*":
                    return 412, s3_error("PreconditionFailed")
                self.objects[path] = body
            return 200, b""
        if path.count("/") == 1:
            return 200, self._listing(path, parse_qs(request.path.partition("?")[2]).get("prefix", [""])[0])
        return (200, self.objects[path]) if path in self.objects else (404, s3_error("NoSuchKey"))

    def _listing(self, bucket: str, prefix: str) -> bytes:
        now = time.time()
        listed = "".join(
            f"<Contents><Key>{path.removeprefix(f'{bucket}/')}</Key><ETag>{sha256(content).hexdigest()}</ETag>"
            f"<LastModified>{_time(now - self.ages.get(path, 0))}</LastModified></Contents>"
            for path, content in self.objects.items()
            if path.startswith(f"{bucket}/{prefix}")
        )
        return f"<ListBucketResult>{listed}</ListBucketResult>".encode()


@dataclass(frozen=True)
class Asked:
    """A request."""

    call: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class CannedServer(Server):
    """Answers that a test has written down, one a request; the last of a call is given again and again.

    A call is an operation of a service that speaks JSON (`GetSecretValue`); elsewhere it is the method and the path.
    """

    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    asked: list[Asked] = field(default_factory=list[Asked])

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        path = request.path.partition("?")[0]
        target = request.headers.get("x-amz-target")
        call = target.rpartition(".")[2] if target else f"{request.command} {path}"
        self.asked.append(Asked(call, request.path, dict(request.headers), body))
        answers = self.answers.get(call, [(501, b"This test has no answer.")])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def calls(self, call: str) -> list[Asked]:
        """The requests of one call."""
        return [one for one in self.asked if one.call == call]


def _time(seconds: float) -> str:
    """As S3 writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def s3_error(code: str) -> bytes:
    """How S3 tells that it refuses."""
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def refusal(code: str) -> Answer:
    """How a service that speaks JSON refuses."""
    return 400, json.dumps({"__type": code, "message": code}).encode()


def told(**members: Any) -> Answer:
    """What a service that speaks JSON answers."""
    return 200, json.dumps(members).encode()


def object_server(account: str = "123456789012") -> AbstractContextManager[ObjectServer]:
    """A server whose buckets all belong to `account`."""
    return served(ObjectServer(account))


def canned_server() -> AbstractContextManager[CannedServer]:
    """A server that a test tells what to answer."""
    return served(CannedServer())


@contextmanager
def served(server: S) -> Iterator[S]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # with 1.0 the CLI waits a second before it sends an object

        def do_GET(self) -> None:
            # All of it is read: what is not would reset the connection, and the answer be lost.
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = server.answer(self, sent)
            if (status, body) == SILENCE:
                server.ended.wait(START_SECONDS)
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if server.cut and status == 200 else body)

        do_PUT = do_POST = do_GET  # noqa: N815 (the base class names them)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        listening.shutdown()
        listening.server_close()
        thread.join(10)
