"""`ybfort sandbox`: any command with simulated clouds in place of the real ones."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ybfort.cli import stack_file


def sandbox(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="The command, after two hyphens.")],
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier commands created.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the simulated cloud and Pulumi's state are kept; by default .sandbox in the project.",
            show_default=False,
        ),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What is to fail, as JSON (see ybfort.sandbox.faults).", show_default=False),
    ] = None,
) -> None:
    """Run a command with simulated clouds.

    The engine and the program are the real ones; only the cloud is simulated. No
    account and no credentials are needed, and none are used.

    \b
    ybfort sandbox -- pulumi preview -s aws-prod
    ybfort sandbox --fresh -- pulumi up --yes -s aws-prod
    """
    from ybfort.sandbox import launch  # here: nothing else needs it, and it takes its time

    project = stack_file.project().parent
    folder = state or project / ".sandbox"
    if fresh and folder.exists():
        if not (folder / "world").is_dir() or not (folder / "backend").is_dir():
            raise typer.BadParameter(f"{folder} is no sandbox. Nothing was removed.", param_hint="--state")
        shutil.rmtree(folder)
    raise typer.Exit(launch.run(command, project=project, state=folder, faults=faults))
