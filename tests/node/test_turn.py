"""Whose turn it is: what speaks against beginning, and that two nodes never act at once, in whatever order they go."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ybfort.node.config import MASTER, TSERVER
from ybfort.node.turn import Told, Want, hands_up, why_not_yet

NODES = {"a1": (MASTER, TSERVER), "b1": (MASTER, TSERVER), "c1": (MASTER, TSERVER), "a2": (TSERVER,)}
CONFIG, STALE = "c" * 64, 900


def want(node: str, server: str, *, back: bool = False) -> Want:
    return Want(node, server, CONFIG, NODES, (TSERVER, MASTER) if back else (MASTER, TSERVER))


def told(
    *, current: tuple[str, ...] = (), config: str = CONFIG, age: float = 0, turn: dict[str, Any] | None = None
) -> Told:
    servers = {server: {"current": server in current} for server in (MASTER, TSERVER)}
    return Told(age, {"servers": servers, "config_sha256": config, "turn": turn})


BOTH = (MASTER, TSERVER)


class TestOrder:
    def test_the_first_master_waits_for_nobody(self) -> None:
        assert list(why_not_yet(want("a1", MASTER), {node: told() for node in NODES}, STALE)) == []

    def test_masters_follow_each_other(self) -> None:
        nodes = {"a1": told(current=(MASTER,)), "b1": told(), "c1": told(), "a2": told()}
        assert list(why_not_yet(want("b1", MASTER), nodes, STALE)) == []
        assert list(why_not_yet(want("c1", MASTER), nodes, STALE)) == ["yb-master of b1 changes first"]

    def test_tablet_servers_follow_all_masters(self) -> None:
        nodes = {"a1": told(current=(MASTER,)), "b1": told(current=(MASTER,)), "c1": told(), "a2": told()}
        assert list(why_not_yet(want("a1", TSERVER), nodes, STALE)) == ["yb-master of c1 changes first"]
        nodes["c1"] = told(current=(MASTER,))
        assert list(why_not_yet(want("a1", TSERVER), nodes, STALE)) == []
        assert list(why_not_yet(want("a2", TSERVER), nodes, STALE)) == [
            f"yb-tserver of {node} changes first" for node in ("a1", "b1", "c1")
        ]

    def test_on_the_way_back_tablet_servers_go_first(self) -> None:
        nodes = dict.fromkeys(NODES, told())
        assert list(why_not_yet(want("a1", TSERVER, back=True), nodes, STALE)) == []
        assert len(list(why_not_yet(want("a1", MASTER, back=True), nodes, STALE))) == 3

    def test_who_follows_another_declared_state_has_not_changed_yet(self) -> None:
        nodes = {**dict.fromkeys(NODES, told(current=BOTH)), "a1": told(current=BOTH, config="d" * 64)}
        assert list(why_not_yet(want("b1", MASTER), nodes, STALE)) == ["yb-master of a1 changes first"]

    def test_a_node_that_never_reported_is_waited_for_by_those_after_it(self) -> None:
        nodes = {"b1": told(), "c1": told()}
        assert list(why_not_yet(want("b1", MASTER), nodes, STALE)) == ["a1 has not reported yet"]
        assert list(why_not_yet(want("a1", MASTER), nodes, STALE)) == []

    def test_nobody_begins_while_somebody_has_not_been_heard_of(self) -> None:
        nodes = {**dict.fromkeys(NODES, told()), "c1": told(age=3600)}
        assert list(why_not_yet(want("a1", MASTER), nodes, STALE)) == ["c1 has not been heard of for 60 minutes"]

    def test_one_s_own_silence_does_not_count(self) -> None:
        nodes = {**dict.fromkeys(NODES, told()), "a1": told(age=3600)}
        assert list(why_not_yet(want("a1", MASTER), nodes, STALE)) == []


def test_hands_are_told_by_who_comes_first() -> None:
    up = {"server": MASTER, "acting": False, "since": "2026-11-28T00:00:00Z"}
    nodes = {node: told(turn=up) for node in NODES}
    assert hands_up(want("b1", MASTER), nodes) == (["a1"], ["c1", "a2"])


# ------------------------------------------------------------------------------------------------- every interleaving


@dataclass(frozen=True)
class Agent:
    """How far a node has come; `servers._raise_hand` and what follows it, one look or one write a step."""

    at: str = "away"  # away, raised, acting
    hand: bool = False


World = tuple[Agent, ...]
NAMES = ("a1", "b1", "c1")


def steps(world: World, broken: str = "") -> Iterator[tuple[World, str]]:
    """What may happen next. Agents may be killed at any time: a step that never comes is one of the ways."""
    for me, agent in enumerate(world):
        others = [name for name, other in zip(NAMES, world, strict=True) if other.hand and name != NAMES[me]]
        statuses = {name: told(turn={"acting": False} if name in others else None) for name in NAMES}
        wants = Want(NAMES[me], MASTER, CONFIG, dict.fromkeys(NAMES, (MASTER,)))
        before, after = hands_up(wants, statuses)

        def with_me(changed: Agent, me: int = me) -> World:
            return (*world[:me], changed, *world[me + 1 :])

        if agent.at == "away":
            yield with_me(Agent("raised", hand=True)), f"{NAMES[me]} raises its hand"
        elif agent.at == "raised" and before and broken != "does not give way":
            yield with_me(Agent()), f"{NAMES[me]} gives way"
        elif agent.at == "raised" and (not after or broken):
            yield with_me(replace(agent, at="acting")), f"{NAMES[me]} acts"
        elif agent.at == "acting":
            yield with_me(Agent()), f"{NAMES[me]} lets go"


def acting_at_once(broken: str = "") -> list[str] | None:
    """The shortest way to two nodes that act at once; None if there is none."""
    begin: World = (Agent(), Agent(), Agent())
    seen, ahead = {begin}, deque([(begin, list[str]())])
    while ahead:
        world, path = ahead.popleft()
        if sum(agent.at == "acting" for agent in world) > 1:
            return path
        for following, what in steps(world, broken):
            if following not in seen:
                seen.add(following)
                ahead.append((following, [*path, what]))
    return None


def test_two_nodes_never_act_at_once_in_whatever_order_their_steps_come() -> None:
    assert acting_at_once() is None


@pytest.mark.parametrize("broken", ["does not wait", "does not give way"])
def test_this_would_be_found_if_a_rule_were_left_out(broken: str) -> None:
    assert acting_at_once(broken) is not None


def test_from_everywhere_somebody_can_go_on() -> None:
    """Nobody waits for anybody in a circle."""
    begin: World = (Agent(), Agent(), Agent())
    seen, ahead = {begin}, [begin]
    while ahead:
        following = [world for world, _ in steps(ahead.pop())]
        assert following
        for world in following:
            if world not in seen:
                seen.add(world)
                ahead.append(world)
