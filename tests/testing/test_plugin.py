"""The pytest plug-in in somebody else's tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = """
import pulumi
import pytest

class Disk(pulumi.CustomResource):
    def __init__(self, name, **inputs):
        super().__init__("cloud:store/disk:Disk", name, inputs)

@pytest.mark.parametrize("name", ["a", "b"])
def test_disks(record, golden, name):
    golden(record(lambda: Disk(name, size=SIZE, script="set -e\\nrun\\n") and None), f"inventories/{name}.yaml")
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "conftest.py").write_text((HERE.parent / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    components = str(HERE.parents[1] / "components")

    def pytest_in_its_own_process(*args: str, tests: str = TESTS, **env: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_disks.py").write_text(tests.replace("SIZE", "10"))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
        plain = {name: value for name, value in os.environ.items() if name not in ("CI", "PULUMI_ERROR_OUTPUT_STRING")}
        environment = {**plain, "PYTHONPATH": components, "COLUMNS": "200", **env}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    return pytest_in_its_own_process


def test_an_inventory_that_does_not_exist_fails_and_says_how_to_write_it(run: Run, tmp_path: Path) -> None:
    result = run("test_disks.py::test_disks[a]")
    assert result.returncode == 1
    assert "there is no inventory inventories/a.yaml yet" in result.stdout
    assert "pytest --update-inventories 'test_disks.py::test_disks[a]'" in result.stdout
    assert not (tmp_path / "inventories").exists()


def test_an_inventory_is_written_compared_and_shown_as_a_diff(run: Run, tmp_path: Path) -> None:
    assert run("--update-inventories").returncode == 0
    written = (tmp_path / "inventories" / "a.yaml").read_text()
    assert "script: |\n        set -e\n        run\n" in written
    assert run().returncode == 0

    changed = run(tests=TESTS.replace("SIZE", "11"))
    assert changed.returncode == 1
    assert "the program no longer registers what inventories/a.yaml says" in changed.stdout
    assert "-      size: 10\n+      size: 11" in changed.stdout
    assert (tmp_path / "inventories" / "a.yaml").read_text() == written


def test_in_ci_inventories_are_never_written(run: Run, tmp_path: Path) -> None:
    result = run("--update-inventories", CI="true")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "in CI (CI is set) inventories are only compared" in result.stderr
    assert not (tmp_path / "inventories").exists()


def test_the_text_of_an_output_raises_in_every_test(run: Run) -> None:
    tests = """
    import pulumi, pytest
    def test_text():
        with pytest.raises(Exception, match="Calling __str__ on an Output"):
            str(pulumi.Output.__new__(pulumi.Output))
    """
    assert run(tests="\n".join(line[4:] for line in tests.splitlines())).returncode == 0


def test_pytest_starts_without_importing_pulumi() -> None:
    code = (
        "import ybfort.testing.plugin, sys; sys.exit(sorted({'pulumi', 'grpc', 'ruamel.yaml'} & set(sys.modules)) or 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "components")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
