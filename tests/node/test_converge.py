"""A whole run: its order, its honesty, and that it may be killed anywhere."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from simulated_machine import (
    DEVICE,
    HOME,
    VOLUME,
    Killed,
    SimulatedCloud,
    SimulatedMachine,
    context,
    declared,
    install_agent,
)
from ybfort.node.cloud import CloudFailure
from ybfort.node.config import STATE
from ybfort.node.converge import converge
from ybfort.node.status import state
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps import LAST, ORDER
from ybfort.node.steps.disk import FORMATTING, label_of
from ybfort.node.system import Output
from ybfort.node.units import AGENT
from ybfort.plan.agent import archive


def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> dict[str, Outcome]:
    """A run as the timer starts it, to its end: an agent that replaced itself starts over."""
    this = context(machine, cloud)
    ended = converge(this, ORDER, LAST)
    return converge(context(machine, cloud, replaced=True), ORDER, LAST) if this.restart else ended


def test_the_steps_are_taken_in_this_order() -> None:
    before = ["config", "agent", "disk", "system", "release", "certificates", "servers"]
    assert list(ORDER) == [*before, "placement", "ycql", "roles", "finalization"]
    assert list(LAST) == ["health", "report"]


def test_an_empty_machine_becomes_a_healthy_database(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    assert state(run(machine, cloud)) == "converged"
    assert sorted(machine.universe.running) == ["yb-master 10.40.1.1", "yb-tserver 10.40.1.1"]
    assert machine.universe.violations == []


def test_the_servers_start_with_the_machine(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    run(machine, cloud)
    assert {"yb-master.service", "yb-tserver.service"} <= set(machine.state.enabled)


def test_a_server_that_failed_too_often_is_started_all_the_same(
    machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd itself starts it again only when its failures are forgotten."""
    run(machine, cloud)
    failed, systemctl = {"yb-master.service", "yb-tserver.service"}, machine._systemctl

    def limited(verb: str, *arguments: str) -> Any:
        if verb == "reset-failed":
            failed.difference_update(arguments)
        if verb == "restart" and failed & set(arguments):
            return Output(1, "", "start request repeated too quickly")
        return systemctl(verb, *arguments)

    monkeypatch.setattr(machine, "_systemctl", limited)
    machine.universe.running.clear()
    assert run(machine, cloud)["servers"].message == "yb-master was started; yb-tserver was started."


@pytest.mark.parametrize("down", [["yb-master", "yb-tserver"], ["yb-master"], ["yb-tserver"]])
def test_a_server_that_is_down_starts_while_the_bucket_does_not_answer(
    machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch, down: list[str]
) -> None:
    run(machine, cloud)

    def refused(*_: Any, **__: Any) -> None:
        raise CloudFailure("no answer")

    for name in ("put_object", "get_object", "list_objects"):
        monkeypatch.setattr(cloud, name, refused)
    for server in down:
        del machine.universe.running[f"{server} 10.40.1.1"]
    run(machine, cloud)
    assert sorted(machine.universe.running) == ["yb-master 10.40.1.1", "yb-tserver 10.40.1.1"]


