"""A recorded program as plain data: the resources as the engine was told of them, and how they hang together.

Knows nothing of Pulumi, so that rules and reviews can read a graph wherever it comes from.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeAlias

# What JSON and YAML hold.
Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | None"

STACK: Final = "pulumi:pulumi:Stack"

# How the engine's protocol writes what JSON has no word for.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (marks secrets, is none)
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # an array
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
    }
)
# Above this a double no longer holds every whole number: what looks whole may have been rounded.
LARGEST_EXACT: Final = 2**53


class Unknown:
    """The one value `UNKNOWN`: the cloud will make it up, nobody knows it yet. Compare with `is UNKNOWN`."""

    def __bool__(self) -> bool:
        raise TypeError("UNKNOWN is neither true nor false: decide with `is UNKNOWN` before you judge the value")

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"  # a copy, also a pickled one, is the same object


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine encrypts in state and hides on screens. The value may be UNKNOWN."""

    value: Any

    def __bool__(self) -> bool:
        raise TypeError("a Secret is neither true nor false: judge its `value`")

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A file to upload: by its path, by its text, or by the address to fetch it from."""

    path: str | None = None
    text: str | None = None
    uri: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """Several files to upload: by path, by address, or one by one."""

    path: str | None = None
    uri: str | None = None
    assets: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A whole resource that was passed as a value."""

    urn: str
    id: Any = None  # None for a component, UNKNOWN for what does not exist yet


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One resource, as the engine was told of it.

    Values in `props` and `outputs` are plain data; in them may be UNKNOWN, Secret, Asset, Archive and Reference.
    """

    urn: str
    type: str
    name: str
    parent: str | None = None  # URN; None directly below the stack
    custom: bool = True  # False: a component
    remote: bool = False  # a component that its provider makes
    read_id: Any = None  # set for a resource that is looked up, not made
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])  # camelCase, absent when not set
    outputs: Mapping[str, Any] | None = None  # what a component registered; None until it does
    dependencies: tuple[str, ...] = ()  # URNs, those of property_dependencies included
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    provider: str | None = None  # URN; None: the default provider
    providers: Mapping[str, str] = field(default_factory=dict[str, str])  # package -> URN, of a component
    protect: bool | None = None  # None: not said
    delete_before_replace: bool | None = None  # None: not said
    retain_on_delete: bool | None = None  # None: not said
    deleted_with: str | None = None  # URN
    replace_with: tuple[str, ...] = ()  # URNs
    replacement_trigger: Any = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    hide_diffs: tuple[str, ...] = ()
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])  # before_delete -> names
    aliases: tuple[Any, ...] = ()  # a URN each, or the parts that differ
    import_id: str | None = None
    custom_timeouts: Mapping[str, str] = field(default_factory=dict[str, str])
    version: str | None = field(default=None, compare=False)  # of the provider's plug-in
    source: str | None = field(default=None, compare=False)  # file:line of the program that asked for it

    def __hash__(self) -> int:
        return hash(self.urn)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """A function of a provider that the program called."""

    token: str
    args: Mapping[str, Any]
    provider: str | None = None  # URN


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole program: its resources sorted by URN, the stack's outputs, the hooks' names and the look-ups."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    hooks: tuple[str, ...] = ()
    lookups: tuple[Lookup, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "resources", tuple(sorted(self.resources, key=lambda resource: resource.urn)))

    def __getitem__(self, urn: str) -> Resource:
        found = next((resource for resource in self.resources if resource.urn == urn), None)
        if found is None:
            raise LookupError(f"no resource has the URN {urn}{_near(urn, (one.urn for one in self.resources))}")
        return found

    def of(self, type_: str) -> tuple[Resource, ...]:
        """All resources of a type, e.g. `aws:kms/key:Key`."""
        return tuple(resource for resource in self.resources if resource.type == type_)

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The resource of that type, by its logical name where there are several.

        :raises LookupError: if there is not exactly one; it names what there is
        """
        alike = self.of(type_)
        found = [resource for resource in alike if name is None or resource.name == name]
        if len(found) == 1:
            return found[0]
        if not alike:
            raise LookupError(f"no {type_}{_near(type_, (resource.type for resource in self.resources))}")
        if not found:
            raise LookupError(f"no {type_} named {name!r}{_near(name or '', (one.name for one in alike))}")
        urns = "".join(f"\n  {resource.urn}" for resource in found)
        raise LookupError(f"{len(found)} resources are {type_}{f' named {name!r}' if name else ''}:{urns}")

    def children(self, resource: Resource) -> tuple[Resource, ...]:
        """The resources directly below a resource."""
        return tuple(one for one in self.resources if one.parent == resource.urn)

    def inventory(self) -> dict[str, Any]:
        """The graph as nested plain data in a fixed order, for a file that a reviewer reads.

        Left out is what changes without the program: positions in source files and versions of plug-ins. Values
        that the engine hides in diffs are hidden here, too.
        Text that is JSON is unfolded below the key `<json>`.
        """
        return {
            "resources": {_short(resource.urn): _entry(resource) for resource in self.resources},
            "outputs": readable(self.outputs),
        }


