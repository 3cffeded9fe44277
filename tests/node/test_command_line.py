"""The agent as the file that nodes run, by the nodes' Python if it is here, in a folder with programs of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_rigs import GCP_HOME
from google_server import NUMBER, google_server
from object_servers import CREDENTIALS, ObjectServer, aws_cli, object_server
from simulated_machine import DEVICE, HOME, STATUS_BUCKET, VOLUME, SimulatedMachine, declared, invented, nodes_python
from ybfort.node.cloud_gcp import REHEARSAL
from ybfort.node.config import IDENTITY, STATE
from ybfort.node.system import System
from ybfort.node.units import AGENT
from ybfort.plan.agent import archive

pytestmark = pytest.mark.xdist_group("aws-cli")

IDENTITY_OPTIONS = [f"--{name}={value}" for name, value in vars(HOME).items()]
SYSTEMCTL = """#!/bin/sh
echo "$@" >>"{root}/systemctl.log"
"""


@pytest.fixture
def served() -> Iterator[ObjectServer]:
    with object_server(HOME.account) as server:
        server.objects = {
            f"/{HOME.bucket}/config/cluster.json": declared().encode(),
            f"/{HOME.bucket}/config/ids/a1.json": invented().encode(),
            f"/{HOME.bucket}/{archive('aws').key}": archive("aws").content,
        }
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine whose programs are few: a run gets as far as the disk."""
    root = SimulatedMachine(tmp_path / "root").root
    (root / "usr/bin/aws").symlink_to(aws_cli())
    (root / "usr/bin/systemctl").write_text(SYSTEMCTL.format(root=root))
    (root / "usr/bin/systemctl").chmod(0o755)
    return root


def agent(
    root: Path, *arguments: str, url: str = "http://127.0.0.1:1", program: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    file = program or root / AGENT.lstrip("/")
    return subprocess.run(
        [nodes_python() or sys.executable, "-I", str(file), "--root", str(root), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**CREDENTIALS, "AWS_ENDPOINT_URL": url},
    )


@pytest.fixture
def installed(root: Path, tmp_path: Path) -> Path:
    """A machine that has gone through its boot script."""
    file = tmp_path / "fetched.pyz"
    file.write_bytes(archive("aws").content)
    done = agent(root, "install", *IDENTITY_OPTIONS, program=file)
    assert (done.returncode, done.stderr) == (0, "")
    return root


def test_install_puts_program_identity_and_units_in_place(installed: Path) -> None:
    assert (installed / AGENT.lstrip("/")).read_bytes() == archive("aws").content
    assert json.loads((installed / IDENTITY.lstrip("/")).read_text()) == vars(HOME)
    assert (installed / "systemctl.log").read_text().splitlines()[-2:] == [
        "daemon-reload",
        "enable --now ybfort-converge.timer",
    ]


def test_install_refuses_what_is_no_identity_and_installs_nothing(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "fetched.pyz"
    file.write_bytes(archive("aws").content)
    done = agent(root, "install", *IDENTITY_OPTIONS[:-1], "--bucket=$(id)", program=file)
    assert done.returncode == 1
    assert done.stderr.startswith('the command line: bucket is "$(id)" and not a text like')
    assert not (root / AGENT.lstrip("/")).exists()


def test_a_run_tells_how_far_it_came_here_and_in_the_bucket(installed: Path, served: ObjectServer) -> None:
    done = agent(installed, "converge", url=served.url)
    assert done.returncode == 1
    assert done.stdout.splitlines()[2].startswith("disk: failed: lsblk is not on this machine.")
    told = json.loads(served.objects[f"/{STATUS_BUCKET}/status/a1.json"])
    assert (told["state"], told["agent_sha256"]) == ("failed", archive("aws").sha256)
    shown = agent(installed, "status")
    assert shown.returncode == 1
    assert shown.stdout.splitlines()[0] == f"a1 of {HOME.cluster}: failed at {told['at']}"
    assert "  disk: failed: lsblk is not on this machine." in shown.stdout


def test_a_node_on_gcp_does_the_same_with_its_own_cloud(root: Path, tmp_path: Path) -> None:
    file, status, home, own = tmp_path / "fetched.pyz", "orders-dev-status", vars(GCP_HOME), archive("gcp")
    file.write_bytes(own.content)
    options = [f"--{name}={value}" for name, value in home.items()]
    assert agent(root, "install", *options, program=file).returncode == 0
    (root / "dev/disk/by-id").mkdir(parents=True)
    (root / f"dev/disk/by-id/google-{VOLUME}").symlink_to(f"../../{Path(DEVICE).name}")
    place: dict[str, Any] = {name: home[name] for name in ("cloud", "region", "account")}
    place["agent"] = {"key": own.key, "sha256": own.sha256}
    buckets = {"artifacts": GCP_HOME.bucket, "backup": "orders-dev-backup", "status": status}
    with google_server() as google:
        (root / REHEARSAL.lstrip("/")).write_text(f"{google.url}\n")
        google.buckets = {GCP_HOME.bucket: NUMBER, status: NUMBER}
        google.put(GCP_HOME.bucket, "config/cluster.json", declared(**place, buckets=buckets).encode())
        google.put(GCP_HOME.bucket, "config/ids/a1.json", invented().encode())
        done = agent(root, "converge")
        assert done.stdout.splitlines()[2].startswith("disk: failed: lsblk is not on this machine."), done.stderr
        told = json.loads(google.objects[status, "status/a1.json"].content)
    assert (done.returncode, told["state"], told["node"]) == (1, "failed", "a1")


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_a_node_loads_no_other_cloud_s_adapter(cloud: str, tmp_path: Path) -> None:
    (tmp_path / "agent.pyz").write_bytes(archive(cloud).content)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "agent.pyz")!r})
