"""Look-ups: how tables of answers such as `aws_lookups.py` are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ybfort.sandbox.facts import Site
from ybfort.sandbox.values import Values
from ybfort.sandbox.world import World


@dataclass(frozen=True)
class Question:
    """One look-up: where it is asked, and with what arguments."""

    world: World
    site: Site
    arguments: Values

    def text(self, name: str) -> str:
        value = self.arguments.get(name)
        return value if isinstance(value, str) else ""


Answers: TypeAlias = Mapping[str, Callable[[Question], Values]]
"""By the function's token. An answer raises WorldError if what is looked up is not there."""
