"""What is wrong with a stack file, said so that its reader can mend it: where, what is wrong, what to write."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ValidationError

# Text that must never stand in a stack file, whatever the key: credentials of the usual shapes.
SECRETS = re.compile(
    r"-----BEGIN|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bSCRAM-SHA-256\$"
    # Repeats have an upper end: without one, a long text of half matches takes minutes.
    r"|\beyJ[\w-]{10,2000}\.eyJ|://[^/\s:@]{1,200}:[^/\s:@]{1,200}@"
    # Google's API keys, access tokens and client secrets.
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{20}|\bGOCSPX-"
    r"|(?i:\b(?:password|passwd|pwd|secret|token)\s{0,9}[=:]\s{0,9}\S)|\b(?:github_pat_|glpat-|xox[abprs]-|pul-[0-9a-f]{40})"
    # AWS secret access keys: 40 of base64's characters, of every kind. A part of an ARN or URL stands behind a colon.
    r"|(?<![\w/+:.-])(?=[A-Za-z/+]{0,39}\d)(?=[a-z\d/+]{0,39}[A-Z])(?=[A-Z\d/+]{0,39}[a-z])[A-Za-z\d/+]{40}(?![\w/+=-])"
)
SECRET_KEYS = re.compile(r"passw|secret$|token$|private_?key|access_?key|credential|^secure$", re.IGNORECASE)
ABOUT_SECRETS = frozenset(["passwords", "password_generation"])  # keys of a stack file, and none of them holds text
NO_SECRETS = (
    "looks like a secret, and nothing secret belongs in a stack file: keys and passwords are made on the nodes. "
    "Remove it; if it was real, treat it as leaked."
)
LONGEST_VALUE = 60  # characters of a wrong value that a message repeats
LONGEST_NUMBER = 128  # bits of one; Python refuses to write out those of 14,000
MOST_PROBLEMS = 100  # that are told; nobody reads more, and explaining a million takes minutes

# pydantic's error types, in the words of somebody who edits YAML. Fields in braces come from the error's context.
SAYS = {
    "missing": "is missing. Add it: {write}",
    "string_type": "must be text. Put it in quotes.",
    "int_type": "must be a whole number, without quotes.",
    "bool_type": "must be true or false, without quotes.",
    "tuple_type": "must be a list. Begin each entry with `- `.",
    "dict_type": "must be a mapping: `key: value`, one a line.",
    "model_type": "must be a mapping: `key: value`, one a line.",
    "model_attributes_type": "must be a mapping: `key: value`, one a line.",
    "literal_error": "is none of the possible values. Write {expected}.",
    "too_short": "has too few entries. Give at least {min_length}.",
    "too_long": "has too many entries. Give at most {max_length}.",
    "greater_than_equal": "is too small. Write {ge} or more.",
    "less_than_equal": "is too large. Write {le} or less.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong."""

    path: str  # where, as `regions[0].cidr`; empty when it is the whole
    says: str  # what is wrong and what to write
    value: str | None = None  # what stands there, when it may be shown
    line: int | None = None  # line of the file, from 1, when known

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        subject = f"{self.path}: " if self.path else ""
        return f"{where}{subject}{f'{self.value} ' if self.value is not None else ''}{self.says}"


class SpecError(ValueError):
    """A stack file that cannot be used, with every problem in it."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {problem}" for problem in problems)]))


def problems(invalid: ValidationError, model: type[BaseModel]) -> Iterable[Problem]:
    """The problems in a pydantic error, in the reader's words."""
    errors = invalid.errors(include_url=False)
    above = {error["loc"][:end] for error in errors for end in range(len(error["loc"]))}
    # A list whose entries are wrong is not short of them.
    errors = [error for error in errors if error["type"] != "too_short" or error["loc"] not in above]
    for error in errors[:MOST_PROBLEMS]:
        absent = error["type"] in ("missing", "extra_forbidden")
        a_key = not absent and error["loc"][-1:] == ("[key]",)  # pydantic's mark: it is the key that is wrong
        where = error["loc"][:-1] if a_key else error["loc"]
        owner = _owner(model, where)
        value = None if absent or a_key else _shown(error["input"])  # a wrong key stands in the path
        yield Problem(path=dotted(where), says=_says(error, where, owner), value=value)
    if len(errors) > MOST_PROBLEMS:
        yield Problem(path="", says=f"and {len(errors) - MOST_PROBLEMS:,} more. Mend these first.")


def secrets(value: Any, path: tuple[str | int, ...] = (), *, by_key: bool = True) -> Iterable[Problem]:
    """Everything in `value` that looks like a secret, by its shape or by the key it stands under; never repeated."""
    if isinstance(value, str) and SECRETS.search(value):
        yield Problem(path=dotted(path), says=NO_SECRETS)
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[Any, Any]", value).items():
            harmless = key in ABOUT_SECRETS and not isinstance(inner, str)
            if SECRETS.search(str(key)) or (by_key and SECRET_KEYS.search(str(key)) and not harmless):
                yield Problem(path=dotted((*path, str(key))), says=NO_SECRETS)
            else:
                yield from secrets(inner, (*path, str(key)), by_key=by_key)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, inner in enumerate(cast("Sequence[Any]", value)):
            yield from secrets(inner, (*path, index), by_key=by_key)


def dotted(path: Iterable[str | int]) -> str:
    """`("regions", 0, "cidr")` as `regions[0].cidr`; what is unprintable is made visible, and what is secret is not."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return text.removeprefix(".")


def _key(step: str) -> str:
    return "(hidden)" if SECRETS.search(step) else _cut(step)


def _says(error: Any, where: tuple[str | int, ...], owner: type[BaseModel] | None) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "rule":
        return context["says"]
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(where[-1]), owner.model_fields, n=1) if owner else []
        fields = ", ".join(owner.model_fields) if owner else ""
        return f"is no known key. {f'Did you mean `{near[0]}`?' if near else f'The keys here are {fields}.'}"
    if kind == "missing":
        field = owner.model_fields.get(str(where[-1])) if owner else None
        explained = (field.description if field else None) or "see `ybfort schema`."
        context = {"write": " ".join(explained.split())}  # a docstring may have several lines, a problem has one
    return SAYS.get(kind, "{message}.").format_map({"message": error["msg"], **context})


def _owner(model: type[BaseModel], where: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The section that the last step of a path is a key of."""
    owner: type[BaseModel] | None = model
    for step in where[:-1]:
        if owner is None or isinstance(step, int):
            continue
        field = owner.model_fields.get(step)
        owner = next(_models(field.annotation), None) if field else None
    return owner


def _models(annotation: Any) -> Any:
    """The section types within an annotation, outermost first."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    arguments: tuple[Any, ...] = getattr(cast("Any", annotation), "__args__", ())
    for inner in arguments:
        yield from _models(inner)


def _shown(value: Any) -> str | None:
    """A wrong value as a message may repeat it: scalars only, cut, without control characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return None
    if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
        return None
    return _cut(str(value))


def _cut(text: str) -> str:
    """Text of a bearable length that cannot move a terminal's cursor or end a line."""
    end = "…" if len(text) > LONGEST_VALUE else ""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:LONGEST_VALUE]) + end
