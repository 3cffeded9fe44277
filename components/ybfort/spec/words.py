"""The kinds of value a stack file may hold: what each must look like, and the sentence that says what to write."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

PRIVATE = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # RFC 1918


class Section(BaseModel):
    """A part of the stack file: nothing unknown in it, nothing changed after it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Word:
    """Text that must match `pattern` as a whole; `write` says what to write instead.

    Every text of a stack file ends in SQL, a shell script, an ARN, a path or a rendered flag. The patterns admit
    nothing that means something there, so quoting is a second line of defence and never the first.
    """

    pattern: str
    write: str

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(f"is not allowed here. Write {self.write}.")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.StringSchema(type="str", strict=True)  # else bytes would do as well
        return core_schema.no_info_after_validator_function(self.check, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _range(text: Any) -> IPv4Network:
    """A range written as text; IPv4Network itself would also read numbers and pairs as one."""
    if isinstance(text, IPv4Network):
        return text
    try:
        if isinstance(text, str) and "/" in text:
            return IPv4Network(text)
    except ValueError:
        pass
    raise ValueError("is not an IPv4 range with its first address and its size. Write one such as 10.40.0.0/20.")


def _private(network: IPv4Network) -> IPv4Network:
    """Refuse any range that an address outside RFC 1918 could belong to."""
    if not any(network.subnet_of(range_) for range_ in PRIVATE):
        raise ValueError(
            "is not private: a cluster has no public way in. "
            "Give a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
        )
    return network


PrivateNetwork = Annotated[IPv4Network, BeforeValidator(_range), AfterValidator(_private)]
Count = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]

# 20 characters: names of buckets are made of it, which clouds end at 63 (see plan/names.py).
ClusterName = Annotated[
    str,
    Word(r"[a-z](?:[a-z0-9]|-(?!-)){0,18}[a-z0-9]", "2 to 20 lower-case letters, digits and single hyphens: `orders`"),
]
ClientName = Annotated[str, Word(r"[a-z][a-z0-9-]{0,30}", "up to 31 lower-case letters, digits and hyphens")]
# 48 characters: PostgreSQL ends a name at 63, and the group roles of a database are named `<database>_read_write`.
SqlName = Annotated[
    str, Word(r"[a-z][a-z0-9_]{0,47}", "up to 48 lower-case letters, digits and underscores, a letter first")
]
Sha256 = Annotated[str, Word(r"[0-9a-f]{64}", "the archive's SHA-256 in 64 lower-case hex digits (`ybfort pin` does)")]
ReleaseVersion = Annotated[
    str, Word(r"\d{4}\.\d{1,2}\.\d{1,3}\.\d{1,3}-b\d{1,4}", "a full version with its build: `2025.2.8.0-b60`")
]
Email = Annotated[
    str, Word(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}", "an e-mail address")
]
ProtectedPart = Annotated[
    str,
    Word(
        r"[a-h][1-9]\d?|cluster|keys|backup|certificates|endpoint",
        "the name of a node (`a1`: its data volume), `cluster`, `keys`, `backup`, `certificates` or `endpoint`",
    ),
]
