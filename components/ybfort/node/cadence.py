"""What is done now and then: when it was done last, and for which state of things."""

from __future__ import annotations

import json

from ybfort.node.config import STATE
from ybfort.node.system import System


def due(system: System, what: str, seconds: float, of: str = "") -> bool:
    """Whether it is time again, or the state of things is another one. A clock that was set back makes it time."""
    try:
        last = json.loads(system.read(_file(what)) or "{}")
        return last["of"] != of or not 0 <= system.now() - last["at"] < seconds
    except (KeyError, ValueError):
        return True


def done(system: System, what: str, of: str = "") -> None:
    """Remember that it was done now."""
    system.write(_file(what), json.dumps({"at": system.now(), "of": of}).encode(), 0o600)


def _file(what: str) -> str:
    return f"{STATE}/last-{what}.json"
