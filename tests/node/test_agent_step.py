"""The agent replaces itself by the one that the declared state names, and by no other."""

import hashlib
import json

import pytest

from simulated_machine import HOME, SimulatedCloud, SimulatedMachine, context, declared
from ybfort.node.step import Result
from ybfort.node.steps.agent import agent
from ybfort.node.steps.config import config
from ybfort.node.system import Failure
from ybfort.node.units import AGENT, NAMES

NEW = b"a new agent"
NEW_SHA256 = hashlib.sha256(NEW).hexdigest()


@pytest.fixture
def newer(cloud: SimulatedCloud) -> SimulatedCloud:
    """A cluster whose declared state names another agent than the one that is installed."""
    cloud.declare(declared(agent={"key": "agent/new.pyz", "sha256": NEW_SHA256}))
    cloud.objects[HOME.bucket, "agent/new.pyz"] = NEW
    return cloud


def test_a_new_agent_is_checked_put_in_place_and_takes_over(machine: SimulatedMachine, newer: SimulatedCloud) -> None:
    run = context(machine, newer)
    config(run)
    assert agent(run).result is Result.CHANGED
    assert run.restart
    assert machine.path(AGENT).read_bytes() == NEW
    assert machine.path(AGENT).stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("bytes_there", [b"", NEW[:-1], NEW + b"\n", b"something else"])
def test_an_agent_with_another_hash_is_never_installed(
    machine: SimulatedMachine, newer: SimulatedCloud, bytes_there: bytes
) -> None:
    newer.objects[HOME.bucket, "agent/new.pyz"] = bytes_there
    before = machine.path(AGENT).read_bytes()
    run = context(machine, newer)
    config(run)
    with pytest.raises(Failure, match=f"but cluster.json says {NEW_SHA256}. It is not used"):
        agent(run)
    assert machine.path(AGENT).read_bytes() == before
    assert not run.restart


def test_a_node_that_cannot_have_the_new_agent_keeps_to_its_last_good_state(
    machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    config(context(machine, cloud))
    cloud.declare(declared(agent={"key": "agent/gone.pyz", "sha256": NEW_SHA256}))
    run = context(machine, cloud)
    config(run)
    outcome = agent(run)
    assert outcome.result is Result.INCOMPLETE
    assert "agent/gone.pyz is not there" in outcome.message
    assert run.config.cluster == json.loads(declared())


def test_an_agent_replaces_itself_once_a_run(machine: SimulatedMachine, newer: SimulatedCloud) -> None:
    run = context(machine, newer, replaced=True)
    config(run)
    with pytest.raises(Failure, match="has just replaced itself"):
        agent(run)
    assert not run.restart


def test_the_right_agent_makes_sure_of_its_units(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    run = context(machine, cloud)
    config(run)
    assert agent(run).result is Result.CHANGED
    assert NAMES[1] in set(machine.state.enabled) & set(machine.state.active)
    assert agent(run).result is Result.DONE
    machine.path(f"/etc/systemd/system/{NAMES[1]}").write_text("[Timer]\nOnCalendar=yearly\n")
    assert agent(run).result is Result.CHANGED
    assert "OnUnitInactiveSec=1min" in machine.state.loaded[NAMES[1]]


def test_units_that_systemd_was_never_told_of_are_told_of(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    """A run may have been killed between writing them and telling."""
    run = context(machine, cloud)
    config(run)
    agent(run)
    machine.state.loaded = {}
    assert agent(run).result is Result.CHANGED
    assert machine.state.loaded.keys() >= set(NAMES)
