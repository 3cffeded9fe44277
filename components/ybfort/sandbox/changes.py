"""Judge what a program asks for: what is wrong with it, and what has changed."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from ybfort.sandbox.sdk import Property, Shape, properties
from ybfort.sandbox.values import SIGNATURE, UNKNOWNS, Value, plain

ARTICLE = {
    "text": "a text",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "map": "a map",
    "object": "a map",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with an input."""

    path: str
    says: str


@dataclass(frozen=True)
class Change:
    """One difference between what was asked for before and what is asked for now."""

    kind: Literal["ADD", "DELETE", "UPDATE"]
    replaces: bool


def problems(known: Mapping[str, Property], given: Mapping[str, Value], path: str = "") -> Iterator[Problem]:
    """Properties that do not exist, that are missing and that have the wrong type, at any depth."""
    for name, value in given.items():
        if name in known:
            yield from _misfits(known[name].shape, value, _join(path, name))
        elif not name.startswith("__"):
            meant = get_close_matches(name, known, 1)
            yield Problem(
                _join(path, name),
                "is not a property of this resource." + (f" Did you mean {meant[0]}?" if meant else ""),
            )
    for name, property_ in known.items():
        if property_.required and given.get(name) is None:
            yield Problem(_join(path, name), "is missing, and required.")


def differences(
    old: Value, new: Value, replaces: Callable[[str], bool], path: str = ""
) -> Iterator[tuple[str, Change]]:
    """Every path at which old and new inputs differ. A value that is unknown yet differs from every known one."""
    old, new = plain(old), plain(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not (SIGNATURE in old or SIGNATURE in new):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), replaces, _join(path, name))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before, after = (side[index] if index < len(side) else None for side in (old, new))
            yield from differences(before, after, replaces, f"{path}[{index}]")
    elif _identity(old) != _identity(new):
        kind = "ADD" if old is None else "DELETE" if new is None else "UPDATE"
        yield path, Change(kind, replaces(without_indices(path)))


def replaced_by_sdk(known: Mapping[str, Property], path: str) -> bool:
    """Whether the SDK's documentation says that a change at the path, or around it, makes a new resource."""
    for step in without_indices(path).split("."):
        property_ = known.get(step)
        if property_ is None:
            return False
        if property_.replaces:
            return True
        shape = property_.shape.element or property_.shape
        known = properties(shape.args) if shape.args else {}
    return False


def covers(paths: Sequence[str] | frozenset[str], path: str) -> bool:
    """Whether one of the paths is the path or leads to it."""
    bare = without_indices(path)
    return any(bare == one or bare.startswith((f"{one}.", f"{one}[")) for one in paths)


def without_indices(path: str) -> str:
    """`ingress[0].cidrBlocks[*]` is about `ingress.cidrBlocks`."""
    return re.sub(r"\[(\d+|\*)\]", "", path)


def _misfits(shape: Shape, value: Value, path: str) -> Iterator[Problem]:
    value = plain(value)
    if value is None or (isinstance(value, Mapping) and SIGNATURE in value):
        return  # an asset, say: the engine has judged it
    if isinstance(value, str) and value in UNKNOWNS:
        return
    if not _fits(shape, value):
        yield Problem(path, f"must be {ARTICLE[shape.kind]}, and is {_called(value)}.")
    elif isinstance(value, Mapping) and shape.args:
        yield from problems(properties(shape.args), value, path)
    elif shape.element:
        for place, item in _items(value, path):
            yield from _misfits(shape.element, item, place)


def _items(value: Value, path: str) -> list[tuple[str, Value]]:
    if isinstance(value, Mapping):
        return [(_join(path, name), item) for name, item in value.items()]
    return [(f"{path}[{index}]", item) for index, item in enumerate(value)] if isinstance(value, list) else []


def _fits(shape: Shape, value: Value) -> bool:
    """As lenient as the real provider, which reads numbers and booleans from text and writes them as text."""
    match shape.kind:
        case "text":
            return isinstance(value, str | bool | int | float)
        case "number":
            return not isinstance(value, bool) and (
                isinstance(value, int | float) or (isinstance(value, str) and _is_number(value))
            )
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "list":
            return isinstance(value, list)
        case "map" | "object":
            return isinstance(value, Mapping)
        case "any":
            return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _called(value: Value) -> str:
    words: tuple[tuple[type, str], ...] = (
        (Mapping, "a map"),
        (list, "a list"),
        (str, "a text"),
        (bool, "true or false"),
    )
    return next((word for type_, word in words if isinstance(value, type_)), "a number")


def _identity(value: Value) -> Value:
    """Assets are the same when their content is, wherever the file lies."""
    return value["hash"] if isinstance(value, Mapping) and value.get("hash") and SIGNATURE in value else value


def _join(path: str, name: str) -> str:
    """The engine's spelling of property paths."""
    if not re.fullmatch(r"[A-Za-z_$][\w$]*", name):
        return f"{path}[{json.dumps(name)}]"
    return f"{path}.{name}" if path else name
