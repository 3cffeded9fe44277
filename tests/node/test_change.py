"""A cluster of nodes over time: made once, changed one node at a time, whatever happens meanwhile."""

import json
import os
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulated_fleet import SimulatedFleet
from specs import prod_plan, region, zones
from ybfort.node.servers import CREATING
from ybfort.node.step import Context, Outcome
from ybfort.node.steps import ORDER
from ybfort.node.steps.servers import CREATE
from ybfort.plan.cluster import cluster_config
from ybfort.sandbox.nodes.universe import Refused, Running

OLD, NEW, NEWEST = "2025.2.8.0-b60", "2025.2.9.0-b12", "2025.2.10.0-b3"
MASTERS, TSERVERS = (
    ["yb-master a1", "yb-master b1", "yb-master c1"],
    ["yb-tserver a1", "yb-tserver b1", "yb-tserver c1"],
)
EMPTY: dict[str, Any] = {"databases": [], "roles": []}  # roles are another matter


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., SimulatedFleet]]:
    """A fleet of three nodes in three zones whose machines have just been made, or of another plan."""
    made: list[SimulatedFleet] = []

    def make(*, skews: dict[str, float] | None = None, **changes: Any) -> SimulatedFleet:
        folder = tmp_path / str(len(made))
        made.append(SimulatedFleet(folder, prod_plan(**{**EMPTY, **changes}), skews=skews))
        return made[-1]

    yield make
    for fleet in made:
        fleet.clock.end()


@pytest.fixture
def fleet(make: Callable[..., SimulatedFleet]) -> Iterator[SimulatedFleet]:
    """A cluster that is complete. Whatever a test does to it, what must never happen does not."""
    fleet = make()
    fleet.settle()
    yield fleet
    assert fleet.universe.violations == []


class TestCreation:
    def test_the_masters_make_the_cluster_together_once(self, fleet: SimulatedFleet) -> None:
        assert len(fleet.universe.masters) == 3
        assert set(fleet.universe.made.values()) == {1}
        assert fleet.stopped == []
        assert {fleet.status(node)["database"]["healthy"] for node in fleet.machines} == {True}

    def test_nobody_begins_without_the_others(self, make: Callable[..., SimulatedFleet]) -> None:
        fleet = make()
        fleet.resting.add("c1")
        fleet.wait(10)
        assert fleet.universe.made == {}
        for node in ("a1", "b1"):
            assert fleet.said(node)["servers"] == (
                "The masters make the cluster together, and c1 must be ready for it first."
            )
        fleet.resting.clear()
        fleet.settle()
        assert fleet.universe.violations == []

    def test_where_the_cluster_was_made_is_written_down(self, fleet: SimulatedFleet) -> None:
        bucket = fleet.document["buckets"]["status"]
        known = json.loads(fleet.clouds["a1"].objects[bucket, "status/universe.json"])
        assert known == {"format": 1, "uuid": fleet.universe.name, "finalized": OLD, "ycql_closed": False}

    def test_copies_are_placed_in_every_zone(self, fleet: SimulatedFleet) -> None:
        assert fleet.universe.placement == [f"aws.eu-west-1.eu-west-1{letter}" for letter in "abc"]
        assert fleet.universe.copies == 3

    def test_nobody_is_told_to_make_another_one(self, fleet: SimulatedFleet) -> None:
        assert not any(machine.path(CREATING).exists() for machine in fleet.machines.values())

    def test_what_a_killed_run_left_makes_no_second_one(self, fleet: SimulatedFleet) -> None:
        fleet.lose("b1")
        fleet.replace("b1", volume=False)
        fleet.machines["b1"].directory("/run/ybfort", 0o755)
        fleet.machines["b1"].write(CREATING, CREATE.encode())
        fleet.settle()
        assert len(fleet.universe.masters) == 3

    def test_where_there_are_more_zones_than_copies_none_has_to_have_one(
        self, make: Callable[..., SimulatedFleet]
    ) -> None:
        fleet = make(fault_tolerance="node", regions=[region(zones=zones(1, 1, 1, 1, 1))])
        fleet.settle()
        assert fleet.universe.placement == []
        assert "Any 3 of 5 zones have a copy." in {one["placement"].message for one in fleet.ended.values()}

    def test_a_cluster_that_lost_all_its_data_is_not_begun_anew(self, fleet: SimulatedFleet) -> None:
        name = fleet.universe.name
        for node in list(fleet.machines):
            fleet.lose(node)
        for node in list(fleet.machines):
            fleet.replace(node, volume=False)
        fleet.wait(40)
        assert fleet.universe.name == name
        for node in fleet.machines:
            assert "The cluster was made once, and no master has its data any more" in fleet.said(node)["servers"]

    def test_a_node_that_is_added_joins_and_moves_nobody(self, fleet: SimulatedFleet) -> None:
        larger = json.loads(cluster_config(prod_plan(**EMPTY, regions=[region(zones=zones(2, 1, 1))])))
        fleet.document = larger
        fleet.add("a2")
        fleet.declare()
        fleet.start("a2")
        fleet.settle()
        assert f"yb-tserver {fleet.address('a2')}" in fleet.universe.running
        assert fleet.stopped == []


