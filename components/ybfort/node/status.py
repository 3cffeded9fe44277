"""How a node is, as it was told after its last run: on the node itself, and in the status bucket for everybody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ybfort.node.cloud import Cloud
from ybfort.node.config import STATE
from ybfort.node.shape import document
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, System

FILE = f"{STATE}/status.json"
CONVERGED = "converged"


def state(steps: Mapping[str, Outcome]) -> str:
    """The whole run in a word: the worst of its steps."""
    results = {outcome.result for outcome in steps.values()}
    return next((bad.value for bad in (Result.FAILED, Result.INCOMPLETE) if bad in results), CONVERGED)


def write_status(context: Context, steps: Mapping[str, Outcome]) -> Outcome:
    """Store the status on the node, then in the bucket, and tell how that went."""
    system, key = context.system, f"status/{context.identity.node}.json"
    _store(context, steps)
    try:
        _send(context.cloud, system, context, key)
    except Failure as problem:
        told = Outcome(Result.FAILED, f"Nobody else knows how this node is: {problem}")
        _store(context, {**steps, "status": told})
        return told
    return Outcome(Result.DONE, f"{key} was written.")


def read_status(system: System) -> Mapping[str, Any]:
    """What the last run left.

    :raises Failure: if no run has come to its end yet
    """
    content = system.read(FILE)
    if content is None:
        raise Failure(f"No run has come to its end on this machine yet ({FILE} is missing).")
    return document(content, FILE)


def _store(context: Context, steps: Mapping[str, Outcome]) -> None:
    told = {
        "format": 1,
        "cluster": context.identity.cluster,
        "node": context.identity.node,
        "agent_sha256": context.agent,
        "config_sha256": context.accepted.sha256 if context.accepted else None,
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "state": state(steps),
        "steps": [
            {"name": name, "result": outcome.result.value, "message": outcome.message}
            for name, outcome in steps.items()
        ],
    }
    context.system.write(FILE, (json.dumps(told, indent=2, sort_keys=True) + "\n").encode(), 0o600)


def _send(cloud: Cloud, system: System, context: Context, key: str) -> None:
    """The bucket is named by the declared state, so without one there is nowhere to send it to."""
    cloud.put_object(context.config.cluster["buckets"]["status"], key, system.path(FILE))
