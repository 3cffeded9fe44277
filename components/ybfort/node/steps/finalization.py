"""Take up the formats of a new release, when somebody has written that it proved itself. There is no way back behind
it.

YugabyteDB documentation, manage/upgrade-deployment: promote the flags, let them reach every server, upgrade YSQL's
catalog.
"""

from __future__ import annotations

from dataclasses import replace

from ybfort.node.database import Database
from ybfort.node.status import others
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.placement import elsewhere
from ybfort.node.universe import remember, universe

SPREAD_SECONDS = 15.0  # a promoted flag reaches every server within 10
CATALOG_SECONDS = 600.0


def finalization(context: Context) -> Outcome:
    """Make the running release final if that is declared; the node whose master leads does it, when all nodes run
    it."""
    release, known = context.config.cluster["release"], universe(context)
    version, final = release["version"], release["finalized"]
    database = Database(context.system, context.config)
    view = database.leading()
    if view.leader != context.identity.node:
        return elsewhere(view)
    if known is None:
        return Outcome(Result.INCOMPLETE, "The cluster has not been written down yet.")
    if version == known.finalized:
        return Outcome(Result.DONE, f"{version} is final.")
    if final != version:
        return Outcome(Result.DONE, f"{version} runs, and {known.finalized} can still be gone back to.")
    told = others(context)
    behind = [
        node["name"]
        for node in context.config.nodes
        if node["name"] not in told
        or any(server["release"] != version for server in told[node["name"]].status["servers"].values())
    ]
    if behind:
        return Outcome(Result.INCOMPLETE, f"{version} becomes final when it runs on {', '.join(behind)}, too.")
    database.admin("promote_auto_flags", seconds=CATALOG_SECONDS)
    context.system.sleep(SPREAD_SECONDS)
    database.admin("upgrade_ysql", seconds=CATALOG_SECONDS)
    remember(context, replace(known, finalized=version))
    return Outcome(Result.CHANGED, f"{version} is final now.")
