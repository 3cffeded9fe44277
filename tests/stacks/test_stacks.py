"""The stacks of this repository: what exactly they register, and under whose mocks they run."""

import asyncio
import contextvars
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from ruamel.yaml import YAML

from gcp_parts import ANSWERS
from specs import VALID, spec_data
from ybfort.testing.graph import Graph

PROJECT = Path(__file__).parents[2]
STACKS = ("aws-dev", "aws-prod", "gcp-dev", "gcp-prod")


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_registers_what_its_inventory_says(
    stack: str, record_stack: Callable[..., Graph], golden: Callable[[Graph, str], None]
) -> None:
    golden(record_stack(PROJECT, stack, answers=ANSWERS), f"{stack}.yaml")


@pytest.mark.parametrize(
    ("stack", "secret"), [("aws-prod", "ybfort/orders-prod/roles/dba"), ("gcp-prod", "ybfort-orders-prod-roles-dba")]
)
def test_a_stack_exports_where_to_connect_whom_to_trust_and_where_to_look(
    stack: str, secret: str, record_stack: Callable[..., Graph]
) -> None:
    outputs = record_stack(PROJECT, stack, answers=ANSWERS).outputs
    assert set(outputs) == {"endpoint", "certificateAuthority", "nodes", "secrets", "logGroups"}
    assert outputs["endpoint"] == {"host": "db.orders-prod.internal", "ports": {"ysql": 5433}}
    assert outputs["secrets"]["dba"] == secret


class PlainMocks(pulumi.runtime.Mocks):
    """What anybody writes after the first page of Pulumi's guide to testing."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}_id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("preview", [True, False])
def test_the_program_runs_unchanged_under_plain_mocks(stack: str, preview: bool) -> None:
    config = YAML(typ="safe").load((PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]

    def program() -> None:
        runpy.run_path(str(PROJECT / "stacks" / "__main__.py"))

    def body() -> None:
        pulumi.runtime.set_mocks(PlainMocks(), project="ybfort", stack=stack, preview=preview)
        pulumi.runtime.set_all_config({key: json.dumps(value) for key, value in config.items()})
        pulumi.runtime.test(program)()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        contextvars.Context().run(body)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


WRONG = [
    (spec_data(replication_factor=4, clients=[{"name": "x", "cidrs": ["0.0.0.0/0"]}]), ["is even", "is not private"]),
    ({**VALID, "password": "x"}, ["nothing secret belongs"]),
    ([], ["must be a mapping"]),
]


@pytest.mark.parametrize(("cluster", "told"), WRONG)
def test_a_wrong_stack_ends_with_every_problem_and_no_resource(
    cluster: Any, told: list[str], record: Callable[..., Graph]
) -> None:
    from ybfort.program import cluster as make
    from ybfort.program import run

    made: list[Graph] = []
    with pytest.raises(pulumi.RunError) as refused:
        made.append(record(lambda: run(make), config={"ybfort:cluster": cluster}))
    assert all(problem in str(refused.value) for problem in told)
    assert not made


def test_a_stack_without_a_cluster_is_told_how_to_begin(record: Callable[..., Graph]) -> None:
    from ybfort.program import cluster, run

    with pytest.raises(pulumi.RunError, match="ybfort init"):
        record(lambda: run(cluster))


def test_the_program_can_run_twice(record: Callable[..., Graph]) -> None:
    from ybfort.program import cluster, run

    def inventory() -> dict[str, Any]:
        return record(lambda: run(cluster), config={"ybfort:cluster": VALID}).inventory()

    assert inventory() == inventory()
