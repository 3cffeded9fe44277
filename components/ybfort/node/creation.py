"""Whether the masters' first start makes a new cluster: exactly once, by all masters together, and never over data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from ybfort.node.config import MASTER
from ybfort.node.servers import MEMBER
from ybfort.node.turn import Told


@dataclass(frozen=True)
class Start:
    """The master has its data: it goes on as what it was."""


@dataclass(frozen=True)
class Create:
    """Nobody has data and nobody ever had: the masters make a new cluster."""


@dataclass(frozen=True)
class Join:
    """There is a cluster, and this master is not in it: it waits blank until it is taken in."""


@dataclass(frozen=True)
class Wait:
    """It cannot be told yet."""

    why: str


@dataclass(frozen=True)
class Stop:
    """Whatever the master did now would be wrong."""

    why: str


Decision = Union[Start, Create, Join, Wait, Stop]


def decide(
    mine: str, *, exists: bool, lives: bool, masters: Sequence[str], told: Mapping[str, Told], config: str, stale: float
) -> Decision:
    """What a master that does not run does.

    :param mine: what is on its disk
    :param exists: the cluster was made once
    :param lives: a master of it leads
    :param masters: the other nodes that have a master
    :param told: what nodes say of themselves
    :param config: SHA-256 of the declared state
    """
    if mine == MEMBER:
        return Start()
    data = {name: told[name].status["servers"].get(MASTER, {}).get("data") for name in masters if name in told}
    if lives or MEMBER in data.values():
        return Join()
    silent = [
        name
        for name in masters
        if data.get(name) is None or told[name].age > stale or told[name].status["config_sha256"] != config
    ]
    if silent:
        return Wait(f"The masters make the cluster together, and {', '.join(silent)} must be ready for it first.")
    if exists:
        return Stop(
            "The cluster was made once, and no master has its data any more. Restore it from a backup. To give up all "
            "data and begin anew, delete status/universe.json, and universe.json in /var/lib/ybfort on every node."
        )
    return Create()
