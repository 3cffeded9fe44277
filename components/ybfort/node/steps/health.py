"""Is the database well? Asked of the leading master, and of YSQL on this node."""

from __future__ import annotations

from ybfort.node.database import Database
from ybfort.node.roles.session import Session
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure


def health(context: Context) -> Outcome:
    """Tell what is wrong with the cluster, and whether clients can work on this node."""
    system, config = context.system, context.config
    problems: list[str] = []
    try:
        view = Database(system, config).view()
        problems += view.wrong(config, settle=0) if view else ["no master leads"]
    except Failure as problem:
        problems.append(str(problem))
    try:
        with Session(system, config) as session:
            session.rows("SELECT count(*) AS databases FROM pg_database")  # reads a table, as clients do
    except Failure as problem:
        problems.append(f"YSQL on this node: {problem}")
    context.report.database = {"healthy": not problems, "problems": problems}
    if problems:
        return Outcome(Result.INCOMPLETE, f"{'; '.join(problems)}.")
    return Outcome(Result.DONE, "All masters and tablet servers are there, every tablet has its copies and a leader.")
