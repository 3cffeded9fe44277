"""How a node is: on the node itself, and as `status/<node>.json` in the bucket for everybody else.

The document's form is docs/status.schema.json. Other nodes act upon it (`turn.py`): what a node is about to do is told
before it does it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ybfort.node.cadence import done, due
from ybfort.node.cloud import Missing
from ybfort.node.config import NODE, SERVER, SHA256, STATE
from ybfort.node.shape import document, exactly, fields, items, mapping, must_be, number, optional, switch, text
from ybfort.node.step import Context, Outcome, Report, Result
from ybfort.node.system import Failure, System
from ybfort.node.together import together
from ybfort.node.turn import Told

FILE = f"{STATE}/status.json"
FOLDER = "status/"
CONVERGED, WORKING = "converged", "working"

WORDS = text(r"(?s:.*)")  # names in a database may be anything
TIME = text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SHAPE = fields(
    format=exactly(1),
    cluster=WORDS,
    node=text(NODE),
    agent_sha256=text(SHA256),
    config_sha256=optional(text(SHA256)),
    at=TIME,
    state=text("converged|incomplete|failed|working"),
    converged_at=optional(TIME),
    steps=items(fields(name=WORDS, result=text("done|changed|incomplete|failed"), message=WORDS)),
    servers=mapping(
        SERVER,
        fields(running=switch, current=switch, release=optional(WORDS), data=text("blank|begun|member")),
    ),
    turn=optional(fields(server=text(SERVER), acting=switch, since=TIME)),
    certificate=optional(
        fields(signed_by=WORDS, not_after=TIME, days_left=number, trusts=items(text(SHA256))),
    ),
    database=optional(fields(healthy=switch, problems=items(WORDS))),
    undeclared=items(WORDS),
    undeclared_ycql=items(WORDS),
)


def state(steps: Mapping[str, Outcome]) -> str:
    """The whole run in a word: the worst of its steps."""
    results = {outcome.result for outcome in steps.values()}
    return next((bad.value for bad in (Result.FAILED, Result.INCOMPLETE) if bad in results), CONVERGED)


def key_of(node: str) -> str:
    """Where a node's status lies."""
    return f"{FOLDER}{node}.json"


# -------------------------------------------------------------------------------------------------------------- telling


def write_status(context: Context) -> Outcome:
    """Store the status on the node; then in the bucket, if it has changed or the last one is getting old."""
    system, now, word = context.system, context.system.now(), state(context.ended)
    if word == CONVERGED:
        context.report.converged_at = utc(now)
    text = _text(context, now, word)
    system.write(FILE, text.encode(), 0o600)
    try:
        if not due(system, "status", context.config.pace("report"), _sha256(text)):
            return Outcome(Result.DONE, "Nothing new since the last one.")
        tell(context, word)
    except Failure as problem:
        told = context.ended["status"] = Outcome(Result.FAILED, f"Nobody else knows how this node is: {problem}")
        system.write(FILE, _text(context, now, Result.FAILED.value).encode(), 0o600)
        return told
    return Outcome(Result.DONE, f"{key_of(context.identity.node)} was written.")


def tell(context: Context, word: str = WORKING) -> None:
    """Let everybody know at once.

    :raises Failure: if the bucket cannot be written to, or is not known yet
    """
    system, now = context.system, context.system.now()
    text = _text(context, now, word)
    system.write(FILE, text.encode(), 0o600)
    context.cloud.put_object(_bucket(context), key_of(context.identity.node), system.path(FILE))
    done(system, "status", _sha256(text))


def _text(context: Context, now: float, word: str) -> str:
    told = {
        "format": 1,
        "cluster": context.identity.cluster,
        "node": context.identity.node,
        "agent_sha256": context.agent,
        "config_sha256": context.accepted.sha256 if context.accepted else None,
        "at": utc(now),
        "state": word,
        "steps": [
            {"name": name, "result": outcome.result.value, "message": outcome.message}
            for name, outcome in context.ended.items()
        ],
        **vars(context.report),
    }
    return json.dumps(told, indent=2, sort_keys=True) + "\n"


def utc(seconds: float) -> str:
    """A time as a status has it: `2026-11-28T09:30:00Z`."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(time: str) -> float:
    """Seconds since 1970 of a time in a status."""
    return datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def _sha256(text: str) -> str:
    """Of what others have to know; the time alone is nothing new."""
    told = json.loads(text)
    del told["at"], told["converged_at"]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _bucket(context: Context) -> str:
    """It is named by the declared state, so without one there is nobody to tell."""
    return context.config.cluster["buckets"]["status"]


# -------------------------------------------------------------------------------------------------------------- reading


def read_status(system: System) -> Mapping[str, Any]:
    """What the last run left.

    :raises Failure: if no run has come to its end yet
    """
    content = system.read(FILE)
    if content is None:
        raise Failure(f"No run has come to its end on this machine yet ({FILE} is missing).")
    return document(content, FILE)


def checked_status(content: str, cluster: str, node: str) -> dict[str, Any]:
    """What a node of a cluster says, if it has the form that is documented.

    :raises Failure: with all problems
    """
    told = document(content, key_of(node))
    must_be(SHAPE, told, key_of(node))
    if (told["cluster"], told["node"]) != (cluster, node):
        raise Failure(f"{key_of(node)} is of {told['node']} of {told['cluster']}.")
    return told


def remembered(system: System) -> Report | None:
    """The report of the last run on this machine; None if there was none, or it was another agent's to read."""
    try:
        told = read_status(system)
        must_be(SHAPE, told, FILE)
    except Failure:
        return None
    return Report(**{name: told[name] for name in vars(Report())})


def recall(context: Context) -> Report:
    """The report that a new machine begins with: what its predecessor was about to do is still told to others.

    :raises Failure: if that cannot be read
    """
    told = _fetched(context, context.identity.node)
    return Report(turn=told["turn"] if told else None)


def others(context: Context) -> dict[str, Told]:
    """What every node of the cluster said last, this one included. Tells first, so that ages have a beginning.

    :raises Failure: if the bucket cannot be read or written
    """
    tell(context)
    listed = context.cloud.list_objects(_bucket(context), FOLDER)
    now = listed[key_of(context.identity.node)].at
    names = [node["name"] for node in context.config.nodes if key_of(node["name"]) in listed]
    found = dict(zip(names, together(lambda name: _fetched(context, name), names)))
    return {name: Told(now - listed[key_of(name)].at, status) for name, status in found.items() if status}


def _fetched(context: Context, node: str) -> dict[str, Any] | None:
    """The status of a node; None if it has none that this agent can read."""
    file = f"{STATE}/fetched-status-{node}"
    try:
        context.cloud.get_object(_bucket(context), key_of(node), context.system.path(file))
        content = context.system.read(file) or ""
    except Missing:
        return None
    finally:
        context.system.remove(file)
    try:
        return checked_status(content, context.identity.cluster, node)
    except Failure:
        return None
