"""`record_stack(folder, stack)`: record a project's own `__main__.py` with the config of one of its stacks."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ybfort.testing.config import ConfigError, key, read_project, read_stack, required, text
from ybfort.testing.graph import Graph
from ybfort.testing.recorder import Answers, Outputs, record

_one_at_a_time = threading.Lock()  # the working folder and the loaded modules are the whole process's


def record_stack(
    project_dir: Path | str,
    stack: str,
    *,
    config: Mapping[str, Any] | None = None,
    secret_config: Mapping[str, Any] | None = None,
    preview: bool = True,
    answers: Answers | None = None,
    outputs: Outputs | None = None,
) -> Graph:
    """Run the program that `Pulumi.yaml` names with the config of `Pulumi.<stack>.yaml`, and return its graph.

    :param config: values over those of the files; as for `record`
    :param secret_config: values of the secrets; those that the stack's file has encrypted must be here
    :raises ConfigError: if a file or a value is missing; otherwise as `record`
    """
    project = read_project(Path(project_dir))
    read = read_stack(project, stack)
    secrets = {key(name, project.name): text(value) for name, value in (secret_config or {}).items()}
    given = {key(name, project.name): text(value) for name, value in (config or {}).items()}
    file = project.stack_file(stack)
    if locked := sorted(read.encrypted - secrets.keys() - given.keys()):
        raise ConfigError(f"{file}: encrypted, so give a value in secret_config: {', '.join(locked)}")
    values = {**read.values, **given}
    if missing := sorted(required(project) - values.keys() - secrets.keys()):
        raise ConfigError(f"{file}: Pulumi.yaml asks for {', '.join(missing)}: add it, or give it in config")
    if not (project.main / "__main__.py" if project.main.is_dir() else project.main).is_file():
        raise ConfigError(f"{project.folder / 'Pulumi.yaml'}: there is no program at {project.main}")
    with _at_home(project.main if project.main.is_dir() else project.main.parent):
        return record(
            lambda: runpy.run_path(str(project.main), run_name="__main__"),
            project=project.name,
            stack=stack,
            config=values,
            secret_config=secrets,
            preview=preview,
            answers=answers,
            outputs=outputs,
            root=str(project.folder),
        )


@contextmanager
def _at_home(folder: Path) -> Generator[None]:
    """As the language host has it: the program's folder is the working folder and the first to import from.

    The next program may have modules of the same names, so those of this one are forgotten.
    """
    with _one_at_a_time:
        here, path, before = Path.cwd(), list(sys.path), set(sys.modules)
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            os.chdir(here)
            sys.path[:] = path
            imported = [name for name in sys.modules if name not in before and _lies_in(name, folder)]
            for name in imported:
                del sys.modules[name]


def _lies_in(name: str, folder: Path) -> bool:
    """A module, or a part of a package, that lies directly in the folder: not in an environment below it."""
    module = sys.modules.get(name.partition(".")[0])
    places = [*getattr(module, "__path__", [])] or [getattr(module, "__file__", None) or ""]
    return any(Path(place).parent == folder for place in places)
