"""Fetch the declared state and check it. What was good last time is kept, and serves while the new one cannot."""

from __future__ import annotations

import json

from ybfort.node.config import CLUSTER, STATE, checked, ids_of, named_agent
from ybfort.node.shape import document
from ybfort.node.status import recall, remembered
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, System

FOLDER = "config/"
TAGS = f"{STATE}/config-tags.json"  # of the objects that the documents here were made of


def config(context: Context) -> Outcome:
    """Fetch `cluster.json` and the node's ids. If they are another agent's to read, that agent will check them."""
    system, files = context.system, _files(context)
    try:
        tags = _tags(context)
        same = tags == _known(system)
        texts = [(system.read(file) if same else None) or _fetched(context, key, file) for key, file in files.items()]
        context.named = named_agent(texts[0])
        if context.named.sha256 != context.agent:
            return Outcome(Result.DONE, f"cluster.json is for agent {context.named.sha256[:12]}, which will check it.")
        context.accepted = checked(texts[0], texts[1], context.identity)
        if remembered(system) is None:
            context.report = recall(context)
    except Failure as problem:
        return last_good(context, problem)
    changed = False
    for file, content in zip(files.values(), texts):
        changed |= system.write(file, content.encode(), 0o600)
    system.write(TAGS, json.dumps(tags).encode(), 0o600)
    return Outcome(
        Result.CHANGED if changed else Result.DONE, f"cluster.json {context.accepted.sha256[:12]} is what is declared."
    )


def last_good(context: Context, problem: Failure) -> Outcome:
    """Go on with the copy that was good last time: a node keeps what it has while the new state cannot be had.

    :raises Failure: the problem itself, if there is no such copy, or this agent cannot read it
    """
    try:
        texts = [context.system.read(file) or "" for file in _files(context).values()]
        context.accepted = checked(texts[0], texts[1], context.identity)
    except Failure:
        raise problem from None
    return Outcome(
        Result.INCOMPLETE, f"{problem} The node keeps to its last good cluster.json, {context.accepted.sha256[:12]}."
    )


def _files(context: Context) -> dict[str, str]:
    """The two documents: their keys in the bucket, and where they are kept here."""
    return {CLUSTER: f"{STATE}/cluster.json", ids_of(context.identity.node): f"{STATE}/ids.json"}


def _tags(context: Context) -> dict[str, str]:
    """What tells the versions in the bucket apart. One question, since it is asked in every run.

    :raises Failure: if a document is not there
    """
    bucket = context.identity.bucket
    listed = context.cloud.list_objects(bucket, FOLDER)
    for key in _files(context):
        if key not in listed:
            raise Failure(f"{key} is not in {bucket}.")
    return {key: listed[key].tag for key in _files(context)}


def _known(system: System) -> dict[str, str] | None:
    text = system.read(TAGS)
    return document(text, TAGS) if text else None


def _fetched(context: Context, key: str, kept: str) -> str:
    file = f"{STATE}/fetched-{kept.rpartition('/')[2]}"
    context.cloud.get_object(context.identity.bucket, key, context.system.path(file))
    try:
        return context.system.read(file) or ""
    except UnicodeDecodeError:
        raise Failure(f"{key} is not UTF-8 text.") from None
