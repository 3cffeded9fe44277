"""Have yb-master and yb-tserver run with the declared flags and release: started at once, changed one node at a time.

Starting a server that is down never waits for anybody. Stopping one does: for the nodes before it, for everybody's hand
to be down (`turn.py`), and for a cluster that is whole without it. Before it is stopped its tablets' leaders move away,
and the next node begins when it is healthy again. If it does not get healthy, nobody begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Callable

from ybfort.node import creation
from ybfort.node.config import MASTER, TSERVER, servers_of
from ybfort.node.database import Database
from ybfort.node.roles.session import Session
from ybfort.node.servers import CREATING, MEMBER, Server, data_of, release_of, wanted
from ybfort.node.status import others, tell, utc
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure
from ybfort.node.systemd import Unit, do, show
from ybfort.node.turn import ORDER, Told, Want, hands_up, why_not_yet
from ybfort.node.universe import Universe, create, universe

LOOK_AGAIN = 2.0  # seconds
OTHERS_SECONDS = 60.0  # for other nodes to say what this one waits for, before the run ends
CROSSED = (
    "{server} does not start with {version} before {behind} has it. If that waits for this node, go back to the "
    "release before, and on again when all nodes are well."
)
CREATE = "MORE=--master_join_existing_universe=false\n"  # after the flag file, so it holds


class Later(Exception):
    """Something cannot be done in this run; the text says what it waits for."""


def servers(context: Context) -> Outcome:
    """Bring the servers to their declared state, as far as it is this node's turn."""
    known = universe(context)
    declared = {name: _declared(context, name, known) for name in context.config.servers}
    units = _look(context, declared)
    _refuse_lost_ways(context, known)
    _refuse_lost_data(context, known)
    done: list[str] = []
    try:
        for name, server in declared.items():
            done += _start(context, server, units[name], known)
        known = known or _created(context)
        if known:
            context.system.remove(CREATING)
        done += _join(context, known)
        units = _look(context, declared) if done else units
        for name in _order(context):
            if name in declared:
                done += _change(context, declared[name], units[name])
        _put_hand_down(context)
    except Later as wait:
        return Outcome(Result.INCOMPLETE, " ".join([*(f"{one}." for one in done), str(wait)]))
    finally:
        if done:
            _look(context, declared)
    if done:
        return Outcome(Result.CHANGED, f"{'; '.join(done)}.")
    return Outcome(Result.DONE, f"{' and '.join(declared)} run as declared.")


def _declared(context: Context, name: str, known: Universe | None) -> Server:
    certificate = context.report.certificate or {"trusts": [""]}
    ycql_open = known is not None and known.ycql_closed
    return wanted(context.config, name, ycql_open=ycql_open, first_trusted=certificate["trusts"][0])


def _look(context: Context, declared: Mapping[str, Server]) -> dict[str, Unit]:
    """How the servers are; the status tells it, too."""
    system, units = context.system, show(context.system, *declared)
    for name, server in declared.items():
        unit = units[name]
        context.report.servers[name] = {
            "running": unit.active,
            "current": server.runs(unit),
            "release": _running_release(unit) or release_of(system, name),
            "data": data_of(system, context.config, name),
        }
    return units


def _running_release(unit: Unit) -> str | None:
    return unit.command[0].split("/")[-3] if unit.command and unit.command[0].count("/") >= 3 else None


# ----------------------------------------------------------------------------------------------------------- which way


def _refuse_lost_ways(context: Context, known: Universe | None) -> None:
    """A release may be followed by a newer one when it is final, and by the one before it until then."""
    if known is None:
        return
    version = context.config.cluster["release"]["version"]
    if _number(version) < _number(known.finalized):
        raise Failure(f"{known.finalized} is final: there is no way back to {version}. Restore a backup in its place.")
    here = {release_of(context.system, name) for name in context.config.servers} - {None, version, known.finalized}
    if here and version != known.finalized:
        raise Failure(
            f"{', '.join(map(str, here))} runs here and is not final. Write it as `release.finalized`, or go back to "
            f"{known.finalized}, before {version} can follow."
        )


def _refuse_lost_data(context: Context, known: Universe | None) -> None:
    """A cluster that was made once and has lost everything is not made again by itself."""
    if known and MASTER in context.config.servers:
        decision = _decision(context, known)
        if isinstance(decision, creation.Stop):
            raise Failure(decision.why)


def _order(context: Context) -> Sequence[str]:
    """Masters first; on the way back, tablet servers first (YugabyteDB: rolling upgrades)."""
    version = _number(context.config.cluster["release"]["version"])
    releases = [server["release"] for server in context.report.servers.values()]
    back = any(release and _number(release) > version for release in releases)
    return tuple(reversed(ORDER)) if back else ORDER


