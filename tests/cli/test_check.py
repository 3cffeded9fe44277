"""`ybfort check`: everything that is wrong, at once, offline."""

import json
from pathlib import Path

import pytest

from cli_project import Ybfort


def test_a_good_stack_is_told_in_one_line(ybfort: Ybfort, project: Path) -> None:
    answer = ybfort("check", "orders-prod")
    assert answer.code == 0
    assert answer.out == (
        "stacks/Pulumi.orders-prod.yaml: ok: orders-prod, 3 nodes in 3 zones of eu-west-1, 3 copies, 5 roles\n"
    )
    assert answer.err == ""


def test_every_problem_is_told_with_its_line_and_the_exit_code_says_so(ybfort: Ybfort, stack: Path) -> None:
    text = (
        stack.read_text().replace("10.8.0.0/16", "0.0.0.0/0").replace("replication_factor: 3", "replication_factor: 4")
    )
    stack.write_text(text)
    lines = text.splitlines()
    copies = 1 + next(at for at, line in enumerate(lines) if "replication_factor: 4" in line)
    range_ = 1 + next(at for at, line in enumerate(lines) if "0.0.0.0/0" in line)
    answer = ybfort("check", "orders-prod")
    assert answer.code == 1
    assert answer.out == ""
    assert "stacks/Pulumi.orders-prod.yaml: 4 problems" in answer.err
    assert f"line {copies}, replication_factor: 4 is even" in answer.err
    assert f"line {range_}, clients[0].cidrs[0]: 0.0.0.0/0 is not private" in answer.err


def test_a_file_can_be_named_in_place_of_a_stack_and_needs_no_project(
    ybfort: Ybfort, stack: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert ybfort("check", stack).code == 0


@pytest.mark.parametrize("folder", ["stacks", "a/deep/folder"])
def test_it_works_in_every_folder_of_the_project(
    ybfort: Ybfort, project: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (project / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(project / folder)
    assert ybfort("check", "orders-prod").code == 0


def test_a_stack_may_be_named_as_pulumi_does_in_full(ybfort: Ybfort, project: Path) -> None:
    assert ybfort("check", "organization/ybfort/orders-prod").code == 0


def test_stack_files_lie_beside_the_project_file_unless_it_says_otherwise(
    ybfort: Ybfort, project: Path, stack: Path
) -> None:
    stack.rename(project / stack.name)
    (project / "Pulumi.yaml").write_text("name: ybfort\n")
    assert ybfort("check", "orders-prod").out.startswith("Pulumi.orders-prod.yaml: ok")


def test_without_a_name_all_stacks_are_checked(ybfort: Ybfort, stack: Path) -> None:
    stack.with_name("Pulumi.broken.yaml").write_text("config: {}")
    answer = ybfort("check")
    assert answer.code == 1
    assert "Pulumi.orders-prod.yaml: ok" in answer.out
    assert "Pulumi.broken.yaml: 1 problem" in answer.err


def test_for_machines_it_writes_json(ybfort: Ybfort, stack: Path) -> None:
    stack.with_name("Pulumi.broken.yaml").write_text("config:\n  ybfort:cluster: {name: 3}\n")
    answer = ybfort("check", "--json", "orders-prod", "broken")
    assert answer.code == 1
    good, broken = json.loads(answer.out)
    assert good == {
        "cluster": "orders-prod",
        "file": "stacks/Pulumi.orders-prod.yaml",
        "ok": True,
        "problems": [],
    }
    assert broken["ok"] is False
    assert {"line": 2, "path": "name", "says": "must be text. Put it in quotes.", "value": "3"} in broken["problems"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nope"], "there is no stack 'nope' in stacks (there is: orders-prod)"),
        (["no such stack"], "is neither a file nor the name of a stack"),
        (["../../etc/passwd\n"], "is neither a file nor the name of a stack"),
        (["--josn"], "No such option"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(ybfort: Ybfort, project: Path, arguments: list[str], says: str) -> None:
    answer = ybfort("check", *arguments)
    assert answer.code == 2
    assert says in answer.err


def test_a_missing_file_is_a_problem_with_its_name(ybfort: Ybfort, project: Path) -> None:
    answer = ybfort("check", "stacks/Pulumi.nope.yaml")
    assert answer.code == 1
    assert "stacks/Pulumi.nope.yaml: 1 problem" in answer.err
    assert "cannot be read: No such file or directory" in answer.err


def test_no_project_is_told(ybfort: Ybfort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ybfort("check", "orders-prod")
    assert answer.code == 2
    assert "there is no Pulumi.yaml here or in a folder above" in answer.err


@pytest.mark.parametrize("content", ["[", "stackConfigDir: 3", "stackConfigDir: [", "\0", "a: &a [*a]", "[" * 1500])
def test_a_broken_project_file_is_told(ybfort: Ybfort, project: Path, content: str) -> None:
    (project / "Pulumi.yaml").write_text(content)
    answer = ybfort("check", "orders-prod")
    assert answer.code == 2
    assert "Error: Invalid value" in answer.err
