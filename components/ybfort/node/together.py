"""Slow calls side by side: most of what the cloud is asked takes half a second, whatever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, TypeVar

AT_ONCE = 4  # one call of the AWS CLI takes 70 MB

T = TypeVar("T")
R = TypeVar("R")


def together(call: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """The answer for each value, in their order. The first exception is raised when all calls have ended."""
    from concurrent.futures import ThreadPoolExecutor  # here: it is slow to import, and most runs do not need it

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(call, values))
