"""A simulated machine with its cloud, everything declared and the agent in place."""

from pathlib import Path

import pytest

from simulated_machine import SimulatedCloud, SimulatedMachine, install_agent
from ybfort.plan.agent import archive


@pytest.fixture
def machine(tmp_path: Path) -> SimulatedMachine:
    machine = SimulatedMachine(tmp_path / "machine")
    install_agent(machine, archive("aws").content)
    return machine


@pytest.fixture
def cloud(machine: SimulatedMachine) -> SimulatedCloud:
    cloud = SimulatedCloud(machine)
    cloud.declare()
    return cloud
