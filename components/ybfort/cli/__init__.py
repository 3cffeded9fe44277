"""The command line, one module a command, imported when it runs: `check` does not wait for what `plan` needs."""

import sys
from importlib import import_module, metadata
from io import TextIOWrapper
from typing import Annotated, Any, TextIO, cast

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = ("init", "check", "plan", "pin", "status", "schema", "sandbox")  # in the order in which one meets them


class Commands(TyperGroup):
    """The commands by name, each module imported when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict[str, Any].fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002 typer's signature
        if cmd_name not in COMMANDS:
            return None
        one = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)
        one.command(cmd_name)(getattr(import_module(f"ybfort.cli.{cmd_name}"), cmd_name))
        return cast(TyperCommand, typer.main.get_command(one))


SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 80}
# Help is plain text: it reads the same in a terminal, a pipe and a log. A bug shows as an ordinary traceback.
app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings=SETTINGS,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ybfort {metadata.version('ybfort')}")
        raise typer.Exit


@app.callback()
def ybfort(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """YugabyteDB clusters on AWS or GCP that are secure or not at all.

    \b
    ybfort init orders-prod       a stack file says what you want
    ybfort check orders-prod      what is wrong with it
    ybfort plan orders-prod       what it will become
    ybfort sandbox -- pulumi preview -s orders-prod
                                  a rehearsal without a cloud
    ybfort status orders-prod     how the nodes are
    """


def _survive_old_terminals(stream: TextIO) -> None:
    """What a terminal without UTF-8 cannot show, it shows escaped."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """The console script. Exit codes: 0 all is well, 1 what was given is wrong, 2 it was called wrongly."""
    for stream in (sys.stdout, sys.stderr):
        _survive_old_terminals(stream)
    try:
        app(prog_name="ybfort")
    except OSError as error:  # a full disk, a missing right: the message says it all
        typer.echo(f"ybfort: {error}", err=True)
        raise SystemExit(1) from None
    except Exception:
        typer.echo("This is a bug in ybfort, not in your file. Please report it with the lines below.\n", err=True)
        raise