def test_a_second_run_changes_nothing(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    run(machine, cloud)
    before = machine.snapshot()
    machine.commands.clear()
    cloud.asked.clear()
    ended = run(machine, cloud)
    assert {outcome.result for outcome in ended.values()} == {Result.DONE}
    assert machine.snapshot() == before
    reading = (
        *("systemctl show", "systemctl is-active", "lsblk", "wipefs", "blkid", "xfs_growfs", "chronyc"),
        *("openssl x509 -in", "runuser -u yugabyte -- /opt/yugabyte/2025.2.8.0-b60/bin/ysqlsh"),
    )
    assert [command for command in machine.commands if not command.startswith(reading)] == []


def test_a_run_that_changes_nothing_asks_the_cloud_once(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    """Each question takes the AWS CLI half a second, every minute, on every node."""
    for _ in range(2):
        run(machine, cloud)
    cloud.asked.clear()
    run(machine, cloud)
    assert cloud.asked == ["list config/"]


def test_a_node_says_how_it_is_even_if_nothing_changes(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    for _ in range(2):
        run(machine, cloud)
    cloud.asked.clear()
    machine.clock.slept += 301
    run(machine, cloud)
    assert "put status/a1.json" in cloud.asked
    assert cloud.status()["at"] == "2027-01-15T08:05:03Z"


def test_a_failed_step_ends_the_run_and_the_status_says_so(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    with machine.path(DEVICE).open("r+b") as disk:
        disk.write(b"somebody's data")
    run(machine, cloud)
    told = cloud.status()
    assert told["state"] == "failed"
    steps = {step["name"]: step for step in told["steps"]}
    assert steps["disk"]["result"] == "failed"
    assert "is not blank" in steps["disk"]["message"]
    assert steps["system"] == {
        "name": "system",
        "result": "incomplete",
        "message": "Not reached, because disk failed.",
    }


def test_the_status_tells_who_ran_what_and_when(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    run(machine, cloud)
    told = cloud.status()
    assert (told["format"], told["cluster"], told["node"], told["state"]) == (1, "orders-dev", "a1", "converged")
    assert told["agent_sha256"] == archive("aws").sha256
    assert told["config_sha256"] == hashlib.sha256(declared().encode()).hexdigest()
    assert told["at"] == told["converged_at"] == "2027-01-15T08:00:02Z"
    assert [step["name"] for step in told["steps"]] == [*ORDER, *LAST]
    assert json.loads(machine.read(f"{STATE}/status.json") or "") == told


def test_a_status_that_cannot_be_written_is_a_failure(
    machine: SimulatedMachine,
    cloud: SimulatedCloud,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(*_: Any) -> None:
        raise CloudFailure("access denied")

    monkeypatch.setattr(cloud, "put_object", refused)
    assert state(run(machine, cloud)) == "failed"
    assert json.loads(machine.read(f"{STATE}/status.json") or "")["steps"][-1]["name"] == "status"
    assert "status: failed: Nobody else knows how this node is: access denied" in capsys.readouterr().out


def test_a_step_is_a_line_in_the_journal(
    machine: SimulatedMachine, cloud: SimulatedCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    run(machine, cloud)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [*ORDER, *LAST, "status"]


def test_what_a_step_repeats_cannot_forge_a_line_or_flood_the_journal(
    machine: SimulatedMachine, cloud: SimulatedCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    def talkative(_: Context) -> Outcome:
        return Outcome(Result.DONE, "one\ndisk: done: all is well\r\n" + "x" * 100_000)

    converge(context(machine, cloud), {"one": talkative}, {})
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("one: done: one disk: done: all is well xxx")
    assert len(first) < 2100
    assert len(others) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "/etc/fstab"), "/etc/fstab: No space left on device."),
        (ValueError("odd"), "A defect of the agent: ValueError: odd (test_converge.py:"),
    ],
)
def test_whatever_happens_in_a_step_is_told_and_not_thrown(
    machine: SimulatedMachine, cloud: SimulatedCloud, error: Exception, message: str
) -> None:
    def broken(_: Context) -> Outcome:
        raise error

    ended = converge(context(machine, cloud), {"one": broken}, {})
    assert ended["one"].result is Result.FAILED
    assert ended["one"].message.startswith(message)


def test_without_a_declared_state_there_is_nowhere_to_report_to_and_that_is_told(
    machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    cloud.objects.clear()
    ended = run(machine, cloud)
    assert ended["config"].result is Result.FAILED
    assert ended["status"].message == "Nobody else knows how this node is: There is no declared state yet."
    assert json.loads(machine.read(f"{STATE}/status.json") or "")["config_sha256"] is None


CHUNKS = 8


class TestKilled:
    """At every moment of a first run that also replaces the agent. Nothing is remembered but what is on the machine."""

    def machine(self, root: Path, *, half_formatted: bool = False) -> tuple[SimulatedMachine, SimulatedCloud]:
        machine = SimulatedMachine(root)
        install_agent(machine, b"the agent of the boot script")
        machine.state.time_sources = []
        if half_formatted:  # a run before this one was killed while mkfs was at work
            machine.start_formatting(label_of(HOME, "a1"))
            machine.path(FORMATTING).write_text(VOLUME)
        cloud = SimulatedCloud(machine)
        cloud.declare()
        cloud.objects[HOME.bucket, archive("aws").key] = archive("aws").content
        return machine, cloud

    @pytest.fixture(autouse=True)
    def no_waiting_for_disks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsync", lambda _: None)  # a killed process, and no power cut: memory is kept

    @pytest.mark.parametrize("chunk", range(CHUNKS))
    def test_a_run_killed_at_any_moment_is_made_good_by_the_next(self, tmp_path: Path, chunk: int) -> None:
        root, half_formatted = tmp_path / "machine", chunk % 2 == 0  # always the same: it is in what is compared
        machine, cloud = self.machine(root, half_formatted=half_formatted)
        assert state(run(machine, cloud)) == "converged"
        moments, wanted = machine.moments, machine.snapshot()
        assert moments > 250
        for moment in range(chunk, moments, CHUNKS):
            shutil.rmtree(root)
            machine, cloud = self.machine(root, half_formatted=half_formatted)
            machine.die_at = moment
            with pytest.raises(Killed):
                run(machine, cloud)
            machine.die_at = -1
            machine.clock.slept += 60  # the timer
            ended = run(machine, cloud)
            assert state(ended) == "converged", (moment, ended)
            assert machine.snapshot() == wanted, moment
            assert cloud.status()["state"] == "converged"
            assert machine.universe.violations == []

    def test_even_one_that_is_killed_again_and_again_comes_to_its_end(self, tmp_path: Path) -> None:
        machine, cloud = self.machine(tmp_path / "machine")
        for life in range(400):
            machine.moments, machine.die_at = 0, 60 + life // 4
            try:
                run(machine, cloud)
            except Killed:
                continue
            break
        assert cloud.status()["state"] == "converged"
        assert machine.universe.violations == []
        assert machine.path(AGENT).read_bytes() == archive("aws").content
