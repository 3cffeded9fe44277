"""`ybfort status` of a cluster on GCP, by the gcloud CLI and a local server. How nodes are judged is in test_status."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli_project import GCP_ANSWERS, Ybfort
from gcloud_server import StorageServer, gcloud, storage_server
from statuses import TOLD
from ybfort.cli.template import stack_file
from ybfort.plan.cluster import cluster_config, plan
from ybfort.spec.file import read_file

pytestmark = pytest.mark.xdist_group("gcloud-cli")

Say = Callable[..., None]


@pytest.fixture
def on_gcp(stack: Path) -> Path:
    """The stack file, of a cluster on GCP."""
    stack.write_text(stack_file(GCP_ANSWERS))
    return stack


@pytest.fixture(params=["stand-in", "real"])
def served(
    request: pytest.FixtureRequest, on_gcp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StorageServer]:
    cli = gcloud(request.param, tmp_path / "bin")
    if cli is None:
        pytest.skip("cannot run here: there is no gcloud")
    with storage_server(plan(read_file(on_gcp)).names.bucket("status")) as server:
        for name, value in {**server.settings, "CLOUDSDK_CONFIG": str(tmp_path / "gcloud")}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", f"{cli}:{os.environ['PATH']}")
        yield server


@pytest.fixture
def say(served: StorageServer, on_gcp: Path) -> Say:
    """Have a node say something; at the beginning all three are well."""
    config = cluster_config(plan(read_file(on_gcp))).encode()
    server = {"running": True, "current": True, "release": "2025.2.8.0-b60", "data": "member"}
    well = {
        **TOLD,
        "config_sha256": hashlib.sha256(config).hexdigest(),
        "state": "converged",
        "steps": [{"name": "disk", "result": "done", "message": "fine"}],
        "servers": {"yb-master": server, "yb-tserver": server},
        "turn": None,
    }

    def say(node: str, *, age: float = 40, **changes: Any) -> None:
        served.objects[f"status/{node}.json"] = json.dumps({**well, "node": node, **changes}).encode()
        served.ages[f"status/{node}.json"] = age

    for node in ("b1", "c1", "d1"):
        say(node)
    return say


def test_a_healthy_cluster_is_told_and_the_exit_code_is_0(ybfort: Ybfort, say: Say, served: StorageServer) -> None:
    answer = ybfort("status", "orders-prod")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0] == f"orders-prod in europe-west1, as its nodes report it in gs://{served.bucket}"
    assert [line.split()[:3] for line in lines[3:6]] == [
        [f"{letter}1", f"europe-west1-{letter}", "converged"] for letter in "bcd"
    ]
    assert lines[-1] == "Healthy: every node is as this stack file says."


def test_who_is_late_and_who_said_nothing_are_told(ybfort: Ybfort, say: Say, served: StorageServer) -> None:
    say("c1", age=1000)
    del served.objects["status/d1.json"]
    answer = ybfort("status", "orders-prod")
    assert answer.code == 1
    assert "c1: It has not been heard of for 17 min" in answer.out
    assert "d1: It has not reported yet" in answer.out


@pytest.mark.usefixtures("served")
def test_before_any_node_said_anything(ybfort: Ybfort) -> None:
    answer = ybfort("status", "orders-prod")
    assert (answer.code, answer.err) == (1, "")
    assert answer.out.splitlines()[-1] == "Not healthy: 3 of 3 nodes."


@pytest.mark.usefixtures("say")
class TestAsking:
    """Every failure is one line for whoever asks."""

    def test_a_bucket_of_another_project(self, ybfort: Ybfort, served: StorageServer) -> None:
        served.owner = "4712"
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out) == (1, "")
        says = f"gs://{served.bucket}: access denied: it is not of project orders-prod-4711.\n"
        assert answer.err == says

    def test_a_bucket_that_is_not_there(self, ybfort: Ybfort, served: StorageServer) -> None:
        name, served.bucket = served.bucket, "other"
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
        assert answer.err.startswith(f"gs://{name}: ")

    def test_without_credentials(self, ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS")
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
        assert "You do not currently have an active account selected." in answer.err


@pytest.mark.usefixtures("on_gcp")
def test_without_the_gcloud_cli(ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = ybfort("status", "orders-prod")
    assert (answer.code, answer.out) == (1, "")
    assert "The Google Cloud CLI (`gcloud`) is not on PATH." in answer.err


@pytest.mark.usefixtures("on_gcp")
def test_what_is_no_answer_is_told(ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho 4711\n")
    (tmp_path / "gcloud").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    answer = ybfort("status", "orders-prod")
    assert (answer.code, answer.out) == (1, "")
    assert "printed what is no list of objects" in answer.err
