"""Passwords that change: done in this order, so that a run may be killed anywhere.

1. The database gets the verifier of a name that nobody uses.
2. The secret gets name and password: whoever asks is given the new pair from now on.
3. The name is marked as in use, which ends the time of the other one (`passwords`).

So the pair in the secret opens the database at every moment. A secret that is ahead of the marks is what a killed run
left: then only the mark is missing. A password that somebody has changed by hand becomes the secret's again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable, TypeVar

from ybfort.node.cloud import Cloud, CloudFailure
from ybfort.node.roles.found import Found
from ybfort.node.roles.passwords import Mark, Pair, mark_of, mark_statement, next_mark
from ybfort.node.roles.scram import fingerprint, opens, password, verifier
from ybfort.node.roles.session import Session, SqlFailure
from ybfort.node.roles.sql import literal, name
from ybfort.node.roles.wanted import Login
from ybfort.node.roles.ycqlsh import YcqlFailure
from ybfort.node.system import Failure
from ybfort.node.together import together

AT_ONCE = 40  # roles: so many are in the middle of it if the run is killed

T = TypeVar("T")
R = TypeVar("R")
How = Callable[[Callable[[Any], Any], Sequence[Any]], "list[Any]"]


class Lost(Failure):
    """Nobody knows the password of the name in use any more, and the other name is not free yet."""


OF_ONE_ROLE = (CloudFailure, Lost, SqlFailure, YcqlFailure)  # what stops a role, and no other one


@dataclass(frozen=True)
class Secret:
    """What applications fetch. The members are those that AWS's own tools and drivers for secrets know."""

    username: str
    password: str

    def text(self, login: Login, host: str, port: int) -> str:
        return json.dumps(
            {
                "engine": "postgres",
                "host": host,
                "port": port,
                "dbname": login.database,
                "username": self.username,
                "password": self.password,
            }
        )


@dataclass(frozen=True)
class Change:
    """A name and its password, as they are to be, and what is left to do for it."""

    pair: Pair
    secret: Secret
    verifier: str
    mark: Mark
    known: bool  # to the database
    kept: bool  # in the secret


def secret_of(text: str | None) -> Secret | None:
    """What a secret holds; None if that is nothing of ours."""
    try:
        told = json.loads(text or "")
        return Secret(str(told["username"]), str(told["password"]))
    except (ValueError, KeyError, TypeError):
        return None


class Renewal:
    """What a renewal works with.

    :param elsewhere: makes a name and its password known where else they are to work, before anybody has them
    :param problems: one that fails is told here, and does not stop the others
    """

    def __init__(
        self,
        session: Session,
        cloud: Cloud,
        found: Found,
        now: float,
        *,
        place: tuple[str, int],
        elsewhere: Callable[[Login, Secret], None],
        problems: list[str],
    ) -> None:
        self._session, self._cloud, self._found, self._now = session, cloud, found, now
        self._place, self._elsewhere, self._problems = place, elsewhere, problems

    def of(self, pairs: Sequence[Pair]) -> Iterator[str]:
        """Do what is due for each of these roles; says of which roles it was done."""
        for some in (pairs[at : at + AT_ONCE] for at in range(0, len(pairs), AT_ONCE)):
            changes = self._each(some, self._planned, together)
            for step, how in (
                (self._tell_database, one_by_one),
                (self._tell_elsewhere, one_by_one),
                (self._keep, together),
                (self._mark, one_by_one),
            ):
                changes = self._each(changes, step, how)
            yield from (one.pair.login.role for one in changes)
            if not changes:
                return  # nothing comes through: the next run may have better luck

    def _each(self, values: Sequence[T], call: Callable[[T], Change], how: How) -> list[Change]:
        """What comes of the values with which the call does not fail."""
        ended = how(lambda value: _outcome(call, value), values)
        self._problems += [str(one) for one in ended if isinstance(one, Exception)]
        return [one for one in ended if isinstance(one, Change)]

    def _planned(self, pair: Pair) -> Change:
        return change(pair, secret_of(self._cloud.read_secret(pair.login.secret)), self._found, self._now)

    def _tell_database(self, one: Change) -> Change:
        if not one.known:
            login = f"ALTER ROLE {name(one.secret.username)} LOGIN"
            self._session.ask(f"{login} PASSWORD {literal(one.verifier)} VALID UNTIL 'infinity'")
        return one

    def _tell_elsewhere(self, one: Change) -> Change:
        if not one.kept:
            self._elsewhere(one.pair.login, one.secret)
        return one

    def _keep(self, one: Change) -> Change:
        if not one.kept:
            self._cloud.write_secret(one.pair.login.secret, one.secret.text(one.pair.login, *self._place))
        return one

    def _mark(self, one: Change) -> Change:
        self._session.ask(mark_statement(one.secret.username, one.mark))
        return one


def change(pair: Pair, held: Secret | None, found: Found, now: float) -> Change:
    """What is to be done for a role whose secret holds this.

    :raises Lost: if that has to wait
    """
    if held and held.username == pair.now and pair.mark and not pair.intact:
        mended = verifier(held.password)
        mark = Mark(pair.mark.since, pair.mark.generation, fingerprint(mended))
        return Change(pair, held, mended, mark, known=False, kept=True)
    role = found.roles.get(held.username) if held and held.username in pair.login.names else None
    if held and role and role.login and mark_of(role) is None and opens(held.password, role.verifier):
        there = role.verifier or ""
        return Change(pair, held, there, next_mark(pair, there, now), known=True, kept=True)
    if pair.replaced_at is not None:
        raise Lost(
            f"The password of {pair.now} was changed by hand, and {pair.login.secret} does not hold it. "
            f"{pair.login.role} gets a new one when the time of {pair.other} has ended."
        )
    new = Secret(pair.other, password())
    made = verifier(new.password)
    return Change(pair, new, made, next_mark(pair, made, now), known=False, kept=False)


def one_by_one(call: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """The answer for each value, as `together` gives it."""
    return [call(value) for value in values]


def _outcome(call: Callable[[T], Change], value: T) -> Change | Exception:
    try:
        return call(value)
    except OF_ONE_ROLE as problem:
        return problem
