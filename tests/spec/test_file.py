"""A stack file as text: lines in messages, what YAML can do to a reader, and what is no stack file at all."""

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from spec_fields import Sample, every_cloud
from specs import spec_data
from ybfort.spec import SpecError
from ybfort.spec.file import DEEPEST, LARGEST_FILE, read_file, read_text


def text_of(cluster: object, **beside: object) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump({"config": {**beside, "ybfort:cluster": cluster}}, stream)
    return stream.getvalue()


GOOD = text_of(spec_data())
CLUSTER = """\
config:
  ybfort:cluster:
    name: orders
    environment: prod
"""


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as error:
        read_text(text, "Pulumi.test.yaml")
    return error.value


@pytest.fixture
def stack_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "Pulumi.test.yaml"
        path.write_bytes(content)
        return path

    return write


def test_a_good_file_is_read() -> None:
    assert read_text(GOOD, "test").name == "orders"


@every_cloud
def test_every_section_can_be_read_from_a_file(sample: Sample) -> None:
    assert read_text(text_of(sample.full), "test").region.existing is not None


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_a_byte_order_mark_and_windows_lines_do_no_harm(change: Callable[[str], str]) -> None:
    assert read_text(change(GOOD), "test") == read_text(GOOD, "test")


def test_each_problem_has_the_line_it_stands_in_and_they_are_told_in_that_order() -> None:
    text = CLUSTER + "    replication_factor: 4\n    regions:\n      - name: mars\n        zones: []\n    clowd: aws\n"
    error = refused(text)
    lines = {problem.path: problem.line for problem in error.problems}
    assert lines["replication_factor"] == 5
    assert lines["regions[0].name"] == 7
    assert lines["regions[0].cidr"] == 7  # missing: the line of the section it is missing in
    assert lines["regions[0].zones"] == 8
    assert lines["clowd"] == 9
    assert lines["account"] == 3
    assert [problem.line for problem in error.problems] == sorted(lines.values())


def test_one_error_tells_everything() -> None:
    """Wrong values, missing keys, unknown keys, and what is wrong between sections, in one list."""
    data = spec_data(
        replication_factor=4,
        clients=[{"name": "a;b", "cidrs": ["0.0.0.0/0"]}],
        nodes={"machine": "m7i.4xlarge", "disk": {"size": 500}},
        alerts={},
        public=True,
    )
    assert {problem.path for problem in refused(text_of(data)).problems} == {
        "replication_factor",
        "fault_tolerance",
        "clients[0].name",
        "clients[0].cidrs[0]",
        "nodes.disk.size",
        "nodes.disk.size_gib",
        "alerts.emails",
        "public",
    }


def test_a_message_says_file_line_path_value_and_mend() -> None:
    error = refused(GOOD.replace("10.8.0.0/16", "0.0.0.0/0"))
    assert str(error).splitlines()[0] == "Pulumi.test.yaml: 1 problem"
    line = GOOD.splitlines().index(next(line for line in GOOD.splitlines() if "10.8.0.0/16" in line)) + 1
    assert str(error).splitlines()[1] == (
        f"  line {line}, clients[0].cidrs[0]: 0.0.0.0/0 is not private: a cluster has no public way in. "
        "Give a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
    )


@pytest.mark.parametrize(
    "text", ["", " \n", "# nothing\n", "~", "hello", "[]", "config:\n", "config: x", "config: []", "config: {}"]
)
def test_a_file_without_a_cluster_is_refused_with_where_to_begin(text: str) -> None:
    assert "`ybfort init` writes a whole file" in str(refused(text))


@pytest.mark.parametrize("cluster", ["", "~", "text", "[]", "3"])
def test_a_cluster_that_is_no_mapping_is_refused(cluster: str) -> None:
    assert "must be a mapping" in str(refused(f"config:\n  ybfort:cluster: {cluster}\n"))


