"""The pytest plug-in, for this project's tests and for those of everybody's own stacks.

`record(program)` and `record_stack(folder, stack)` give a graph; `golden(graph, file)` compares it with an inventory.
Pulumi is imported by the first test that records, not when pytest starts.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ybfort.testing.graph import Graph

UPDATE = "--update-inventories"
STRICT_STRINGS = "PULUMI_ERROR_OUTPUT_STRING"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ybfort")
    group.addoption(UPDATE, action="store_true", help="write the inventories that `golden` compares with; never in CI")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(UPDATE) and os.environ.get("CI"):
        raise pytest.UsageError(
            f"{UPDATE} is for a developer's machine: in CI (CI is set) inventories are only compared"
        )


@pytest.fixture(scope="session", autouse=True)
def _strict_strings() -> Generator[None]:
    """The text of an output, where its value was meant, raises in every test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STRICT_STRINGS, "true")
        yield


@pytest.fixture(scope="session")
def record() -> Callable[..., Graph]:
    """`ybfort.testing.recorder.record`."""
    from ybfort.testing.recorder import record

    return record


@pytest.fixture(scope="session")
def record_stack() -> Callable[..., Graph]:
    """`ybfort.testing.stack.record_stack`."""
    from ybfort.testing.stack import record_stack

    return record_stack


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Graph, str], None]:
    """`golden(graph, "inventories/prod.yaml")`: fail with a diff unless the graph is what the file says.

    The file's path is relative to the test's. `pytest --update-inventories` writes it.
    """
    from ybfort.testing.golden import difference, write

    def compare(graph: Graph, file: str) -> None:
        path = request.path.parent / file
        shown = os.path.relpath(path)
        test = f"{os.path.relpath(request.path)}::{request.node.nodeid.partition('::')[2]}"
        accept = f"pytest {UPDATE} {shlex.quote(test)}"
        if request.config.getoption(UPDATE):
            write(graph, path)
        elif not path.is_file():
            pytest.fail(f"there is no inventory {shown} yet; to write it:\n  {accept}", pytrace=False)
        elif diff := difference(graph, path):
            pytest.fail(
                f"the program no longer registers what {shown} says:\n{diff}\nto accept:\n  {accept}", pytrace=False
            )

    return compare
