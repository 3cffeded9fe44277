"""The folder that keeps what set-up fetched, for every copy of this project.

It is $YBFORT_CACHE, or $XDG_CACHE_HOME/ybfort, or ~/.cache/ybfort.
"""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ELSEWHERE = "set YBFORT_CACHE to a folder to keep it in"


class Problem(Exception):
    """Why something is not to be had, and what to do about it."""


def say(text: str) -> None:
    """Tell the person who waits."""
    print(f"[set-up] {text}", file=sys.stderr, flush=True)


def chosen() -> Path | None:
    """The folder that the caller has chosen."""
    named = os.environ.get("YBFORT_CACHE")
    return Path(named).absolute() if named else None


def of_the_user(what: str) -> Path:
    """The folder that is the user's own.

    :raises Problem: if there is none
    """
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if Path(xdg).is_absolute():
        return Path(xdg, "ybfort")
    if home := os.environ.get("HOME"):
        return Path(home, ".cache", "ybfort").absolute()
    raise Problem(f"HOME is not set, so there is no place for {what}: {ELSEWHERE}")


@contextmanager
def filling(root: Path, what: str) -> Generator[Path]:
    """A new folder to fill and to rename into its final place beside it: what is half done never has the final name.

    One run at a time is let in; who comes second looks whether there still is something to do.

    :raises Problem: if nothing can be written there
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another run is getting {what}: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in root.glob(".unfinished-*"):  # of a run that was killed: the lock is ours
                shutil.rmtree(leftover)
            unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root))
            try:
                unfinished.chmod(0o755)
                yield unfinished
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise Problem(
            f"{what} cannot be kept in {root} ({error}): set YBFORT_CACHE to a folder that you can write"
        ) from error
