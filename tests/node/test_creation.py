"""What a master that does not run does, from what can be known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ybfort.node.config import MASTER
from ybfort.node.creation import Create, Decision, Join, Start, Stop, Wait, decide
from ybfort.node.servers import BEGUN, BLANK, MEMBER
from ybfort.node.turn import Told

CONFIG = "c" * 64


def told(data: str | None, *, age: float = 0, config: str = CONFIG) -> Told:
    servers = {} if data is None else {MASTER: {"data": data}}
    return Told(age, {"servers": servers, "config_sha256": config})


def decided(mine: str, *others: Told | None, exists: bool = False, lives: bool = False) -> Decision:
    masters = [f"{letter}1" for letter, _ in zip("bcdefg", others, strict=False)]
    known = {name: one for name, one in zip(masters, others, strict=True) if one}
    return decide(mine, exists=exists, lives=lives, masters=masters, told=known, config=CONFIG, stale=900)


def test_blank_masters_make_a_cluster_when_all_are_ready() -> None:
    assert decided(BLANK, told(BLANK), told(BLANK)) == Create()
    assert decided(BLANK) == Create()  # the only one


def test_a_start_that_was_cut_short_is_made_again() -> None:
    assert decided(BEGUN, told(BEGUN), told(BLANK)) == Create()


@pytest.mark.parametrize("silent", [None, told(None), told(BLANK, age=901), told(BLANK, config="d" * 64)])
def test_nobody_begins_without_having_heard_of_everybody(silent: Told | None) -> None:
    assert decided(BLANK, told(BLANK), silent) == Wait(
        "The masters make the cluster together, and c1 must be ready for it first."
    )


def test_a_master_with_data_goes_on_whatever_others_say() -> None:
    for exists in (False, True):
        assert decided(MEMBER, told(BLANK), None, exists=exists) == Start()


def test_a_blank_master_joins_where_there_is_a_cluster() -> None:
    assert decided(BLANK, told(MEMBER), told(MEMBER), exists=True) == Join()
    assert decided(BLANK, None, None, lives=True) == Join()
    assert decided(BLANK, told(MEMBER, age=90_000), None) == Join()  # an old word is enough for this


def test_a_cluster_that_lost_its_data_is_not_made_anew() -> None:
    assert isinstance(decided(BLANK, told(BLANK), told(BLANK), exists=True), Stop)


TOLD = st.none() | st.builds(
    told,
    st.sampled_from([None, BLANK, BEGUN, MEMBER]),
    age=st.sampled_from([0.0, 899.0, 901.0]),
    config=st.sampled_from([CONFIG, "d" * 64]),
)


@given(st.sampled_from([BLANK, BEGUN, MEMBER]), st.lists(TOLD, max_size=6), st.booleans(), st.booleans())
def test_a_cluster_is_never_made_where_there_may_be_one(
    mine: str, others: list[Told | None], exists: bool, lives: bool
) -> None:
    decision: Any = decided(mine, *others, exists=exists, lives=lives)
    if decision == Create():
        assert mine != MEMBER
        assert not exists
        assert not lives
        for other in others:
            assert other is not None
            assert other.status["servers"][MASTER]["data"] in (BLANK, BEGUN)
            assert other.age <= 900
