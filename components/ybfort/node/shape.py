"""Checks of JSON documents that tell everything that is wrong with one, each problem with its place and value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable, cast

from ybfort.node.system import Failure

Check = Callable[[Any, str], Iterator[str]]  # a value and its place -> problems

SHOWN = 60  # characters of a wrong value that a message repeats


def document(text: str, name: str) -> dict[str, Any]:
    """A JSON object.

    :raises Failure: if it is anything else
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Failure(f"{name} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Failure(f"{name} is not a JSON object.")
    return cast("dict[str, Any]", value)


def must_be(check: Check, value: Any, name: str) -> None:
    """Refuse a document with all its problems.

    :raises Failure: if there are any
    """
    problems = list(check(value, ""))
    if problems:
        raise Failure(f"{name}: {' '.join(problems)}")


def text(pattern: str) -> Check:
    """A text that matches as a whole."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            yield f"{place} is {_shown(value)} and not a text like {pattern}."

    return check


def hidden(pattern: str, like: str) -> Check:
    """A text that matches as a whole, and that no message repeats."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            yield f"{place} is not {like}."

    return check


def exactly(wanted: Any) -> Check:
    """This value and no other."""

    def check(value: Any, place: str) -> Iterator[str]:
        if type(value) is not type(wanted) or value != wanted:
            yield f"{place} is {_shown(value)} and not {_shown(wanted)}."

    return check


def whole(least: int, most: int) -> Check:
    """A whole number within bounds."""

    def check(value: Any, place: str) -> Iterator[str]:
        if type(value) is not int or not least <= value <= most:
            yield f"{place} is {_shown(value)} and not a whole number from {least} to {most}."

    return check


def number(value: Any, place: str) -> Iterator[str]:
    """Any number."""
    if type(value) not in (int, float) or not math.isfinite(value):
        yield f"{place} is {_shown(value)} and not a number."


def switch(value: Any, place: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield f"{place} is {_shown(value)} and not true or false."


def optional(check_value: Check) -> Check:
    """Null, or a value that passes."""

    def check(value: Any, place: str) -> Iterator[str]:
        if value is not None:
            yield from check_value(value, place)

    return check


def fields(**checks: Check) -> Check:
    """An object with exactly these members."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place or 'it'} is {_shown(value)} and not an object."
            return
        members = cast("dict[str, Any]", value)
        for name, check_member in checks.items():
            if name in members:
                yield from check_member(members[name], _inside(place, name))
            else:
                yield f"{_inside(place, name)} is missing."
        for name in members.keys() - checks.keys():
            yield f"{_inside(place, name)} is not known to this agent."

    return check


def mapping(names: str, check_member: Check) -> Check:
    """An object whose members all have such a name and pass the same check."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place} is {_shown(value)} and not an object."
            return
        for name, member in cast("dict[str, Any]", value).items():
            if not re.fullmatch(names, name, re.ASCII):
                yield f"{_inside(place, name)} has a name that is not like {names}."
            yield from check_member(member, _inside(place, name))

    return check


def items(check_item: Check) -> Check:
    """A list of such items."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place} is {_shown(value)} and not a list."
            return
        for index, item in enumerate(cast("list[Any]", value)):
            yield from check_item(item, f"{place}[{index}]")

    return check


def twice(things: list[Mapping[str, Any]], name: str, place: str) -> Iterator[str]:
    """Members of a list that have the same name."""
    values = [thing[name] for thing in things]
    for value in sorted({value for value in values if values.count(value) > 1}):
        yield f"{place} has {_shown(value)} more than once as {name}."


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=True)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