def test_keys_beside_the_cluster_are_the_users_own() -> None:
    beside = {"app:size": 3, "app:password": {"secure": "v1:abcdefgh:ijklmnop=="}}
    assert read_text(text_of(spec_data(), **beside), "test").name == "orders"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config: [", "is not valid YAML"),
        ("config:\n\t- x", "is not valid YAML"),
        ("config: {a: 1}\n---\nconfig: {b: 2}\n", "is not valid YAML"),
        ("a: 1\na: 2\n", 'found duplicate key "a".'),
        (CLUSTER + "    name: other\n", 'found duplicate key "name".'),
        (CLUSTER + "    x: !!python/object/apply:os.system [reboot]\n", "uses a YAML tag"),
        (CLUSTER + "    x: !!binary b3JkZXJz\n", "uses a YAML tag"),
        (CLUSTER + "    x: !!set {a, b}\n", "uses a YAML tag"),
        (CLUSTER + "    x: !include /etc/passwd\n", "uses a YAML tag"),
        (CLUSTER + "    a: &a [1]\n    b: *a\n", "uses an alias"),
        (CLUSTER + "    base: &a {x: 1}\n    b:\n      <<: *a\n", "uses an alias"),
        ("config: &a [*a]\n", "uses an alias"),
        (CLUSTER + "    x: \0\n", "is not valid YAML"),
        (CLUSTER + "    ? {a: b}\n    : c\n", "is not valid YAML"),
    ],
)
def test_yaml_that_no_stack_file_needs_is_refused_at_its_line(text: str, says: str) -> None:
    assert says in str(refused(text))


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "2026-02-03",
        "2026-02-03T25:61:00Z",
        "9" * 5_000,
        "0x" + "f" * 5_000,
        ".nan",
        "-.inf",
        "1e400",
        "0o17",
    ],
)
@pytest.mark.parametrize("key", ["account", "replication_factor", "tags"])
def test_dates_and_numbers_that_fit_nowhere_are_refused_in_place(key: str, value: str) -> None:
    told = [problem for problem in refused(f"{CLUSTER}    {key}: {value}\n").problems if problem.path == key]
    assert [problem.line for problem in told] == [5]


@pytest.mark.parametrize("key", ["1", "1.5", "true", "~", "[a, b]", "2026-02-03", "''"])
def test_keys_that_are_no_text_are_refused(key: str) -> None:
    good = {problem.path for problem in refused(CLUSTER).problems}
    assert len(refused(f"{CLUSTER}    ? {key}\n    : x\n").problems) == len(good) + 1


def test_a_billion_laughs_are_not_laughed() -> None:
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "uses an alias" in str(refused(laughs))


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_deep_nesting_is_refused_before_it_costs_anything(opening: str) -> None:
    assert f"nested more than {DEEPEST} levels" in str(refused(opening * 20_000))


def test_a_file_of_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ybfort.spec.file.MOST_VALUES", 1_000)  # the real limit takes seconds to reach
    assert "more than 1,000 values" in str(refused("- a\n" * 1_000))


@pytest.mark.parametrize("size", [LARGEST_FILE + 1, 10 * 1_024 * 1_024])
def test_a_file_of_many_megabytes_is_refused_unread(stack_file: Callable[[bytes], Path], size: int) -> None:
    with pytest.raises(SpecError, match="is larger than 1,048,576 bytes"):
        read_file(stack_file(b"#" * size))


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(SpecError, match="is larger than"):
        read_file(Path("/dev/zero"))


@pytest.mark.parametrize("content", [b"\xff\xfeconfig", "config: é".encode("latin-1"), "config:".encode("utf-16")])
def test_a_file_in_another_encoding_is_refused(stack_file: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(SpecError, match="is not UTF-8 text"):
        read_file(stack_file(content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file or directory"):
        read_file(tmp_path / "Pulumi.test.yaml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        read_file(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="cannot run here: root may read everything")
def test_a_file_that_may_not_be_read_is_refused(stack_file: Callable[[bytes], Path]) -> None:
    path = stack_file(b"config: {}")
    path.chmod(0)
    with pytest.raises(SpecError, match="cannot be read: Permission denied"):
        read_file(path)


@pytest.mark.parametrize(
    "text",
    [
        CLUSTER + "".join(f"    key{number}: 1\n" for number in range(5_000)),
        CLUSTER + "    roles: [" + "{}," * 10_000 + "]\n",
        CLUSTER + "    tags: {" + ",".join(f'"{number};": x' for number in range(5_000)) + "}\n",
        CLUSTER + "    ? " + "n" * 900_000 + "\n    : 1\n",
    ],
    ids=["keys", "roles", "tags", "one long key"],
)
def test_very_many_problems_take_seconds_and_a_hundred_are_told(text: str) -> None:
    start = time.process_time()
    error = refused(text)
    assert time.process_time() - start < 8
    assert len(str(error).splitlines()) < 120
    assert len(str(error)) < 40_000
