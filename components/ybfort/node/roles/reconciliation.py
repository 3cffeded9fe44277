"""Roles, databases and passwords brought to what is declared, all in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from ybfort.node.roles import passwords
from ybfort.node.roles.contents import content_statements
from ybfort.node.roles.found import found, inside
from ybfort.node.roles.passwords import DAY, HOUR, Times, pairs
from ybfort.node.roles.renewal import Renewal, Secret
from ybfort.node.roles.session import Session
from ybfort.node.roles.statements import (
    database_statements,
    locked,
    profile_statements,
    role_statements,
    setting_statements,
)
from ybfort.node.roles.undeclared import shortened, undeclared, undeclared_inside
from ybfort.node.roles.wanted import Login, WantedDatabase, wanted
from ybfort.node.roles.ycql import closing_statement, login_statements
from ybfort.node.roles.ycql_reconciliation import shell
from ybfort.node.roles.ycqlsh import YcqlFailure, Ycqlsh
from ybfort.node.step import Context
from ybfort.node.system import Failure

MOST_PROBLEMS = 5  # that a message repeats


class Reconciliation:
    """One run over everything."""

    def __init__(self, context: Context, session: Session) -> None:
        self._context, self._session, self._cluster = context, session, context.config.cluster
        self._target, self._now = wanted(context.config), found(session)
        self._problems: list[str] = []
        told = self._cluster["passwords"]
        self._times = Times(
            context.system.now(), rotation=told["rotation_days"] * DAY, overlap=told["overlap_hours"] * HOUR
        )

    def all(self) -> list[str]:
        """Everything in its order; what was done, in a few words.

        :raises Failure: with what did not work; the rest was done
        """
        opened = locked(self._target, self._now)
        issued = self._cluster_wide()
        reported: list[str] = []
        for database in self._target.databases.values():
            count, undeclared_there = self._inside(database)
            issued += count
            reported += undeclared_there
        if issued:
            self._now = found(self._session)
        renewed, closed = self._passwords()
        self._context.report.undeclared = shortened([*undeclared(self._target, self._now), *reported])
        if self._problems:
            more = len(self._problems) - MOST_PROBLEMS
            told = [*self._problems[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
            raise Failure("; ".join(told))
        counts = {"changes to roles and databases": issued, "passwords renewed": renewed, "old names closed": closed}
        return [
            *(f"{what}: {count}" for what, count in counts.items() if count),
            *(f"{login} was locked by wrong passwords, and is open again" for login in opened),
            *self._waiting(),
        ]

    def _cluster_wide(self) -> int:
        issued = 0
        for statements in (
            role_statements,
            database_statements,
            profile_statements,
            setting_statements,
            passwords.leaving_statements,
        ):
            issued += self._session.do(statements(self._target, self._now), self._problems)
        return issued

    def _inside(self, database: WantedDatabase) -> tuple[int, list[str]]:
        """Reconcile a database; how many statements that took, and what is in there that nobody declared."""
        try:
            with Session(self._context.system, self._context.config, database.name) as session:
                there = inside(session)
                count = session.do(content_statements(database, there), self._problems)
                return count, list(undeclared_inside(database, there))
        except Failure as problem:  # it lets nobody in, or was not made
            self._problems.append(str(problem))
            return 0, []

    # ------------------------------------------------------------------------------------------------------- passwords

    def _passwords(self) -> tuple[int, int]:
        """Close the names that were replaced long enough ago, and renew what is due; how many of each."""
        closed = self._close()
        endpoint = self._cluster["endpoint"]
        renewal = Renewal(
            self._session,
            self._context.cloud,
            self._now,
            self._times.now,
            place=(endpoint["host"], endpoint["ports"]["ysql"]),
            elsewhere=self._login_in_ycql,
            problems=self._problems,
        )
        wants = [pair for pair in pairs(self._target, self._now) if passwords.due(pair, self._times)]
        renewed = list(renewal.of(wants))
        if renewed:
            self._now = found(self._session)
            closed += self._close()
        return len(renewed), closed

    def _close(self) -> int:
        """Close what has had its time, and set the end of what has not; how many were closed."""
        issued = closed = 0
        for pair in pairs(self._target, self._now):
            if passwords.ended(pair, self._times):
                try:
                    self._in_ycql(pair.login, [closing_statement(pair.other)])
                except YcqlFailure as problem:  # the mark stays, so it is tried again
                    self._problems.append(str(problem))
                    continue
                closed += 1
            statements = passwords.closing_statements(pair, self._now, self._times)
            issued += self._session.do(statements, self._problems)
        if issued:
            self._now = found(self._session)
        return closed

    def _waiting(self) -> Iterator[str]:
        for pair in pairs(self._target, self._now):
            if passwords.waits(pair):
                yield f"{pair.login.role} gets the password that was asked for when the time of {pair.other} has ended"

    def _login_in_ycql(self, login: Login, secret: Secret) -> None:
        self._in_ycql(login, login_statements(login, secret.username, secret.password))

    def _in_ycql(self, login: Login, statements: Iterable[str]) -> None:
        if login.keyspaces and self._cluster["ycql_secret"]:
            if isinstance(self._ycql, YcqlFailure):
                raise self._ycql
            self._ycql.do(statements)

    @cached_property
    def _ycql(self) -> Ycqlsh | YcqlFailure:
        """Asked for only if somebody uses it, and no more than once: it takes a second."""
        try:
            return shell(self._context) or YcqlFailure("YCQL does not run on this node.")
        except YcqlFailure as problem:
            return problem
