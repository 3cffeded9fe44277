"""Google on this machine: the metadata server and the APIs that nodes use, as strict as a server can be about what it
is asked, and with bad days on request."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from certificates import Authority, signed

PROJECT, NUMBER = "orders-dev-project", "123456789012"
WAIT_SECONDS = 60
LARGEST_ENTRY = 256_000  # bytes; of Cloud Logging
STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}

# How an answer goes wrong on its way: not begun; begun and never ended; ended half-way; lost when the work was done.
SILENT, DRIPPING, CUT, LOST = "silent", "dripping", "cut", "lost"


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json; charset=UTF-8"),)


Fault = Said | str


class Wrong(Exception):
    """What was asked is refused."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code or STATUS[status]


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def must(self, holds: bool, what: str) -> None:
        """Refuse it if it is not as the API's reference has it."""
        if not holds:
            raise Malformed(f"{self.method} {self.host}{self.path}: {what}")

    def must_ask(self, *names: str, perhaps: str = "") -> None:
        """Refuse it if its query has other parameters."""
        self.must({*names} <= {*self.query} <= {*names, *perhaps.split()}, f"query {sorted(self.query)}")

    def json(self, *names: str) -> dict[str, Any]:
        """Its body, which has these members."""
        self.must(self.headers.get("Content-Type") == "application/json", "it is not said to be JSON")
        value = json.loads(self.body)
        self.must(set(value) == {*names}, f"body has {sorted(value)}")
        return value


