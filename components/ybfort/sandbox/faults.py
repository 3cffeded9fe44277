"""Faults on demand: a file says which operations of the simulated cloud fail, hang or are slowed down.

    [{"type": "aws:ec2/instance:Instance", "name": "orders-b*", "operation": "create", "call": 1, "fault": "fail"}]

type       the resource's type token, or the function's for `invoke`; a pattern such as `aws:ec2/*` will do
name       the resource's name in the program, or a pattern; any name where it is absent
operation  create, update, delete, read or invoke; previews are left alone, but for read and invoke
call       only the n-th matching call, counted over all runs since the sandbox was begun; every call where it is absent
fault      fail: nothing happens but an error. lose: it is done, and the answer is lost. throttle: it is done, later.
           hang: nothing happens until the time is up, then an error
message    the error's text
seconds    how long throttle (1 where absent) and hang (the operation's own timeout) take
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, cast, get_args

Operation = Literal["create", "update", "delete", "read", "invoke"]
Kind = Literal["fail", "lose", "throttle", "hang"]

THROTTLE_SECONDS = 1.0
PATIENCE_SECONDS = 1200.0  # the real provider gives up on most resources after 20 minutes

_MESSAGES: Mapping[Kind, str] = {
    "fail": "InternalError: An internal error has occurred (a fault that the sandbox was asked for)",
    "lose": "RequestTimeout: the connection was lost before the answer came (a fault that the sandbox was asked for)",
    "throttle": "",
    "hang": "timeout while waiting for the resource to become ready (a fault that the sandbox was asked for)",
}


class FaultsError(Exception):
    """The faults file is wrong; the text lists every problem."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One line of the file."""

    type: str
    operation: Operation
    fault: Kind
    name: str = "*"
    call: int | None = None
    message: str = ""
    seconds: float | None = None

    def meets(self, operation: Operation, type_: str, name: str) -> bool:
        return operation == self.operation and fnmatchcase(type_, self.type) and fnmatchcase(name, self.name)

    @property
    def error(self) -> str:
        return self.message or _MESSAGES[self.fault]


def read_faults(path: Path) -> list[Fault]:
    """The faults of a file.

    :raises FaultsError: with every problem of the file
    """
    try:
        entries: object = json.loads(path.read_text())
    except OSError as error:
        raise FaultsError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise FaultsError(f"{path}: is not JSON: {error}.") from None
    if not isinstance(entries, list):
        raise FaultsError(f'{path}: must be a list of faults: [{{"type": ..., "operation": ..., "fault": ...}}].')
    listed = cast("list[object]", entries)
    wrong = [f"[{index}] {says}" for index, entry in enumerate(listed) for says in _problems(entry)]
    if wrong:
        raise FaultsError(f"{path}:\n" + "\n".join(f"  {line}" for line in wrong))
    return [Fault(**entry) for entry in cast("list[dict[str, str]]", listed)]  # pyright: ignore[reportArgumentType]


_CHOICES: Mapping[str, tuple[str, ...]] = {"operation": get_args(Operation), "fault": get_args(Kind)}
_TYPES: Mapping[str, tuple[type, str]] = {
    "type": (str, "a text"),
    "name": (str, "a text"),
    "operation": (str, "a text"),
    "fault": (str, "a text"),
    "message": (str, "a text"),
    "call": (int, "a whole number from 1"),
    "seconds": (int | float, "a number of seconds"),  # pyright: ignore[reportAssignmentType]
}


def _problems(entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return ["must be a map with type, operation and fault."]
    given = cast("dict[str, object]", entry)
    missing = [f"{word} is missing." for word in ("type", "operation", "fault") if word not in given]
    unknown = [f"{word} is not known. Known are: {', '.join(_TYPES)}." for word in given if word not in _TYPES]
    return (
        missing + unknown + [says for word, value in given.items() if word in _TYPES for says in _misfit(word, value)]
    )


def _misfit(word: str, value: object) -> list[str]:
    type_, called = _TYPES[word]
    if (
        not isinstance(value, type_)
        or isinstance(value, bool)
        or (isinstance(value, int | float) and value < (word == "call"))
    ):
        return [f"{word} must be {called}, and is {json.dumps(value)}."]
    if word in _CHOICES and value not in _CHOICES[word]:
        return [f"{word} must be one of {', '.join(_CHOICES[word])}, and is {json.dumps(value)}."]
    return []
