"""Lines of the journal on their way to the cloud: each of them, in order, in batches that it takes."""

from typing import Any

import pytest

from simulated_machine import HOME, SimulatedCloud, SimulatedMachine, context, declared, invented
from ybfort.node import logs
from ybfort.node.cloud import CloudFailure
from ybfort.node.config import checked
from ybfort.node.logs import Batch, ship
from ybfort.node.step import Context

NODE, DATABASE = "/ybfort/orders-dev/node", "/ybfort/orders-dev/database"


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    run = context(machine, cloud)
    run.accepted = checked(declared(), invented(), HOME)
    return run


def says(machine: SimulatedMachine, message: Any, unit: str = "yb-tserver", at: float = 0) -> None:
    machine.journal.append(
        {
            "_SYSTEMD_UNIT": f"{unit}.service",
            "SYSLOG_IDENTIFIER": unit,
            "MESSAGE": message,
            "__REALTIME_TIMESTAMP": str(int((1_800_000_000 + at) * 1_000_000)),
        }
    )


def test_lines_go_to_the_log_of_their_kind(run: Context, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    says(machine, "disk: done", "ybfort-converge")
    says(machine, "connection authorized: user=orders_app_login_a")
    says(machine, "W1128 raft", "yb-master", at=1.5)
    says(machine, "somebody else's", "sshd")
    assert ship(run) == 3
    assert cloud.logged == {
        NODE: [(1_800_000_000_000, "ybfort-converge: disk: done")],
        DATABASE: [
            (1_800_000_000_000, "yb-tserver: connection authorized: user=orders_app_login_a"),
            (1_800_000_001_500, "yb-master: W1128 raft"),
        ],
    }


def test_small_talk_stays_on_the_node(run: Context, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    says(machine, "I1128 03:00:00.000000 12 tablet.cc:1] flushed")
    says(machine, "E1128 03:00:00.000000 12 tablet.cc:1] failed")
    assert ship(run) == 1
    assert ship(run) == 0  # it is not looked at again either
    assert [line for _, line in cloud.logged[DATABASE]] == ["yb-tserver: E1128 03:00:00.000000 12 tablet.cc:1] failed"]


def test_a_line_goes_once(run: Context, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    says(machine, "one")
    ship(run)
    says(machine, "two")
    ship(run)
    assert [line for _, line in cloud.logged[DATABASE]] == ["yb-tserver: one", "yb-tserver: two"]


def test_what_the_cloud_did_not_take_goes_with_the_next(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(machine, "one")

    def refused(*_: Any) -> None:
        raise CloudFailure("throttled")

    with monkeypatch.context() as bad_day:
        bad_day.setattr(cloud, "put_log", refused)
        with pytest.raises(CloudFailure):
            ship(run)
    assert ship(run) == 1


def test_batches_are_no_larger_than_the_cloud_takes(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_LINES", 10)
    batches: list[int] = []
    monkeypatch.setattr(cloud, "put_log", lambda *told: batches.append(len(told[-1])))
    for number in range(25):
        says(machine, f"line {number}")
    assert ship(run) == 25
    assert batches == [10, 10, 5]


def test_a_flood_goes_over_several_runs(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_LINES", 10)
    monkeypatch.setattr(logs, "MOST_BATCHES", 2)
    for number in range(25):
        says(machine, f"line {number}")
    assert [ship(run), ship(run), ship(run)] == [20, 5, 0]


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        ([(0, "x" * 999_000)], True),
        ([(0, "x" * 999_950)], False),  # 26 bytes are counted for each line
        ([(0, "é" * 500_000)], False),
        ([(0, "x")] * 10_000, False),
        ([(-24 * 3_600_000, "x")], False),
    ],
)
def test_the_limits_are_the_cloud_s(lines: list[tuple[int, str]], fits: bool) -> None:
    batch = Batch()
    for at, line in lines:
        batch.add(at, line)
    assert batch.fits(0, "another") is fits
    assert Batch().fits(0, "x" * 10_000_000)  # one line always goes: it is cut before


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ([0xC3, 0xA9, 0xFF], "yb-tserver: é\ufffd"),
        (None, "yb-tserver: -"),
        ("x" * 200_000, f"yb-tserver: {'x' * 100_000}"),
    ],
)
def test_whatever_the_journal_has_becomes_a_line(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, message: Any, line: str
) -> None:
    says(machine, message)
    ship(run)
    assert [text for _, text in cloud.logged[DATABASE]] == [line]