class TestLoss:
    def test_a_lost_machine_comes_back_with_its_data(self, fleet: SimulatedFleet) -> None:
        fleet.lose("b1")
        fleet.wait(5)
        fleet.replace("b1", volume=True)
        fleet.settle()
        assert set(fleet.universe.made.values()) == {1}

    def test_a_master_that_lost_its_data_is_taken_in_again(self, fleet: SimulatedFleet) -> None:
        before = dict(fleet.universe.masters)
        fleet.lose("b1")
        fleet.replace("b1", volume=False)
        fleet.settle()
        assert fleet.universe.masters.keys() == before.keys()
        assert fleet.universe.made[f"yb-master {fleet.address('b1')}"] == 1
        assert fleet.stopped == []

    def test_a_master_is_not_taken_in_while_another_one_is_away(self, fleet: SimulatedFleet) -> None:
        """Between its removal and its return two of two have to be there."""
        for node in ("b1", "c1"):
            fleet.lose(node)
        fleet.replace("b1", volume=False)
        fleet.wait(30)
        assert len(fleet.universe.masters) == 3
        fleet.replace("c1", volume=True)
        fleet.settle()

    def test_a_node_that_the_leader_never_heard_of_is_missed_if_it_was_there_before(
        self, fleet: SimulatedFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A master that comes to lead may know only the tablet servers that have reported to it since."""
        tservers = fleet.universe._tservers
        monkeypatch.setattr(
            fleet.universe, "_tservers", lambda now: (one for one in tservers(now) if one[1]["status"] == "ALIVE")
        )
        fleet.lose("c1")
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.wait(10)
        assert fleet.stopped == []
        assert "the tablet server of c1 is not there" in fleet.said("a1")["servers"]

    def test_a_master_that_is_not_taken_in_says_why(
        self, fleet: SimulatedFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        admin = fleet.universe.admin

        def refused(command: str, *arguments: str) -> str:
            if command == "change_master_config":
                raise Refused(f"{arguments[0]} was refused")
            return admin(command, *arguments)

        with monkeypatch.context() as bad_day:
            bad_day.setattr(fleet.universe, "admin", refused)
            fleet.lose("b1")
            fleet.replace("b1", volume=False)
            assert fleet.clock.go(lambda: "ADD_SERVER was refused" in fleet.said("b1").get("servers", ""), 3600)
            assert "REMOVE_SERVER was refused" in fleet.said("b1")["servers"]
        fleet.settle()

    def test_nothing_is_stopped_while_a_node_is_lost(self, fleet: SimulatedFleet) -> None:
        fleet.lose("c1")
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.wait(30)
        assert fleet.stopped == []
        assert "the tablet server of c1 is not there" in fleet.said("a1")["servers"]
        fleet.replace("c1", volume=True)
        fleet.settle()
        assert sorted(fleet.stopped) == ["yb-tserver a1", "yb-tserver b1"]  # c1 came back with the new flags


class TestChange:
    def test_nodes_change_in_their_order(self, fleet: SimulatedFleet) -> None:
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.settle()
        assert fleet.stopped == TSERVERS

    def test_all_masters_change_before_the_first_tablet_server(self, fleet: SimulatedFleet) -> None:
        fleet.flag("max_clock_skew_usec", "250000", "yb-master")
        fleet.flag("max_clock_skew_usec", "250000", "yb-tserver")
        fleet.settle()
        assert fleet.stopped == [*MASTERS, *TSERVERS]

    def test_a_node_alone_changes_though_nobody_takes_over(self, make: Callable[..., SimulatedFleet]) -> None:
        fleet = make(environment="dev", replication_factor=1, regions=[region(zones=zones(1))])
        fleet.settle()
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.flag("max_clock_skew_usec", "250000", "yb-master")
        fleet.settle()
        assert fleet.stopped == ["yb-master a1", "yb-tserver a1"]

    def test_only_a_master_that_leads_is_made_to_step_down(
        self, fleet: SimulatedFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        admin, moved = fleet.universe.admin, list[tuple[str, list[str]]]()

        def noted(command: str, *arguments: str) -> str:
            if command == "master_leader_stepdown":
                acting = [fleet.address(node) for node in fleet.machines if fleet.status(node)["turn"]]
                moved.append((fleet.universe.leader, acting))
            return admin(command, *arguments)

        monkeypatch.setattr(fleet.universe, "admin", noted)
        fleet.flag("max_clock_skew_usec", "250000", "yb-master")
        fleet.settle()
        assert moved
        assert all(acting == [leader] for leader, acting in moved)

    @pytest.mark.parametrize("lacks", ["underreplicated_tablets", "leaderless_tablets"])
    def test_a_turn_lasts_until_every_tablet_is_well_again(
        self, fleet: SimulatedFleet, monkeypatch: pytest.MonkeyPatch, lacks: str
    ) -> None:
        page = fleet.universe.page

        def lacking(path: str, at: str, now: float) -> tuple[int, str]:
            status, text = page(path, at, now)
            unwell = bool(fleet.stopped) and f'"{lacks}"' in text
            return status, json.dumps({lacks: [{"tablet_uuid": "1"}]}) if unwell else text

        with monkeypatch.context() as bad_day:
            bad_day.setattr(fleet.universe, "page", lacking)
            fleet.flag("max_stale_read_bound_time_ms", "1")
            fleet.wait(30)
            assert fleet.stopped == ["yb-tserver a1"]
            assert fleet.status("a1")["turn"]["acting"]
        fleet.settle()

    def test_a_node_has_settled_before_the_next_one_is_stopped(self, fleet: SimulatedFleet) -> None:
        stops: list[float] = []
        for machine in fleet.machines.values():
            stop = machine.stop_server
            machine.stop_server = lambda server, stop=stop: (stops.append(fleet.clock.slept), stop(server))[1]
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.settle()
        assert all(later - earlier >= 60 for earlier, later in pairwise(stops))

    def test_no_leader_is_forbidden_to_lead_when_all_is_done(self, fleet: SimulatedFleet) -> None:
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.settle()
        assert fleet.universe.drained == []

    def test_leaders_that_do_not_move_keep_their_node_running(
        self, fleet: SimulatedFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fleet.universe, "_leads", lambda *_: 4)
        fleet.flag("max_stale_read_bound_time_ms", "1")
        why = "After 300 seconds it is still not so that its leaders have moved"
        assert fleet.clock.go(lambda: why in fleet.said("a1").get("servers", ""), 3600)
        assert fleet.stopped == []
        assert fleet.universe.drained == []
        assert fleet.status("a1")["turn"] is None

    def test_two_changes_in_quick_succession_end_in_the_second(self, fleet: SimulatedFleet) -> None:
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.clock.go(lambda: "yb-tserver a1" in fleet.stopped, 600)
        fleet.flag("max_stale_read_bound_time_ms", "2")
        fleet.settle()
        flags = {node: machine.path("/etc/yugabyte").glob("yb-tserver-*") for node, machine in fleet.machines.items()}
        for files in flags.values():
            (file,) = files
            assert "--max_stale_read_bound_time_ms=2\n" in file.read_text()

    def test_a_change_that_is_taken_back_is_taken_back_in_order(self, fleet: SimulatedFleet) -> None:
        before = fleet.document["flags"]
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.clock.go(lambda: "yb-tserver b1" in fleet.stopped, 1200)
        fleet.declare(flags=before)
        fleet.settle()
        assert fleet.stopped == ["yb-tserver a1", "yb-tserver b1", "yb-tserver b1", "yb-tserver a1"] or (
            fleet.stopped == ["yb-tserver a1", "yb-tserver b1", "yb-tserver a1", "yb-tserver b1"]
        )

    def test_nobody_begins_after_a_node_that_did_not_get_healthy(self, fleet: SimulatedFleet) -> None:
        fleet.universe.sick = [fleet.address("b1")]
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.wait(60)
        assert fleet.stopped == []  # it was sick before anybody began
        fleet.universe.sick = []
        fleet.clock.go(lambda: "yb-tserver b1" in fleet.stopped, 3600)
        fleet.universe.sick = [fleet.address("b1")]
        fleet.wait(60)
        assert fleet.stopped == ["yb-tserver a1", "yb-tserver b1"]
        assert "it is still not so that yb-tserver is healthy" in fleet.said("b1")["servers"]
        assert fleet.status("b1")["turn"]["acting"]
        assert "12 tablets have too few copies" in fleet.said("c1")["servers"]

    def test_what_made_a_node_sick_can_be_mended_by_another_change(self, fleet: SimulatedFleet) -> None:
        """The node that holds the turn does not wait for those before it."""
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.clock.go(lambda: "yb-tserver b1" in fleet.stopped, 3600)
        fleet.universe.sick = [fleet.address("b1")]
        fleet.wait(30)
        start = fleet.machines["b1"].start_server

        def cured(server: str, command: list[str]) -> None:
            fleet.universe.sick = []
            start(server, command)

        fleet.machines["b1"].start_server = cured  # type: ignore[method-assign]
        fleet.flag("max_stale_read_bound_time_ms", "2")
        fleet.settle(120)

    def test_an_agent_that_says_nothing_stops_the_change_after_it(self, fleet: SimulatedFleet) -> None:
        fleet.resting.add("c1")
        fleet.wait(20)
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.wait(30)
        assert fleet.stopped == []
        assert "c1 has not been heard of for" in fleet.said("a1")["servers"]
        fleet.resting.clear()
        fleet.settle()

    def test_a_status_that_is_missing_stops_the_change(self, fleet: SimulatedFleet) -> None:
        fleet.resting.add("c1")
        del fleet.clouds["a1"].objects[fleet.document["buckets"]["status"], "status/c1.json"]
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.wait(10)
        assert fleet.stopped == []
        assert "c1 runs and has not reported" in fleet.said("a1")["servers"]
        fleet.resting.clear()
        fleet.settle()

    def test_clocks_that_differ_change_nothing(self, make: Callable[..., SimulatedFleet]) -> None:
        fleet = make(skews={"a1": 7200, "c1": -7200})
        fleet.settle()
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.settle()
        assert fleet.stopped == TSERVERS
        assert fleet.universe.violations == []

    def test_a_machine_that_is_replaced_in_its_turn_goes_on_with_it(self, fleet: SimulatedFleet) -> None:
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.clock.go(lambda: "yb-tserver b1" in fleet.stopped, 3600)
        fleet.lose("b1")
        fleet.wait(30)
        assert fleet.stopped == ["yb-tserver a1", "yb-tserver b1"]
        fleet.replace("b1", volume=True)
        fleet.settle()
        assert fleet.stopped == TSERVERS

    @pytest.mark.parametrize("node", ["a1", "b1"])
    @pytest.mark.parametrize("chunk", range(4))
    def test_an_agent_killed_at_any_moment_of_a_change_does_no_harm(
        self, make: Callable[..., SimulatedFleet], monkeypatch: pytest.MonkeyPatch, node: str, chunk: int
    ) -> None:
        fleet, moments = make(), range(chunk, 1000, 4)
        fleet.settle()

        def counted(context: Context) -> Outcome:
            if context.identity.node == node:
                fleet.machines[node].moments = 0
            return ORDER["servers"](context)

        monkeypatch.setattr("simulated_fleet.ORDER", {**ORDER, "servers": counted})
        for moment in moments:
            fleet.machines[node].die_at = moment
            fleet.flag("max_stale_read_bound_time_ms", str(moment))
            fleet.settle()
            assert fleet.universe.violations == [], moment
            assert fleet.universe.drained == []
            if fleet.machines[node].die_at == moment:  # there are no more
                break
        assert moment > 50

    @pytest.mark.parametrize("seed", range(12))
    def test_in_whatever_order_things_happen_one_node_changes_at_a_time(
        self, make: Callable[..., SimulatedFleet], seed: int
    ) -> None:
        fleet, chance = make(), random.Random(seed)
        for machine in fleet.machines.values():
            machine.pauses = lambda: chance.choice((0.0, 0.0, 0.1, 1.0, 5.0))
        fleet.settle(240)
        for value in range(3):
            fleet.flag("max_stale_read_bound_time_ms", str(value))
            fleet.flag("max_clock_skew_usec", str(value), "yb-master")
            fleet.wait(chance.choice((0.5, 2, 7)))
        fleet.settle(240)
        assert fleet.universe.violations == []


class TestUpgrade:
    def upgrade(self, fleet: SimulatedFleet, version: str, *, finalized: str | None = None) -> None:
        release = {
            **fleet.document["release"],
            "version": version,
            "key": f"releases/{version}",
            "finalized": finalized,
        }
        fleet.declare(release=release)

    def releases(self, fleet: SimulatedFleet) -> set[str]:
        return {one.release for one in fleet.universe.running.values()}

    def test_masters_take_a_new_release_first(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        assert fleet.stopped == [*MASTERS, *TSERVERS]
        assert self.releases(fleet) == {NEW}
        assert fleet.universe.promoted == OLD
        assert {path.name for path in fleet.machines["a1"].path("/opt/yugabyte").iterdir()} == {OLD, NEW}

    def test_until_it_is_final_there_is_a_way_back_tablet_servers_first(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        fleet.stopped.clear()
        self.upgrade(fleet, OLD)
        fleet.settle()
        assert fleet.stopped == [*TSERVERS, *MASTERS]
        assert self.releases(fleet) == {OLD}

    def test_there_is_a_way_back_from_half_way(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.clock.go(lambda: "yb-tserver a1" in fleet.stopped, 3600)
        self.upgrade(fleet, OLD)
        fleet.settle()
        assert self.releases(fleet) == {OLD}

    @pytest.mark.parametrize(("first", "last"), [("yb-master", "yb-tserver"), ("yb-tserver", "yb-master")])
    def test_a_server_that_crashes_meanwhile_starts_as_it_was(
        self, fleet: SimulatedFleet, first: str, last: str
    ) -> None:
        self.upgrade(fleet, NEW)
        if first == "yb-tserver":  # on the way back
            fleet.settle()
            fleet.stopped.clear()
            self.upgrade(fleet, OLD)
        fleet.clock.go(lambda: f"{first} a1" in fleet.stopped, 3600)
        fleet.crash(last, "c1")
        fleet.settle()
        assert fleet.stopped == [
            *(f"{first} {node}" for node in ("a1", "b1", "c1")),
            *(f"{last} {node}" for node in ("a1", "b1", "c1")),
        ]

    def test_a_machine_that_is_replaced_before_all_masters_have_it_waits_until_that_is_taken_back(
        self, fleet: SimulatedFleet
    ) -> None:
        self.upgrade(fleet, NEW)
        fleet.clock.go(lambda: "yb-master a1" in fleet.stopped, 3600)
        fleet.lose("c1")
        fleet.replace("c1", volume=True)
        fleet.wait(30)
        assert fleet.said("c1")["servers"].startswith(
            f"yb-tserver does not start with {NEW} before yb-master of b1 has"
        )
        assert "the tablet server of c1 is not there" in fleet.said("b1")["servers"]
        self.upgrade(fleet, OLD)
        fleet.settle()
        self.upgrade(fleet, NEW)
        fleet.settle()
        assert self.releases(fleet) == {NEW}

    def test_machines_that_are_all_replaced_meanwhile_come_back(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        for node in list(fleet.machines):
            fleet.lose(node)
        self.upgrade(fleet, OLD)
        for node in list(fleet.machines):
            fleet.replace(node, volume=True)
        fleet.settle()
        assert self.releases(fleet) == {OLD}

    def test_it_becomes_final_when_somebody_says_so(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        self.upgrade(fleet, NEW, finalized=NEW)
        fleet.settle()
        assert fleet.universe.promoted == NEW
        fleet.wait(6)  # every node learns of it
        assert [path.name for path in fleet.machines["b1"].path("/opt/yugabyte").iterdir()] == [NEW]

    def test_it_does_not_become_final_while_a_node_says_nothing(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        leads = next(node for node in fleet.machines if fleet.address(node) == fleet.universe.leader)
        silent = next(node for node in fleet.machines if node != leads)
        fleet.resting.add(silent)
        del fleet.clouds["a1"].objects[fleet.document["buckets"]["status"], f"status/{silent}.json"]
        self.upgrade(fleet, NEW, finalized=NEW)
        fleet.wait(10)
        assert fleet.said(leads)["finalization"] == f"{NEW} becomes final when it runs on {silent}, too."
        assert fleet.universe.promoted == OLD

    def test_the_catalog_follows_when_the_new_formats_have_reached_every_server(
        self, fleet: SimulatedFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        admin, told = fleet.universe.admin, list[tuple[str, float]]()

        def noted(command: str, *arguments: str) -> str:
            told.append((command, fleet.clock.slept))
            return admin(command, *arguments)

        monkeypatch.setattr(fleet.universe, "admin", noted)
        self.upgrade(fleet, NEW, finalized=NEW)
        fleet.settle()
        (promotion, promoted), (catalog, upgraded) = told
        assert (promotion, catalog) == ("promote_auto_flags", "upgrade_ysql")
        assert upgraded - promoted >= 10

    def test_it_does_not_become_final_before_every_node_runs_it(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW, finalized=NEW)
        fleet.clock.go(lambda: "yb-tserver b1" in fleet.stopped, 3600)
        assert fleet.universe.promoted == OLD
        fleet.settle()
        assert fleet.universe.promoted == NEW

    def test_behind_what_is_final_there_is_no_way_back(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW, finalized=NEW)
        fleet.settle()
        fleet.wait(6)
        fleet.stopped.clear()
        self.upgrade(fleet, OLD)
        fleet.wait(10)
        assert fleet.stopped == []
        assert f"{NEW} is final: there is no way back to {OLD}" in fleet.said("a1")["servers"]
        self.upgrade(fleet, NEW)
        fleet.settle()

    def test_a_second_upgrade_waits_for_the_first_to_be_final(self, fleet: SimulatedFleet) -> None:
        self.upgrade(fleet, NEW)
        fleet.settle()
        fleet.stopped.clear()
        self.upgrade(fleet, NEWEST)
        fleet.wait(10)
        assert fleet.stopped == []
        assert f"{NEW} runs here and is not final" in fleet.said("a1")["servers"]

    def test_a_node_that_joins_meanwhile_is_not_ahead_of_the_masters(self, fleet: SimulatedFleet) -> None:
        larger = json.loads(cluster_config(prod_plan(**EMPTY, regions=[region(zones=zones(2, 1, 1))])))
        fleet.document = larger
        fleet.add("a2")
        self.upgrade(fleet, NEW)
        fleet.start("a2")
        fleet.settle()
        assert self.releases(fleet) == {NEW}


def test_what_must_never_happen_would_be_seen(fleet: SimulatedFleet) -> None:
    """The tests above hold because the universe looks: this one sees that it does."""
    fleet.machines["a1"].stop_server("yb-tserver")
    fleet.machines["b1"].stop_server("yb-master")
    fleet.machines["c1"].stop_server("yb-master")
    a1, b1, c1 = (fleet.address(node) for node in ("a1", "b1", "c1"))
    seen, fleet.universe.violations = fleet.universe.violations, []
    assert seen == [
        f"yb-tserver at {a1} was stopped while it led tablets",
        f"yb-master at {b1} was stopped while {a1} was down",
        f"yb-master at {c1} was stopped while {a1}, {b1} was down",
        f"without yb-master at {c1} the masters have no majority",
    ]
    fleet.universe.started(
        Running("yb-tserver", a1, 9000, "x", ("", "", ""), 0, NEW), data="member", joins=False, peers=(), copies=0
    )
    assert fleet.universe.violations == ["a tablet server is newer than a master"]
    fleet.universe.violations.clear()
