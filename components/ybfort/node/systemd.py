"""What systemd says of a unit, and what it is told to do with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ybfort.node.system import System

# A server may take a minute to end in order, and its unit two minutes before it is killed.
ACTION_SECONDS = 200.0


@dataclass(frozen=True)
class Unit:
    """A unit as systemd has it."""

    active: bool
    enabled: bool
    command: tuple[str, ...]  # of the running process, from the kernel; empty if there is none


def show(system: System, *names: str) -> dict[str, Unit]:
    """How units are, by name. One that systemd does not know is neither active nor enabled."""
    asked = ("show", "--property=ActiveState,MainPID,UnitFileState")
    said = system.must("systemctl", *asked, *(f"{name}.service" for name in names))
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in said.strip().split("\n\n")]
    return {name: _unit(system, told) for name, told in zip(names, blocks)}


def _unit(system: System, told: Mapping[str, str]) -> Unit:
    process, active = told.get("MainPID", "0"), told.get("ActiveState") == "active"
    command = (system.read(f"/proc/{process}/cmdline") or "") if active and process != "0" else ""
    return Unit(
        active=active,
        enabled=told.get("UnitFileState") == "enabled",
        command=tuple(command.rstrip("\0").split("\0")) if command else (),
    )


def do(system: System, verb: str, name: str) -> None:
    """Start, stop, restart or enable a unit, and wait until that is done.

    :raises Failure: if it does not work
    """
    system.must("systemctl", verb, f"{name}.service", seconds=ACTION_SECONDS)


def read_again(system: System) -> None:
    """Let systemd read all unit files."""
    system.must("systemctl", "daemon-reload")
