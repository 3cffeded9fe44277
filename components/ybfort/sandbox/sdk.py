"""What the installed SDK says of a resource type: its properties, their types, and which of them replace the resource.

Any type that the SDK has is known, the user's own resources included. Its documentation is upstream's and names only
some of the properties that replace; a cloud's table (`aws.py`, `gcp.py`) names the others.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pulumi

Kind = Literal["text", "number", "boolean", "list", "map", "object", "any"]

_SCALARS: dict[type, Kind] = {str: "text", int: "number", float: "number", bool: "boolean"}

_REPLACES = re.compile(
    r"forces? (the creation of |re-?creation of )?(a |an )?(new|replacement)|force (resource )?re-?creation"
    r"|to be destroyed and re-?created|replacement (if|when) (changed|modified)"
    r"|can(not|'t| not) be (changed|modified|updated) (after|once)",
    re.IGNORECASE,
)
# "If the type is X, changing this forces a new resource": whether it holds depends on other properties.
_CONDITION = re.compile(
    r"\b(unless|when|if)\b(?! (changed|modified))|\b(once|disabling|downgrading|decreased)\b", re.IGNORECASE
)


class UnknownTypeError(Exception):
    """The installed SDK has no such resource type."""


@dataclass(frozen=True)
class Shape:
    """The type of a value: a scalar, a list or map of `element`, or an object with the properties of class `args`."""

    kind: Kind
    element: "Shape | None" = None
    args: type | None = None


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property that a program may set, under the name that the engine sees (`instanceType`)."""

    name: str
    shape: Shape
    required: bool
    replaces: bool
    """Whether a change makes a new resource, as far as the documentation says."""


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """What can be set on a resource type, and what can be read from it."""

    inputs: Mapping[str, Property]
    outputs: Mapping[str, Shape]


@cache
def resource_type(token: str) -> ResourceType:
    """What the SDK says of a type token, such as `aws:ec2/instance:Instance`.

    :raises UnknownTypeError: if the SDK has no such type
    """
    package, path, name = token.split(":")
    module = _module(package, path.split("/")[0])
    resource = getattr(module, name, None)
    if not isinstance(resource, type):
        raise UnknownTypeError(f"{token} is not a resource type of the installed SDK pulumi_{package}.")
    home = sys.modules[resource.__module__]
    # Where the short name is taken by a nested type, the SDK's generator appends Init.
    args = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
    return ResourceType(
        inputs=properties(args), outputs={called: _shape(hint) for called, _, hint, _ in _getters(resource)}
    )


@cache
def properties(args: type) -> dict[str, Property]:
    """The properties of an `...Args` class, by the name that the engine sees."""
    parameters = inspect.signature(args.__init__).parameters
    return {
        name: Property(
            name=name,
            shape=_shape(hint),
            required=parameters[python_name].default is inspect.Parameter.empty,
            replaces=_says_replaces(doc),
        )
        for name, python_name, hint, doc in _getters(args)
    }


def _module(package: str, name: str) -> ModuleType:
    root = f"pulumi_{package}"
    if name == "index":
        return importlib.import_module(root)
    for called in (name, f"{name}_"):  # a module named like a Python keyword, `lambda`, ends in an underscore
        try:
            return importlib.import_module(f"{root}.{called}")
        except ModuleNotFoundError:
            continue
    raise UnknownTypeError(f"{package}:{name} is not a module of the installed SDK {root}.")


def _getters(owner: type) -> Iterator[tuple[str, str, Any, str]]:
    """Engine's name, Python name, type hint and documentation of each property of an SDK class."""
    names = {**vars(sys.modules[owner.__module__]), "Output": pulumi.Output, "T": type(None)}
    for python_name, value in vars(owner).items():
        if isinstance(value, property) and value.fget:
            hint = get_type_hints(value.fget, globalns=names).get("return", Any)
            yield str(getattr(value.fget, "_pulumi_name", python_name)), python_name, hint, value.__doc__ or ""


def _shape(hint: Any) -> Shape:
    """The shape behind `Input[...]`, `Output[...]` and `Optional[...]`; "any" where several shapes are possible."""
    members = [member for member in _members(hint) if not _is_text_enum(member)]
    objects = [member for member in members if getattr(member, "_pulumi_input_type", False)]
    shapes = {_shape_of(member) for member in members if member not in objects}
    if len(objects) == 1 and {shape.kind for shape in shapes} <= {"map"}:  # a dictionary with the same properties
        return Shape("object", args=objects[0])
    return shapes.pop() if len(shapes) == 1 and not objects else Shape("any")


def _shape_of(member: Any) -> Shape:
    if member in _SCALARS:
        return Shape(_SCALARS[member])
    origin, of = get_origin(member), get_args(member)
    if origin is Sequence or origin is list:
        return Shape("list", _shape(of[0]))
    if origin is Mapping or origin is dict:
        return Shape("map", _shape(of[1]))
    return Shape("any")


def _members(hint: Any) -> list[Any]:
    origin = get_origin(hint)
    if origin is pulumi.Output:
        return _members(get_args(hint)[0])
    if get_args(hint) and str(origin) in ("typing.Union", "<class 'types.UnionType'>"):
        return [member for of in get_args(hint) for member in _members(of) if member is not type(None)]
    if origin is Awaitable:
        return []
    return [] if hint is type(None) else [hint]


def _is_text_enum(member: Any) -> bool:
    """An enum stands beside the text it is made of."""
    return isinstance(member, type) and issubclass(member, Enum)


def _says_replaces(doc: str) -> bool:
    sentences = re.split(r"(?<=[.)])\s+", doc)
    return any(_REPLACES.search(sentence) and not _CONDITION.search(sentence) for sentence in sentences)
