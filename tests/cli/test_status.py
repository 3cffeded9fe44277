"""`ybfort status`: what nodes have written into the bucket, by the real AWS CLI and a local object server."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli_project import Ybfort
from object_servers import CREDENTIALS, ObjectServer, aws_cli, object_server
from statuses import TOLD, TURN
from ybfort.cli import status
from ybfort.plan.cluster import cluster_config, plan
from ybfort.spec.file import read_file

pytestmark = pytest.mark.xdist_group("aws-cli")

BUCKET = "orders-prod-status-123456789012-eu-west-1"
SERVER = {"running": True, "current": True, "release": "2025.2.8.0-b60", "data": "member"}

Say = Callable[..., None]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    with object_server() as server:
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("PATH", f"{aws_cli().parent}:{os.environ['PATH']}")
        yield server


@pytest.fixture
def say(served: ObjectServer, stack: Path) -> Say:
    """Have a node say something; at the beginning all three are well."""
    config = cluster_config(plan(read_file(stack))).encode()
    well = {
        **TOLD,
        "config_sha256": hashlib.sha256(config).hexdigest(),
        "state": "converged",
        "steps": [{"name": "disk", "result": "done", "message": "fine"}],
        "servers": {"yb-master": SERVER, "yb-tserver": SERVER},
        "turn": None,
        "database": {"healthy": True, "problems": []},
        "undeclared": [],
        "undeclared_ycql": [],
    }

    def say(node: str, *, age: float = 40, **changes: Any) -> None:
        place = f"/{BUCKET}/status/{node}.json"
        served.objects[place] = json.dumps({**well, "node": node, **changes}).encode()
        served.ages[place] = age

    for node in ("a1", "b1", "c1"):
        say(node)
    return say


def step(result: str, message: str) -> list[dict[str, str]]:
    return [{"name": "disk", "result": "done", "message": "fine"}, {"name": "x", "result": result, "message": message}]


@pytest.mark.usefixtures("say")
def test_a_healthy_cluster_is_told_in_a_table_and_the_exit_code_is_0(ybfort: Ybfort) -> None:
    answer = ybfort("status", "orders-prod")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.replace("41 s", "40 s").splitlines()  # a second may pass
    row = "converged  40 s ago  master, tserver  2025.2.8.0-b60  4.5 days left"
    assert lines == [
        f"orders-prod in eu-west-1, as its nodes report it in s3://{BUCKET}",
        "",
        "  node  zone        state      said      servers          release         certificate",
        *(f"  {zone}1    eu-west-1{zone}  {row}" for zone in "abc"),
        "",
        "Healthy: every node is as this stack file says.",
    ]


@pytest.mark.parametrize(
    ("changes", "state", "says"),
    [
        ({"age": 1000}, "lost", "It has not been heard of for 17 min, and should report every few minutes."),
        ({"age": 200_000}, "lost", "It has not been heard of for 2 d,"),
        ({"config_sha256": "f" * 64}, "converged", "It follows another stack file than this:"),
        ({"config_sha256": None}, "converged", "It follows another stack file than this:"),
        ({"state": "working"}, "working", "It is at work."),
        (
            {"state": "working", "turn": TURN},
            "working",
            "It is at work: yb-tserver changes, since 2027-01-15T08:00:00Z.",
        ),
        ({"state": "failed", "steps": step("failed", "it is gone")}, "failed", "x: it is gone"),
        ({"state": "incomplete", "steps": step("incomplete", "not yet")}, "incomplete", "x: not yet"),
        ({"format": 2}, "unreadable", "status/b1.json: format is 2 and not 1."),
        ({"servers": 7}, "unreadable", "status/b1.json: servers is 7 and not an object."),
        ({"cluster": "orders-dev"}, "unreadable", "status/b1.json is of b1 of orders-dev."),
    ],
)
def test_a_node_that_is_not_well_is_told_with_the_reason(
    ybfort: Ybfort, say: Say, changes: dict[str, Any], state: str, says: str
) -> None:
    say("b1", **changes)
    answer = ybfort("status", "orders-prod")
    assert answer.code == 1
    assert f"b1    eu-west-1b  {state}" in answer.out
    assert f"  b1: {says}" in answer.out
    assert answer.out.splitlines()[-1] == "Not healthy: 1 of 3 nodes."


def test_a_node_that_never_said_anything_is_told(ybfort: Ybfort, say: Say, served: ObjectServer) -> None:
    del served.objects[f"/{BUCKET}/status/c1.json"]
    say("b1", servers={"yb-tserver": {**SERVER, "running": False, "release": None}}, certificate=None)
    answer = ybfort("status", "orders-prod")
    assert answer.code == 1
    assert "c1    eu-west-1c  silent     never" in answer.out
    assert "tserver (down)" in answer.out
    assert "c1: It has not reported yet: its journal" in answer.out


def test_bytes_that_are_no_text_are_told(ybfort: Ybfort, say: Say, served: ObjectServer) -> None:
    say("b1")
    served.objects[f"/{BUCKET}/status/b1.json"] = b"\xff\xfe{"
    assert "b1: status/b1.json is not JSON" in ybfort("status", "orders-prod").out


def test_machines_get_json(ybfort: Ybfort, say: Say) -> None:
    say("b1", state="failed", steps=step("failed", "it is gone"))
    answer = ybfort("status", "orders-prod", "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["healthy"], told["problems"]) == (1, False, ["b1: x: it is gone"])
    assert told["nodes"]["a1"]["status"]["state"] == "converged"
    assert 40 <= told["nodes"]["a1"]["age_seconds"] < 100
    say("b1")
    answer = ybfort("status", "orders-prod", "--json")
    assert (answer.code, json.loads(answer.out)["healthy"]) == (0, True)


class TestWait:
    def test_ends_when_all_is_well(self, ybfort: Ybfort, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
        say("b1", state="incomplete", steps=step("incomplete", "not yet"))
        clock = SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=lambda _: say("b1"))
        monkeypatch.setattr(status, "time", clock)
        answer = ybfort("status", "orders-prod", "--wait", "5")
        assert answer.code == 0
        assert answer.err == "waiting: b1: x: not yet\n"

    def test_ends_when_its_time_is_over(self, ybfort: Ybfort, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
        say("b1", state="incomplete", steps=step("incomplete", "not yet"))
        slept: list[float] = []
        clock = SimpleNamespace(time=time.time, monotonic=lambda: 25 * len(slept), sleep=slept.append)
        monkeypatch.setattr(status, "time", clock)
        answer = ybfort("status", "orders-prod", "--wait", "1")
        assert answer.code == 1
        assert slept == [10, 10, 10]
        assert answer.err == "waiting: b1: x: not yet\n"  # once


def test_what_a_node_says_does_not_steer_the_terminal(ybfort: Ybfort, say: Say) -> None:
    steering = "\x1b]0;owned\x07\x9b31m"
    say(
        "b1",
        state="failed",
        steps=step("failed", f"{steering}\nc1: fine"),
        servers={"yb-tserver": {**SERVER, "release": steering}},
    )
    answer = ybfort("status", "orders-prod")
    assert all(char.isprintable() or char == "\n" for char in answer.out)
    assert "\nc1: fine" not in answer.out


class TestAsking:
    """Every failure is one line for whoever asks."""

    @pytest.mark.usefixtures("say")
    def test_without_the_aws_cli(self, ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out) == (1, "")
        assert "The AWS CLI (`aws`, version 2) is not on PATH." in answer.err

    @pytest.mark.usefixtures("say")
    def test_without_credentials(self, ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out) == (1, "")
        assert "credentials" in answer.err
        assert answer.err.count("\n") == 1

    @pytest.mark.usefixtures("say")
    def test_with_the_credentials_of_a_profile(
        self, ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "config").write_text("[profile ops]\naws_access_key_id = A\naws_secret_access_key = B\n")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_PROFILE", "ops")
        assert ybfort("status", "orders-prod").code == 0

    @pytest.mark.usefixtures("say")
    def test_in_an_account_that_the_bucket_does_not_belong_to(self, ybfort: Ybfort, served: ObjectServer) -> None:
        served.account = "999999999999"
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out) == (1, "")
        assert "access denied" in answer.err

    @pytest.mark.usefixtures("served")
    def test_with_a_wrong_stack_file(self, ybfort: Ybfort, stack: Path) -> None:
        stack.write_text("{")
        answer = ybfort("status", "orders-prod")
        assert (answer.code, answer.out) == (1, "")
