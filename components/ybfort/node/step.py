"""What a step of a run is: a function of the run's context that brings one thing to its declared state.

A step may be killed at any instruction and run again. It looks before it acts, and leaves alone what is right already.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Callable

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

    @property
    def config(self) -> Config:
        """The declared state, which the first steps have fetched.

        :raises Failure: if they could not
        """
        if self.accepted is None:
            raise Failure("There is no declared state yet.")
        return self.accepted


Step = Callable[[Context], Outcome]
