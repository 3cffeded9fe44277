"""The boot script on GCP: what it says, and what it does on a machine with a real curl and a fake systemd."""

import json
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from certificates import authority, pair
from gcp_specs import gcp_plan
from simulated_machine import program
from ybfort.gcp.node import BOOT
from ybfort.node.config import Identity
from ybfort.plan.agent import archive
from ybfort.plan.boot import boot_script
from ybfort.plan.cluster import cluster_config

PLAN = gcp_plan()
HOME = Identity("gcp", "orders-prod", "b1", "europe-west1", "orders-prod-4711", PLAN.names.bucket("artifacts"))
VALUES = {
    "cluster": HOME.cluster,
    "node": HOME.node,
    "region": HOME.region,
    "account": HOME.account,
    "bucket": HOME.bucket,
}
SCRIPT = boot_script(BOOT, **VALUES)
METADATA_BYTES = 262_144  # Compute Engine's own limit of a value
METADATA, STORAGE = "metadata.google.internal", "storage.googleapis.com"
TOKEN = "ya29.a-token-that-nobody-may-see"
NUMBER = "471100815000"
OWNER = f"/storage/v1/b/{HOME.bucket}?fields=projectNumber"
OBJECTS = f"/storage/v1/b/{HOME.bucket}/o/"
CONFIG, AGENT = f"{OBJECTS}config%2Fcluster.json", f"{OBJECTS}agent%2F{archive('gcp').sha256}.pyz"

# What the script runs, in a folder: the agent is told to work there, systemd only notes what it was asked, and both
# servers are on this machine. What is started with which arguments is noted: everybody on a machine sees those.
NOTE = '#!/bin/sh\necho "$0 $@" >>"$ROOT/arguments.log"\n'
SYSTEMCTL = '#!/bin/sh\necho "$@" >>"$ROOT/systemctl.log"\n'
PYTHON = NOTE + ('case "$*" in *" install "*) shift 2; set -- -I agent.pyz --root "$ROOT" "$@";; esac\nexec {} "$@"\n')
CURL = NOTE + (
    'exec {curl} --disable --cacert "$ROOT/authority.pem" --connect-to {metadata}:80:127.0.0.1:$METADATA_PORT '
    '--connect-to {storage}:443:127.0.0.1:$STORAGE_PORT "$@"\n'
)


