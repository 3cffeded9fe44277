"""Which file a stack's name means. Pulumi's own rules, without Pulumi."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ybfort.spec import SpecError
from ybfort.spec.file import parse, text_of

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")
STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)  # as Pulumi has it


def project() -> Path:
    """The project's file: Pulumi.yaml here or in the nearest folder above.

    :raises typer.BadParameter: when there is none
    """
    here = Path.cwd()
    for place in (here, *here.parents):
        for name in PROJECT_FILES:
            if (place / name).is_file():
                return place / name
    raise typer.BadParameter("there is no Pulumi.yaml here or in a folder above. Go to the project, or name a file.")


def folder() -> Path:
    """The folder of the project's stack files, which the project names in `stackConfigDir`.

    :raises typer.BadParameter: when there is no project
    """
    file = project()
    return file.parent / _setting(file)


def path_of(stack: str) -> Path:
    """The file that a command's argument means: the file itself, or that of the stack of this name.

    :raises typer.BadParameter: when there is no such file
    """
    if stack.endswith((".yaml", ".yml")) or Path(stack).is_file():
        return _shortest(Path(stack))
    name = stack.rpartition("/")[2]  # Pulumi also writes organisation/project/stack
    if not STACK_NAME.fullmatch(name):
        raise typer.BadParameter(f"{stack!r} is neither a file nor the name of a stack.")
    path = new_path(name)
    if not path.is_file():
        known = ", ".join(names()) or "none"
        raise typer.BadParameter(f"there is no stack {name!r} in {path.parent} (there is: {known}).")
    return path


def new_path(stack: str) -> Path:
    """Where the file of a stack of this name belongs, whether it is there or not."""
    return _shortest(folder() / f"Pulumi.{stack}.yaml")


def names() -> list[str]:
    """The names of all stacks of the project."""
    return sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in folder().glob("Pulumi.*.yaml"))


def complete(incomplete: str) -> list[str]:
    """Stack names for the shell; none where there is no project."""
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except typer.BadParameter:
        return []


Stack = Annotated[
    str, typer.Argument(metavar="STACK|FILE", help="A stack's name, or its file.", autocompletion=complete)
]


def _setting(file: Path) -> str:
    """`stackConfigDir` of the project file; without it stack files lie beside that."""
    try:
        _, document = parse(text_of(file), str(file))
    except SpecError as error:
        raise typer.BadParameter(str(error)) from None
    settings = cast("Mapping[str, Any]", document if isinstance(document, Mapping) else {})
    setting = settings.get("stackConfigDir", "")
    if not isinstance(setting, str):
        raise typer.BadParameter(f"{file}: stackConfigDir must be the name of a folder.")
    return setting


def _shortest(path: Path) -> Path:
    """As somebody who stands here would write it."""
    return Path(os.path.relpath(path)) if path.is_absolute() else path