def decode(value: Plain) -> Any:
    """Plain data from the protocol's JSON: signed maps become what they stand for, whole floats become integers."""
    match value:
        case dict():
            signed = SIGNED.get(str(value.get(SIGNATURE)))
            return signed(value) if signed else {key: decode(one) for key, one in value.items()}
        case list():
            return [decode(one) for one in value]
        case str():
            return UNKNOWN if value in UNKNOWN_TEXTS else value
        case float():
            return int(value) if value.is_integer() and abs(value) <= LARGEST_EXACT else value
        case _:
            return value


def encode(value: Any) -> Any:
    """The protocol's JSON for plain data: what `decode` reads."""
    match value:
        case Unknown():
            return UNKNOWN_TEXT
        case Secret():
            return {SIGNATURE: SECRET_SIGNATURE, "value": encode(value.value)}
        case Reference():
            return {
                SIGNATURE: REFERENCE_SIGNATURE,
                "urn": value.urn,
                **({} if value.id is None else {"id": encode(value.id)}),
            }
        case Asset() | Archive():
            return {
                SIGNATURE: ASSET_SIGNATURE if isinstance(value, Asset) else ARCHIVE_SIGNATURE,
                **encode(_set(value)),
            }
        case Mapping():
            return {key: encode(one) for key, one in _map(value).items()}
        case list() | tuple():
            return [encode(one) for one in _list(value)]
        case _:
            return value


def readable(value: Any) -> Any:
    """Plain data for people: no secret, and documents unfolded."""
    match value:
        case Unknown():
            return "<unknown>"
        case Secret():
            return "<secret>"
        case Asset() | Archive() | Reference():
            return {f"<{type(value).__name__.lower()}>": readable(_set(value))}
        case Mapping():
            return {key: readable(one) for key, one in sorted(_map(value).items())}
        case list() | tuple():
            return [readable(one) for one in _list(value)]
        case str():
            document = _document(value)
            return value if document is None else {"<json>": readable(document)}
        case _:
            return value


# Python cannot check what a mapping holds; all mappings here come from JSON.
def _map(value: Any) -> Mapping[str, Any]:
    return value


def _list(value: Any) -> Iterable[Any]:
    return value


def _output(value: Mapping[str, Any]) -> Any:
    inner = decode(value["value"]) if "value" in value else UNKNOWN
    return Secret(inner) if value.get("secret") else inner


def _reference(value: Mapping[str, Any]) -> Reference:
    known = value.get("id")
    return Reference(urn=value["urn"], id=UNKNOWN if known == "" else decode(known))


# What a signature says that a map is.
SIGNED: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    SECRET_SIGNATURE: lambda value: Secret(decode(value.get("value"))),
    OUTPUT_SIGNATURE: _output,
    REFERENCE_SIGNATURE: _reference,
    ASSET_SIGNATURE: lambda value: Asset(path=value.get("path"), text=value.get("text"), uri=value.get("uri")),
    ARCHIVE_SIGNATURE: lambda value: Archive(
        path=value.get("path"), uri=value.get("uri"), assets=decode(value.get("assets"))
    ),
}


def _set(value: Any) -> dict[str, Any]:
    """What is set of a dataclass."""
    given = {one.name: getattr(value, one.name) for one in fields(value)}
    return {name: one for name, one in given.items() if one is not None}


def _document(text: str) -> Any:
    """The JSON object or array that a text holds, or None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _short(urn: str) -> str:
    """A URN without stack and project, which are the same in all of a graph."""
    return urn.split("::", 2)[-1]


def _near(wanted: str, there: Iterable[str]) -> str:
    """The end of a message: what there is that looks like it, or some of what there is."""
    names = sorted(set(there))
    shown = difflib.get_close_matches(wanted, names, n=5) or names[:10]
    return "; near: " + ", ".join(shown) if shown else "; the program registers nothing"


# Options that an inventory shows as they are; each only if it is set.
OPTIONS: Final = (
    "protect",
    "delete_before_replace",
    "retain_on_delete",
    "ignore_changes",
    "replace_on_changes",
    "replacement_trigger",
    "additional_secret_outputs",
    "hide_diffs",
    "hooks",
    "aliases",
    "import_id",
    "custom_timeouts",
    "read_id",
)


def _entry(resource: Resource) -> dict[str, Any]:
    edges = {prop: sorted(map(_short, urns)) for prop, urns in sorted(resource.property_dependencies.items()) if urns}
    through_props = {urn for urns in resource.property_dependencies.values() for urn in urns}
    options: dict[str, Any] = {name: getattr(resource, name) for name in OPTIONS}
    shown: dict[str, Any] = {
        "parent": _short(resource.parent) if resource.parent else None,
        "props": {
            key: "<hidden>" if key in resource.hide_diffs else readable(value)
            for key, value in sorted(resource.props.items())
        },
        "edges": edges,
        "depends_on": sorted(_short(urn) for urn in resource.dependencies if urn not in through_props),
        "outputs": readable(resource.outputs or {}),
        "provider": _short(resource.provider) if resource.provider else None,
        "providers": {package: _short(urn) for package, urn in sorted(resource.providers.items())},
        "deleted_with": _short(resource.deleted_with) if resource.deleted_with else None,
        "replace_with": sorted(map(_short, resource.replace_with)),
        "remote": resource.remote or None,
        **{name: readable(value) for name, value in options.items()},
    }
    return {name: value for name, value in shown.items() if not _unset(value)}


def _unset(value: Any) -> bool:
    """Not said. `protect: false` is said: it can lift what a parent asks for."""
    return value is None or value in ([], {}, "")
