"""Values as the engine sends them: plain data in which unknowns, secrets and assets are marked by signatures.

A secret stays wrapped wherever it is kept or sent back; `plain` takes the wrapping off to look inside.
"""

from collections.abc import Mapping
from typing import TypeAlias, cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

Value: TypeAlias = "Mapping[str, Value] | list[Value] | str | float | bool | None"
Values: TypeAlias = dict[str, Value]

# The engine's constants (sdk/go/common/resource/properties.go): one unknown for each kind of value.
UNKNOWNS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    }
)
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's signature of a secret, not a secret


def from_struct(struct: Struct) -> Values:
    return cast("Values", MessageToDict(struct))


def to_struct(values: Mapping[str, Value]) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct


def plain(value: Value) -> Value:
    """The value with every secret in it unwrapped."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return plain(value.get("value"))
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def plain_map(values: Mapping[str, Value]) -> Values:
    return {key: plain(value) for key, value in values.items()}


def has_unknown(value: Value) -> bool:
    """Whether any part of the value is known only after the update."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return isinstance(value, str) and value in UNKNOWNS
