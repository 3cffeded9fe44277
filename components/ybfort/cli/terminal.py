"""How the commands speak: colour for people only, tables without boxes."""

import os
import sys
from collections.abc import Iterable, Sequence

import typer


def paint(text: str, colour: str, *, err: bool = False) -> str:
    """`text` in colour on a terminal, unless NO_COLOR (no-color.org) asks for none."""
    stream = sys.stderr if err else sys.stdout
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return typer.style(text, fg=colour)


def table(rows: Iterable[Sequence[str]], indent: int = 2) -> list[str]:
    """Rows as lines with aligned columns."""
    cells = [list(row) for row in rows]
    if not cells:
        return []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        " " * indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
