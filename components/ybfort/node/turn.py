"""Whose turn it is to stop a server. There is no lock service: nodes tell each other through their status objects.

A node that wants to stop a server raises its hand (`turn` in its status) and looks at everybody's status again. While
anybody else's hand is up it does not act: if that node comes first in the order of change it takes its own hand down,
else it keeps it up and waits for the other to let go. Whoever acts keeps the hand up until its server is healthy again,
and no longer than that. A node that dies keeps its hand up, and nobody else moves.

This is the one-bit algorithm for mutual exclusion (J. Burns, L. Lamport). It needs no clocks, and a store in which a
write that was answered is seen by every later read: both hold for S3 and for Cloud Storage. tests/node/test_turn.py
walks through every interleaving of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ybfort.node.config import MASTER, TSERVER

ORDER = (MASTER, TSERVER)  # all masters change before the first tablet server does (YugabyteDB: rolling upgrades)


@dataclass(frozen=True)
class Told:
    """What a node said of itself last."""

    age: float  # seconds before this node's own last word, by the store's clock
    status: Mapping[str, Any]

    def current(self, server: str, config: str) -> bool:
        """Whether it said that this server runs as the declared state wants it."""
        found = self.status["servers"].get(server)
        return self.status["config_sha256"] == config and bool(found and found["current"])


@dataclass(frozen=True)
class Want:
    """A node that wants to stop one of its servers."""

    node: str
    server: str
    config: str  # SHA-256 of the declared state
    nodes: Mapping[str, Sequence[str]]  # all nodes in the order of change, and the servers that each has
    servers: Sequence[str] = ORDER  # in the order of change

    @property
    def before(self) -> Iterator[tuple[str, str]]:
        """Every server of another node that changes before this one, with its node."""
        for server in self.servers[: self.servers.index(self.server) + 1]:
            for node, servers in self.nodes.items():
                if node == self.node:
                    if server == self.server:
                        return
                elif server in servers:
                    yield node, server


def why_not_yet(want: Want, told: Mapping[str, Told], stale: float) -> Iterator[str]:
    """What speaks against beginning: who has to go first, and whom nobody has heard of."""
    for node, server in want.before:
        if node not in told:
            yield f"{node} has not reported yet"
        elif not told[node].current(server, want.config):
            yield f"{server} of {node} changes first"
    for node, other in sorted(told.items()):
        if node != want.node and other.age > stale:
            yield f"{node} has not been heard of for {other.age / 60:.0f} minutes"


def hands_up(want: Want, told: Mapping[str, Told]) -> tuple[list[str], list[str]]:
    """The other nodes whose hands are up: those that come before this one in the order, and those that come after."""
    names = list(want.nodes)
    up = [node for node in names if node != want.node and node in told and told[node].status["turn"]]
    here = names.index(want.node)
    return [node for node in up if names.index(node) < here], [node for node in up if names.index(node) > here]