from ybfort.node import __main__, config, system
__main__._cloud(config.Identity({cloud!r}, "orders", "a1", "region", "account", "bucket"), system.System())
print(*[name for name in sys.modules if name.startswith("ybfort.node.cloud_")])
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [f"ybfort.node.cloud_{cloud}"], done.stderr


def test_an_old_agent_replaces_itself_and_the_new_one_goes_on(installed: Path, served: ObjectServer) -> None:
    """The old one differs in what it says when it hands over."""
    old = installed / AGENT.lstrip("/")
    old.write_bytes(archive("aws").content.replace(b"and takes over.", b"and carries on.", 1))
    done = agent(installed, "converge", url=served.url)
    assert [line.split(": ")[:2] for line in done.stdout.splitlines()][:5] == [
        ["config", "done"],
        ["agent", "changed"],
        ["config", "changed"],
        ["agent", "changed"],  # its units
        ["disk", "failed"],
    ]
    assert done.stdout.splitlines()[1].endswith("is in place and carries on.")
    assert old.read_bytes() == archive("aws").content
    told = json.loads((installed / STATE.lstrip("/") / "status.json").read_text())
    assert told["agent_sha256"] == archive("aws").sha256


def test_a_machine_that_was_never_set_up_says_so(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "fetched.pyz"
    file.write_bytes(archive("aws").content)
    done = agent(root, "converge", program=file)
    assert (done.returncode, done.stderr) == (1, f"{IDENTITY} is missing: run `install` first.\n")


def test_a_second_run_at_once_leaves_the_first_alone(installed: Path) -> None:
    with System(installed).lock("/run/ybfort/lock", wait=False):
        done = agent(installed, "converge")
    assert (done.returncode, done.stderr) == (4, "Another run is at work on this machine.\n")


def test_help_tells_the_exit_codes(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "fetched.pyz"
    file.write_bytes(archive("aws").content)
    done = agent(root, "--help", program=file)
    assert done.returncode == 0
    for line in ("0  everything is as it was declared", "3  nothing failed, but", "4  another run is at work"):
        assert line in done.stdout
