"""Simulated clouds without an engine, for tests: `cloud.create("aws:ec2/vpc:Vpc", "main", cidrBlock="10.0.0.0/16")`."""

import asyncio
from pathlib import Path
from typing import Any

from ybfort.sandbox.aws_provider import AWS
from ybfort.sandbox.faults import Fault
from ybfort.sandbox.gcp_provider import GCP
from ybfort.sandbox.simulation import Diff, Simulation, Subject
from ybfort.sandbox.values import Values
from ybfort.sandbox.world import World

ACCOUNT = "111122223333"
PROJECT = "orders-prod-4711"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def subject(token: str, name: str, stack: str = "dev") -> Subject:
    return Subject(f"urn:pulumi:{stack}::tiny::{token}::{name}")


class Simulated:
    """One provider and its world."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    @property
    def world(self) -> World:
        return self.simulation.world

    @property
    def log(self) -> list[str]:
        return (self.world.root / "log").read_text().splitlines()

    def create(self, token: str, name: str, /, **inputs: Any) -> tuple[str, Values]:
        return asyncio.run(self.simulation.create(subject(token, name), inputs))

    def preview(self, token: str, name: str, /, **inputs: Any) -> Values:
        return asyncio.run(self.simulation.create(subject(token, name), inputs, preview=True))[1]

    def update(self, token: str, name: str, id_: str, state: Values, /, **inputs: Any) -> Values:
        return asyncio.run(self.simulation.update(subject(token, name), id_, state, inputs))

    def delete(self, token: str, name: str, id_: str) -> None:
        asyncio.run(self.simulation.delete(subject(token, name), id_, {}))

    def read(self, token: str, name: str, id_: str) -> Values | None:
        found = asyncio.run(self.simulation.read(subject(token, name), id_, {}))
        return found and found.outputs

    def invoke(self, token: str, /, **arguments: Any) -> Values:
        return asyncio.run(self.simulation.invoke(token, arguments))

    def check(self, token: str, /, **inputs: Any) -> dict[str, str]:
        _, problems = self.simulation.check(subject(token, "one"), {}, inputs)
        return {problem.path: problem.says for problem in problems}

    def diff(self, token: str, old: Values, new: Values, ignored: tuple[str, ...] = ()) -> Diff:
        tags, merged = self.simulation.cloud.tags
        state = {**old, **dict.fromkeys(merged, old.get(tags, {}))}
        return self.simulation.diff(subject(token, "one"), old, new, state, ignored)


class Cloud(Simulated):
    """A simulated AWS."""

    def __init__(self, root: Path, *, account: str = ACCOUNT, faults: tuple[Fault, ...] = (), **config: Any) -> None:
        super().__init__(Simulation(AWS, World(root), faults))
        self.simulation.configure({"region": "eu-west-1", "allowedAccountIds": f'["{account}"]', **config})


class GcpCloud(Simulated):
    """A simulated GCP, which adds no label of its own."""

    def __init__(self, root: Path, **config: Any) -> None:
        super().__init__(Simulation(GCP, World(root)))
        self.simulation.configure(
            {"region": "europe-west1", "project": PROJECT, "addPulumiAttributionLabel": "false", **config}
        )
