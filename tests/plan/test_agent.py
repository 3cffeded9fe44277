"""The agent's file: the same bytes everywhere, and a program that the nodes' Python runs."""

import ast
import os
import subprocess
import sys
import tokenize
import zipfile
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from simulated_machine import another_python, nodes_python
from ybfort.plan import agent
from ybfort.plan.agent import PACKAGE, archive, packed

LARGEST = 200_000  # bytes


def copy(target: Path, *, reverse: bool = False) -> Path:
    """The source somewhere else, written in another order, at another time and with other modes."""
    for source in sorted([PACKAGE / "__init__.py", *(PACKAGE / "node").rglob("*.py")], reverse=reverse):
        place = target / source.relative_to(PACKAGE)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes())
        place.chmod(0o600)
        os.utime(place, (1_000_000_000, 1_000_000_000))
    (target / "node/__pycache__").mkdir()
    (target / "node/__pycache__/system.cpython-39.pyc").write_bytes(b"compiled")
    (target / "node/notes.txt").write_text("not a source")
    return target


@pytest.mark.parametrize("reverse", [False, True])
def test_the_same_source_gives_the_same_bytes(tmp_path: Path, reverse: bool) -> None:
    assert packed(copy(tmp_path / "elsewhere", reverse=reverse), "aws") == archive("aws").content


@pytest.mark.parametrize("settings", [{"TZ": "Pacific/Kiritimati"}, {"LC_ALL": "C"}, {"PYTHONHASHSEED": "7"}])
def test_another_process_gives_the_same_hash(settings: dict[str, str]) -> None:
    code = "import os; os.umask(0o777); from ybfort.plan.agent import archive; print(archive('aws').sha256)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **settings}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == archive("aws").sha256


def test_another_byte_of_source_gives_another_hash(tmp_path: Path) -> None:
    changed = copy(tmp_path / "changed")
    with (changed / "node/units.py").open("a") as source:
        source.write("\n")
    assert packed(changed, "aws") != archive("aws").content


def test_it_is_made_once_a_process() -> None:
    assert archive("aws") is archive("aws")
    assert archive("aws").key == f"agent/{archive('aws').sha256}.pyz"


def test_it_holds_the_agent_s_source_and_nothing_else() -> None:
    with zipfile.ZipFile(BytesIO(archive("aws").content)) as file:
        names = file.namelist()
        assert file.testzip() is None
        assert {entry.date_time for entry in file.infolist()} == {agent.EARLIEST}
    assert names == sorted(names)
    assert {"__main__.py", "ybfort/__init__.py", "ybfort/node/converge.py", "ybfort/node/steps/disk.py"} <= set(names)
    assert all(name.startswith("ybfort/node/") for name in names if name not in ("__main__.py", "ybfort/__init__.py"))
    assert all(name.endswith(".py") for name in names)


def explains(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def statements(source: str) -> list[str]:
    """Every statement of a program with its line, without texts that only explain."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and len(node.body) > 1:
            node.body = [one for one in node.body if not explains(one)]
    return [f"{node.lineno} {ast.dump(node)}" for node in ast.walk(tree) if isinstance(node, ast.stmt)]


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_it_knows_the_cloud_of_its_nodes_and_no_other(cloud: str) -> None:
    with zipfile.ZipFile(BytesIO(archive(cloud).content)) as file:
        assert [name for name in file.namelist() if "/cloud_" in name] == [f"ybfort/node/cloud_{cloud}.py"]
    assert len(archive(cloud).content) < LARGEST


def test_it_is_the_same_program_line_by_line_without_what_explains_it() -> None:
    with zipfile.ZipFile(BytesIO(archive("aws").content)) as file:
        for name in file.namelist()[1:]:
            lean = file.read(name).decode()
            source = (PACKAGE.parent / name).read_text()
            assert statements(lean) == statements(source), name
            assert lean.count("\n") == source.count("\n")
            assert not [
                token for token in tokenize.generate_tokens(StringIO(lean).readline) if token.type == tokenize.COMMENT
            ]


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_another_python_gives_the_same_bytes(version: str, tmp_path: Path) -> None:
    python = another_python(version)
    if not python:
        pytest.skip(f"cannot run here: no Python {version} on this machine")
    code = "from ybfort.plan.agent import archive; print(archive('aws').sha256)"
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PYTHONPYCACHEPREFIX": str(tmp_path)}
    done = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == archive("aws").sha256, done.stderr


def runs(python: str, file: Path) -> str:
    file.write_bytes(archive("aws").content)
    done = subprocess.run([python, "-I", str(file), "--help"], capture_output=True, text=True, timeout=60, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_runs(tmp_path: Path) -> None:
    assert "converge" in runs(sys.executable, tmp_path / "agent.pyz")


def test_it_runs_on_the_nodes_python(tmp_path: Path) -> None:
    python = nodes_python()
    if not python:
        pytest.skip("cannot run here: no Python 3.9 on this machine")
    assert "converge" in runs(python, tmp_path / "agent.pyz")


def test_it_uses_no_syntax_that_is_younger_than_the_nodes_python() -> None:
    for source in (PACKAGE / "node").rglob("*.py"):
        ast.parse(source.read_text(), feature_version=(3, 9))
