"""Whatever stands in a stack file, the answer is a cluster that has a plan, or a list of problems; never a crash."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_fields import SAMPLES, Sample
from ybfort.plan.cluster import plan
from ybfort.spec import Problem, SpecError, read_value
from ybfort.spec.file import read_text

PATHS = [(sample, path) for sample in SAMPLES.values() for path in sample.paths()]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.dates() | st.binary(max_size=8)
)
# Words of the format itself, so that wrong values are often nearly right.
WORDS = st.sampled_from(
    [str(path[-1]) for _, path in PATHS]
    + ["eu-west-1", "eu-west-1a", "europe-west1", "europe-west1-b", "10.40.0.0/20", "10.8.0.0/16", "a1"]
)
NUMBERS = st.sampled_from([-1, 0, 1, 2, 3, 5, 7, 8, 99, 100, 365, 3_000, 10**400])
KEYS = WORDS | st.text(max_size=10) | st.integers()
LEAVES = SCALARS | WORDS | NUMBERS
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=10) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


def judge(data: Any) -> None:
    told: tuple[Problem, ...] = ()
    try:
        spec = read_value(data, "test")
    except SpecError as error:
        told = error.problems
    else:
        assert plan(spec).nodes
        return
    assert told
    assert all(str(problem).isprintable() for problem in told)


@given(VALUES)
@settings(max_examples=200)
def test_any_value_is_judged(value: Any) -> None:
    judge(value)


@given(st.sampled_from(list(SAMPLES.values())), st.dictionaries(st.sampled_from(sorted(SAMPLES["aws"].full)), VALUES))
@settings(max_examples=200)
def test_any_values_in_the_known_sections_are_judged(sample: Sample, sections: dict[str, Any]) -> None:
    judge({**sample.full, **sections})


@given(st.sampled_from(PATHS), VALUES)
@settings(max_examples=400)
def test_a_good_cluster_with_any_one_value_changed_is_judged(
    place: tuple[Sample, tuple[str | int, ...]], value: Any
) -> None:
    sample, path = place
    judge(sample.put(path, value))


@given(st.lists(st.sampled_from(PATHS), min_size=1, max_size=6))
@settings(max_examples=200)
def test_a_good_cluster_with_parts_missing_is_judged(missing: list[tuple[Sample, tuple[str | int, ...]]]) -> None:
    data = copy.deepcopy(missing[0][0].full)
    for _, path in missing:
        section: Any = data
        try:
            for step in path[:-1]:
                section = section[step]
            del section[path[-1]]
        except (KeyError, IndexError):
            continue  # went with a part above it
    judge(data)


@given(st.text(max_size=200) | st.text(alphabet="ab1 :-{}[],\n\"'&*!|>#?%@`~<", max_size=60))
@settings(max_examples=400)
def test_any_text_is_judged_as_a_file(text: str) -> None:
    for whole in (text, f"config:\n  ybfort:cluster:\n    name: orders\n{text}", f"config:\n  ybfort:cluster: {text}"):
        with pytest.raises(SpecError):  # the random part never completes it
            read_text(whole, "test")
