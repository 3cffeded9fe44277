"""Inventories: a graph as a YAML file beside the tests, so that a reviewer sees in a diff what a change does."""

from __future__ import annotations

import difflib
import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from ybfort.testing.graph import Graph, Plain

NEVER_FOLD = 1 << 16  # columns: a line that the writer folds is no line of the original


def dump(data: Plain) -> str:
    """YAML with sorted keys, and every text of several lines as a block."""
    text = io.StringIO()
    yaml: Any = YAML()
    yaml.width = NEVER_FOLD
    yaml.allow_unicode = True
    yaml.dump(_styled(data), text)
    return text.getvalue()


def difference(graph: Graph, file: Path) -> str:
    """A unified diff from the file to the graph; empty if they say the same, however the file is formatted.

    :raises ValueError: if the file is not YAML
    """
    yaml: Any = YAML(typ="safe")
    try:
        accepted: Plain = yaml.load(file.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ValueError(f"{file} is not YAML: {error}") from None
    lines = difflib.unified_diff(
        dump(accepted).splitlines(), dump(graph.inventory()).splitlines(), str(file), "recorded", lineterm=""
    )
    return "\n".join(lines)


def write(graph: Graph, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dump(graph.inventory()), encoding="utf-8")


def _styled(data: Plain) -> Plain:
    match data:
        case dict():
            return {key: _styled(data[key]) for key in sorted(data)}
        case list():
            return [_styled(one) for one in data]
        case str() if not data.replace("\n", "").replace("\t", "").isprintable():
            return DoubleQuotedScalarString(data)  # escaped: a reader refuses control characters, or sees ends of lines
        case str() if "\n" in data and not data.lstrip("\n").startswith("\t"):
            return LiteralScalarString(data)
        case _:
            return data
