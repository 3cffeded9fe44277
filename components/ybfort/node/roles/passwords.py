"""Passwords that change without refusing anybody who still has the old one: what is to be done, and when.

A role has two login names, which take turns. A new password belongs to the name that is not in use, so while clients
fetch the new pair the old one goes on working, for a time that the database itself ends (VALID UNTIL). PostgreSQL has
one password a role; two for one name, which would be simpler for clients, it cannot have. Sessions that are open stay
open: PostgreSQL asks for a password once.

What is known of a name stands in its comment, which no role of ours can write (`Mark`): it is in use, since when, and
with which password. Of two names in use the one that came last counts, the other one was replaced by it. A name that
logs in and has no mark was begun with, and not finished (`renewal`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ybfort.node.roles.found import Found, FoundRole
from ybfort.node.roles.scram import fingerprint
from ybfort.node.roles.sql import literal, name
from ybfort.node.roles.wanted import Login, Wanted, is_login_name
from ybfort.node.status import seconds_of, utc

BEGIN = "ybfort: in use since "
MARK = re.compile(
    rf"{BEGIN}(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ), password generation (\d{{1,7}}), verifier ([0-9a-f]{{16}})"
)
HOUR, DAY = 3_600, 86_400


@dataclass(frozen=True)
class Times:
    """How long a password is the current one, and how long it still works after that; and what time it is."""

    now: float
    rotation: float
    overlap: float


@dataclass(frozen=True)
class Mark:
    """The comment of a login name that is in use."""

    since: float
    generation: int
    verifier: str  # its fingerprint: a password that somebody has changed is not the one of the secret any more

    @property
    def text(self) -> str:
        return f"{BEGIN}{utc(self.since)}, password generation {self.generation}, verifier {self.verifier}"


@dataclass(frozen=True)
class Pair:
    """The two names of a role, as the database has them."""

    login: Login
    now: str | None  # the name in use
    mark: Mark | None  # its
    intact: bool  # the name in use works, and with the password that it was given
    other: str  # the name that is not in use
    begun: bool  # the other name has a password already, that nobody may have been told
    replaced_at: float | None  # when the other name stopped being in use; None if it is free


def mark_of(role: FoundRole | None) -> Mark | None:
    """The mark of a name; None if it has none that makes sense."""
    told = MARK.fullmatch(role.comment or "") if role else None
    try:
        return Mark(seconds_of(told[1]), int(told[2]), told[3]) if told else None
    except ValueError:
        return None


def pairs(wanted: Wanted, found: Found) -> list[Pair]:
    """The names of every role that logs in."""
    return [_pair(login, found) for login in wanted.logins]


def _pair(login: Login, found: Found) -> Pair:
    marks = {one: mark for one in login.names if (mark := mark_of(found.roles.get(one)))}
    begun = [one for one in login.names if one not in marks and one in found.roles and found.roles[one].login]
    if not marks:
        return Pair(login, None, None, False, (begun or login.names)[0], bool(begun), None)
    now = max(marks, key=lambda one: (marks[one].since, marks[one].generation))
    (other,) = (one for one in login.names if one != now)
    replaced_at = marks[now].since if other in marks else None
    return Pair(login, now, marks[now], _intact(found.roles[now], marks[now]), other, bool(begun), replaced_at)


def _intact(role: FoundRole, mark: Mark) -> bool:
    return role.login and role.valid_until is None and fingerprint(role.verifier) == mark.verifier


def due(pair: Pair, times: Times) -> bool:
    """Whether something is to be done for the password of a role: a new one, what was begun, or what was spoilt."""
    if pair.mark is None or not pair.intact or pair.begun:
        return True
    return pair.replaced_at is None and _wants_another(pair, pair.mark, times)


def waits(pair: Pair) -> bool:
    """Whether a new password was asked for, and the name that it would have is not free yet."""
    return pair.mark is not None and pair.replaced_at is not None and pair.login.generation > pair.mark.generation


def _wants_another(pair: Pair, mark: Mark, times: Times) -> bool:
    return pair.login.generation > mark.generation or times.now >= mark.since + times.rotation


def ended(pair: Pair, times: Times) -> bool:
    """Whether the name that was replaced has had its time. Without any it has, even if the clock was set back since."""
    return pair.replaced_at is not None and (not times.overlap or times.now >= pair.replaced_at + times.overlap)


def closing_statements(pair: Pair, found: Found, times: Times) -> Iterator[str]:
    """The end of a name that was replaced: set as soon as it is known, and carried out when it has come."""
    if pair.replaced_at is None:
        return
    end, other = pair.replaced_at + times.overlap, found.roles[pair.other]
    if ended(pair, times):
        yield from _closed(other)
    elif other.valid_until != end:
        yield f"ALTER ROLE {name(pair.other)} VALID UNTIL {literal(utc(end))}"


def leaving_statements(wanted: Wanted, found: Found) -> Iterator[str]:
    """Who is no longer declared does not log in any more. What belongs to him stays."""
    for role, now in sorted(found.roles.items()):
        begun = now.login and is_login_name(role, found.groups.get(role, {}))
        if role not in wanted.roles and (begun or mark_of(now)):
            yield from _closed(now)


def _closed(role: FoundRole) -> Iterator[str]:
    """The mark goes last: a name that is marked is looked after."""
    if role.login or role.verifier is not None:
        yield f"ALTER ROLE {name(role.name)} NOLOGIN PASSWORD NULL VALID UNTIL 'infinity'"
    yield f"COMMENT ON ROLE {name(role.name)} IS NULL"


def next_mark(pair: Pair, verifier: str, now: float) -> Mark:
    """The mark of the name that comes into use: always later than the one before it, whatever the clock says."""
    since = now if pair.mark is None else max(now, pair.mark.since + 1)
    return Mark(since, pair.login.generation, fingerprint(verifier))


def mark_statement(role: str, mark: Mark) -> str:
    """Write a mark down."""
    return f"COMMENT ON ROLE {name(role)} IS {literal(mark.text)}"
