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
    STATUS_BUCKET,
    VOLUME,
    Killed,
    SimulatedCloud,
    SimulatedMachine,
    context,
    declared,
    install_agent,
    results,
)
from ybfort.node.cloud import CloudFailure
from ybfort.node.config import STATE
from ybfort.node.converge import converge
from ybfort.node.status import state
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps import ORDER
from ybfort.node.steps.disk import FORMATTING, label_of
from ybfort.node.units import AGENT
from ybfort.plan.agent import archive

NEXT = ("release", "certificates", "flags", "database", "roles")


def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> dict[str, Outcome]:
    """A run as the timer starts it, to its end: an agent that replaced itself starts over."""
    this = context(machine, cloud)
    ended = converge(this, ORDER)
    return converge(context(machine, cloud, replaced=True), ORDER) if this.restart else ended


def test_the_steps_are_taken_in_this_order() -> None:
    assert list(ORDER) == ["config", "agent", "disk", "system", *NEXT]


def test_a_node_without_its_database_is_never_a_success(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    for _ in range(2):
        ended = run(machine, cloud)
        assert state(ended) == "incomplete"
        for name in NEXT:
            assert ended[name] == Outcome(Result.INCOMPLETE, "This version of the agent does not do this step.")


def test_a_second_run_changes_nothing(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    run(machine, cloud)
    before, commands = machine.snapshot(), len(machine.commands)
    ended = run(machine, cloud)
    assert [ended[name].result for name in ("config", "agent", "disk", "system")] == [Result.DONE] * 4
    assert machine.snapshot() == before
    reading = ("systemctl show", "systemctl is-active", "lsblk", "wipefs", "blkid", "xfs_growfs", "chronyc")
    assert [command for command in machine.commands[commands:] if not command.startswith(reading)] == []


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
    assert told.keys() == {"format", "cluster", "node", "agent_sha256", "config_sha256", "at", "state", "steps"}
    assert (told["format"], told["cluster"], told["node"], told["state"]) == (1, "orders-prod", "a1", "incomplete")
    assert told["agent_sha256"] == archive().sha256
    assert told["config_sha256"] == hashlib.sha256(declared().encode()).hexdigest()
    assert told["at"].endswith("Z")
    assert [step["name"] for step in told["steps"]] == list(ORDER)
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
    assert [line.split(": ")[0] for line in lines] == [*ORDER, "status"]


def test_what_a_step_repeats_cannot_forge_a_line_or_flood_the_journal(
    machine: SimulatedMachine, cloud: SimulatedCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    def talkative(_: Context) -> Outcome:
        return Outcome(Result.DONE, "one\ndisk: done: all is well\r\n" + "x" * 100_000)

    converge(context(machine, cloud), {"one": talkative})
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

    ended = converge(context(machine, cloud), {"one": broken})
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


class TestKilled:
    """At every moment of a first run that also replaces the agent. Nothing is remembered but what is on the machine."""

    def machine(self, root: Path, *, half_formatted: bool = False) -> tuple[SimulatedMachine, SimulatedCloud]:
        machine = SimulatedMachine(root)
        install_agent(machine, b"the agent of the boot script")
        machine.time_sources = []
        if half_formatted:  # a run before this one was killed while mkfs was at work
            machine.start_formatting(label_of(HOME, "a1"))
            machine.path(FORMATTING).write_text(VOLUME)
        cloud = SimulatedCloud(machine)
        cloud.declare()
        cloud.objects[HOME.bucket, archive().key] = archive().content
        return machine, cloud

    @pytest.fixture(autouse=True)
    def no_waiting_for_disks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsync", lambda _: None)  # a killed process, and no power cut: memory is kept

    @pytest.mark.parametrize("half_formatted", [False, True])
    def test_a_run_killed_at_any_moment_is_made_good_by_the_next(self, tmp_path: Path, half_formatted: bool) -> None:
        root = tmp_path / "machine"  # always the same: it is in what is compared
        machine, cloud = self.machine(root, half_formatted=half_formatted)
        assert state(run(machine, cloud)) == "incomplete"
        moments, wanted = machine.moments, machine.snapshot()
        assert moments > 100
        for moment in range(moments):
            shutil.rmtree(root)
            machine, cloud = self.machine(root, half_formatted=half_formatted)
            machine.die_at = moment
            with pytest.raises(Killed):
                run(machine, cloud)
            machine.die_at = -1
            ended = results(run(machine, cloud))
            assert Result.FAILED not in ended.values(), (moment, ended)
            assert machine.snapshot() == wanted, moment
            assert cloud.status()["state"] == "incomplete"

    def test_even_one_that_is_killed_again_and_again_comes_to_its_end(self, tmp_path: Path) -> None:
        machine, cloud = self.machine(tmp_path / "machine")
        for life in range(400):
            machine.moments, machine.die_at = 0, 30 + life // 4
            try:
                run(machine, cloud)
            except Killed:
                continue
            break
        assert cloud.status()["state"] == "incomplete"
        assert machine.path(AGENT).read_bytes() == archive().content
        assert (STATUS_BUCKET, "status/a1.json") in cloud.objects
