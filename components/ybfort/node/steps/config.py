"""Fetch the declared state and check it. What was good last time is kept, and serves while the new one cannot."""

from __future__ import annotations

from ybfort.node.config import STATE, checked, ids_of, named_agent
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure


def config(context: Context) -> Outcome:
    """Fetch `cluster.json` and the node's ids. If they are another agent's to read, that agent will check them."""
    try:
        texts = [_fetched(context, key, file) for key, file in _documents(context)]
        context.named = named_agent(texts[0])
        if context.named.sha256 != context.agent:
            return Outcome(Result.DONE, f"cluster.json is for agent {context.named.sha256[:12]}, which will check it.")
        context.accepted = checked(texts[0], texts[1], context.identity)
    except Failure as problem:
        return last_good(context, problem)
    changed = False
    for (_, file), content in zip(_documents(context), texts):
        changed |= context.system.write(f"{STATE}/{file}", content.encode(), 0o600)
    return Outcome(
        Result.CHANGED if changed else Result.DONE, f"cluster.json {context.accepted.sha256[:12]} is what is declared."
    )


def last_good(context: Context, problem: Failure) -> Outcome:
    """Go on with the copy that was good last time: a node keeps what it has while the new state cannot be had.

    :raises Failure: the problem itself, if there is no such copy, or this agent cannot read it
    """
    texts = [context.system.read(f"{STATE}/{file}") for _, file in _documents(context)]
    if texts[0] is None or texts[1] is None:
        raise problem
    try:
        context.accepted = checked(texts[0], texts[1], context.identity)
    except Failure:
        raise problem from None
    return Outcome(
        Result.INCOMPLETE, f"{problem} The node keeps to its last good cluster.json, {context.accepted.sha256[:12]}."
    )


def _documents(context: Context) -> tuple[tuple[str, str], ...]:
    """The two documents: their keys in the bucket, and their names here."""
    return ("cluster.json", "cluster.json"), (ids_of(context.identity.node), "ids.json")


def _fetched(context: Context, key: str, name: str) -> str:
    file = f"{STATE}/fetched-{name}"
    context.cloud.get_object(context.identity.bucket, key, context.system.path(file))
    try:
        return context.system.read(file) or ""
    except UnicodeDecodeError:
        raise Failure(f"{key} is not UTF-8 text.") from None