@dataclass
class Google:
    """The metadata server and Cloud Storage, and their bad days."""

    objects: dict[str, bytes]
    owner: str = NUMBER
    failures: dict[str, int] = field(default_factory=dict[str, int])  # status by the beginning of a path
    cut: bool = False
    trusted: str = "Google"  # the authority whose certificates the machine believes
    ports: dict[str, int] = field(default_factory=dict[str, int])
    asked: list[str] = field(default_factory=list[str])

    def answer(self, server: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append(f"{server}{path}")
        if failure := next((status for begin, status in self.failures.items() if path.startswith(begin)), None):
            return failure, b"{}"
        if headers.get("Host") != server:
            return 421, b"{}"
        if server == METADATA:
            return (200, self._metadata()[path]) if headers.get("Metadata-Flavor") == "Google" else (403, b"")
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, b"{}"
        if path == OWNER:
            return 200, json.dumps({"projectNumber": self.owner}, indent=2).encode()
        name, _, query = path.partition("?")
        return (200, self.objects[name]) if name in self.objects and query == "alt=media" else (404, b"{}")

    def _metadata(self) -> dict[str, bytes]:
        token = {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}
        return {
            "/computeMetadata/v1/instance/service-accounts/default/token": json.dumps(token).encode(),
            "/computeMetadata/v1/project/numeric-project-id": NUMBER.encode(),
        }


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = pair(address="127.0.0.1", names=(STORAGE,), now=time.time(), by=authority("Google"))
    (folder / "key.pem").write_text(key)
    (folder / "certificate.pem").write_text(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@pytest.fixture
def google(tls: ssl.SSLContext) -> Iterator[Google]:
    made = Google({CONFIG: cluster_config(PLAN).encode(), AGENT: archive("gcp").content})
    with ExitStack() as servers:
        for name in (METADATA, STORAGE):
            made.ports[name] = servers.enter_context(serving(made, name, tls if name == STORAGE else None))
        yield made


@contextmanager
def serving(google: Google, name: str, tls: ssl.SSLContext | None) -> Iterator[int]:
    """One of the two servers; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = google.answer(name, self.path, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if google.cut and len(body) > 100_000 else body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    curl = CURL.format(curl=shutil.which("curl"), metadata=METADATA, storage=STORAGE)
    programs = {"python3": PYTHON.format(sys.executable), "systemctl": SYSTEMCTL, "curl": curl}
    for folder in ("usr/bin", "etc/systemd/system", "tmp"):
        (root / folder).mkdir(parents=True)
    for name, text in programs.items():
        (root / "usr/bin" / name).write_text(text)
        (root / "usr/bin" / name).chmod(0o755)
    (tmp_path / "startup-script").write_text(re.sub(r"=(/opt|/etc)/", rf"={root}\1/", SCRIPT))
    return root


def boot(root: Path, google: Google | None = None) -> "subprocess.CompletedProcess[str]":
    """As Google's guest agent does it, or with a cloud to ask, as systemd does it."""
    script = root / "opt/ybfort/boot" if google else root.parent / "startup-script"
    ports = google.ports if google else {}
    (root / "authority.pem").write_text(authority(google.trusted if google else "Google").pem)
    return subprocess.run(
        ["bash", str(script)],
        env={
            "PATH": f"{root}/usr/bin:/usr/bin:/bin",
            "ROOT": str(root),
            "TMPDIR": str(root / "tmp"),
            "METADATA_PORT": str(ports.get(METADATA)),
            "STORAGE_PORT": str(ports.get(STORAGE)),
            "https_proxy": "http://127.0.0.1:1",  # is not asked
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def agent_told(google: Google, **changes: str) -> None:
    """Another agent in the cluster's document."""
    told = json.loads(google.objects[CONFIG])["agent"]
    google.objects[CONFIG] = json.dumps({"agent": {**told, **changes}}).encode()


TROUBLES: dict[str, Callable[[Google], object]] = {
    "tampered": lambda google: google.objects.update({AGENT: archive("gcp").content.replace(b" -I\n", b" -E\n", 1)}),
    "cut": lambda google: setattr(google, "cut", True),
    "missing": lambda google: google.objects.pop(AGENT),
    "another's bucket": lambda google: setattr(google, "owner", "999999999999"),
    "nobody's bucket": lambda google: google.failures.update({OWNER: 403, "/computeMetadata/v1/project": 503}),
    "no agent named": lambda google: google.objects.update({CONFIG: b'{"agent": {"key": "x"}}'}),
    "wrong hash": lambda google: agent_told(google, sha256="6" * 64),
    "no hash": lambda google: agent_told(google, sha256=""),
    "5xx": lambda google: google.failures.update({OBJECTS: 503}),
    "no token": lambda google: google.failures.update({"/computeMetadata/v1/instance": 404}),
    "no metadata": lambda google: google.failures.update({"/computeMetadata": 503}),
    "an impostor": lambda google: setattr(google, "trusted", "Somebody else"),
}


class TestText:
    def test_it_is_short_and_readable(self) -> None:
        assert len(SCRIPT.splitlines()) <= 70
        assert len(SCRIPT.encode()) < METADATA_BYTES
        assert SCRIPT.startswith("#!/bin/bash\n# Node b1 of cluster orders-prod:")

    def test_it_knows_who_the_node_is_and_nothing_that_may_change(self) -> None:
        assert "@" not in re.sub(r'"\$@"|@token', "", SCRIPT)
        for name in (archive("gcp").sha256, "releases/", "-data", "10.40."):
            assert name not in SCRIPT

    def test_it_formats_nothing_and_fetches_from_nowhere_else(self) -> None:
        words = set(re.findall(r"[a-z0-9.]+", SCRIPT.lower()))
        assert words & {"mkfs", "mkfs.xfs", "wipefs", "mount", "dd", "wget", "gcloud", "gsutil", "dnf", "pip"} == set()
        assert set(re.findall(r"https?://([a-z.]+)", SCRIPT)) == {METADATA, STORAGE}
        assert f"http://{STORAGE}" not in SCRIPT

    @pytest.mark.parametrize("name", VALUES)
    @pytest.mark.parametrize("value", ["", "$(id)", "a'b", "a b", "a\nb", "a;b", "`id`", "..", "A1", "@node@", "é"])
    def test_a_value_that_means_something_to_a_shell_is_refused(self, name: str, value: str) -> None:
        with pytest.raises(ValueError, match=f"^{name} .* cannot be in a boot script"):
            boot_script(BOOT, **{**VALUES, name: value})

    def test_bash_and_shellcheck_have_nothing_to_say(self, tmp_path: Path) -> None:
        file = tmp_path / "boot.sh"
        file.write_text(SCRIPT)
        for command in (["bash", "-n"], [str(Path(sys.executable).with_name("shellcheck"))]):
            done = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stdout + done.stderr) == (0, "")

    @pytest.mark.skipif(not program("systemd-analyze"), reason="cannot run here: no systemd-analyze on this machine")
    def test_systemd_understands_its_unit(self, root: Path) -> None:
        boot(root)
        unit = root / "etc/systemd/system/ybfort-boot.service"
        command = [program("systemd-analyze") or "", "verify", "--man=no", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(not program("curl"), reason="cannot run here: no curl on this machine")
class TestRun:
    def test_at_every_start_it_hands_itself_on_to_systemd(self, root: Path) -> None:
        """The guest agent runs it once a start and gives up; systemd tries until it works."""
        for _ in range(2):
            done = boot(root)
            assert (done.returncode, done.stderr) == (0, "")
        assert (root / "opt/ybfort/boot").read_text() == (root.parent / "startup-script").read_text()
        unit = (root / "etc/systemd/system/ybfort-boot.service").read_text()
        for line in (f"ExecStart={root}/opt/ybfort/boot", "Restart=on-failure", "RestartSec=30"):
            assert line in unit.splitlines()
        assert (root / "systemctl.log").read_text().splitlines()[:2] == [
            "daemon-reload",
            "restart --no-block ybfort-boot.service",
        ]

    def test_systemd_gets_the_agent_that_the_cluster_names(self, root: Path, google: Google) -> None:
        boot(root)
        for _ in range(2):
            done = boot(root, google)
            assert (done.returncode, done.stderr) == (0, "")
        assert (root / "opt/ybfort/agent.pyz").read_bytes() == archive("gcp").content
        assert json.loads((root / "etc/ybfort/node.json").read_text()) == vars(HOME)
        assert "enable --now ybfort-converge.timer" in (root / "systemctl.log").read_text()

    def test_names_of_objects_are_encoded_and_the_owner_is_asked_for_first(self, root: Path, google: Google) -> None:
        boot(root)
        boot(root, google)
        assert [path for path in google.asked if path.startswith(STORAGE)] == [
            f"{STORAGE}{OWNER}",
            f"{STORAGE}{CONFIG}?alt=media",
            f"{STORAGE}{AGENT}?alt=media",
        ]

    def test_nobody_sees_the_token(self, root: Path, google: Google) -> None:
        """It is in no argument of a process, in nothing that is logged, and in no file that stays."""
        boot(root)
        done = boot(root, google)
        failed = boot_failing(root, google)
        assert "error: 403" in failed.stderr
        arguments = (root / "arguments.log").read_text()
        assert "/usr/bin/curl " in arguments
        assert "/usr/bin/python3 " in arguments
        for told in (arguments, done.stdout, done.stderr, failed.stdout, failed.stderr):
            assert TOKEN not in told
        assert list((root / "tmp").iterdir()) == []

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_nothing_is_installed_that_is_not_whole_and_ours(self, root: Path, google: Google, trouble: str) -> None:
        boot(root)
        TROUBLES[trouble](google)
        done = boot(root, google)
        assert done.returncode != 0  # and systemd tries again
        assert done.stderr
        assert not (root / "opt/ybfort/agent.pyz").exists()
        assert not (root / "etc/ybfort").exists()


def boot_failing(root: Path, google: Google) -> "subprocess.CompletedProcess[str]":
    google.failures = {OBJECTS: 403}
    done = boot(root, google)
    assert done.returncode != 0
    return done
