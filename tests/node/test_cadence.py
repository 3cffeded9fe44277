"""What is done now and then."""

from simulated_machine import SimulatedMachine
from ybfort.node.cadence import done, due
from ybfort.node.config import STATE


def test_it_is_due_when_its_time_has_come(machine: SimulatedMachine) -> None:
    assert due(machine, "roles", 900)
    done(machine, "roles")
    machine.clock.slept += 899
    assert not due(machine, "roles", 900)
    machine.clock.slept += 1
    assert due(machine, "roles", 900)


def test_it_is_due_when_things_have_changed(machine: SimulatedMachine) -> None:
    done(machine, "roles", "one")
    assert not due(machine, "roles", 900, "one")
    assert due(machine, "roles", 900, "two")


def test_a_clock_that_was_set_back_does_not_put_it_off(machine: SimulatedMachine) -> None:
    machine.clock.slept += 100_000
    done(machine, "roles")
    machine.clock.slept -= 50_000
    assert due(machine, "roles", 900)


def test_a_note_that_cannot_be_read_makes_it_due(machine: SimulatedMachine) -> None:
    machine.path(f"{STATE}/last-roles.json").write_text("{")
    assert due(machine, "roles", 900)
