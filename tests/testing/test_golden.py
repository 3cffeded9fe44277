"""Inventories as files: readable, and compared by what they say."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ybfort.testing.golden import difference, dump, write
from ybfort.testing.graph import Graph, Plain, Resource

SCRIPT = "#!/bin/sh\nset -eu\n\necho hello  \n"
NAMES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]))  # of properties, tags, outputs
# What JSON and YAML both can hold: no halves of characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from([SCRIPT, "yes", "1.0", "null", "- a", "a: b"]),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=20,
)


def graph(**props: object) -> Graph:
    return Graph((Resource(urn="urn:pulumi:s::p::t:m:T::one", type="t:m:T", name="one", props=props),))


@settings(max_examples=40)  # writing YAML is slow
@given(st.dictionaries(NAMES, PLAIN))
@example({"script": "\ta\nb"})
@example({"script": "\n\ta\nb"})
@example({"script": "a\r\nb"})
def test_a_file_holds_what_was_written(data: Plain) -> None:
    assert YAML(typ="safe").load(dump(data)) == data


def test_long_texts_are_blocks_and_long_lines_stay_whole() -> None:
    line = "word " * 100 + "end"
    assert dump({"b": SCRIPT, "a": line}) == f"a: {line}\nb: |\n  #!/bin/sh\n  set -eu\n\n  echo hello  \n"


def test_what_was_written_is_no_difference_however_it_is_formatted(tmp_path: Path) -> None:
    file = tmp_path / "inventories" / "one.yaml"
    write(graph(size=1, script=SCRIPT), file)
    assert difference(graph(size=1, script=SCRIPT), file) == ""
    file.write_text("# reviewed\noutputs: {}\n" + file.read_text().replace("outputs: {}\n", ""))
    assert difference(graph(size=1, script=SCRIPT), file) == ""


@pytest.mark.parametrize("change", [{"size": 2}, {"size": True}, {"size": "1"}, {}])
def test_a_difference_is_a_diff(tmp_path: Path, change: dict[str, Plain]) -> None:
    file = tmp_path / "one.yaml"
    write(graph(size=1, name="a"), file)
    diff = difference(graph(name="a", **change), file).splitlines()
    assert "-      size: 1" in diff
    assert [line for line in diff if line.startswith("+  ")] == [f"+      {dump(change).strip()}" for _ in change]


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("a: [")
    with pytest.raises(ValueError, match=r"one\.yaml is not YAML"):
        difference(graph(), file)
