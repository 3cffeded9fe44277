"""A run: the steps in their order, a line in the journal for each, and the status at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ybfort.node.config import STATE
from ybfort.node.status import remembered, write_status
from ybfort.node.step import Context, Outcome, Report, Result, Step
from ybfort.node.system import Failure

MESSAGE_CHARACTERS = 2000


def converge(context: Context, order: Mapping[str, Step], last: Mapping[str, Step]) -> dict[str, Outcome]:
    """Take all steps up to the first that fails, and tell how it went. A new agent, once in place, does the rest.

    :param last: steps that are taken also if one before them failed
    :returns: the end of every step, and of writing the status
    """
    context.system.directory(STATE, 0o700)
    context.report = remembered(context.system) or Report()
    ended, failed = context.ended, None
    for name, step in {**order, **last}.items():
        if failed and (name in order or context.accepted is None):
            ended[name] = Outcome(Result.INCOMPLETE, f"Not reached, because {failed} failed.")
            continue
        ended[name] = _end_of(step, context)
        _log(name, ended[name])
        if context.restart:
            return ended
        if ended[name].result is Result.FAILED:
            failed = failed or name
    ended["status"] = write_status(context)
    _log("status", ended["status"])
    return ended


def _end_of(step: Step, context: Context) -> Outcome:
    """How the step ended, in one line, whatever it met: a failure, an error of the system, or what nobody expected."""
    try:
        outcome = step(context)
    except Failure as problem:
        outcome = Outcome(Result.FAILED, str(problem))
    except OSError as problem:
        outcome = Outcome(Result.FAILED, f"{problem.filename or 'the system'}: {problem.strerror or problem}.")
    except Exception as problem:  # a run tells what happened to it, even what its authors did not think of
        outcome = Outcome(
            Result.FAILED, f"A defect of the agent: {type(problem).__name__}: {problem} ({_place(problem)})."
        )
    return Outcome(outcome.result, " ".join(outcome.message.split())[:MESSAGE_CHARACTERS])


def _place(problem: Exception) -> str:
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"


def _log(name: str, outcome: Outcome) -> None:
    sys.stdout.write(f"{name}: {outcome.result.value}: {outcome.message}\n")
    sys.stdout.flush()