class Malformed(Wrong):
    """It is not as the API's reference has it, which no node's request may be."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


@dataclass
class Version:
    """One value of a secret."""

    content: bytes
    state: str = "ENABLED"


@dataclass(frozen=True)
class Stored:
    """An object."""

    content: bytes
    generation: int
    updated: str


@dataclass(kw_only=True)
class GoogleServer:
    """What a project has, and what was asked for."""

    url: str = ""
    buckets: dict[str, str] = field(default_factory=dict[str, str])  # with the number of their project
    objects: dict[tuple[str, str], Stored] = field(default_factory=dict[tuple[str, str], Stored])
    secrets: dict[str, list[Version]] = field(default_factory=dict[str, list[Version]])
    pools: dict[str, list[Authority]] = field(default_factory=dict[str, list[Authority]])
    certificates: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict[str, tuple[str, dict[str, Any]]])
    series: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    entries: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict[tuple[str, str], dict[str, Any]])
    page: int = 1000  # objects of a listing
    composite: bool = False  # its objects have no MD5
    flavored: bool = True  # the metadata server says what it is
    token_seconds: int = 3599
    tokens: set[str] = field(default_factory=set[str])  # that are good
    faults: list[tuple[str, Fault]] = field(default_factory=list[tuple[str, Fault]])  # by a part of the URL, used once
    asked: list[Asked] = field(default_factory=list[Asked])
    malformed: list[str] = field(default_factory=list[str])
    ended: Event = field(default_factory=Event)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1_700_000_000_000_001))
    _one_by_one: Lock = field(default_factory=Lock)

    def calls(self, part: str) -> list[Asked]:
        """The requests whose URL has this in it."""
        return [one for one in self.asked if part in f"{one.host}{one.path}"]

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Let there be an object."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.objects[bucket, key] = Stored(content, next(self._numbers), now)

    # --------------------------------------------------------------------------------------------------------- requests

    def answer(self, request: Asked) -> tuple[Fault | None, Said]:
        """How the answer goes wrong, if it does, and what it is."""
        with self._one_by_one:
            self.asked.append(request)
            fault = next((one for one in self.faults if one[0] in f"{request.host}{request.path}"), None)
            if fault:
                self.faults.remove(fault)
                if isinstance(fault[1], Said):
                    return None, fault[1]
                if fault[1] == SILENT:
                    return SILENT, Said(200, b"")
            return fault[1] if fault else None, self._answer(request)

    def _answer(self, request: Asked) -> Said:
        try:
            if request.host == "metadata.google.internal":
                return self._metadata(request)
            if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
                raise Wrong(401, "Request had invalid authentication credentials.")
            for host, method, pattern, api in APIS:
                found = re.fullmatch(pattern, request.path)
                if (host, method) == (request.host, request.method) and found:
                    return api(self, request, **{name: unquote(part) for name, part in found.groupdict().items()})
            raise Malformed(f"no API: {request.method} {request.host}{request.path}")
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            self.malformed.append(f"{request.method} {request.host}{request.path}: {problem!r}")
            return refusal(400, "What was that?")
        except Wrong as problem:
            if isinstance(problem, Malformed):
                self.malformed.append(problem.message)
            return refusal(problem.status, problem.message, problem.code, storage=request.host.startswith("storage"))

    def _metadata(self, request: Asked) -> Said:
        flavor = (("Metadata-Flavor", "Google"),) if self.flavored else ()
        request.must(request.headers.get("Metadata-Flavor") == "Google", "no Metadata-Flavor")
        request.must("Authorization" not in request.headers, "a token for somebody who needs none")
        request.must(request.method == "GET" and not request.query, "it is to be got, without parameters")
        if request.path == "/computeMetadata/v1/project/numeric-project-id":
            return Said(200, NUMBER.encode(), flavor)
        request.must(request.path == "/computeMetadata/v1/instance/service-accounts/default/token", "no such thing")
        token = f"ya29.token-{next(self._numbers)}"
        self.tokens.add(token)
        told = {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"}
        return Said(200, json.dumps(told).encode(), flavor)

    # ---------------------------------------------------------------------------------------------------------- storage

    def bucket(self, request: Asked, bucket: str) -> Said:
        request.must_ask("fields")
        request.must(request.query["fields"] == "projectNumber", "other fields")
        return told(projectNumber=self._owner(bucket))

    def listing(self, request: Asked, bucket: str) -> Said:
        request.must_ask("prefix", "fields", perhaps="pageToken")
        request.must(request.query["fields"] == "nextPageToken,items(name,generation,updated)", "other fields")
        self._owner(bucket)
        names = sorted(key for where, key in self.objects if where == bucket)
        begin = base64.b64decode(request.query.get("pageToken", "")).decode()
        names = [name for name in names if name.startswith(request.query["prefix"]) and name > begin]
        items = [
            {"name": name, "generation": str(stored.generation), "updated": stored.updated}
            for name in names[: self.page]
            for stored in [self.objects[bucket, name]]
        ]
        more = {"nextPageToken": base64.b64encode(items[-1]["name"].encode()).decode()} if items else {}
        return told(**({"items": items} if items else {}), **(more if len(names) > self.page else {}))

    def media(self, request: Asked, bucket: str, key: str) -> Said:
        request.must_ask("alt")
        request.must(request.query["alt"] == "media", "not the content")
        self._owner(bucket)
        text = ("Content-Type", "text/html; charset=UTF-8")
        if (bucket, key) not in self.objects:
            return Said(404, f"No such object: {bucket}/{key}".encode(), (text,))
        content = self.objects[bucket, key].content
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        hashes = (("x-goog-hash", "crc32c=AAAAAA=="), ("x-goog-hash", f"md5={md5}"))
        return Said(200, content, hashes[:1] if self.composite else hashes)

    def upload(self, request: Asked, bucket: str) -> Said:
        request.must_ask("uploadType", "name", perhaps="ifGenerationMatch")
        request.must(request.query["uploadType"] == "media", "another way to upload")
        request.must(request.query.get("ifGenerationMatch", "0") == "0", "another precondition")
        request.must(request.headers.get("Content-Type") == "application/json", "it is not said to be JSON")
        self._owner(bucket)
        key = request.query["name"]
        if (bucket, key) in self.objects and "ifGenerationMatch" in request.query:
            raise Wrong(412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet")
        self.put(bucket, key, request.body)
        return told(kind="storage#object", name=key, generation=str(self.objects[bucket, key].generation))

    def _owner(self, bucket: str) -> str:
        if bucket not in self.buckets:
            raise Wrong(404, "The specified bucket does not exist.", "notFound")
        return self.buckets[bucket]

    # ---------------------------------------------------------------------------------------------------------- secrets

    def access(self, request: Asked, secret: str) -> Said:
        request.must_ask()
        versions = self._versions(secret)
        if not versions:
            raise Wrong(404, f"Secret [projects/{NUMBER}/secrets/{secret}] not found or has no versions.")
        name, latest = f"projects/{NUMBER}/secrets/{secret}/versions/{len(versions)}", versions[-1]
        if latest.state != "ENABLED":
            raise Wrong(400, f"Secret Version [{name}] is in {latest.state} state.", "FAILED_PRECONDITION")
        return told(name=name, payload={"data": base64.b64encode(latest.content).decode(), "dataCrc32c": "1"})

    def add_version(self, request: Asked, secret: str) -> Said:
        request.must_ask()
        payload = request.json("payload")["payload"]
        request.must(set(payload) == {"data"}, "another payload")
        versions = self._versions(secret)
        versions.append(Version(base64.b64decode(payload["data"], validate=True)))
        return told(name=f"projects/{NUMBER}/secrets/{secret}/versions/{len(versions)}", state="ENABLED")

    def list_versions(self, request: Asked, secret: str) -> Said:
        request.must_ask("pageSize")
        versions = [
            {"name": f"projects/{NUMBER}/secrets/{secret}/versions/{number}", "state": version.state}
            for number, version in enumerate(self._versions(secret), 1)
        ]
        return told(versions=versions[::-1][: int(request.query["pageSize"])], totalSize=len(versions))

    def destroy(self, request: Asked, secret: str, number: str) -> Said:
        request.must_ask()
        request.json()
        self._versions(secret)[int(number) - 1] = Version(b"", "DESTROYED")
        return told(state="DESTROYED")

    def _versions(self, secret: str) -> list[Version]:
        if secret not in self.secrets:
            raise Wrong(404, f"Secret [projects/{NUMBER}/secrets/{secret}] not found.")
        return self.secrets[secret]

    # ----------------------------------------------------------------------------------------------------- certificates

    def sign(self, request: Asked, pool: str) -> Said:
        request.must_ask("certificateId", "requestId")
        name, once = request.query["certificateId"], str(UUID(request.query["requestId"]))
        request.must(bool(re.fullmatch(r"[a-zA-Z0-9_-]{1,63}", name)), "certificateId")
        wanted = request.json("pemCsr", "lifetime")
        request.must(bool(re.fullmatch(r"[1-9]\d*s", wanted["lifetime"])), "lifetime")
        by = self._pool(pool)[0]
        if name in self.certificates:
            if self.certificates[name][0] != once:
                raise Wrong(409, f"Resource '{pool}/certificates/{name}' already exists", "ALREADY_EXISTS")
            return told(**self.certificates[name][1])
        made = signed(wanted["pemCsr"].encode(), time.time(), int(wanted["lifetime"][:-1]) / 86_400, by=by)
        chain = [f"{one}-----END CERTIFICATE-----\n" for one in made.authorities.split("-----END CERTIFICATE-----\n")]
        answer = {"name": name, "pemCertificate": made.certificate, "pemCertificateChain": chain[:-1]}
        self.certificates[name] = once, answer
        return told(**answer)

    def chains(self, request: Asked, pool: str) -> Said:
        request.must_ask()
        request.json()
        end = "-----END CERTIFICATE-----\n"
        pems = [one.pem for one in self._pool(pool)]
        return told(caCerts=[{"certificates": [f"{one}{end}" for one in pem.split(end)[:-1]]} for pem in pems])

    def _pool(self, pool: str) -> list[Authority]:
        if pool not in self.pools:
            raise Wrong(404, f"Resource '{pool}' was not found")
        return self.pools[pool]

    # ------------------------------------------------------------------------------------------------- metrics and logs

    def write_series(self, request: Asked) -> Said:
        request.must_ask()
        for one in request.json("timeSeries")["timeSeries"]:
            request.must(set(one) == {"metric", "resource", "metricKind", "valueType", "points"}, "another time series")
            request.must((one["metricKind"], one["valueType"]) == ("GAUGE", "DOUBLE"), "another kind")
            request.must(one["metric"]["type"].startswith("custom.googleapis.com/"), "not a metric of one's own")
            labels = one["metric"]["labels"]
            request.must(all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in labels), "labels")
            self._must_be_a_node(request, one["resource"])
            (point,) = one["points"]
            request.must(type(point["value"]["doubleValue"]) is float, "not a number")
            datetime.fromisoformat(point["interval"]["endTime"])
            self.series.append(one)
        return told()

    def write_entries(self, request: Asked) -> Said:
        request.must_ask()
        content = request.json("logName", "resource", "entries")
        named = re.fullmatch(rf"projects/{PROJECT}/logs/[A-Za-z0-9_.%-]+", content["logName"])
        request.must(bool(named), "logName")
        self._must_be_a_node(request, content["resource"])
        for one in content["entries"]:
            request.must(set(one) == {"timestamp", "insertId", "textPayload"}, "another entry")
            if len(json.dumps(one, ensure_ascii=False).encode()) > LARGEST_ENTRY:
                raise Wrong(400, "Log entry with size exceeds maximum size of 256.0K")
        for one in content["entries"]:
            self.entries[one["timestamp"], one["insertId"]] = {**content, **one}
        return told()

    @staticmethod
    def _must_be_a_node(request: Asked, resource: Mapping[str, Any]) -> None:
        request.must(resource["type"] == "generic_node", "another resource")
        request.must({*resource["labels"]} == {"project_id", "location", "namespace", "node_id"}, "its labels")


SECRET = rf"/v1/projects/{PROJECT}/secrets/(?P<secret>[A-Za-z0-9_-]+)"
POOL = r"/v1/(?P<pool>projects/[a-z0-9-]+/locations/[a-z0-9-]+/caPools/[a-z0-9-]+)"
BUCKET = r"/storage/v1/b/(?P<bucket>[a-z0-9.-]+)"
APIS: tuple[tuple[str, str, str, Callable[..., Said]], ...] = (
    ("storage.googleapis.com", "GET", BUCKET, GoogleServer.bucket),
    ("storage.googleapis.com", "GET", f"{BUCKET}/o", GoogleServer.listing),
    ("storage.googleapis.com", "GET", f"{BUCKET}/o/(?P<key>[^/]+)", GoogleServer.media),
    ("storage.googleapis.com", "POST", f"/upload{BUCKET}/o", GoogleServer.upload),
    ("secretmanager.googleapis.com", "GET", f"{SECRET}/versions/latest:access", GoogleServer.access),
    ("secretmanager.googleapis.com", "POST", f"{SECRET}:addVersion", GoogleServer.add_version),
    ("secretmanager.googleapis.com", "GET", f"{SECRET}/versions", GoogleServer.list_versions),
    ("secretmanager.googleapis.com", "POST", rf"{SECRET}/versions/(?P<number>\d+):destroy", GoogleServer.destroy),
    ("privateca.googleapis.com", "POST", f"{POOL}/certificates", GoogleServer.sign),
    ("privateca.googleapis.com", "POST", f"{POOL}:fetchCaCerts", GoogleServer.chains),
    ("monitoring.googleapis.com", "POST", f"/v3/projects/{PROJECT}/timeSeries", GoogleServer.write_series),
    ("logging.googleapis.com", "POST", "/v2/entries:write", GoogleServer.write_entries),
)


def told(**members: Any) -> Said:
    """A good answer."""
    return Said(200, json.dumps(members).encode())


def refusal(status: int, message: str = "No.", code: str = "", *, storage: bool = False) -> Said:
    """How Google refuses: Cloud Storage has a list of reasons, others have a status."""
    code = code or STATUS.get(status, "UNAVAILABLE")
    how = {"errors": [{"message": message, "domain": "global", "reason": code}]} if storage else {"status": code}
    return Said(status, json.dumps({"error": {"code": status, "message": message, **how}}).encode())


@contextmanager
def google_server() -> Iterator[GoogleServer]:
    """A server for a test. No node's request may have been malformed."""
    server = GoogleServer()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
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
    assert server.malformed == []


def _handler(server: GoogleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            where = urlsplit(self.path)
            _, host, path = where.path.split("/", 2)
            query = dict(parse_qsl(where.query, keep_blank_values=True))
            fault, said = server.answer(Asked(self.command, host, f"/{path}", query, dict(self.headers), body))
            self.close_connection = True
            if fault == SILENT:
                server.ended.wait(WAIT_SECONDS)
            elif fault != LOST:
                with suppress(ConnectionError):  # whoever asked may have hung up
                    self._send(said, fault)

        do_POST = do_PUT = do_GET  # noqa: N815 (the base class names them)

        def _send(self, said: Said, fault: Fault | None) -> None:
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if fault != DRIPPING:
                self.wfile.write(said.body[: len(said.body) // 2] if fault == CUT else said.body)
                return
            for _ in range(WAIT_SECONDS * 20):  # until somebody hangs up
                self.wfile.write(b" ")
                if server.ended.wait(0.05):
                    return
            server.malformed.append("nobody has ended an answer that did not end by itself")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler
