"""`ybfort` as a user calls it, in a project of its own."""

import sys
from pathlib import Path

import pytest

from cli_project import ANSWERS, Answer, Ybfort
from ybfort.cli import main
from ybfort.cli.template import stack_file


@pytest.fixture
def ybfort(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ybfort:
    """Call the console script."""

    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["ybfort", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        assert "Traceback" not in said.err
        return Answer(code, said.out, said.err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one good stack, `orders-prod`; it is the current folder."""
    (tmp_path / "Pulumi.yaml").write_text("name: ybfort\nruntime: python\nmain: stacks/\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.orders-prod.yaml").write_text(stack_file(ANSWERS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stack(project: Path) -> Path:
    """The file of the good stack."""
    return project / "stacks" / "Pulumi.orders-prod.yaml"
