"""What a simulated cloud knows of a resource type beyond its SDK, as data: how tables such as `aws.py` are written.

Texts are templates in Python's format language. Their names are the resource's inputs (`{vpcId}`,
`{privateIps[0]}`), what has been computed before (`{id}`, `{arn}`), the place (`{account}`, `{region}`), what the cloud
calls by names of its own (its `names`), the type (`{service}`, `{kind}`), and `{hex}`, `{digits}`, `{letters}`: long
texts, the same for the same resource, to be cut as in `{hex:.17}`.
A template that names something absent or unknown gives nothing.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ybfort.sandbox.values import UNKNOWNS, Value, Values

Scope = Literal["world", "account", "region"]


@dataclass(frozen=True, kw_only=True)
class Unique:
    """What no two resources of the type may share."""

    by: tuple[str, ...]
    """Paths of inputs; all of them together are the name."""
    scope: Scope
    error: str
    """The cloud's own complaint, a template."""
    error_elsewhere: str = ""
    """The complaint where the other one is in another account; the same where it is empty."""


@dataclass(frozen=True, kw_only=True)
class Protection:
    """An input that, while it has this value, keeps the cloud from deleting the resource."""

    by: str
    error: str
    value: Value = True
    by_default: bool = False
    """Whether it has the value where the program does not set it."""
    unless: str = ""
    """An input that lifts it."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """An input that has to be true before the provider changes certain others of what runs."""

    by: str
    to: frozenset[str]
    """Paths of properties."""
    error: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One resource type."""

    id: str = "{kind}-{hex:.17}"
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Templates for what the cloud computes, in this order; what the program sets itself is not computed."""
    unsaid: str = ""
    """Template for outputs of kind text that are not named above."""
    replaced_by: frozenset[str] = frozenset()
    """Paths of properties (`rootBlockDevice.kmsKeyId`) whose change makes a new resource."""
    replaced_where: tuple[str, frozenset[str]] = ("", frozenset())
    """While the input of that name is true, changes of these make a new resource, too."""
    unique: tuple[Unique, ...] = ()
    taken: str = ""
    """The cloud's complaint about an id that exists already, where the program chooses the id."""
    outlives: bool = False
    """Whether the cloud keeps what the provider deletes: it is gone from the state, and its name is taken for ever."""
    protections: tuple[Protection, ...] = ()
    consent: Consent | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where resources are made: one account in one region, as the provider is configured."""

    account: str  # or a project
    region: str
    zone: str = ""  # where the cloud's resources have one
    default_tags: Mapping[str, Value]


def computed(facts: Facts, known: Mapping[str, Value]) -> Values:
    """The resource's computed outputs, `id` first.

    :param known: inputs and the place's names
    """
    names = dict(known)
    made: Values = {}
    for name, template in {"id": facts.id, **facts.outputs}.items():
        if name in known:
            continue  # the program chose it
        value = filled(template, names)
        if value is not None:
            made[name] = names[name] = value
    return made


def filled(template: Value, names: Mapping[str, Value]) -> Value:
    """The template with every name in it replaced; None where one of the names is absent or unknown."""
    if isinstance(template, str):
        try:
            text = template.format_map(names)
        except (KeyError, IndexError, TypeError, AttributeError):
            return None
        return None if any(unknown in text for unknown in UNKNOWNS) else text
    if isinstance(template, list):
        items = [filled(item, names) for item in template]
        return None if None in items else items
    if isinstance(template, Mapping):
        return {key: filled(item, names) for key, item in template.items()}
    return template


def born(seed: str) -> Values:
    """Texts that look random and are the same for the same seed."""
    hexadecimal = hashlib.sha256(seed.encode()).hexdigest()
    number = int(hexadecimal, 16)
    return {
        "hex": hexadecimal,
        "digits": f"{number:077d}"[-60:],
        "letters": "".join("ABCDEFGHJKLMNPQRSTUVWXYZ234567"[number // 30**place % 30] for place in range(48)),
    }


def at(values: Value, path: str) -> Value:
    """The value at a path such as `primaryNetworkInterface.networkInterfaceId`; None where there is none."""
    for step in re.split(r"[.\[\]]+", path.rstrip("]")):
        if isinstance(values, Mapping):
            values = values.get(step)
        elif isinstance(values, list) and step.isdigit() and int(step) < len(values):
            values = values[int(step)]
        else:
            return None
    return values
