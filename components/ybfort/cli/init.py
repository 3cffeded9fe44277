"""`ybfort init`: a stack file to begin with."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ybfort.cli import stack_file
from ybfort.cli.clouds import CLOUDS, Cloud
from ybfort.cli.given import given
from ybfort.cli.template import SCHEMA, UNPINNED, Answers
from ybfort.cli.template import stack_file as text_of
from ybfort.spec import SpecError
from ybfort.spec.file import read_text
from ybfort.spec.words import ClientName, Email, PrivateNetwork

ENVIRONMENTS = ("prod", "dev")
CIDR = "10.40.0.0/20"
SOME_SHA256 = "0123456789abcdef" * 4  # of the right shape, to check the rest with


def init(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The new stack's name.")],
    cloud: Annotated[str, typer.Option(metavar="aws|gcp", help="The cloud to build on.")] = "aws",
    environment: Annotated[
        str, typer.Option(metavar="dev|prod", help="By default as the stack's name ends.", show_default=False)
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The cluster's name; by default the stack's.", show_default=False)
    ] = "",
    account: Annotated[
        str, typer.Option(metavar="ID", help="The AWS account, or the GCP project.", show_default=False)
    ] = "",
    region: Annotated[str, typer.Option(metavar="REGION", help="The region.", show_default=False)] = "",
    zones: Annotated[
        str, typer.Option(metavar="LETTERS", help="The zones; by default three (dev: one).", show_default=False)
    ] = "",
    cidr: Annotated[str, typer.Option(metavar="CIDR", help="The cluster's own network.")] = CIDR,
    machine: Annotated[
        str,
        typer.Option(metavar="TYPE", help="By default of 16 vCPUs or more (dev: 4).", show_default=False),
    ] = "",
    email: Annotated[
        list[str], typer.Option(metavar="ADDRESS", help="Who gets the alarms. Repeatable.", show_default=False)
    ] = [],  # noqa: B006 typer wants a list and copies it
    client: Annotated[
        list[str], typer.Option(metavar="NAME=CIDR", help="Who may connect. Repeatable.", show_default=False)
    ] = [],  # noqa: B006
    reader: Annotated[
        str,
        typer.Option(
            metavar="WHO",
            help="IAM role or service account that may read the application's password.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Write a stack file with comments that explain it.

    Asks for what it is not told, if there is a terminal to ask on. Never
    overwrites a file.

    \b
    ybfort init orders-prod
    ybfort init orders-prod --account 123456789012 --region eu-west-1 \\
        --email dba@example.com --client orders-api=10.8.0.0/16
    ybfort init orders-dev --cloud gcp
    """
    if cloud not in CLOUDS:
        raise typer.BadParameter(f"{cloud!r} is neither {' nor '.join(CLOUDS)}.", param_hint="--cloud")
    of = CLOUDS[cloud]
    if not stack_file.STACK_NAME.fullmatch(stack):
        raise typer.BadParameter(f"{stack!r} is no stack name: use letters, digits and `_ . -`.", param_hint="STACK")
    path = stack_file.new_path(stack)
    if path.exists():
        raise typer.BadParameter(f"{path} exists already. Edit it, or choose another name.", param_hint="STACK")
    base, _, end = stack.rpartition("-")
    environment = environment or (end if end in ENVIRONMENTS else "")
    asked = _ask(
        of, environment=environment, account=account, region=region, email=",".join(email), client=",".join(client)
    )
    environment = asked["environment"]
    if environment not in ENVIRONMENTS:
        raise typer.BadParameter(f"{environment!r} is neither dev nor prod.", param_hint="--environment")
    answers = Answers(
        name=name or (base if end == environment and base else stack),
        environment=environment,
        cloud=cloud,
        account=asked["account"],
        region=asked["region"],
        zones=_zones(of, asked["region"], zones, environment),
        cidr=cidr,
        machine=machine or of.machines[environment],
        emails=tuple(asked["email"].split(",")),
        clients=tuple(_client(one) for one in asked["client"].split(",") if one),
        reader=reader or None,
    )
    _refuse_wrong(answers, of)
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text_of(answers))
    _say_what_is_next(stack, path)


OPTIONAL = "client"


def _questions(of: Cloud) -> dict[str, tuple[str, Any]]:
    return {
        "environment": ("Environment (dev or prod)", Literal["dev", "prod"]),
        "account": (of.account_question, of.account),
        "region": (of.region_question, of.region),
        "email": ("E-mail address for alarms", Email),
        "client": ("First client as name=range (such as orders-api=10.8.0.0/16; empty for none)", None),
    }


def _ask(of: Cloud, **given: str) -> dict[str, str]:
    """What was given, and the answers to what was not."""
    missing = [key for key, value in given.items() if not value]
    needed = [f"--{key}" for key in missing if key != OPTIONAL]
    if not needed:
        return given  # nothing has to be asked, so nothing is
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"there is no terminal to ask on: give {', '.join(needed)}.")
    for key in missing:
        question, kind = _questions(of)[key]
        given[key] = typer.prompt(
            question, default="" if key == OPTIONAL else None, show_default=False, value_proc=_checked(kind)
        )
    return given


def _checked(kind: Any) -> Callable[[str], str]:
    """A function that lets a good answer pass and has the question asked again after another."""

    def check(answer: str) -> str:
        if kind is None:
            return ",".join("=".join(_client(one)) for one in answer.split(",") if one)
        return given(kind, answer.strip())

    return check


def _zones(of: Cloud, region: str, letters: str, environment: str) -> tuple[str, ...]:
    chosen = (letters or of.letters(region)).split(",")
    if not letters and environment == "dev":
        chosen = chosen[:1]
    return tuple(of.zone(region, letter.strip()) for letter in chosen)


def _client(text: str) -> tuple[str, str]:
    name, equals, cidr = text.strip().partition("=")
    if not equals:
        raise typer.BadParameter(
            f"{text!r} is not of the form name=range, as orders-api=10.8.0.0/16.", param_hint="--client"
        )
    return given(ClientName, name, "--client"), given(PrivateNetwork, cidr, "--client")


def _refuse_wrong(answers: Answers, of: Cloud) -> None:
    """Only a file that needs nothing but its pins is written."""
    try:
        read_text(text_of(replace(answers, image=of.some_image, sha256=SOME_SHA256)), "nothing was written")
    except SpecError as error:
        unplaced = [replace(problem, line=None) for problem in error.problems]
        typer.echo(str(SpecError("nothing was written", unplaced)), err=True)
        raise typer.Exit(1) from None


def _say_what_is_next(stack: str, path: Path) -> None:
    typer.echo(f"{path}: written. Read it; its comments say what to decide.")
    typer.echo(f"Release and image are {UNPINNED} still, which `ybfort check` refuses. Next:")
    if not (path.parent / SCHEMA).exists():
        typer.echo(f"  ybfort schema > {path.parent / SCHEMA}    # editors complete the file by it")
    typer.echo(f"  ybfort pin {stack} --archive yugabyte-….tar.gz --image …")
    typer.echo(f"  ybfort check {stack}")
