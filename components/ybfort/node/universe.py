"""What is remembered of the cluster as a whole, in the bucket as `status/universe.json`: that it exists, and what of it
cannot be undone. It is written by the node whose master leads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ybfort.node.cadence import done, due
from ybfort.node.cloud import Missing
from ybfort.node.config import STATE
from ybfort.node.shape import document, exactly, fields, must_be, switch, text
from ybfort.node.step import Context
from ybfort.node.system import Failure

KEY = "status/universe.json"
FILE = f"{STATE}/universe.json"
PASSING = f"{STATE}/passing-universe.json"  # on its way from the bucket, or to it
SHAPE = fields(format=exactly(1), uuid=text(r"[0-9a-f-]{32,36}"), finalized=text(r"[0-9b.-]{5,40}"), ycql_closed=switch)


@dataclass(frozen=True)
class Universe:
    """A cluster that exists."""

    uuid: str  # YugabyteDB's own name for it
    finalized: str  # the release that there is no way back behind
    ycql_closed: bool  # YCQL's default superuser is gone


def universe(context: Context) -> Universe | None:
    """What is known of the cluster; None if it was never made. Looked up anew now and then.

    :raises Failure: if it is not known, and cannot be looked up
    """
    kept = context.system.read(FILE)
    if kept is not None and not due(context.system, "universe", context.config.pace("report")):
        return _read(kept)
    try:
        context.cloud.get_object(_bucket(context), KEY, context.system.path(PASSING))
    except Missing:
        if kept is not None:
            raise Failure(f"{KEY} is gone from the bucket. Restore its last version: nodes act by it.") from None
        return None
    return _keep(context, context.system.read(PASSING) or "")


def create(context: Context, uuid: str) -> Universe:
    """Write down that the cluster exists, if nobody has.

    :raises Failure: if it cannot be written, or another cluster is written down already
    """
    new = Universe(uuid, finalized=context.config.cluster["release"]["version"], ycql_closed=False)
    context.system.write(PASSING, _text(new), 0o600)
    if context.cloud.create_object(_bucket(context), KEY, context.system.path(PASSING)):
        return _keep(context, _text(new).decode())
    known = universe(context)
    if known is None or known.uuid != uuid:
        raise Failure(f"The cluster that runs here is {uuid}, and {KEY} says {known.uuid if known else 'nothing'}.")
    return known


def remember(context: Context, changed: Universe) -> None:
    """Write down what the cluster has come to; only the node whose master leads does this.

    :raises Failure: if it cannot be written
    """
    context.system.write(PASSING, _text(changed), 0o600)
    context.cloud.put_object(_bucket(context), KEY, context.system.path(PASSING))
    _keep(context, _text(changed).decode())


def _keep(context: Context, text: str) -> Universe:
    read = _read(text)
    context.system.write(FILE, text.encode(), 0o600)
    done(context.system, "universe")
    return read


def _read(text: str) -> Universe:
    told = document(text, KEY)
    must_be(SHAPE, told, KEY)
    return Universe(told["uuid"], told["finalized"], told["ycql_closed"])


def _text(told: Universe) -> bytes:
    return (json.dumps({"format": 1, **asdict(told)}, indent=2, sort_keys=True) + "\n").encode()


def _bucket(context: Context) -> str:
    return context.config.cluster["buckets"]["status"]
