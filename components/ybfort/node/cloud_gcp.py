"""GCP through its REST APIs, with the access token that the instance's metadata server hands out.

Nothing but the name service says where they are, and TLS proves who answers: no proxy, no variable of the environment
and no file of credentials is looked at. No message repeats what an answer holds, but Google's own words for a refusal.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import re
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote, urlencode

from ybfort.node.answer import Answer, answer
from ybfort.node.cloud import CloudFailure, Listed, Missing, Signed
from ybfort.node.config import Identity
from ybfort.node.system import MEGABYTE, System

STORAGE = "storage.googleapis.com"
BUCKETS = "/storage/v1/b"
SECRETS = "secretmanager.googleapis.com/v1"
AUTHORITIES = "privateca.googleapis.com/v1"
MONITORING = "monitoring.googleapis.com/v3"
LOGGING = "logging.googleapis.com/v2/entries:write"
METADATA = "metadata.google.internal"  # link-local, and the only one without TLS
FLAVOR = "Metadata-Flavor"  # of requests to it and of its answers: nobody else asks, or answers, by mistake

# Where a rehearsal has all of them: `http://127.0.0.1:port`, and then what is above.
REHEARSAL = "/etc/ybfort/google-apis"

# These and 5xx pass by themselves, and are tried again with growing pauses (Cloud Storage: retry strategy).
PASSING = (408, 429)
PAUSES = (1.0, 3.0, 9.0)  # seconds
CALL_SECONDS = 150.0  # all tries and the pauses between them
CONNECT_SECONDS, READ_SECONDS = 5, 20  # of one try; the second for each part of its answer

# The metadata server hands out the same token until five minutes before its end (Compute Engine: access tokens).
TOKEN_REST = 60.0  # seconds that it must be good for

MD5 = re.compile(r"md5=([A-Za-z0-9+/]{22}==)")  # in x-goog-hash
NEWEST_VERSIONS = 20  # of a secret; they are listed first (versions.list), and what is older was destroyed before
LONGEST_LINE = 250_000  # bytes; Cloud Logging refuses an entry of more than 256 KB, and all that come with it
LONGEST_REASON = 300  # characters


class GcpCloud:
    """Buckets are read and written only if they belong to the cluster's own project.

    :param pauses: before what passes by itself is tried again, in seconds
    """

    time_server = "169.254.169.254"  # the metadata server (Compute Engine: configure NTP)

    def __init__(self, identity: Identity, system: System, *, pauses: Sequence[float] = PAUSES) -> None:
        self._identity, self._system, self._pauses = identity, system, pauses
        self._project = f"projects/{identity.account}"
        self._rehearsal = _rehearsal(system)
        self._token, self._token_ends = "", 0.0
        self._owned: set[str] = set()  # buckets

    def block_devices(self, volume: str) -> list[str]:
        """The guest environment links every disk by its device name (Compute Engine: symlinks for disks)."""
        link = self._system.path(f"/dev/disk/by-id/google-{volume}")
        return [f"/dev/{link.resolve().name}"] if link.exists() else []

    # -------------------------------------------------------------------------------------------------- object storage

    def list_objects(self, bucket: str, prefix: str) -> dict[str, Listed]:
        query = {"prefix": prefix, "fields": "nextPageToken,items(name,generation,updated)"}
        found: dict[str, Listed] = {}
        while True:
            page = self._ask(f"gs://{bucket}/{prefix}", f"{STORAGE}{self._objects(bucket)}?{urlencode(query)}")
            for one in page.items("items"):
                found[one.text("name")] = Listed(one.text("generation"), one.time("updated"))
            if "nextPageToken" not in page.content:
                return found
            query["pageToken"] = page.text("nextPageToken")

    def get_object(self, bucket: str, key: str, to: Path, *, seconds: float = CALL_SECONDS) -> None:
        """The time is for the transfer with all its tries; what is looked up beside it has its own limit."""
        about, url = f"gs://{bucket}/{key}", f"{STORAGE}{self._objects(bucket)}/{quote(key, '')}?alt=media"
        try:
            self._call(Request(about, url, to=to), seconds)
        except Refused as problem:
            # This answer is free text, and has been seen for objects that exist: a listing is sure of it.
            if problem.status != 404 or key in self.list_objects(bucket, key):
                raise
            raise Missing(f"{about} is not there.") from None

    def put_object(self, bucket: str, key: str, source: Path, **condition: str) -> None:
        query = urlencode({"uploadType": "media", "name": key, **condition})
        self._ask(f"gs://{bucket}/{key}", f"{STORAGE}/upload{self._objects(bucket)}?{query}", source.read_bytes())

    def create_object(self, bucket: str, key: str, source: Path) -> bool:
        try:
            self.put_object(bucket, key, source, ifGenerationMatch="0")  # Cloud Storage: request preconditions
        except Refused as problem:
            if problem.status != 412:
                raise
            return False
        return True

    def _objects(self, bucket: str) -> str:
        """The path of a bucket's objects. Names are everybody's: one that was ours may be made again by others."""
        about, path = f"gs://{bucket}", f"{BUCKETS}/{bucket}"
        if bucket not in self._owned:
            owner = self._ask(about, f"{STORAGE}{path}?fields=projectNumber").text("projectNumber")
            if owner.encode() != self._call(_metadata(about, "project/numeric-project-id")).strip():
                raise CloudFailure(f"{about}: access denied: it is not of project {self._identity.account}.")
            self._owned.add(bucket)
        return f"{path}/o"

    # --------------------------------------------------------------------------------------------------------- secrets

    def read_secret(self, name: str) -> str | None:
        """A latest version that is disabled or destroyed is no value, and no missing one: Google says what it is."""
        about = f"secret {name}"
        try:
            data = self._ask(about, f"{self._secret(name)}/versions/latest:access").text("payload", "data")
            return base64.b64decode(data, validate=True).decode()
        except Refused as problem:
            if problem.code == "NOT_FOUND":
                return None
            raise
        except ValueError:
            raise CloudFailure(f"{about}: payload.data in the answer is not a text in Base64.") from None

    def write_secret(self, name: str, value: str) -> None:
        """The latest version is the current value, and the one before it the previous one; older ones are destroyed.

        Secret Manager makes a version of every request. One whose answer was lost is not sent again if it arrived:
        the value before would no longer be the previous one.
        """
        about, body = f"secret {name}", {"payload": {"data": base64.b64encode(value.encode()).decode()}}
        request = Request(about, f"{self._secret(name)}:addVersion", json.dumps(body).encode(), hidden=True)
        self._call(request, arrived=lambda: self.read_secret(name) == value)
        with contextlib.suppress(CloudFailure):  # the value is written, and the next one tidies up
            self._destroy_old(about, f"{self._secret(name)}/versions")

    def _destroy_old(self, about: str, url: str) -> None:
        versions = self._ask(about, f"{url}?pageSize={NEWEST_VERSIONS}").items("versions")
        for one in [one for one in versions if one.text("state") == "ENABLED"][2:]:
            self._ask(about, f"{url}/{one.text('name').rpartition('/')[2]}:destroy", {})

    def _secret(self, name: str) -> str:
        return f"{SECRETS}/{self._project}/secrets/{name}"

    # ---------------------------------------------------------------------------------------------------- certificates

    def sign(self, authority: str, request: Path, days: int) -> Signed:
        """Usages and names are the request's, as far as the pool's issuance policy lets them pass.

        A request that is sent twice has the same id, and is signed once (CA Service: certificates.create).
        """
        once = str(uuid.uuid4())
        url = f"{AUTHORITIES}/{authority}/certificates?certificateId={self._identity.node}-{once}&requestId={once}"
        got = self._ask(authority, url, {"pemCsr": request.read_text(), "lifetime": f"{days * 86_400}s"})
        return Signed(got.text("pemCertificate"), _bundle(got.texts("pemCertificateChain")))

    def authorities(self, authority: str) -> str:
        """Those of a pool, each with its chain: any of them may be the next that signs."""
        got = self._ask(authority, f"{AUTHORITIES}/{authority}:fetchCaCerts", {})
        return _bundle([one for chain in got.items("caCerts") for one in chain.texts("certificates")])

    # ------------------------------------------------------------------------------------------------ metrics and logs

    def put_metrics(self, namespace: str, dimensions: Mapping[str, str], values: Mapping[str, float]) -> None:
        labels = {name.lower(): value for name, value in dimensions.items()}  # Cloud Monitoring allows no capitals
        series = [
            {
                "metric": {"type": f"custom.googleapis.com/{namespace}/{name}", "labels": labels},
                "resource": self._resource(self._identity.node),
                "metricKind": "GAUGE",
                "valueType": "DOUBLE",
                "points": [
                    {"interval": {"endTime": _rfc3339(self._system.now())}, "value": {"doubleValue": value}},
                ],
            }
            for name, value in values.items()
        ]
        self._ask(f"metrics of {namespace}", f"{MONITORING}/{self._project}/timeSeries", {"timeSeries": series})

    def put_log(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Entries of the same time are shown in the order of their ids; with the same id, once (LogEntry).

        A batch that is sent again begins with the same line, so that every line has its place, and id, again.
        """
        entries = [
            {
                "timestamp": _rfc3339(at / 1000),
                "insertId": f"{place:05}-{hashlib.sha256(f'{stream} {line}'.encode()).hexdigest()[:16]}",
                "textPayload": line.encode()[:LONGEST_LINE].decode("utf-8", "ignore"),
            }
            for place, (at, line) in enumerate(events)
        ]
        log = f"{self._project}/logs/{quote(group, '')}"
        content = {"logName": log, "resource": self._resource(stream), "entries": entries}
        self._ask(f"log {group} {stream}", LOGGING, content)

    def _resource(self, node: str) -> dict[str, Any]:
        home = self._identity
        labels = {"project_id": home.account, "location": home.region, "namespace": home.cluster, "node_id": node}
        return {"type": "generic_node", "labels": labels}

    # ------------------------------------------------------------------------------------------------------------ REST

    def _ask(self, about: str, url: str, body: bytes | Mapping[str, Any] | None = None) -> Answer:
        sent = json.dumps(body).encode() if isinstance(body, Mapping) else body
        return answer(about, self._call(Request(about, url, sent)), "Google answered")

    def _call(
        self, request: Request, seconds: float = CALL_SECONDS, *, arrived: Callable[[], bool] = lambda: False
    ) -> bytes:
        """What is answered to one request, all tries together.

        :param arrived: whether a try that failed has done its work
        :raises Refused: if Google refuses, or cannot be asked
        :raises CloudFailure: if it answers what makes no sense
        """
        until = time.monotonic() + seconds
        for pause in self._pauses:
            try:
                return self._try(request, until)
            except Refused as problem:
                if not problem.passes or time.monotonic() + pause > until:
                    raise
            self._system.sleep(pause)
            if arrived():
                return b""
        return self._try(request, until)

    def _try(self, request: Request, until: float) -> bytes:
        """Once; and once more with a new token if this one is no longer good."""
        if request.to_metadata:
            return self._exchange(request, {FLAVOR: "Google"}, until)
        with contextlib.suppress(Expired):
            return self._exchange(request, self._authorization(request.about, until), until)
        self._token_ends = 0.0
        return self._exchange(request, self._authorization(request.about, until), until)

    def _authorization(self, about: str, until: float) -> dict[str, str]:
        if time.monotonic() + TOKEN_REST > self._token_ends:
            said = self._try(_metadata(about, "instance/service-accounts/default/token"), until)
            got = answer(about, said, "the metadata server answered")
            lasts = got.content.get("expires_in")
            if type(lasts) is not int:
                raise CloudFailure(f"{about}: the metadata server answered what is not an access token.")
            self._token, self._token_ends = got.text("access_token"), time.monotonic() + lasts
        return {"Authorization": f"Bearer {self._token}"}

    def _exchange(self, request: Request, headers: Mapping[str, str], until: float) -> bytes:
        """One request on a connection of its own, through which nothing comes after that time."""
        host, slash, path = request.url.partition("/")
        sent = {**headers, "Content-Type": "application/json", "Connection": "close"}
        try:
            with contextlib.closing(self._connection(host)) as connection:
                timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, [connection.sock])
                timer.start()
                try:
                    method = "GET" if request.body is None else "POST"
                    connection.request(method, slash + (request.url if self._rehearsal else path), request.body, sent)
                    got = connection.getresponse()
                    content = _content(request, got)
                finally:
                    timer.cancel()
        except (OSError, ValueError, http.client.HTTPException) as problem:
            reason = (isinstance(problem, OSError) and str(problem)) or type(problem).__name__
            raise Refused(request, 0, f"{host}: {reason}.") from None
        if got.status != 200:
            raise _refused(request, got.status, content)
        if request.to_metadata and got.headers[FLAVOR] != "Google":
            raise CloudFailure(f"{request.about}: what answers as {host} is not Google's metadata server.")
        return content

    def _connection(self, host: str) -> http.client.HTTPConnection:
        if self._rehearsal or host == METADATA:
            made = http.client.HTTPConnection(self._rehearsal or host, timeout=CONNECT_SECONDS)
        else:
            tls = ssl.create_default_context()
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
            made = http.client.HTTPSConnection(host, timeout=CONNECT_SECONDS, context=tls)
        made.connect()
        made.sock.settimeout(READ_SECONDS)
        return made


