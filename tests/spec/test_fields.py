"""Every value of a stack file, whatever field it stands in: what is refused, and how the refusal reads."""

from typing import Any

import pytest

from spec_fields import Path, Sample, dotted, every, every_cloud
from ybfort.spec import ClusterSpec, Problem, SpecError, read_value

# What means something to SQL, a shell, a path, YAML, HTML, a terminal or a careless eye, wherever it stands in a text.
HOSTILE = {
    "SQL": "'; DROP TABLE x; --",
    "SQL identifier": 'x"; ALTER ROLE x SUPERUSER; --',
    "shell substitution": "$(reboot)",
    "backticks": "`reboot`",
    "shell pipe": "x|reboot",
    "variable": "${HOME}",
    "path": "../../etc/passwd",
    "absolute path": "/etc/passwd",
    "Windows path": "..\\x",
    "newline": "orders\nadmin",
    "newline at the end": "orders\n",
    "carriage return": "orders\r",
    "NUL": "orders\0",
    "escape sequence": "\x1b[2J",
    "right-to-left override": "orders\u202egnp",
    "zero-width space": "ord\u200bers",
    "Cyrillic look-alike": "\u043erders",
    "full-width letters": "\uff4frders",
    "Arabic digits": "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0662",
    "combining accent": "orde\u0301rs",
    "lone surrogate": "\ud800",
    "HBA comma": "a,host all all all trust",
    "glob": "*",
    "format": "{0.__class__}%s%n",
    "markup": "<script>",
    "empty": "",
    "space": " ",
    "too long": "a" * 100_000,
    "the validator's own mark of a key": "[key]",
}
# Tag values are prose: these few are harmless there, where nothing is quoted, resolved or run.
HARMLESS_IN_TAGS = {"aws": {"absolute path", "path", "empty", "space"}, "gcp": {"empty"}}
OTHER_TYPES = [None, True, 0, -1, 1.5, float("nan"), float("inf"), 1 << 70, 10**5000, [], {}, [[]], {"a": 1}, b"orders"]


def problems(data: Any) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as refused:
        read_value(data, "test")
    return refused.value.problems


@every_cloud
def test_the_cluster_with_every_section_is_valid(sample: Sample) -> None:
    spec = read_value(sample.full, "test")
    assert isinstance(spec, sample.model)
    assert spec.region.existing is not None
    assert read_value(sample.brought, "test").certificates.brought_by


@every_cloud
def test_every_field_has_a_value_in_the_full_cluster(sample: Sample) -> None:
    for path in sample.paths():
        sample.value(path)


@pytest.mark.parametrize(("sample", "path"), every(Sample.texts))
def test_hostile_text_is_refused_in_every_field(sample: Sample, path: Path) -> None:
    for name, hostile in HOSTILE.items():
        if path[0] == "tags" and name in HARMLESS_IN_TAGS[sample.full["cloud"]]:
            continue
        found = [str(problem) for problem in problems(sample.put(path, hostile)) if problem.path == dotted(path)]
        assert found, name
        assert all(problem.isprintable() and len(problem) < 500 for problem in found), name


@pytest.mark.parametrize(("sample", "path"), every(Sample.keys))
def test_hostile_text_is_refused_as_a_key(sample: Sample, path: Path) -> None:
    kept = sample.value(path)
    for name, hostile in HOSTILE.items():
        found = problems(sample.put(path, {**kept, hostile: next(iter(kept.values()))}))
        assert any(problem.path.startswith(dotted(path)) for problem in found), name
        assert all(str(problem).isprintable() for problem in found), name


@every_cloud
def test_hostile_text_is_refused_as_an_unknown_key(sample: Sample) -> None:
    for name, hostile in HOSTILE.items():
        for data in ({**sample.full, hostile: 1}, sample.put(("backup", hostile), 1)):
            assert [str(problem).isprintable() for problem in problems(data)] == [True], name


@pytest.mark.parametrize(("sample", "path"), every(Sample.texts))
def test_what_is_no_text_is_refused_where_text_belongs(sample: Sample, path: Path) -> None:
    for other in OTHER_TYPES:
        told = _problems_if_any(sample.put(path, other))
        found = [problem for problem in told if problem.path.startswith(dotted(path))]
        assert found or (other is None and _optional(path)), repr(type(other))


@pytest.mark.parametrize(("sample", "path"), every(Sample.paths))
def test_no_type_of_value_anywhere_gives_more_than_a_list_of_problems(sample: Sample, path: Path) -> None:
    for other in OTHER_TYPES:
        assert all(str(problem).isprintable() for problem in _problems_if_any(sample.put(path, other)))


def _problems_if_any(data: Any) -> tuple[Problem, ...]:
    try:
        read_value(data, "test")
    except SpecError as error:
        return error.problems
    return ()


def _optional(path: Path) -> bool:
    return path[-1] in {"existing_authority", "existing_trail", "finalized", "permissions_boundary"}


@pytest.mark.parametrize(("sample", "path"), every(Sample.scalars))
def test_a_list_or_mapping_where_one_value_belongs_is_refused(sample: Sample, path: Path) -> None:
    for other in (["x"], {"x": 1}):
        assert dotted(path) in {problem.path for problem in problems(sample.put(path, other))}


@pytest.mark.parametrize(("sample", "section"), every(Sample.sections))
def test_every_field_is_explained(sample: Sample, section: type[ClusterSpec]) -> None:
    assert section.__doc__
    for name, field in section.model_fields.items():
        assert field.description, f"{section.__name__}.{name} has no docstring"
        assert field.description.endswith("."), f"{section.__name__}.{name} is not explained in a sentence"


@pytest.mark.parametrize(("sample", "section"), every(Sample.sections))
def test_nothing_read_can_be_changed_or_hold_what_is_unknown(sample: Sample, section: type[ClusterSpec]) -> None:
    assert section.model_config.get("frozen")
    assert section.model_config.get("extra") == "forbid"


@every_cloud
def test_whole_numbers_are_bounded_and_never_made_of_text(sample: Sample) -> None:
    for path, kind in sample.fields():
        if kind is int:
            for wrong in ("3", 10**9, -(10**9)):
                assert dotted(path) in {problem.path for problem in problems(sample.put(path, wrong))}


@every_cloud
def test_switches_are_true_or_false_and_nothing_like_it(sample: Sample) -> None:
    for path, kind in sample.fields():
        if kind is bool:
            for almost in ("yes", "true", 1, 0):
                assert dotted(path) in {problem.path for problem in problems(sample.put(path, almost))}
