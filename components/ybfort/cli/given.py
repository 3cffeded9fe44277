"""A value given on the command line, judged as one in a stack file would be."""

from typing import Any

import typer

from ybfort.spec.problems import SECRETS
from ybfort.spec.read import read_word


def given(kind: Any, text: str, option: str | None = None) -> str:
    """`text`, if it is of this kind.

    :raises typer.BadParameter: with what to write instead
    """
    try:
        return read_word(kind, text)
    except ValueError as error:
        shown = "what you gave" if SECRETS.search(text) else repr(text)
        raise typer.BadParameter(f"{shown} {error}", param_hint=option) from None
