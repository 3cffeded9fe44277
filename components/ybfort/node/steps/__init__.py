"""The steps of a run, a file each; `ORDER` is the order in which they are taken."""

from __future__ import annotations

from ybfort.node.step import Context, Outcome, Result, Step
from ybfort.node.steps.agent import agent
from ybfort.node.steps.config import config
from ybfort.node.steps.disk import disk
from ybfort.node.steps.operating_system import operating_system


def not_done(_context: Context) -> Outcome:
    """A step that belongs to a node and that this version cannot take: it says so, and the run is not a success."""
    return Outcome(Result.INCOMPLETE, "This version of the agent does not do this step.")


ORDER: dict[str, Step] = {
    "config": config,
    "agent": agent,
    "disk": disk,
    "system": operating_system,
    "release": not_done,
    "certificates": not_done,
    "flags": not_done,
    "database": not_done,
    "roles": not_done,
}