@dataclass(frozen=True)
class Request:
    """What an API is asked."""

    about: str  # in words, which every message begins with
    url: str  # without its scheme
    body: bytes | None = None  # of a POST; others are GET
    to: Path | None = None  # where the content of the answer goes, if it is long
    hidden: bool = False  # the body is secret, and Google's words might quote it

    @property
    def to_metadata(self) -> bool:
        """Whether it is for the metadata server."""
        return self.url.startswith(METADATA)


class Refused(CloudFailure):
    """Google refused, or could not be asked: `status` is 0 then. `code` is Google's own word for the reason."""

    def __init__(self, request: Request, status: int, reason: str, code: str = "") -> None:
        super().__init__(f"{request.about}: {reason}")
        self.status, self.code = status, code
        # On a machine that has just started the metadata server may not know the service account yet, and says 404.
        starting = status == 404 and request.to_metadata
        self.passes = status == 0 or status >= 500 or status in PASSING or starting


class Expired(Refused):
    """The token is no longer good."""


def _refused(request: Request, status: int, content: bytes) -> Refused:
    """Why, in a line. Most APIs have a status in their errors (AIP-193), Cloud Storage has a list with reasons."""
    reason, code = f"{status} {http.client.responses.get(status, '')}", ""
    with contextlib.suppress(CloudFailure, IndexError):
        error = Answer(request.about, answer(request.about, content, "").content.get("error"))
        reasons = error.items("errors")
        code = error.text("status") if "status" in error.content else reasons[0].text("reason")
        words = "" if request.hidden else " ".join(error.text("message").split())[:LONGEST_REASON]
        reason = f"{reason}: {code}: {words}"
    return (Expired if status == 401 else Refused)(request, status, reason, code)


