"""The release: fetched, compared with its pinned SHA-256, and unpacked into a directory of its own.

Its own installer writes absolute paths into the programs (build-support/post_install.sh): a release is unpacked where
it stays, and a mark that is made last says that it is whole.
"""

from __future__ import annotations

from ybfort.node.cloud import LONG_SECONDS
from ybfort.node.config import STATE
from ybfort.node.database import PRODUCT
from ybfort.node.servers import release_of
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, System
from ybfort.node.universe import universe

WHOLE = ".ybfort-whole"  # holds the archive's SHA-256
ARCHIVE = f"{STATE}/release.tar.gz"
UNPACK_SECONDS = 600.0


def release(context: Context) -> Outcome:
    """Have the declared release here, and no older ones but what runs and what there may be a way back to."""
    system, wanted = context.system, context.config.cluster["release"]
    version, home = wanted["version"], f"{PRODUCT}/{wanted['version']}"
    done: list[str] = []
    if system.read(f"{home}/{WHOLE}") != wanted["sha256"]:
        _install(context, home)
        done.append(f"{version} was installed")
    system.remove(ARCHIVE)
    done += [f"{name} was removed" for name in _tidy(context, version)]
    return Outcome(Result.CHANGED, f"{'; '.join(done)}.") if done else Outcome(Result.DONE, f"{version} is here.")


def _install(context: Context, home: str) -> None:
    """Fetch the archive, compare it, and unpack it where it stays."""
    system, wanted = context.system, context.config.cluster["release"]
    if wanted["version"] in _in_use(context):
        raise Failure(
            f"{wanted['version']} runs here from another archive than the one with the SHA-256 {wanted['sha256']}. "
            "A release does not change under a running database: pin the archive that it was installed from."
        )
    context.cloud.get_object(context.identity.bucket, wanted["key"], system.path(ARCHIVE), seconds=LONG_SECONDS)
    found = system.sha256(ARCHIVE)
    if found != wanted["sha256"]:
        system.remove(ARCHIVE)
        raise Failure(f"{wanted['key']} has the SHA-256 {found}, and pinned is {wanted['sha256']}. It is not used.")
    _remove(system, home)
    system.directory(home, 0o755)
    inside = ("--directory", str(system.path(home)), "--strip-components", "1", "--no-same-owner")
    system.must("tar", "--extract", "--gzip", "--file", str(system.path(ARCHIVE)), *inside, seconds=UNPACK_SECONDS)
    system.must(f"{home}/bin/post_install.sh", seconds=UNPACK_SECONDS)
    system.write(f"{home}/{WHOLE}", wanted["sha256"].encode())


def _tidy(context: Context, version: str) -> list[str]:
    """Remove releases that nobody needs any more: two fit on the system's disk, with room for logs."""
    known = universe(context)
    kept = {version, *_in_use(context), known.finalized if known else version}
    here = sorted(path.name for path in context.system.path(PRODUCT).iterdir() if path.is_dir())
    gone = [name for name in here if name not in kept]
    for name in gone:
        _remove(context.system, f"{PRODUCT}/{name}")
    return gone


def _in_use(context: Context) -> set[str | None]:
    """The releases that this node's servers run, or would run after a start."""
    return {release_of(context.system, server) for server in context.config.servers}


def _remove(system: System, home: str) -> None:
    """The mark first: what is half gone is not whole."""
    system.remove(f"{home}/{WHOLE}")
    system.remove_tree(home)
