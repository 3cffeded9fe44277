"""`ybfort sandbox`: hands a command to the sandbox of the project."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli_project import Ybfort


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], dict[str, Any]]]:
    """What the sandbox was told to run."""
    calls: list[tuple[Sequence[str], dict[str, Any]]] = []

    def run(command: Sequence[str], **settings: Any) -> int:
        calls.append((command, settings))
        return 7

    monkeypatch.setattr("ybfort.sandbox.launch.run", run)
    return calls


Launched = list[tuple[Sequence[str], dict[str, Any]]]


def test_the_command_runs_as_it_is_and_its_exit_code_comes_back(
    ybfort: Ybfort, project: Path, launched: Launched
) -> None:
    assert ybfort("sandbox", "--", "pulumi", "up", "--yes", "-s", "orders-prod").code == 7
    (command, settings), *none = launched
    assert command == ["pulumi", "up", "--yes", "-s", "orders-prod"]
    assert settings == {"project": project, "state": project / ".sandbox", "faults": None}
    assert not none


def test_faults_and_state_are_handed_on(ybfort: Ybfort, project: Path, launched: Launched) -> None:
    ybfort("sandbox", "--state", "elsewhere", "--faults", "faults.json", "--", "true")
    assert launched[0][1] == {"project": project, "state": Path("elsewhere"), "faults": Path("faults.json")}


def test_fresh_removes_a_sandbox(ybfort: Ybfort, project: Path, launched: Launched) -> None:
    for name in ("world", "backend"):
        (project / ".sandbox" / name).mkdir(parents=True)
    assert ybfort("sandbox", "--fresh", "--", "true").code == 7
    assert not (project / ".sandbox").exists()


def test_fresh_removes_nothing_that_is_no_sandbox(ybfort: Ybfort, project: Path, launched: Launched) -> None:
    answer = ybfort("sandbox", "--fresh", "--state", "stacks", "--", "true")
    assert answer.code == 2
    assert "stacks is no sandbox. Nothing was removed." in answer.err
    assert (project / "stacks" / "Pulumi.orders-prod.yaml").exists()
    assert launched == []


def test_a_command_and_a_project_are_needed(ybfort: Ybfort, project: Path, launched: Launched) -> None:
    assert ybfort("sandbox").code == 2
    (project / "Pulumi.yaml").unlink()
    assert ybfort("sandbox", "--", "true").code == 2
    assert launched == []
