"""`ybfort check`: what is wrong with a stack file, all of it at once, without engine, cloud or network."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ybfort.cli import stack_file
from ybfort.cli.terminal import paint
from ybfort.spec import ClusterSpec, SpecError
from ybfort.spec.file import read_file


def check(
    stacks: Annotated[
        list[str],
        typer.Argument(
            metavar="STACK|FILE",
            help="Names of stacks, or their files; all stacks of the project if none is given.",
            show_default=False,
            autocompletion=stack_file.complete,
        ),
    ] = [],  # noqa: B006 typer wants a list and copies it
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """Say what is wrong with stack files. Works offline.

    Every problem is told at once, with its line and what to write instead.
    The exit code is 1 if there is one.

    \b
    ybfort check                          every stack of the project
    ybfort check orders-prod
    ybfort check stacks/Pulumi.*.yaml --json
    """
    paths = [stack_file.path_of(stack) for stack in stacks or stack_file.names()]
    if not paths:
        raise typer.BadParameter(f"there is no stack file in {stack_file.folder()}. `ybfort init` writes one.")
    answers = [_judge(path) for path in paths]
    if as_json:
        typer.echo(json.dumps([_document(path, answer) for path, answer in answers], indent=2, sort_keys=True))
    else:
        for path, answer in answers:
            if isinstance(answer, SpecError):
                head, *problems = str(answer).splitlines()
                typer.echo("\n".join([paint(head, "red", err=True), *problems]), err=True)
            else:
                typer.echo(f"{path}: {paint('ok', 'green')}: {_seen(answer)}")
    if any(isinstance(answer, SpecError) for _, answer in answers):
        raise typer.Exit(1)


def _judge(path: Path) -> tuple[Path, ClusterSpec | SpecError]:
    try:
        return path, read_file(path)
    except SpecError as error:
        return path, error


def _seen(spec: ClusterSpec) -> str:
    region = spec.region
    nodes = sum(zone.nodes for zone in region.zones)
    return (
        f"{spec.name}-{spec.environment}, {_count(nodes, 'node')} in {_count(len(region.zones), 'zone')} of "
        f"{region.name}, {_count(spec.replication_factor, 'copy', 'copies')}, {_count(len(spec.roles), 'role')}"
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _document(path: Path, answer: ClusterSpec | SpecError) -> dict[str, Any]:
    if isinstance(answer, SpecError):
        told = [
            {"line": problem.line, "path": problem.path, "says": problem.says, "value": problem.value}
            for problem in answer.problems
        ]
        return {"file": str(path), "ok": False, "problems": told}
    return {"file": str(path), "ok": True, "problems": [], "cluster": f"{answer.name}-{answer.environment}"}
