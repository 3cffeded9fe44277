"""The folder in which a fleet lives, and what its processes share.

nodes/<name>/        a machine's root directory
cloud/               buckets, secrets, logs and metrics of the simulated cloud
universe.json        the simulated database
alive/               a locked file for each server that runs: the kernel lets go of the lock when a process ends
ysql/                PostgreSQL, which stands in for YSQL
arguments            what every program was called with, a line each
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every program of a machine imports this: what takes long to import is not wanted here
    from collections.abc import Callable, Generator, Iterator
    from typing import IO, Any

    from ybfort.sandbox.nodes.universe import Running, Universe

VARIABLE = "YBFORT_SITE"  # tells every process of a fleet where it lives


class Site:
    """The folder, read anew at every look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def here(cls) -> Site:
        """The one that this process belongs to."""
        return cls(Path(os.environ[VARIABLE]))

    def root(self, node: str) -> Path:
        return self.folder / "nodes" / node

    @contextmanager
    def universe(self) -> Generator[Universe, None, None]:
        """The database's state, for one process at a time; changes are kept."""
        from ybfort.sandbox.nodes.universe import Universe

        with self.lock("universe"):
            file = self.folder / "universe.json"
            state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
            universe = Universe(**state, running={one.key: one for one in self._alive()})
            yield universe
            kept = {name: value for name, value in vars(universe).items() if name != "running"}
            write(file, json.dumps(kept, indent=2).encode())

    @contextmanager
    def lock(self, name: str) -> Generator[None, None, None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f".{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def live(self, one: Running) -> IO[str]:
        """Count as running for as long as the file that this returns is open."""
        folder = self.folder / "alive"
        folder.mkdir(exist_ok=True)
        draft = (folder / f".{one.key}").open("w")
        draft.write(json.dumps(vars(one)))
        draft.flush()
        fcntl.flock(draft, fcntl.LOCK_EX)
        (folder / f".{one.key}").replace(folder / one.key)
        return draft

    def _alive(self) -> Iterator[Running]:
        from ybfort.sandbox.nodes.universe import Running

        for path in sorted((self.folder / "alive").glob("yb-*")):
            if held(path):
                yield Running(**json.loads(path.read_text()))

    def note(self, arguments: list[str]) -> None:
        """Take down what a program was called with: everybody on a machine can read that."""
        with (self.folder / "arguments").open("a") as file:
            file.write(json.dumps(arguments) + "\n")


def held(path: Path) -> bool:
    """Whether a process has locked a file."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def wait_until(what: str, holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so.

    :raises TimeoutError: if it does not come about
    """
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come about within {seconds:g} seconds")
        time.sleep(0.02)


def write(path: Path, content: bytes) -> None:
    """Replace a file at once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def database_user() -> tuple[str, int, int]:
    """Who runs PostgreSQL, which refuses root: whoever runs the fleet, or else nobody."""
    found = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")
    return found.pw_name, found.pw_uid, found.pw_gid
