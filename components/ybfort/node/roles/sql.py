"""Names and texts of the database: within a statement, and within a message."""

from __future__ import annotations

from collections.abc import Iterable

SUPERUSERS = ("yugabyte", "postgres")  # the database's own two; the first is the agent's


def name(text: str) -> str:
    """An identifier, quoted."""
    return '"' + text.replace('"', '""') + '"'


def names(texts: Iterable[str]) -> str:
    """Identifiers, quoted and sorted."""
    return ", ".join(map(name, sorted(texts)))


def literal(text: str) -> str:
    """A text, quoted. A backslash means nothing in it: the session has seen to that (standard_conforming_strings)."""
    return "'" + text.replace("'", "''") + "'"


def shown(text: str) -> str:
    """A text on one line, for a journal: what is no print, and could mean something to a terminal, is marked."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
