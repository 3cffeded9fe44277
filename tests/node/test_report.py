"""What the cloud is told of a node, and how often."""

from typing import Any

import pytest

from simulated_machine import HOME, SimulatedCloud, SimulatedMachine, context, declared, invented
from specs import prod_plan
from ybfort.node.cloud import CloudFailure
from ybfort.node.config import checked
from ybfort.node.step import Context, Report, Result
from ybfort.node.steps.report import report
from ybfort.plan.watches import node_watches


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    run = context(machine, cloud)
    run.accepted = checked(declared(), invented(), HOME)
    machine.path("/mnt/data").mkdir()
    run.report = Report(certificate={"days_left": 4.5}, database={"healthy": True}, converged_at="2027-01-15T07:00:00Z")
    return run


def test_every_alarm_has_its_metric(run: Context, cloud: SimulatedCloud) -> None:
    report(run)
    assert {watch.metric for watch in node_watches(prod_plan(), data="volume")} == cloud.metrics[0].keys()


def test_metrics_say_how_the_node_is(run: Context, cloud: SimulatedCloud) -> None:
    report(run)
    (told,) = cloud.metrics
    assert told["ConvergeAgeSeconds"] == 3600
    assert told["CertificateDaysLeft"] == 4.5
    assert told["DatabaseHealthy"] == 1
    assert 0 <= told["DiskUsedPercent"] <= 100


def test_a_node_that_was_never_as_declared_counts_from_its_beginning(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    import os

    run.report = Report()
    os.utime(machine.path("/etc/ybfort/node.json"), (machine.now() - 100, machine.now() - 100))
    report(run)
    assert cloud.metrics[0]["ConvergeAgeSeconds"] == pytest.approx(100)
    assert cloud.metrics[0].keys() == {"ConvergeAgeSeconds", "DiskUsedPercent"}


def test_it_is_told_every_five_minutes(run: Context, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    for _ in range(10):
        report(run)
        machine.clock.slept += 60
    assert len(cloud.metrics) == 2


def test_a_cloud_that_takes_nothing_stops_nothing(
    run: Context, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise CloudFailure("throttled")

    monkeypatch.setattr(cloud, "put_metrics", refused)
    assert report(run).result is Result.INCOMPLETE
    monkeypatch.undo()
    assert report(run).result is Result.DONE  # it is tried again with the next run
