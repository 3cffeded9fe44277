"""The agent as one file that Python runs: the same source gives the same bytes on every machine, and so the same hash.

Only what the source says goes in: fixed order, times and modes, and nothing compressed, because zlib's versions differ.
Comments, docstrings and half of the indentation stay out instead; the line numbers of a trace are those of the source.
"""

import ast
import hashlib
import io
import tokenize
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SHEBANG = b"#!/usr/bin/python3 -I\n"
START = """\
import sys

from ybfort.node.__main__ import main

sys.exit(main())
"""
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file knows
REGULAR_FILE, UNIX = 0o100644, 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """The agent that nodes fetch, check by its hash, and run."""

    content: bytes
    sha256: str

    @property
    def key(self) -> str:
        """Where it lies in the artifacts bucket: under its hash, so that no agent overwrites another."""
        return f"agent/{self.sha256}.pyz"


@cache
def archive(cloud: str) -> Agent:
    """The agent of this version of ybfort for the nodes of a cloud: it knows no other."""
    content = packed(PACKAGE, cloud)
    return Agent(content=content, sha256=hashlib.sha256(content).hexdigest())


def packed(package: Path, cloud: str) -> bytes:
    """The file that is made of the source under `package`, the folder of ybfort."""
    others = set(package.glob("node/cloud_*.py")) - {package / f"node/cloud_{cloud}.py"}
    sources = {package / "__init__.py", *(package / "node").rglob("*.py")} - others
    members = {
        f"ybfort/{source.relative_to(package).as_posix()}": _lean(source.read_text("utf-8")) for source in sources
    }
    members["__main__.py"] = START
    file = io.BytesIO()
    file.write(SHEBANG)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.create_system, entry.external_attr = UNIX, REGULAR_FILE << 16
            archive.writestr(entry, members[name])
    return file.getvalue()


def _lean(source: str) -> str:
    """The same program in fewer bytes, line by line."""
    lines, within = source.splitlines(), set[int]()  # numbers of lines that begin within a text
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and len(node.body) > 1:
            for text in filter(_documents, node.body):
                lines[text.lineno - 1 : text.end_lineno] = [""] * ((text.end_lineno or 0) - text.lineno + 1)
        if isinstance(node, ast.Constant | ast.JoinedStr):
            within.update(range(node.lineno + 1, (node.end_lineno or 0) + 1))
    return "".join(f"{line if at in within else _indented(line)}\n" for at, line in enumerate(lines, 1))


def _documents(statement: ast.stmt) -> bool:
    """Whether it is a text and nothing else."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _indented(line: str) -> str:
    """By one space a level, in place of four."""
    code = line.strip()
    return " " * ((len(line) - len(line.lstrip())) // 4) + code
