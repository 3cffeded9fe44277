"""Put the agent on a machine: the program itself, who the node is, and the units that run it."""

from __future__ import annotations

import json
from pathlib import Path

from ybfort.node.config import IDENTITY, Identity
from ybfort.node.system import System
from ybfort.node.units import AGENT, install_units


def install(system: System, home: Identity, program: Path) -> None:
    """Safe to kill and to run again; the timer, which starts everything else, comes last."""
    system.directory("/opt/ybfort", 0o755)
    system.directory("/etc/ybfort", 0o755)
    system.write(AGENT, program.read_bytes(), 0o755)
    system.write(IDENTITY, (json.dumps(vars(home), indent=2, sort_keys=True) + "\n").encode())
    install_units(system)
