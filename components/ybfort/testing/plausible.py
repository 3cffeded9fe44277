"""What a provider might answer: made-up values for the outputs that the cloud computes, so that applies run."""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pulumi

from ybfort.testing.graph import Resource

# The account that AWS itself uses in its examples.
ARN: Final = "arn:aws:{service}:us-east-1:123456789012:{kind}/{name}"
SCALARS: Final[Mapping[type, Callable[[str], Any]]] = {
    str: lambda text: text,
    bool: lambda _: False,
    int: lambda _: 1,
    float: lambda _: 1,
}


def identifier(resource: Resource) -> str:
    return f"{resource.name}-id"


def computed(resource: Resource, kind: type) -> dict[str, Any]:
    """A value for every output that the class promises and the program did not set; optional ones stay out."""
    hints = _hints(kind)
    return {name: _value(hints[name], resource, name) for name in hints if name not in resource.props}


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
    """The outputs of a class of an SDK that are never None, by their camelCase names."""
    getters = [member.fget for base in reversed(kind.__mro__) for member in vars(base).values() if _is_output(member)]
    hints = {getter._pulumi_name: _inner(get_type_hints(getter).get("return")) for getter in getters}
    return {name: hint for name, hint in hints.items() if not _optional(hint)}


def _is_output(member: Any) -> bool:
    return isinstance(member, property) and hasattr(member.fget, "_pulumi_name")  # set by pulumi.getter


def _inner(hint: Any) -> Any:
    """The T of `Output[T]`; the fields of a structured output are their own types."""
    return get_args(hint)[0] if get_origin(hint) is pulumi.Output else hint


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _value(hint: Any, resource: Resource, name: str) -> Any:
    origin: Any = get_origin(hint) or hint
    if origin in SCALARS:
        return SCALARS[origin](_text(resource, name))
    if origin in (Sequence, list):
        return [_value(inner, resource, name) for inner in get_args(hint)]
    if origin in (Mapping, dict):
        return {}
    if inspect.isclass(origin):
        return {key: _value(inner, resource, key) for key, inner in _hints(origin).items()}
    return _text(resource, name)


def _text(resource: Resource, name: str) -> str:
    if name.lower().endswith("arn"):
        module, kind = resource.type.split(":")[-2:]
        return ARN.format(service=module.split("/")[0], kind=kind.lower(), name=resource.name)
    return f"{resource.name}-{re.sub(r'(?<!^)(?=[A-Z])', '-', name).lower()}"
