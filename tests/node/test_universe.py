"""That a cluster exists is written down once, and every node acts by it."""

import json
from dataclasses import replace

import pytest

from simulated_machine import HOME, STATUS_BUCKET, SimulatedCloud, SimulatedMachine, context, declared, invented
from ybfort.node.config import checked
from ybfort.node.step import Context
from ybfort.node.system import Failure
from ybfort.node.universe import Universe, create, remember, universe

UUID = "1e8d7c5a-0000-4000-8000-000000000000"
MADE = Universe(UUID, finalized="2025.2.8.0-b60", ycql_closed=False)


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    run = context(machine, cloud)
    run.accepted = checked(declared(), invented(), HOME)
    return run


def put(cloud: SimulatedCloud, told: object) -> None:
    cloud.objects[STATUS_BUCKET, "status/universe.json"] = json.dumps(told).encode()


def test_before_it_is_made_nothing_is_known(run: Context) -> None:
    assert universe(run) is None


def test_it_is_written_down_once(run: Context) -> None:
    assert create(run, UUID) == MADE
    assert create(run, UUID) == MADE
    assert universe(run) == MADE


def test_another_cluster_in_its_place_is_refused(run: Context) -> None:
    create(run, UUID)
    with pytest.raises(Failure, match=f"The cluster that runs here is 2{UUID[1:]}, and .* says {UUID}"):
        create(run, f"2{UUID[1:]}")


def test_it_is_looked_up_now_and_then(run: Context, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    create(run, UUID)
    put(cloud, {"format": 1, **vars(replace(MADE, finalized="2025.2.9.0-b12"))})
    assert universe(run) == MADE
    machine.clock.slept += 301
    assert universe(run) == replace(MADE, finalized="2025.2.9.0-b12")


def test_what_it_has_come_to_is_remembered(run: Context, cloud: SimulatedCloud) -> None:
    create(run, UUID)
    remember(run, replace(MADE, ycql_closed=True))
    assert universe(run) == replace(MADE, ycql_closed=True)
    assert json.loads(cloud.objects[STATUS_BUCKET, "status/universe.json"])["ycql_closed"]


def test_a_cluster_that_somebody_made_forgotten_is_not_taken_for_none(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    create(run, UUID)
    del cloud.objects[STATUS_BUCKET, "status/universe.json"]
    machine.clock.slept += 301
    with pytest.raises(Failure, match=r"status/universe\.json is gone from the bucket"):
        universe(run)


@pytest.mark.parametrize(
    "told", [{}, {"format": 2}, {"format": 1, "uuid": "x; rm", "finalized": 1, "ycql_closed": "no"}]
)
def test_what_cannot_be_meant_is_refused(run: Context, cloud: SimulatedCloud, told: object) -> None:
    put(cloud, told)
    with pytest.raises(Failure, match=r"status/universe\.json: "):
        universe(run)
