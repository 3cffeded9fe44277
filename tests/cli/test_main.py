"""The command line as a whole: help, exit codes, completion, colour, and what it costs to start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ybfort.cli
from cli_project import Ybfort
from ybfort.cli import COMMANDS, terminal

HEAVY = {"pulumi", "pulumi_aws", "pulumi_gcp", "moto", "boto3", "rich", "yaml", "ybfort.sandbox"}
CALL = "import sys; sys.argv[0] = 'ybfort'; from ybfort.cli import main; main()"


def call(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The console script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", CALL, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_a_narrow_terminal_and_shows_an_example(
    ybfort: Ybfort, monkeypatch: pytest.MonkeyPatch, command: str | None
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = ybfort(*([command] if command else []), "--help")
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    assert f"  ybfort {command or 'init'}" in answer.out
    assert "\x1b" not in answer.out


def test_help_names_every_command_with_what_it_is_for(ybfort: Ybfort) -> None:
    lines = ybfort("--help").out.splitlines()
    told = {line.split()[0]: line.split()[1:] for line in lines[lines.index("Commands:") + 1 :]}
    assert tuple(told) == COMMANDS
    assert all(told.values())


def test_without_a_command_it_shows_help_and_counts_as_wrong_usage(ybfort: Ybfort) -> None:
    answer = ybfort()
    assert answer.code == 2
    assert "Commands:" in answer.out + answer.err


def test_a_mistyped_command_gets_a_suggestion(ybfort: Ybfort) -> None:
    answer = ybfort("plam")
    assert answer.code == 2
    assert "Did you mean 'plan'" in answer.err


def test_the_version_is_told(ybfort: Ybfort) -> None:
    assert ybfort("--version").out.startswith("ybfort ")


def test_a_bug_is_called_a_bug_and_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ybfort.cli.check.stack_file.names", broken)
    monkeypatch.setattr(sys, "argv", ["ybfort", "check"])
    with pytest.raises(ZeroDivisionError):
        ybfort.cli.main()
    assert "This is a bug in ybfort, not in your file." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--help",), ("check",), ("plan", "orders-prod"), ("check", "--help")])
def test_neither_pulumi_nor_any_cloud_is_loaded(project: Path, arguments: tuple[str, ...]) -> None:
    tell = (
        "import atexit, json, sys;"
        "atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))));"
        f"{CALL.removeprefix('import sys; ')}"
    )
    run = subprocess.run(
        [sys.executable, "-c", tell, *arguments], cwd=project, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert "ybfort.cli" in loaded
    assert loaded & HEAVY == set()


def test_check_loads_no_more_of_ybfort_than_the_spec(project: Path) -> None:
    loads = f"{CALL.replace('main()', 'import atexit; atexit.register(lambda: print(*sys.modules)); main()')}"
    run = subprocess.run(
        [sys.executable, "-c", loads, "check"], cwd=project, capture_output=True, text=True, check=True
    )
    own = {name.split(".")[1] for name in run.stdout.split() if name.startswith("ybfort.")}
    assert own == {"cli", "spec"}


def test_a_closed_pipe_and_a_terminal_without_utf_8_do_no_harm(project: Path) -> None:
    piped = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "{sys.executable}" -c "{CALL}" plan orders-prod | head -n 1'],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in piped.stderr
    options = ("--account", "123456789012", "--region", "eu-west-1", "--email", "dba@example.com")
    run = call("init", "shop-prod", *options, cwd=project, PYTHONIOENCODING="latin-1")
    assert run.returncode == 0, run.stderr
    assert "--image \\u2026" in run.stdout


def test_the_shell_completes_commands_and_stacks(project: Path) -> None:
    def completed(words: str) -> list[str]:
        answer = call(cwd=project, _YBFORT_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
        return answer.stdout.split()

    assert set(completed("ybfort p")) == {"plan", "pin"}
    assert completed("ybfort check ") == ["orders-prod"]
    assert completed("ybfort plan ord") == ["orders-prod"]
    assert completed("ybfort plan x") == []
    (project / "Pulumi.yaml").unlink()
    assert completed("ybfort check ") == []


@pytest.mark.parametrize(
    ("terminal_there", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colour_is_for_terminals_and_only_if_wanted(
    monkeypatch: pytest.MonkeyPatch, terminal_there: bool, no_color: str, coloured: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal_there)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert ("\x1b" in terminal.paint("ok", "green")) is coloured
