"""Databases, roles, rights and passwords as they are declared; the node whose master leads does it, over its local
socket.

It is done when the declared state has changed, and now and then in between. A run that finds nothing to change issues
no statement that changes anything. What goes wrong with one role or database stops no other, and is told at the end.
"""

from __future__ import annotations

from ybfort.node.cadence import done, due
from ybfort.node.database import Database
from ybfort.node.roles.session import Session
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.placement import elsewhere

LOCK = 0x7962_666F_7274  # of the database's own locks: two nodes that both believe to lead do not do it at once


def roles(context: Context) -> Outcome:
    """Reconcile, and tell what is in the database that nobody declared."""
    view = Database(context.system, context.config).leading()
    if view.leader != context.identity.node:
        context.report.undeclared = []
        return elsewhere(view)
    if not due(context.system, "roles", context.config.pace("reconcile"), context.config.sha256):
        return _outcome(context, [])
    with Session(context.system, context.config) as session:
        (lock,) = session.rows(f"SELECT pg_try_advisory_lock({LOCK}) AS held")
        if not lock["held"]:
            return Outcome(Result.INCOMPLETE, "Another node is at it.")
        from ybfort.node.roles.reconciliation import Reconciliation  # here: most runs do not need it

        told = Reconciliation(context, session).all()
    done(context.system, "roles", context.config.sha256)
    return _outcome(context, told)


def _outcome(context: Context, told: list[str]) -> Outcome:
    everything = [*told, *context.report.undeclared]
    if context.report.undeclared:
        return Outcome(Result.INCOMPLETE, f"{'; '.join(everything)}.")
    if everything:
        return Outcome(Result.CHANGED, f"{'; '.join(everything)}.")
    return Outcome(Result.DONE, "Roles are as declared.")
