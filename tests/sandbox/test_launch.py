"""What a command finds in the sandbox, and what happens when it cannot be run."""

import os
import signal
import stat
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from sandbox.project import STACK_FILE, Project
from ybfort.sandbox.launch import PACKAGES, Sandbox, SandboxError, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project for commands that need no engine: a `pulumi` that makes stacks stands in for the real one."""
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(
        '#!/bin/sh\nfolder="${PULUMI_BACKEND_URL#file://}/.pulumi/stacks/tiny"\nmkdir -p "$folder"\n'
        'echo "$3" >>"$folder/../made"\ntouch "$folder/$3.json"\n'
    )
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pulumi.parent}:/usr/bin:/bin")
    return Project(tmp_path / "tiny")


def python(project: Project, code: str) -> int:
    return run([sys.executable, "-c", code], project=project.root)


def test_the_exit_code_is_the_commands(project: Project) -> None:
    assert python(project, "raise SystemExit(7)") == 7
    assert python(project, "import os; os.kill(os.getpid(), 15)") == 128 + 15


def test_it_says_that_it_is_a_simulation_and_how_to_begin_anew(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    python(project, "")
    said = capsys.readouterr().err.splitlines()
    assert said == [f"SIMULATION: no real cloud is touched. To begin anew: rm -r {project.sandbox.state}"]


def test_a_command_that_does_not_exist_is_named(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pulumy", "up"], project=project.root) == 127
    assert "pulumy was not found on PATH" in capsys.readouterr().err


def test_without_a_project_it_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["true"], project=tmp_path) == 2
    assert f"{tmp_path}/Pulumi.yaml: cannot be read" in capsys.readouterr().err
    (tmp_path / "Pulumi.yaml").write_text("name: [")
    assert run(["true"], project=tmp_path) == 2
    assert "is not YAML" in capsys.readouterr().err
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")
    assert run(["true"], project=tmp_path) == 2
    assert "name must be there" in capsys.readouterr().err


def test_a_wrong_faults_file_stops_it_before_anything_runs(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = project.root / "faults.json"
    faults.write_text("{}")
    assert run(["true"], project=project.root, faults=faults) == 2
    assert "must be a list of faults" in capsys.readouterr().err
    assert not project.sandbox.state.exists()


def test_without_pulumi_it_says_how_to_get_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SandboxError, match="pulumi is not on PATH"):
        project.sandbox.prepare()


def test_the_command_sees_the_project_and_pulumi_writes_to_copies(project: Project) -> None:
    (project.root / "notes.txt").write_text("mine")
    code = (
        "from pathlib import Path; stack = Path('stacks/Pulumi.dev.yaml');"
        "assert Path('notes.txt').read_text() == 'mine' and Path('Pulumi.yaml').exists();"
        "stack.write_text('gone'); Path('Pulumi.yaml').write_text('gone')"
    )
    assert python(project, code) == 0
    assert project.stack_file("dev").read_text() == STACK_FILE
    assert (project.root / "Pulumi.yaml").read_text().startswith("name: tiny")


def test_copies_are_made_anew_at_each_run(project: Project) -> None:
    copy = project.sandbox.folder / "stacks/Pulumi.dev.yaml"
    project.sandbox.prepare()
    project.stack_file("dev").write_text("config: {}\nencryptionsalt: v1:real\n")
    project.sandbox.prepare()
    salts = [line for line in copy.read_text().splitlines() if line.startswith("encryptionsalt")]
    assert copy.read_text().startswith("config: {}\n")
    assert len(salts) == 1
    assert "real" not in salts[0]


def test_what_has_gone_from_the_project_goes_from_the_sandbox(project: Project) -> None:
    notes, other = project.root / "notes.txt", project.stack_file("other")
    notes.write_text("mine")
    other.write_text(STACK_FILE)
    project.sandbox.prepare()
    saved = project.sandbox.folder / "plan.json"
    saved.write_text("what a command left")
    notes.unlink()
    other.unlink()
    project.sandbox.prepare()
    assert sorted(file.name for file in project.sandbox.folder.iterdir()) == ["Pulumi.yaml", "plan.json", "stacks"]
    assert [file.name for file in (project.sandbox.folder / "stacks").iterdir()] == ["Pulumi.dev.yaml"]
    assert saved.exists()


def test_each_stack_is_made_once(project: Project) -> None:
    project.sandbox.prepare()
    project.stack_file("prod").write_text(STACK_FILE)
    project.sandbox.prepare()
    project.sandbox.prepare()
    assert (project.sandbox.state / "backend/.pulumi/stacks/made").read_text().split() == ["dev", "prod"]


def test_stack_files_may_lie_beside_the_project_file(tmp_path: Path, project: Project) -> None:
    (project.root / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (project.root / "Pulumi.test.yaml").write_text(STACK_FILE)
    project.sandbox.prepare()
    assert not (project.sandbox.folder / "Pulumi.test.yaml").is_symlink()
    assert (project.sandbox.folder / "stacks").is_symlink()


def test_stack_files_may_lie_deeper(project: Project) -> None:
    deeper = project.root / "config" / "stacks"
    deeper.mkdir(parents=True)
    (deeper / "Pulumi.test.yaml").write_text(STACK_FILE)
    (project.root / "Pulumi.yaml").write_text("name: tiny\nruntime: python\nstackConfigDir: config/stacks\n")
    project.sandbox.prepare()
    assert python(project, "open('config/stacks/Pulumi.test.yaml', 'w').write('gone')") == 0
    assert (deeper / "Pulumi.test.yaml").read_text() == STACK_FILE


def test_no_credentials_and_no_way_to_find_any(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "GOOGLE_CREDENTIALS",
        "CLOUDSDK_CORE_PROJECT",
        "PULUMI_ACCESS_TOKEN",
    ):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/real")
    environment = project.sandbox.environment()
    assert not [name for name, value in environment.items() if value in ("real", "/real")]
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


def test_the_sandbox_belongs_to_its_owner_and_not_to_git(project: Project) -> None:
    project.sandbox.prepare()
    assert (project.sandbox.state / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(project.sandbox.world.stat().st_mode) == 0o700


def test_the_state_may_be_elsewhere(project: Project, tmp_path: Path) -> None:
    sandbox = Sandbox(project.root, tmp_path / "else where")
    sandbox.prepare()
    assert run(["true"], project=project.root, state=tmp_path / "else where") == 0
    assert not (project.root / ".sandbox").exists()


def test_every_cloud_has_a_plugin_at_its_sdks_version(project: Project) -> None:
    project.sandbox.prepare()
    for package in PACKAGES:
        (plugin,) = (project.sandbox.state / "home" / "plugins").glob(
            f"resource-{package}-v*/pulumi-resource-{package}"
        )
        assert f"ybfort.sandbox.{package}_provider" in plugin.read_text()
        assert version(f"pulumi-{package}") in plugin.parent.name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_provider_ends_when_its_engine_was_killed(tmp_path: Path, package: str) -> None:
    engine = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE).pid)"
    provider = [sys.executable, "-m", f"ybfort.sandbox.{package}_provider", str(tmp_path), "127.0.0.1:1"]
    pid = int(subprocess.run([sys.executable, "-c", engine, *provider], capture_output=True, check=True).stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the provider waits for an engine that is gone")