def _content(request: Request, got: http.client.HTTPResponse) -> bytes:
    """All of what is answered, or an exception: it is compared with what the headers say."""
    digest, kept = hashlib.md5(usedforsecurity=False), io.BytesIO()
    with request.to.open("wb") if request.to and got.status == 200 else kept as to:
        for part in iter(lambda: got.read(MEGABYTE), b""):
            digest.update(part)
            to.write(part)
        whole = got.chunked or got.length == 0  # the end of chunks http.client has seen itself
        said = MD5.search(str(got.headers.get_all("x-goog-hash")))
        if not whole or (said and base64.b64decode(said[1]) != digest.digest()):
            raise ConnectionError("it ended half-way, or is not what was stored")
        return b"" if to is not kept else kept.getvalue()


def _shut(connected: socket.socket) -> None:
    """Whoever reads from it reads its end. (TLS is left as it is: another thread is using it.)"""
    with contextlib.suppress(OSError):  # it has ended by itself
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _rehearsal(system: System) -> str:
    """Address and port of a rehearsal's APIs, always on this machine. A machine on its own root has none."""
    told = None if system.root.samefile("/") else system.read(REHEARSAL)
    return f"127.0.0.1:{told.rpartition(':')[2].strip()}" if told else ""


def _metadata(about: str, what: str) -> Request:
    return Request(about, f"{METADATA}/computeMetadata/v1/{what}")


def _bundle(certificates: Sequence[str]) -> str:
    """Each once, where it comes last: behind all that it has signed."""
    once = dict.fromkeys(one.strip() for one in reversed(certificates))
    return "".join(f"{one}\n" for one in reversed([*once]))


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")
