"""What may be loaded where, as far as it shows only when the code runs. The rest is declared for import-linter."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ybfort

NODE = Path(ybfort.__file__).parent / "node"


@pytest.mark.parametrize(
    "module", ["ybfort.cli", "ybfort.node", "ybfort.plan.cluster", "ybfort.spec", "ybfort.testing.graph"]
)
def test_loads_no_pulumi(module: str) -> None:
    loaded = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) & {"pulumi", "pulumi_aws", "pulumi_gcp"} == set()


def test_the_agent_imports_only_the_standard_library_and_itself() -> None:
    sources = sorted(NODE.rglob("*.py"))
    assert sources
    foreign: list[str] = []
    for source in sources:
        for statement in ast.walk(ast.parse(source.read_text())):
            match statement:
                case ast.Import(names=names):
                    modules = [name.name for name in names]
                case ast.ImportFrom(module=str(module), level=0):
                    modules = [module]
                case _:
                    continue
            foreign += [
                f"{source.name}:{statement.lineno} imports {module}"
                for module in modules
                if module.split(".")[0] not in sys.stdlib_module_names and not f"{module}.".startswith("ybfort.node.")
            ]
    assert foreign == []
