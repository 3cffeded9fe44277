"""Tell the cloud how the node is: metrics, which alarms listen to, and the lines of the journal."""

from __future__ import annotations

from ybfort.node.cadence import done, due
from ybfort.node.config import DATA, IDENTITY
from ybfort.node.logs import ship
from ybfort.node.status import seconds_of
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure


def report(context: Context) -> Outcome:
    """Publish metrics and ship logs, now and then. Nothing else waits for it, and it waits for nothing."""
    system, now = context.system, context.system.now()
    if not due(system, "report", context.config.pace("report")):
        return Outcome(Result.DONE, "Not due yet.")
    try:
        dimensions = {"Cluster": context.identity.cluster, "Node": context.identity.node}
        context.cloud.put_metrics(context.config.cluster["metrics"], dimensions, _metrics(context, now))
        lines = ship(context)
    except Failure as problem:
        return Outcome(Result.INCOMPLETE, f"Metrics and logs were not sent: {problem}")
    done(system, "report")
    return Outcome(Result.DONE, f"Metrics and {lines} lines were sent.")


def _metrics(context: Context, now: float) -> dict[str, float]:
    """What alarms are set on (aws/alarms.py), by the names that they know."""
    system, told = context.system, context.report
    # Before it was ever as declared: since the agent was installed.
    since = seconds_of(told.converged_at) if told.converged_at else system.path(IDENTITY).stat().st_mtime
    values = {"ConvergeAgeSeconds": max(0.0, now - since)}
    if told.certificate:
        values["CertificateDaysLeft"] = told.certificate["days_left"]
    if told.database:
        values["DatabaseHealthy"] = float(told.database["healthy"])
    if system.path(DATA).is_dir():
        values["DiskUsedPercent"] = system.used_percent(DATA)
    return values
