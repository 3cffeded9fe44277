"""What a step of a run is: a function of the run's context that brings one thing to its declared state.

A step may be killed at any instruction and run again. It looks before it acts, and leaves alone what is right already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable

from ybfort.node.cloud import Cloud
from ybfort.node.config import Agent, Config, Identity
from ybfort.node.system import Failure, System


class Result(Enum):
    """How a step ended. The run goes on after all but the last."""

    DONE = "done"  # it was right already
    CHANGED = "changed"  # it is right now
    INCOMPLETE = "incomplete"  # it is not right yet, and the steps after it can do without
    FAILED = "failed"  # it is not right, and the run stops here


@dataclass(frozen=True)
class Outcome:
    """The end of a step, with one sentence for an operator. Nothing secret stands in it."""

    result: Result
    message: str


@dataclass
class Report:
    """What a node says of itself besides how its steps went. It outlives a run; docs/status.schema.json has its
    form."""

    servers: dict[str, Any] = field(default_factory=dict[str, Any])  # by name: how this node's servers are
    turn: dict[str, Any] | None = None  # the hand that is up (turn.py)
    certificate: dict[str, Any] | None = None
    database: dict[str, Any] | None = None  # how the cluster is, as this node sees it
    undeclared: list[str] = field(default_factory=list[str])  # what is in the database and not in the stack file
    undeclared_ycql: list[str] = field(default_factory=list[str])
    converged_at: str | None = None  # when everything was last as it was declared


@dataclass
class Context:
    """What steps work with, and what earlier steps hand on to later ones."""

    identity: Identity
    system: System
    cloud: Cloud
    agent: str  # SHA-256 of the installed agent, which is the running one
    replaced: bool  # this run was started by an agent that had replaced itself
    named: Agent | None = None  # the agent that the newest cluster.json names
    accepted: Config | None = None
    restart: bool = False  # a new agent is in place and has to do the rest
    ended: dict[str, Outcome] = field(default_factory=dict[str, Outcome])  # how the steps before went
    report: Report = field(default_factory=Report)

    @property
    def config(self) -> Config:
        """The declared state, which the first steps have fetched.

        :raises Failure: if they could not
        """
        if self.accepted is None:
            raise Failure("There is no declared state yet.")
        return self.accepted


Step = Callable[[Context], Outcome]
