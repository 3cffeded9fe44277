"""What the tests of GCP's parts have: a recorder that knows what the cloud answers."""

from collections.abc import Callable
from functools import partial

import pytest

from gcp_parts import ANSWERS
from ybfort.testing.graph import Graph


@pytest.fixture(scope="session")
def record(record: Callable[..., Graph]) -> Callable[..., Graph]:
    return partial(record, answers=ANSWERS)