def _number(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


# ------------------------------------------------------------------------------------------------------------- starting


def _start(context: Context, server: Server, unit: Unit, known: Universe | None) -> Iterator[str]:
    """Start a server that is down; before there is a cluster, also one that runs with other files."""
    system, database = context.system, Database(context.system, context.config)
    if server.runs(unit) or (unit.active and (known or database.leader())):
        return
    was = release_of(system, server.name)
    left_behind = list(_left_behind(context, server)) if known and was != server.release and database.leader() else []
    if left_behind and was is None:
        raise Later(CROSSED.format(server=server.name, behind=", ".join(left_behind), version=server.release))
    if server.name == MASTER:
        creates = _may_create(context, known)
        system.directory("/run/ybfort", 0o755)
        system.write(CREATING, CREATE.encode()) if creates else system.remove(CREATING)
    if not left_behind:  # else it starts as it was, and changes when it is its turn
        server.install(system)
    system.run("systemctl", "reset-failed", f"{server.name}.service")  # it may have failed too often to be tried again
    do(system, "enable", server.name)
    do(system, "restart", server.name)
    yield f"{server.name} was started"
    if server.name == MASTER:
        _wait(context, "a master leads", lambda: database.leader() is not None)
    else:
        _wait(context, f"{server.name} is ready", lambda: _ready(context))


def _may_create(context: Context, known: Universe | None) -> bool:
    """Whether the master that is about to start makes a new cluster, together with the others.

    :raises Later: if that depends on others, who have not said enough yet
    """
    begun = context.system.now()
    while True:
        decision = _decision(context, known)
        if not isinstance(decision, creation.Wait):
            return isinstance(decision, creation.Create)
        if context.system.now() - begun >= OTHERS_SECONDS:
            raise Later(decision.why)
        context.system.sleep(LOOK_AGAIN)


def _decision(context: Context, known: Universe | None) -> creation.Decision:
    """What the master of this node is to do, as far as can be told."""
    config, mine = context.config, data_of(context.system, context.config, MASTER)
    return creation.decide(
        mine,
        exists=known is not None,
        lives=Database(context.system, config).leader() is not None,
        masters=[node["name"] for node in config.masters if node["name"] != context.identity.node],
        told={} if mine == MEMBER else others(context),
        config=config.sha256,
        stale=config.pace("stale"),
    )


def _left_behind(context: Context, server: Server) -> Iterator[str]:
    """Servers that have to take up the declared release before this one may: no tablet server is newer than a master
    (YugabyteDB: rolling upgrades)."""
    other, version = TSERVER if server.name == MASTER else MASTER, _number(server.release)
    for node, told in sorted(others(context).items()):
        runs = _number(told.status["servers"].get(other, {}).get("release") or server.release)
        if (runs > version) if other == TSERVER else (runs < version):
            yield f"{other} of {node}"


def _created(context: Context) -> Universe | None:
    """Remember that there is a cluster now; the leader's node does."""
    view = Database(context.system, context.config).view()
    return create(context, view.uuid) if view and view.leader == context.identity.node else None


def _join(context: Context, known: Universe | None) -> Iterator[str]:
    """Have a blank master taken into the cluster, in the place of the one that had its address before."""
    system, config, database = context.system, context.config, Database(context.system, context.config)
    if known is None or MASTER not in config.servers or data_of(system, config, MASTER) == MEMBER:
        return
    mine = context.identity.node

    def without_me(_: Mapping[str, Told]) -> Iterator[str]:
        view = database.view()
        missing = {node["name"] for node in config.masters} - {mine, *(view.masters if view else ())}
        return (f"the master of {name} is not there" for name in sorted(missing))

    _raise_hand(context, _want(context, MASTER), without_me)
    place = database.rpc(config.node, MASTER).split(":")
    removal = ""
    try:
        database.admin("change_master_config", "REMOVE_SERVER", *place)
    except Failure as problem:  # an earlier run may have done it; if it was not, the next command fails, too
        removal = f" ({problem})"
    try:
        database.admin("change_master_config", "ADD_SERVER", *place)
    except Failure as problem:
        raise Failure(f"{problem}{removal}") from None
    _wait(context, f"{MASTER} is a member", lambda: _member(database, mine))
    _put_hand_down(context)
    yield f"{MASTER} was taken into the cluster"


# ------------------------------------------------------------------------------------------------------------- changing


def _change(context: Context, server: Server, unit: Unit) -> Iterator[str]:
    """Change a running server when it is this node's turn; or come to the end of a change that was interrupted."""
    system, hand = context.system, context.report.turn
    acting = bool(hand and hand["acting"] and hand["server"] == server.name)
    if not server.runs(unit):
        if not acting:
            _raise_hand(context, _want(context, server.name), lambda told: _not_whole(context, told))
        _drain(context, server.name)
        server.install(system)
        do(system, "restart", server.name)
        yield f"{server.name} was changed"
    elif not acting:
        return
    _wait(context, f"{server.name} is healthy", lambda: _healthy(context, server.name))
    if server.name == TSERVER:
        _leaders(context, "REMOVE")
    _put_hand_down(context)


def _want(context: Context, server: str) -> Want:
    nodes = {node["name"]: servers_of(node) for node in context.config.nodes}
    return Want(context.identity.node, server, context.config.sha256, nodes, _order(context))


def _not_whole(context: Context, told: Mapping[str, Told]) -> Iterator[str]:
    """What speaks against stopping a server of this node, as the database sees it."""
    view = Database(context.system, context.config).view()
    if view is None:
        yield "no master leads"
        return
    # A node that has not joined yet may be waiting for this one, and nothing hangs on it.
    joined = {name for name, one in told.items() if one.status["servers"].get(TSERVER, {}).get("data") == MEMBER}
    others = {node["name"] for node in context.config.nodes} - joined - view.tservers.keys()
    yield from view.wrong(context.config, settle=context.config.pace("settle"), but={context.identity.node, *others})
    yield from (f"{name} runs and has not reported" for name in sorted(view.tservers) if name not in told)


def _raise_hand(context: Context, want: Want, reasons: Callable[[Mapping[str, Told]], Iterator[str]]) -> None:
    """Come to be the one node that acts.

    :raises Later: if it is not this node's turn yet
    """
    begun, stale = context.system.now(), context.config.pace("stale")
    while True:
        told = others(context)
        against = [*why_not_yet(want, told, stale), *reasons(told)]
        before, after = hands_up(want, told)
        if against or before:
            _put_hand_down(context)
            raise Later(f"{want.server} waits: {'; '.join(against) or f'{before[0]} goes first'}.")
        if context.report.turn is None:  # everybody has to be looked at again once it is up
            context.report.turn = {"server": want.server, "acting": False, "since": utc(context.system.now())}
        elif not after:
            break
        elif context.system.now() - begun >= OTHERS_SECONDS:
            raise Later(f"{want.server} waits for {', '.join(after)} to let go.")
        else:
            context.system.sleep(LOOK_AGAIN)
    context.report.turn = {**context.report.turn, "server": want.server, "acting": True}
    tell(context)


def _put_hand_down(context: Context) -> None:
    if context.report.turn is not None:
        context.report.turn = None
        tell(context)


def _drain(context: Context, server: str) -> None:
    """Let nothing hang on this node while its server is away.

    :raises Later: if that does not come about; nothing was stopped then
    """
    database, mine = Database(context.system, context.config), context.identity.node
    view = database.view()
    if view is None or len(view.tservers) < 2:  # there is nobody to take over
        return
    try:
        if server == TSERVER:
            _leaders(context, "ADD")
        elif view.leader == mine:
            database.admin("master_leader_stepdown")
        _wait(context, "its leaders have moved", lambda: _leads_nothing(database, mine, server), limit="drain")
    except Failure as problem:
        if server == TSERVER:
            _leaders(context, "REMOVE")
        _put_hand_down(context)
        raise Later(f"{server} was not stopped: {problem}") from None


def _leaders(context: Context, verb: str) -> None:
    """Take this node off the list of those that lead no tablet (REMOVE), or put it there (ADD)."""
    database = Database(context.system, context.config)
    database.admin("change_leader_blacklist", verb, database.rpc(context.config.node, TSERVER))


# -------------------------------------------------------------------------------------------------------------- waiting


def _wait(context: Context, what: str, holds: Callable[[], bool], limit: str = "healthy") -> None:
    """Wait until something holds.

    :raises Failure: if it takes too long
    """
    system, begun, why = context.system, context.system.now(), ""
    while True:
        try:
            if holds():
                return
        except Failure as problem:  # who is starting does not answer yet
            why = f": {problem}"
        if system.now() - begun >= context.config.pace(limit):
            raise Failure(f"After {context.config.pace(limit)} seconds it is still not so that {what}{why}")
        system.sleep(LOOK_AGAIN)


def _leads_nothing(database: Database, node: str, server: str) -> bool:
    view = database.view()
    if view is None:
        return False
    return view.leader != node if server == MASTER else view.tservers[node].leaders == 0


def _ready(context: Context) -> bool:
    """Fails if it is not."""
    Database(context.system, context.config).tell(TSERVER, "is_server_ready")
    Session(context.system, context.config).close()  # its YSQL starts later than the server
    return True


def _member(database: Database, node: str) -> bool:
    view = database.view()
    return view is not None and node in view.masters


def _healthy(context: Context, server: str) -> bool:
    """Whether a changed server is back, and the cluster whole enough for the next node to change."""
    database, mine = Database(context.system, context.config), context.identity.node
    if server == MASTER:
        return _member(database, mine)
    view = database.view()
    if view is None or not _ready(context):
        return False
    back = mine in view.tservers and view.tservers[mine].alive
    return back and not view.under_replicated and not view.leaderless
