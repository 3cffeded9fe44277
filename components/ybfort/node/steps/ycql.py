"""YCQL, if a client uses it: its default superuser closed before anybody else can reach it, keyspaces, roles and
rights.

Until that is written down YCQL listens on the node alone (`servers.wanted`). Passwords come with the roles' (`roles`);
here only those are made up for that have been there before YCQL was.
"""

from __future__ import annotations

from dataclasses import replace

from ybfort.node.cadence import done, due
from ybfort.node.database import Database
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.placement import elsewhere
from ybfort.node.universe import remember, universe


def ycql(context: Context) -> Outcome:
    """Bring YCQL to what is declared; the node whose master leads does it."""
    config = context.config
    if "ycql" not in config.cluster["endpoint"]["ports"]:
        return Outcome(Result.DONE, "Nobody uses YCQL, and it does not run.")
    view = Database(context.system, config).leading()
    if view.leader != context.identity.node:
        context.report.undeclared_ycql = []
        return elsewhere(view)
    known = universe(context)
    if known is None:
        return Outcome(Result.INCOMPLETE, "The cluster has not been written down yet.")
    if not due(context.system, "ycql", config.pace("reconcile"), config.sha256):
        return _outcome(context, 0)
    from ybfort.node.roles.ycql_reconciliation import reconcile, shell  # here: most runs do not need it

    user = shell(context)
    if user is None:
        return Outcome(Result.INCOMPLETE, "YCQL does not run here yet.")
    changed = reconcile(context, user)
    if not known.ycql_closed:
        remember(context, replace(known, ycql_closed=True))
    done(context.system, "ycql", config.sha256)
    return _outcome(context, changed)


def _outcome(context: Context, changed: int) -> Outcome:
    told = context.report.undeclared_ycql
    said = f"changes to YCQL: {changed}" if changed else "YCQL is as declared"
    result = Result.INCOMPLETE if told else Result.CHANGED if changed else Result.DONE
    return Outcome(result, f"{'; '.join([said, *told])}.")
