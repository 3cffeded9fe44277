"""What README and docs say is true: their code runs, their commands work, their files and targets are there."""

import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.conftest import Deployment
from specs import VALID
from ybfort.node.steps import LAST, ORDER
from ybfort.spec.file import read_file
from ybfort.testing.graph import Graph

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
DOCS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")), PROJECT / "bench" / "README.md"]
ELSEWHERE = ("aws s3 cp", "pulumi login", "pulumi stack init", "ybfort status")  # commands that need an account

pytestmark = pytest.mark.xdist_group("engine")


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language, without the indentation of lists."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_a_stack_file_in_the_readme_is_good(block: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.readme.yaml"
    file.write_text(block)
    assert read_file(file).name == "orders"


@pytest.mark.parametrize("block", blocks("python"))
def test_a_program_in_the_readme_runs(
    block: str, record: Callable[..., Graph], record_stack: Callable[..., Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    if "def test_" in block:
        names: dict[str, Callable[..., None]] = {}
        exec(block, names)
        next(test for name, test in names.items() if name.startswith("test_"))(record_stack)
    else:
        config = {"ybfort:cluster": VALID, "mine:cluster": VALID}
        graph = record(lambda: exec(block, {"__name__": "__main__"}), project="mine", config=config)
        assert graph.one("ybfort:aws:Cluster")


def archive(path: Path) -> None:
    """Something in the shape of a release."""
    with tarfile.open(path, "w:gz") as tar:
        content = b"#!/bin/sh\n"
        entry = tarfile.TarInfo("yugabyte-2025.2.8.0/bin/post_install.sh")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def test_the_first_deployment_goes_as_the_readme_says(tmp_path: Path) -> None:
    deployment = Deployment.new(tmp_path / "project")
    archive(deployment.root / "yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz")
    script = "\n".join(blocks("sh") + [line for block in blocks("console") for line in commands(block)])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=deployment.root,
        env=deployment.sandbox.environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "orders-prod" in done.stdout
    assert shutil.which("ybfort", path=str(Path(sys.executable).parent))


def commands(block: str) -> list[str]:
    """The commands of a console block; the engine's in the sandbox, without questions."""
    typed = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    here = [line for line in typed if not line.startswith(ELSEWHERE)]
    return [
        f"ybfort sandbox -- {line} {'--yes' * (' up ' in line)}" if line.startswith("pulumi ") else line
        for line in here
    ]


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(document: Path) -> None:
    text = document.read_text()
    named = re.findall(r"`((?:spec|plan|aws|node|cli|testing|sandbox)/[\w/]+\.py)`", text)
    assert not [name for name in named if not (PROJECT / "components" / "ybfort" / name).is_file()]
    linked = re.findall(r"\]\((?!http)([^)#]+)", text)
    assert not [name for name in linked if not (document.parent / name).exists()]


def test_make_has_the_targets_that_the_readme_names() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:.*##", makefile, re.MULTILINE) for target in re.findall(r"make (\w+)", README))


OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()


def rows(header: str) -> list[list[str]]:
    """The cells of a table's rows, which follows its header."""
    _, _, table = OPERATIONS.partition(f"{header}\n")
    lines = table.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_run_takes_the_steps_that_the_operations_say_in_that_order() -> None:
    named = [step for steps, _ in rows("| step | what it brings about |") for step in steps.split(", ")]
    assert named == [*ORDER, *LAST]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (step, message)
        for step, messages, _ in rows("| step | message | what to do |")
        for message in re.findall(r"`([^`]+)`", messages)
    ],
)
def test_a_message_that_the_operations_explain_is_one_that_agents_say(step: str, message: str) -> None:
    sources = (PROJECT / "components/ybfort/node").rglob("*.py")
    assert any(message in re.sub(r'"\s+f?"', "", source.read_text()) for source in sources), step
