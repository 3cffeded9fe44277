"""Several simulated machines within the test's own process: one clock, one cloud, one database, and no chance.

Each agent runs once a minute, and while one waits the others go on.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from simulated_machine import (
    HOME,
    Killed,
    SimulatedCloud,
    SimulatedMachine,
    context,
    install_agent,
    invented,
    with_release,
)
from simulated_time import Clock
from ybfort.node.config import CLUSTER
from ybfort.node.converge import converge
from ybfort.node.status import state
from ybfort.node.step import Outcome
from ybfort.node.steps import LAST, ORDER
from ybfort.plan.agent import archive
from ybfort.plan.cluster import ClusterPlan, cluster_config
from ybfort.sandbox.nodes.universe import Universe


class SimulatedFleet:
    """The nodes of a plan."""

    def __init__(self, folder: Path, plan: ClusterPlan, *, skews: dict[str, float] | None = None) -> None:
        self.folder, self.universe, self.clock = folder, Universe(), Clock()
        self.machines: dict[str, SimulatedMachine] = {}
        self.clouds: dict[str, SimulatedCloud] = {}
        self.made = 0  # machines
        self.ids: dict[str, str] = {}  # what is different in every `ids/<node>.json`
        self.version = 0  # of what is declared
        self.seen: dict[str, int] = {}  # which of it an agent has seen to its end
        self.resting: set[str] = set()  # whose agents do not run
        self.ended: dict[str, dict[str, Outcome]] = {}
        self.stopped: list[str] = []  # `yb-master a1`, in order
        self.watch: Callable[[], None] = lambda: None  # looks on after every run
        self.document = json.loads(cluster_config(plan))
        for node in self.document["nodes"]:
            self.add(node["name"], skew=(skews or {}).get(node["name"], 0))
        self.declare()
        for node in self.machines:
            self.start(node)

    def start(self, node: str) -> None:
        """Its timer goes from now on."""
        self.clock.start(partial(self._minute_by_minute, node))

    def add(self, node: str, *, skew: float = 0) -> None:
        """A new machine with a blank volume."""
        self.made += 1
        machine = SimulatedMachine(self.folder / f"{self.made}-{node}", self.universe, self.clock, skew=skew)
        install_agent(machine, archive("aws").content)
        stop = machine.stop_server

        def stop_server(server: str) -> None:
            self.stopped.append(f"{server} {node}")
            stop(server)

        machine.stop_server = stop_server  # type: ignore[method-assign]
        cluster = self.document["cluster"]
        home = replace(HOME, cluster=cluster, node=node, bucket=self.document["buckets"]["artifacts"])
        shared = next(iter(self.clouds.values()), None)
        self.machines[node], self.clouds[node] = machine, SimulatedCloud(machine, home, shared)

    def declare(self, **changes: Any) -> None:
        """Change what is declared."""
        self.document, self.version = {**self.document, **changes}, self.version + 1
        text, release = with_release(self.document)
        for node, cloud in self.clouds.items():
            cloud.objects[cloud.home.bucket, CLUSTER] = text.encode()
            cloud.objects[cloud.home.bucket, f"config/ids/{node}.json"] = invented(node=node, **self.ids).encode()
            cloud.objects[cloud.home.bucket, self.document["release"]["key"]] = release

    def flag(self, name: str, value: str, server: str = "yb-tserver") -> None:
        """Change a flag of all servers of a kind."""
        flags = self.document["flags"]
        self.declare(flags={**flags, server: {**flags[server], name: value}})

    # ---------------------------------------------------------------------------------------------------------- running

    def run(self, node: str) -> str:
        """A run of a node's agent to its end; the state that it ends in."""
        run = context(self.machines[node], self.clouds[node])
        self.ended[node] = converge(run, ORDER, LAST)
        return state(self.ended[node])

    def _minute_by_minute(self, node: str) -> None:
        """What a node's timer does."""
        while True:
            if node not in self.resting:
                version = self.version
                try:
                    self.run(node)
                    self.seen[node] = version
                except Killed:
                    self.machines[node].die_at = -1
                    self.seen.pop(node, None)
            self.watch()
            self.clock.sleep(60)

    def settle(self, minutes: float = 60) -> float:
        """Let time pass until everything is as it was declared; says how many minutes that took.

        :raises AssertionError: with what the nodes say, if it does not come about
        """
        begun = self.clock.slept
        if not self.clock.go(self.settled, 60 * minutes):
            raise AssertionError({node: self.said(node) for node in self.machines})
        return (self.clock.slept - begun) / 60

    def wait(self, minutes: float) -> None:
        """Let time pass."""
        self.clock.go(lambda: False, 60 * minutes)

    def settled(self) -> bool:
        """Whether all agents have seen what is declared now, and have nothing left to do."""
        at_work = [node for node in self.machines if node not in self.resting]
        return all(self.seen.get(node) == self.version and state(self.ended[node]) == "converged" for node in at_work)

    def said(self, node: str) -> dict[str, str]:
        """What the last run of a node said of the steps that were not done."""
        told = self.ended.get(node, {})
        return {name: one.message for name, one in told.items() if one.result.value in ("failed", "incomplete")}

    def status(self, node: str) -> dict[str, Any]:
        bucket = self.document["buckets"]["status"]
        return json.loads(self.clouds[node].objects[bucket, f"status/{node}.json"])

    # ----------------------------------------------------------------------------------------------------- what happens

    def address(self, node: str) -> str:
        return next(one["address"] for one in self.document["nodes"] if one["name"] == node)

    def lose(self, node: str) -> None:
        """The machine is gone."""
        self.resting.add(node)
        self.seen.pop(node, None)
        for server in ("yb-master", "yb-tserver"):
            self.universe.running.pop(f"{server} {self.address(node)}", None)

    def crash(self, server: str, node: str) -> None:
        """A server ends by itself."""
        del self.universe.running[f"{server} {self.address(node)}"]

    def replace(self, node: str, *, volume: bool) -> None:
        """A new machine in the place of a lost one, with the old volume or with a blank one."""
        old = self.machines[node]
        self.add(node)
        new = self.machines[node]
        if volume:
            for name in ("/dev/nvme1n1", "/mnt/data"):
                new.path(name).parent.mkdir(parents=True, exist_ok=True)
                old.path(name).rename(new.path(name))
            new.owners[str(new.path("/mnt/data/yb-data"))] = new.ids
        else:
            self.universe.blanked(self.address(node))
        self.resting.discard(node)
