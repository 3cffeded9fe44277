"""What is particular to GCP: tokens, whom the adapter talks to, what its APIs need to be told, how they fail."""

import base64
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from certificates import authority, pair
from cloud_rigs import GCP_HOME, KEY, POOL, GcpRig
from google_server import CUT, DRIPPING, LOST, GoogleServer, Said, Version, refusal
from ybfort.node import cloud_gcp
from ybfort.node.cloud import CloudFailure, Missing
from ybfort.node.cloud_gcp import REHEARSAL, GcpCloud
from ybfort.node.system import System
from ybfort.node.x509 import fingerprint, split

FLAVOR = (("Metadata-Flavor", "Google"),)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GcpRig]:
    with ExitStack() as ending:
        yield GcpRig(tmp_path / "root", monkeypatch, ending)


@pytest.fixture
def server(rig: GcpRig) -> GoogleServer:
    return rig.server


@pytest.fixture
def cloud(rig: GcpRig) -> GcpCloud:
    return GcpCloud(GCP_HOME, rig.system)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("written")
    return tmp_path / "file"


# --------------------------------------------------------------------------------------------------------------- tokens


def test_a_token_serves_until_shortly_before_its_end(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    for _ in range(3):
        cloud.read_secret(rig.secret)
    assert len(server.calls("/token")) == 1
    server.token_seconds = int(cloud_gcp.TOKEN_REST) - 1
    another = GcpCloud(GCP_HOME, rig.system)
    for _ in range(2):
        another.read_secret(rig.secret)
    assert len(server.calls("/token")) == 3


def test_a_token_that_is_no_longer_good_is_replaced_at_once(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    cloud.read_secret(rig.secret)
    server.tokens.clear()
    assert cloud.read_secret(rig.secret) is None
    assert (len(server.calls("/token")), rig.system.slept) == (2, [])


def test_a_token_that_is_not_there_yet_is_waited_for(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    server.faults = [("/token", Said(404, b"not found", FLAVOR)), ("/token", Said(503, b"", FLAVOR))]
    assert cloud.read_secret(rig.secret) is None
    assert rig.system.slept == [1.0, 3.0]


def test_a_token_that_does_not_come_is_given_up(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    server.faults = [("/token", Said(404, b"not found", FLAVOR))] * 20
    with pytest.raises(CloudFailure, match=f"secret {rig.secret}: 404 Not Found"):
        cloud.read_secret(rig.secret)
    assert rig.system.slept == list(cloud_gcp.PAUSES)


def test_a_token_of_somebody_else_s_metadata_server_is_not_used(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud
) -> None:
    server.flavored = False
    with pytest.raises(CloudFailure, match=r"what answers as metadata\.google\.internal is not Google's"):
        cloud.read_secret(rig.secret)
    assert {one.host for one in server.asked} == {"metadata.google.internal"}


@pytest.mark.parametrize(
    "token",
    [
        {"access_token": "hunter2\r\nHost: elsewhere", "expires_in": 3599},
        {"access_token": ["hunter2"], "expires_in": 3599},
        {"access_token": "hunter2", "expires_in": "soon"},
        {"access_token": "hunter2"},
        ["hunter2"],
    ],
)
def test_a_token_that_is_none_is_told_without_it(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, token: Any
) -> None:
    server.faults = [("/token", Said(200, json.dumps(token).encode(), FLAVOR))] * 20
    with pytest.raises(CloudFailure, match=f"secret {rig.secret}: ") as raised:
        cloud.read_secret(rig.secret)
    assert "hunter2" not in str(raised.value)


# ----------------------------------------------------------------------------------------------------- whom it talks to


@pytest.mark.parametrize("root", ["/", "//", "/usr/.."])
def test_a_machine_on_its_own_root_cannot_be_led_elsewhere(
    rig: GcpRig, server: GoogleServer, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    looked_up: list[str] = []

    def nowhere(host: str, *_: Any, **__: Any) -> Any:
        looked_up.append(host)
        raise socket.gaierror("nowhere")

    monkeypatch.setattr(System, "read", lambda _, path: server.url if path == REHEARSAL else None)
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "GCE_METADATA_HOST", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, server.url)
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(CloudFailure, match=r"metadata\.google\.internal: nowhere"):
        GcpCloud(GCP_HOME, System(Path(root)), pauses=()).read_secret(rig.secret)
    assert (looked_up, server.asked) == (["metadata.google.internal"], [])


def test_a_rehearsal_is_on_this_machine(rig: GcpRig, server: GoogleServer) -> None:
    rig.system.path(REHEARSAL).write_text(server.url.replace("127.0.0.1", "203.0.113.7"))
    assert GcpCloud(GCP_HOME, rig.system).read_secret(rig.secret) is None


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Every name leads to a server here, which says by a certificate for one name that it has the secret."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"payload": {"data": base64.b64encode(b"hunter2").decode()}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever does not trust it hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    where = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", server.server_address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: where)
    monkeypatch.setattr(GcpCloud, "_authorization", lambda *_: {})

    def named(name: str) -> None:
        key, certificate = pair(address="127.0.0.1", names=(name,), now=1_700_000_000, days=10_000, by=authority("one"))
        (tmp_path / "pair").write_text(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "pair")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    yield named
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "known", "problem"),
    [
        ("secretmanager.googleapis.com", True, ""),
        ("secretmanager.googleapis.com", False, "certificate verify failed"),
        ("storage.googleapis.com", True, "Hostname mismatch"),
    ],
    ids=["Google", "unknown", "another"],
)
def test_only_who_proves_to_be_google_is_talked_to(
    tls: Callable[[str], None],
    rig: GcpRig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    known: bool,
    problem: str,
) -> None:
    (tmp_path / "trusted").write_text(authority("one" if known else "another").pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted"))  # the machine's store, for OpenSSL
    rig.system.path(REHEARSAL).unlink()
    tls(name)
    cloud = GcpCloud(GCP_HOME, rig.system, pauses=())
    if not problem:
        assert cloud.read_secret(rig.secret) == "hunter2"
        return
    with pytest.raises(CloudFailure, match=rf"secret {rig.secret}: secretmanager\.googleapis\.com: .*{problem}"):
        cloud.read_secret(rig.secret)


def test_nobody_there_is_told(rig: GcpRig) -> None:
    with closing(socket.socket()) as reserved:  # bound, but it listens to nobody
        reserved.bind(("127.0.0.1", 0))
        rig.system.path(REHEARSAL).write_text(f"http://127.0.0.1:{reserved.getsockname()[1]}")
        with pytest.raises(CloudFailure, match=f"secret {rig.secret}: metadata.*Connection refused"):
            GcpCloud(GCP_HOME, rig.system).read_secret(rig.secret)
    assert rig.system.slept == list(cloud_gcp.PAUSES)


# ------------------------------------------------------------------------------------------------------- object storage


def test_whose_a_bucket_is_is_asked_once(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    """A run that changes nothing takes one listing."""
    for _ in range(3):
        cloud.list_objects(rig.bucket, "status/")
    assert [one.path.rpartition("/")[2] for one in server.asked] == ["token", rig.bucket, "numeric-project-id", *"ooo"]


def test_a_long_listing_is_read_to_its_end(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    server.page = 2
    for number in range(5):
        rig.put(f"status/{number}", b"")
    assert [*cloud.list_objects(rig.bucket, "status/")] == [f"status/{number}" for number in range(5)]
    assert len(server.calls(f"{rig.bucket}/o")) == 3


@pytest.mark.parametrize("key", ["a/b c", "a?b#c", "100%", "ü/€", "..", "a//b", "a+b&c=d"])
def test_a_key_is_one_segment_whatever_is_in_it(rig: GcpRig, cloud: GcpCloud, file: Path, key: str) -> None:
    cloud.put_object(rig.bucket, key, file)
    file.unlink()
    cloud.get_object(rig.bucket, key, file)
    assert file.read_text() == "written"
    assert cloud.list_objects(rig.bucket, key[:1]).keys() == {key}


def test_content_that_is_not_what_was_stored_is_fetched_again(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, tmp_path: Path
) -> None:
    rig.put(KEY, b"right")
    hashes = (("x-goog-hash", "crc32c=AAAAAA=="), ("x-goog-hash", f"md5={base64.b64encode(bytes(16)).decode()}"))
    server.faults = [("/o/", Said(200, b"wrong", hashes))]
    cloud.get_object(rig.bucket, KEY, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"right"
    assert rig.system.slept == [1.0]


def test_content_without_an_md5_that_ends_half_way_is_fetched_again(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, tmp_path: Path
) -> None:
    server.composite = True
    rig.put(KEY, b"whole")
    server.faults = [("/o/", CUT)]
    cloud.get_object(rig.bucket, KEY, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"whole"


def test_an_object_that_is_listed_is_not_missing_though_the_store_says_so(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, tmp_path: Path
) -> None:
    rig.put(KEY, b"{}")
    server.faults = [("/o/", Said(404, f"No such object: {rig.bucket}/{KEY}".encode()))]
    with pytest.raises(CloudFailure, match=f"gs://{rig.bucket}/{KEY}: 404 Not Found") as raised:
        cloud.get_object(rig.bucket, KEY, tmp_path / "fetched")
    assert not isinstance(raised.value, Missing)


def test_an_answer_that_never_ends_is_ended(rig: GcpRig, server: GoogleServer, cloud: GcpCloud, tmp_path: Path) -> None:
    cloud.list_objects(rig.bucket, "")
    rig.put(KEY, bytes(1_000_000))
    server.faults = [("/o/", DRIPPING)] * 20
    with pytest.raises(CloudFailure, match=f"{KEY}: storage.googleapis.com: it ended half-way"):
        cloud.get_object(rig.bucket, KEY, tmp_path / "fetched", seconds=0.3)
    assert len(server.calls("/o/")) == 1


def test_an_object_whose_answer_was_lost_is_found_there(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, file: Path
) -> None:
    server.faults = [("/upload", LOST)]
    assert not cloud.create_object(rig.bucket, KEY, file)
    assert rig.got(KEY) == b"written"


# -------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("fault", [LOST, refusal(503), Said(500, b"Oops.")], ids=["lost", "refused", "broken"])
def test_a_secret_is_written_once_though_it_is_sent_twice(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, fault: Any
) -> None:
    cloud.write_secret(rig.secret, "before")
    server.faults = [(":addVersion", fault)]
    cloud.write_secret(rig.secret, "after")
    assert rig.values() == ["after", "before"]
    assert len(server.secrets[rig.secret]) == 2


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_a_secret_whose_latest_version_cannot_be_read_is_told(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, state: str
) -> None:
    server.secrets[rig.secret] = [Version(b"before"), Version(b"", state)]
    with pytest.raises(CloudFailure, match=rf"secret {rig.secret}: .*FAILED_PRECONDITION: .*is in {state} state"):
        cloud.read_secret(rig.secret)


def test_a_version_that_somebody_has_disabled_stays(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    server.secrets[rig.secret] = [Version(b"1"), Version(b"2", "DISABLED"), Version(b"3")]
    cloud.write_secret(rig.secret, "4")
    states = [one.state for one in server.secrets[rig.secret]]
    assert states == ["DESTROYED", "DISABLED", "ENABLED", "ENABLED"]


@pytest.mark.parametrize("part", [":destroy", "/versions"])
def test_a_secret_is_written_though_older_values_cannot_be_destroyed(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, part: str
) -> None:
    server.secrets[rig.secret] = [Version(b"1"), Version(b"2")]
    server.faults = [(part, refusal(403))]
    cloud.write_secret(rig.secret, "3")
    assert cloud.read_secret(rig.secret) == "3"
    assert len(server.secrets[rig.secret]) == 3


def test_words_that_quote_a_secret_are_left_out(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    quoted = base64.b64encode(b"hunter2").decode()
    server.faults = [(":addVersion", refusal(400, f"Invalid value at 'payload.data' (TYPE_BYTES), \"{quoted}\""))]
    with pytest.raises(CloudFailure, match=f"secret {rig.secret}: 400 Bad Request: INVALID_ARGUMENT: $") as raised:
        cloud.write_secret(rig.secret, "hunter2")
    assert quoted not in str(raised.value)


@pytest.mark.parametrize("data", ["hunter2!", "/w==", "aHVudGVyMg", 7])
def test_a_value_that_is_no_text_is_told_without_it(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, data: Any
) -> None:
    server.faults = [(":access", Said(200, json.dumps({"payload": {"data": data}}).encode()))]
    with pytest.raises(CloudFailure, match=rf"secret {rig.secret}: .*payload\.data") as raised:
        cloud.read_secret(rig.secret)
    assert str(data) not in str(raised.value)


# --------------------------------------------------------------------------------------------------------- certificates


def test_a_request_whose_answer_was_lost_is_signed_once(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, file: Path
) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("a1.orders.internal")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    request = builder.sign(authority("any").key, hashes.SHA256())
    file.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    pool = rig.authority
    server.faults = [("/certificates", LOST)]
    cloud.sign(pool, file, 7)
    ((name, _),) = server.certificates.items()
    assert name.startswith("a1-")
    assert {one.query["requestId"] for one in server.calls("/certificates")} == {name.removeprefix("a1-")}
    assert json.loads(server.calls("/certificates")[0].body)["lifetime"] == "604800s"


def test_all_authorities_of_a_pool_are_told_and_each_once(server: GoogleServer, cloud: GcpCloud) -> None:
    root = authority("the root")
    server.pools[POOL] = [authority("the old one", root), authority("the new one", root)]
    wanted = [*split(server.pools[POOL][0].pem), split(server.pools[POOL][1].pem)[0]]
    assert {*map(fingerprint, split(cloud.authorities(POOL)))} == {*map(fingerprint, wanted)}
    assert split(cloud.authorities(POOL))[-1] == split(root.pem)[0]
    assert len(split(cloud.authorities(POOL))) == 3


# ----------------------------------------------------------------------------------------------------- metrics and logs


def test_lines_that_are_sent_again_are_there_once(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    lines = [(1_800_000_000_000, "twice"), (1_800_000_000_000, "twice"), (1_800_000_000_001, "once")]
    server.faults = [("entries:write", LOST)]
    cloud.put_log(rig.group, "a1", lines)
    assert len(server.calls("entries:write")) == 2
    cloud.put_log(rig.group, "a1", [*lines, (1_800_000_000_002, "and the next")])
    assert rig.logged("a1") == [*lines, (1_800_000_000_002, "and the next")]


def test_the_same_line_of_two_nodes_is_there_twice(rig: GcpRig, server: GoogleServer, cloud: GcpCloud) -> None:
    for node in ("a1", "b1"):
        cloud.put_log(rig.group, node, [(1_800_000_000_000, "yb-master: started")])
    assert sorted(one["resource"]["labels"]["node_id"] for one in server.entries.values()) == ["a1", "b1"]


def test_a_line_that_is_too_long_does_not_hold_up_the_others(rig: GcpRig, cloud: GcpCloud) -> None:
    cloud.put_log(rig.group, "a1", [(1_800_000_000_000, "€" * 100_000), (1_800_000_000_001, "the next")])
    (_, line), last = rig.logged("a1")
    assert line == "€" * (cloud_gcp.LONGEST_LINE // 3)
    assert last[1] == "the next"


# ------------------------------------------------------------------------------------------------------ what goes wrong


CALLS: dict[str, Callable[[GcpCloud, Path], object]] = {
    "list": lambda cloud, _: cloud.list_objects(GCP_HOME.bucket, "status/"),
    "put": lambda cloud, file: cloud.put_object(GCP_HOME.bucket, KEY, file),
    "create": lambda cloud, file: cloud.create_object(GCP_HOME.bucket, KEY, file),
    "read a secret": lambda cloud, _: cloud.read_secret("orders"),
    "sign": lambda cloud, file: cloud.sign(POOL, file, 7),
    "authorities": lambda cloud, _: cloud.authorities(POOL),
    "metrics": lambda cloud, _: cloud.put_metrics("ybfort", {}, {"Healthy": 1.0}),
    "log": lambda cloud, _: cloud.put_log("orders", "a1", [(1, "a line")]),
}
READING = ("list", "read a secret", "sign", "authorities")
WRONG = [
    {"items": 7, "payload": None, "pemCertificate": ["hunter2"], "caCerts": "hunter2"},
    {"items": ["hunter2"], "payload": {"hunter2": 1}, "pemCertificate": 7, "caCerts": ["hunter2"]},
    {"items": [{"name": "hunter2"}], "pemCertificate": "hunter2", "pemCertificateChain": 7, "caCerts": {"hunter2": 1}},
    {
        "items": [{"name": "k", "generation": "1", "updated": "hunter2"}],
        "pemCertificate": "hunter2",
        "pemCertificateChain": [["hunter2"]],
        "caCerts": [{"certificates": ["hunter2", 7]}],
    },
]


def apis_say(server: GoogleServer, said: Said) -> None:
    server.faults = [(part, said) for part in ("/o", "googleapis.com/v") for _ in range(20)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", ["hunter2", '{"payload": "hunter2', "[]", "null", '"hunter2"', "[" * 100_000])
def test_an_answer_that_is_no_object_is_told_without_it(
    server: GoogleServer, cloud: GcpCloud, file: Path, call: str, body: str
) -> None:
    apis_say(server, Said(200, body.encode()))
    with pytest.raises(CloudFailure, match=r"\S+: Google answered what is not a JSON object") as raised:
        CALLS[call](cloud, file)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("call", READING)
@pytest.mark.parametrize("answer", WRONG, ids=["kinds", "members", "parts", "times"])
def test_an_answer_that_is_not_as_expected_is_told_without_its_content(
    server: GoogleServer, cloud: GcpCloud, file: Path, call: str, answer: dict[str, Any]
) -> None:
    apis_say(server, Said(200, json.dumps(answer).encode()))
    with pytest.raises(CloudFailure) as raised:
        CALLS[call](cloud, file)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("call", CALLS)
def test_every_refusal_says_what_was_asked_for_and_why_it_was_refused(
    server: GoogleServer, cloud: GcpCloud, file: Path, call: str
) -> None:
    about = {"sign": POOL, "authorities": POOL, "metrics": "metrics of ybfort"}
    apis_say(server, refusal(403, "Permission\ndenied. " + "Because. " * 1000))
    with pytest.raises(CloudFailure, match=f"^{about.get(call, '(gs://|secret |log ).*')}: 403 Forbidden: ") as raised:
        CALLS[call](cloud, file)
    assert "PERMISSION_DENIED: Permission denied. Because." in str(raised.value)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"error": 7}', b'{"error": {"errors": [7]}}', b'{"error": {"status": 7}}']
)
def test_a_refusal_that_is_none_of_google_s_is_told_by_its_number(
    rig: GcpRig, server: GoogleServer, cloud: GcpCloud, body: bytes
) -> None:
    server.faults = [(":access", Said(404, body))]
    with pytest.raises(CloudFailure, match=f"secret {rig.secret}: 404 Not Found$"):
        cloud.read_secret(rig.secret)


# ---------------------------------------------------------------------------------------------------------------- disks


def test_a_disk_is_known_by_its_device_name(cloud: GcpCloud, rig: GcpRig) -> None:
    links = rig.system.path("/dev/disk/by-id")
    links.mkdir(parents=True)
    for name, device in {"persistent-disk-0": "sda", "persistent-disk-0-part1": "sda1", "data": "nvme0n2"}.items():
        rig.system.path(f"/dev/{device}").write_text("")
        (links / f"google-{name}").symlink_to(f"../../{device}")
    (links / "google-detached").symlink_to("../../sdz")
    assert cloud.block_devices("data") == ["/dev/nvme0n2"]
    assert cloud.block_devices("persistent-disk-0") == ["/dev/sda"]
    assert cloud.block_devices("dat") == cloud.block_devices("detached") == []
