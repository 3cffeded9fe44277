"""The engine's protocol: a request as a resource of the graph, and a resource's state for the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict

from ybfort.testing.graph import STACK, Resource, Secret, decode, encode

# A protobuf message; its type stubs name modules that the SDK keeps elsewhere.
Request: TypeAlias = Any


def registered(urn: str, request: Request) -> Resource:
    """The resource that a program makes."""
    edges = {prop: tuple(sorted(to.urns)) for prop, to in sorted(request.propertyDependencies.items())}
    trigger = request.replacement_trigger if request.HasField("replacement_trigger") else None
    return Resource(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=_parent(request.parent),
        custom=request.custom,
        remote=request.remote,
        props=decode(MessageToDict(request.object)),
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies=edges,
        provider=provider_urn(request.provider),
        providers={package: provider_urn(one) or "" for package, one in sorted(request.providers.items())},
        protect=request.protect if request.HasField("protect") else None,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deleted_with=request.deletedWith or None,
        replace_with=tuple(sorted(request.replace_with)),
        replacement_trigger=None if trigger is None else decode(MessageToDict(trigger)),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        hide_diffs=tuple(request.hideDiffs),
        hooks={kind.name: tuple(names) for kind, names in request.hooks.ListFields()},
        aliases=tuple(alias.urn or _alias(alias.spec) for alias in request.aliases),
        import_id=request.importId or None,
        custom_timeouts=MessageToDict(request.customTimeouts),
        version=request.version or None,
        source=_source(request.sourcePosition),
    )


def read(urn: str, request: Request) -> Resource:
    """The resource that a program looks up by its id."""
    return Resource(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=_parent(request.parent),
        read_id=decode(request.id),
        props=decode(MessageToDict(request.properties)),
        dependencies=tuple(sorted(request.dependencies)),
        provider=provider_urn(request.provider),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        version=request.version or None,
        source=_source(request.sourcePosition),
    )


def provider_urn(reference: str) -> str | None:
    """The URN of a provider; a reference has the provider's id after it, and is empty for the default one."""
    return reference.rpartition("::")[0] or None


def state_of(inputs: struct_pb2.Struct, known: Mapping[str, Any], secret: Iterable[str]) -> struct_pb2.Struct:
    """A resource's state: its inputs, with what is known of its outputs; what is named secret is marked so."""
    state = {**MessageToDict(inputs), **encode(known)}
    for name in set(secret) & state.keys():
        state[name] = encode(Secret(decode(state[name])))
    return struct(state)


def struct(value: Mapping[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(value)
    return message


def _parent(urn: str) -> str | None:
    return None if not urn or urn.split("::")[2] == STACK else urn


def _alias(spec: Any) -> dict[str, Any]:
    """The parts of an alias that differ; a parent that is not said is written as an empty text."""
    return {part: value for part, value in MessageToDict(spec).items() if value != ""}


def _source(position: Any) -> str | None:
    """`file:line` of the user's call."""
    uri: str = position.uri
    return f"{url2pathname(urlsplit(uri).path)}:{position.line}" if uri else None
