"""A cluster on the real engine with a simulated AWS. It is made once; each test gets a copy of it as it was made."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandboxed import Sandboxed

PROJECT = Path(__file__).parents[2]


class Deployment(Sandboxed):
    """A project with the stacks of this repository, and the state that the engine keeps of them."""

    @classmethod
    def new(cls, root: Path) -> "Deployment":
        root.mkdir(parents=True)
        shutil.copy(PROJECT / "Pulumi.yaml", root)
        shutil.copytree(PROJECT / "stacks", root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        (root / ".venv").symlink_to(PROJECT / ".venv")  # the environment that Pulumi.yaml names
        return cls(root)

    def copy(self, root: Path) -> "Deployment":
        shutil.copytree(self.root, root, symlinks=True)
        return Deployment(root)

    def edit(self, replacements: Mapping[str, str], stack: str = "aws-prod") -> None:
        """Change the stack file as a user would."""
        file = self.stack_file(stack)
        text = file.read_text()
        for old, new in replacements.items():
            assert old in text, old
            text = text.replace(old, new)
        file.write_text(text)

    def faults(self, *faults: Mapping[str, Any]) -> Path:
        path = self.root / "faults.json"
        path.write_text(json.dumps(faults))
        return path

    def preview(self, stack: str = "aws-prod") -> list[dict[str, Any]]:
        """The steps of a preview that do something."""
        done = self.pulumi("preview", "-s", stack, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return [step for step in json.loads(done.stdout)["steps"] if step["op"] != "same"]

    def state(self, stack: str = "aws-prod") -> str:
        return self.pulumi("stack", "export", "-s", stack).stdout


@pytest.fixture(scope="session")
def created(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """aws-prod, just made."""
    deployment = Deployment.new(tmp_path_factory.mktemp("created") / "project")
    made = deployment.up("aws-prod")
    assert made.returncode == 0, made.stdout + made.stderr
    return deployment


@pytest.fixture
def cluster(created: Deployment, tmp_path: Path) -> Deployment:
    """aws-prod in a world of its own."""
    copy = created.copy(tmp_path / "project")
    copy.log()
    return copy


@pytest.fixture
def new(tmp_path: Path) -> Callable[[], Deployment]:
    """A project of which nothing exists yet."""
    return lambda: Deployment.new(tmp_path / "project")
