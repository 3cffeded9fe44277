"""The agent as one file that Python runs: the same source gives the same bytes on every machine, and so the same hash.

Only what the source says goes in: fixed order, times and modes, and nothing compressed, because zlib's versions differ.
"""

import hashlib
import io
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
def archive() -> Agent:
    """The agent of this version of ybfort."""
    content = packed(PACKAGE)
    return Agent(content=content, sha256=hashlib.sha256(content).hexdigest())


def packed(package: Path) -> bytes:
    """The file that is made of the source under `package`, the folder of ybfort."""
    sources = [package / "__init__.py", *(package / "node").rglob("*.py")]
    members = {f"ybfort/{source.relative_to(package).as_posix()}": source.read_bytes() for source in sources}
    members["__main__.py"] = START.encode()
    file = io.BytesIO()
    file.write(SHEBANG)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.create_system, entry.external_attr = UNIX, REGULAR_FILE << 16
            archive.writestr(entry, members[name])
    return file.getvalue()
