"""What a node says of itself, to whom, and when; and what it makes of what others say."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simulated_fleet import SimulatedFleet
from simulated_machine import (
    HOME,
    STATUS_BUCKET,
    SimulatedCloud,
    SimulatedMachine,
    context,
    declared,
    invented,
)
from specs import prod_plan
from statuses import TOLD, TURN
from ybfort.node.config import STATE, checked
from ybfort.node.status import (
    SHAPE,
    checked_status,
    others,
    read_status,
    recall,
    remembered,
    seconds_of,
    tell,
    utc,
    write_status,
)
from ybfort.node.step import Context, Outcome, Report, Result
from ybfort.node.system import Failure

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[2] / "docs/status.schema.json").read_text()))


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    return next_run(machine, cloud)


def next_run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    run = context(machine, cloud)
    run.accepted = checked(declared(), invented(), HOME)
    run.ended["config"] = Outcome(Result.DONE, "fine")
    run.report = remembered(machine) or Report()
    return run


def test_every_status_of_a_cluster_s_life_has_the_form_that_is_documented(tmp_path: Path) -> None:
    fleet = SimulatedFleet(tmp_path, prod_plan(databases=[], roles=[]))
    seen: list[str] = []

    def look() -> None:
        for (_, key), content in fleet.clouds["a1"].objects.items():
            if key.startswith("status/") and key != "status/universe.json":
                SCHEMA.validate(json.loads(content))
                seen.append(json.loads(content)["state"])

    fleet.watch = look
    try:
        fleet.settle()
        fleet.flag("max_stale_read_bound_time_ms", "1")
        fleet.settle()
        fleet.universe.sick = [fleet.address("b1")]
        fleet.flag("max_stale_read_bound_time_ms", "2")
        fleet.wait(30)
    finally:
        fleet.clock.end()
    assert set(seen) == {"converged", "incomplete", "working"}


class TestForm:
    """The schema is for people and their programs, the shape for the agent: they say the same."""

    def places(self, value: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
        yield place
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, member in inside:
            yield from self.places(member, *place, name)

    def agree(self, told: Any) -> bool:
        """Whether it has the form."""
        fits = SCHEMA.is_valid(told)
        assert fits == (not list(SHAPE(told, ""))), told
        return fits

    def test_a_whole_one_passes(self) -> None:
        assert self.agree(TOLD)

    def test_both_know_the_same_members_and_values(self) -> None:
        refused = 0
        for *way, last in filter(None, self.places(TOLD)):
            for wrong in (None, True, 1.5, "x", "converged", [], {}, {"more": 1}, "drop"):
                told = json.loads(json.dumps(TOLD))
                inside = functools.reduce(lambda value, name: value[name], way, told)
                if wrong == "drop":
                    del inside[last]
                else:
                    inside[last] = wrong
                refused += not self.agree(told)
        assert refused > 200

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("{", "status/a1.json is not JSON"),
            ('{"format": 2}', "format is 2 and not 1."),
            (json.dumps({**TOLD, "node": "b1"}), "status/a1.json is of b1 of orders-prod."),
            (json.dumps({**TOLD, "cluster": "x"}), "status/a1.json is of a1 of x."),
            (json.dumps({**TOLD, "state": "fine", "turn": 7}), "state is .* turn is 7"),
        ],
    )
    def test_what_has_another_is_refused_with_all_reasons(self, content: str, says: str) -> None:
        with pytest.raises(Failure, match=says):
            checked_status(content, "orders-prod", "a1")


def test_a_status_is_written_when_it_says_something_new(run: Context, cloud: SimulatedCloud) -> None:
    write_status(run)
    cloud.asked.clear()
    assert write_status(run).message == "Nothing new since the last one."
    run.ended["disk"] = Outcome(Result.INCOMPLETE, "not attached")
    assert write_status(run).message == "status/a1.json was written."
    assert cloud.asked == ["put status/a1.json"]
    assert cloud.status()["state"] == "incomplete"


def test_the_node_itself_has_the_last_one_even_if_it_says_nothing_new(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    write_status(run)
    machine.clock.slept += 60
    write_status(run)
    assert cloud.status()["at"] == "2027-01-15T08:00:00Z"
    assert read_status(machine)["at"] == read_status(machine)["converged_at"] == "2027-01-15T08:01:00Z"


def test_what_outlives_a_run_is_remembered_by_the_next(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    run.report.turn, run.report.undeclared = TURN, ["role bob is not declared"]
    write_status(run)
    again = next_run(machine, cloud)
    assert (again.report.turn, again.report.undeclared) == (TURN, ["role bob is not declared"])


def test_when_it_was_last_as_declared_is_kept_while_it_is_not(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    write_status(run)
    machine.clock.slept += 7200
    later = next_run(machine, cloud)
    later.ended["disk"] = Outcome(Result.FAILED, "gone")
    write_status(later)
    assert (cloud.status()["at"], cloud.status()["converged_at"]) == ("2027-01-15T10:00:00Z", "2027-01-15T08:00:00Z")


def test_a_new_machine_takes_over_the_hand_of_the_old_one_and_nothing_else(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, tmp_path: Path
) -> None:
    run.report.turn, run.report.undeclared = TURN, ["role bob is not declared"]
    write_status(run)
    fresh = SimulatedMachine(tmp_path / "fresh")
    fresh.path(STATE).mkdir()
    assert remembered(fresh) is None
    assert recall(next_run(fresh, SimulatedCloud(fresh, shared=cloud))) == Report(turn=TURN)


def test_a_node_that_never_was_has_its_hand_down(run: Context) -> None:
    assert recall(run) == Report()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2}', '{"format": 1, "servers": {}}'])
def test_a_status_of_another_agent_is_not_remembered(machine: SimulatedMachine, content: str) -> None:
    machine.path(f"{STATE}/status.json").write_text(content)
    assert remembered(machine) is None


class TestOthers:
    def say(self, cloud: SimulatedCloud, node: str, *, written: float, **changes: Any) -> None:
        told = {**cloud.status(), "node": node, **changes}
        cloud.objects[STATUS_BUCKET, f"status/{node}.json"] = json.dumps(told).encode()
        cloud.written[STATUS_BUCKET, f"status/{node}.json"] = written

    @pytest.fixture
    def three(self, run: Context) -> Context:
        told = json.loads(declared())
        (node,) = told["nodes"]
        text = json.dumps(node)
        told["nodes"] += [
            json.loads(text.replace("a1", name).replace("10.40.1", f"10.40.{n}")) for name, n in (("b1", 3), ("c1", 5))
        ]
        run.accepted = checked(json.dumps(told), invented(), HOME)
        tell(run)
        return run

    def test_age_is_measured_by_the_store_s_clock(
        self, three: Context, machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        """Whatever the clocks of the nodes say."""
        machine.skew = 100_000
        self.say(cloud, "b1", written=machine.true_time - 120, at="2020-01-01T00:00:00Z")
        assert others(three)["b1"].age == 120

    def test_a_word_that_came_since_is_younger_than_one_s_own(
        self, three: Context, machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        self.say(cloud, "b1", written=machine.true_time + 5)
        assert others(three)["b1"].age == -5

    def test_who_says_nothing_that_can_be_read_has_said_nothing(
        self, three: Context, machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        self.say(cloud, "b1", written=0, format=2)
        self.say(cloud, "c1", written=0, cluster="another")
        assert others(three).keys() == {"a1"}

    def test_nodes_that_are_not_declared_do_not_count(self, three: Context, cloud: SimulatedCloud) -> None:
        self.say(cloud, "d1", written=0)
        assert others(three).keys() == {"a1"}

    def test_one_s_own_word_comes_first(self, three: Context, cloud: SimulatedCloud) -> None:
        """Else two nodes could each miss that the other has raised its hand."""
        cloud.asked.clear()
        others(three)
        assert cloud.asked[:2] == ["put status/a1.json", "list status/"]

    def test_what_was_fetched_does_not_stay(
        self, three: Context, machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        self.say(cloud, "b1", written=0)
        others(three)
        assert not list(machine.path(STATE).glob("fetched*"))


def test_a_time_is_written_and_read() -> None:
    assert utc(1_800_000_000.9) == "2027-01-15T08:00:00Z"
    assert seconds_of("2027-01-15T08:00:00Z") == 1_800_000_000
