#!/usr/bin/env python3
"""Print the folders of the machine programs that demo and tests need, and get first what is missing.

    programs.py              find or get them; say what cannot be had
    programs.py --present    only say where those are that are there already

They are PostgreSQL 15, which stands in for YSQL, and mkfs.xfs. Standard output carries the folders that PATH lacks, in
the form of PATH, and nothing else; progress and complaints go to standard error. In this order:

1. what is installed: on PATH, and where systems put it;
2. this project's cache (`cache.py`);
3. the packages of Debian and its kin, unpacked into the cache. Nothing is installed, and nobody has to be root.

What is not to be had stops nothing: the demo and each test then say what they cannot show here.
"""

import functools
import os
import platform
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache import ELSEWHERE, Problem, chosen, filling, of_the_user, say

VERSION_SECONDS = 20
APT_SECONDS = 300  # for 30 MB on a slow line; apt itself gives up a silent server much sooner
UNPACK_SECONDS = 120
TRIAL_SECONDS = 60
SERVER_SECONDS = 30  # after this a server on trial ends by itself, whatever became of this program

DISK_BYTES = 512 * 2**20  # XFS wants 300 MB

APT_OPTIONS = {
    "Dir::State::status": "/var/lib/dpkg/status",  # what is installed
    # Nothing of the system's is written, not even a cache.
    "Dir::Cache::pkgcache": "",
    "Dir::Cache::srcpkgcache": "",
    "APT::Update::Error-Mode": "any",
    "APT::Install-Recommends": "false",
    "Acquire::Languages": "none",
    "Acquire::GzipIndexes": "true",
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "10",
}
# Hooks belong to the system's own update: they tidy its caches and tell its desktop. An option cannot remove them.
APT_CONFIG = "".join(f"#clear APT::Update::{hook};\n" for hook in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"))

# The C library only works with its own loader, so the system's has to do. LLVM is 100 MB for queries that take minutes.
NOT_TAKEN = ("libc6", "libllvm")

# Needs no other program: PATH may lead nowhere else. PostgreSQL finds its files from where its program really lies.
WRAPPER = """\
#!/bin/sh
here=$(cd "${{0%/*}}/.." && pwd)
export LD_LIBRARY_PATH="$here/libraries${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/{program}" "$@"
"""

User = dict[str, Any] | None  # who runs a program, in the words of subprocess; None: whoever runs this one


class Unreachable(Problem):
    """No package archive answers, or not in time. It need not be asked again."""


def main(arguments: Sequence[str]) -> int:
    """Print the folders; return the exit status."""
    try:
        found = {wanted: present(wanted) for wanted in WANTED} if "--present" in arguments else obtained()
    except KeyboardInterrupt:
        return 130
    folders = [str(folder) for wanted, folder in found.items() if folder and not leads(wanted, folder)]
    print(os.pathsep.join(folders))
    return 0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Programs of one version that lie in one folder."""

    name: str
    programs: tuple[str, ...]
    says: str
    """Stands in what the first of them answers to -V."""
    variable: str
    """Names their folder, in place of looking for it; empty: there is none."""
    places: tuple[str, ...]
    packages: tuple[str, ...]
    unwanted: tuple[str, ...]
    """Files of the packages."""
    proof: Callable[[Path], None]
    """Uses them."""
    without: str
    advice: str


def obtained() -> dict[Wanted, Path | None]:
    """The folders of all programs, which are fetched if need be; None, with a word why, if they are not to be had."""
    found = {wanted: present(wanted) for wanted in WANTED}
    unreachable: Unreachable | None = None
    for wanted in (wanted for wanted, folder in found.items() if folder is None):
        try:
            if unreachable:
                raise unreachable
            found[wanted] = fetched(wanted)
        except Problem as problem:
            unreachable = problem if isinstance(problem, Unreachable) else None
            say(f"no {wanted.name} here ({problem}): {wanted.without}. {wanted.advice}")
    return found


# ------------------------------------------------------------------------------------------------------------- present


def present(wanted: Wanted) -> Path | None:
    """The first folder with programs that fit, of the system or of the cache."""
    folders = places(wanted)
    with suppress(Problem):
        folders.append(cache() / slot(wanted) / "bin")
    return next((folder for folder in folders if unfit(wanted, folder) is None), None)


def places(wanted: Wanted) -> list[Path]:
    """The folders in which the programs may be installed."""
    if named := os.environ.get(wanted.variable):
        return [Path(named).absolute()]
    on_path = (Path(entry or ".").absolute() for entry in os.environ.get("PATH", "").split(os.pathsep))
    return list(dict.fromkeys([*on_path, *map(Path, wanted.places)]))


def unfit(wanted: Wanted, folder: Path) -> str | None:
    """Why the programs in this folder cannot be used; None if they can."""
    for name in wanted.programs:
        if not (os.access(folder / name, os.X_OK) and (folder / name).is_file()):
            return f"has no {name}"
    command = [str(folder / wanted.programs[0]), "-V"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"has a {wanted.programs[0]} that does not run"
    if answer.returncode != 0 or wanted.says not in answer.stdout:
        return f"has a {wanted.programs[0]} that says {answer.stdout.strip()!r}"
    return None


def leads(wanted: Wanted, folder: Path) -> bool:
    """Whether PATH leads there already. To name a folder again would give it precedence over all others."""
    return all(shutil.which(name) == str(folder / name) for name in wanted.programs)


# --------------------------------------------------------------------------------------------------------------- cache


def cache() -> Path:
    """The folder that keeps the programs.

    :raises Problem: if there is no place for it
    """
    if own := chosen():
        return own / "programs"
    place = of_the_user("it") / "programs"
    # PostgreSQL refuses root, and whoever runs it in root's place may not enter root's home.
    return place if os.geteuid() or enterable(place) else Path("/var/cache/ybfort/programs")


def enterable(place: Path) -> bool:
    """Whether everybody may enter a folder, or will when it is made."""
    return all(one.stat().st_mode & stat.S_IXOTH for one in (place, *place.parents) if one.is_dir())


def slot(wanted: Wanted) -> str:
    """The name of the programs in the cache: another system has other libraries."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {"ID": sys.platform}
    return "-".join([wanted.packages[0], release["ID"], release.get("VERSION_ID", "rolling"), platform.machine()])


def fetched(wanted: Wanted) -> Path:
    """Get the programs into the cache, unless another run does so first."""
    for folder in places(wanted):
        if os.access(folder / wanted.programs[0], os.F_OK):
            say(f"{folder} {unfit(wanted, folder)}: not used")
    if os.environ.get(wanted.variable):
        raise Problem(f"{wanted.variable} names a folder without it")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Problem("and no apt-get to fetch it with")
    root = cache()
    if os.geteuid() == 0 and not enterable(root):
        raise Problem(f"only root may enter {root}, and PostgreSQL refuses root: {ELSEWHERE}")
    final = root / slot(wanted)
    with filling(root, wanted.name) as unfinished:
        if unfit(wanted, final / "bin") is None:
            return final / "bin"
        say(f"no {wanted.name} here yet: fetching it into {root}; nothing is installed")
        unpack(wanted, unfinished, root)
        wrap(wanted, unfinished)
        wanted.proof(unfinished / "bin")
        shutil.rmtree(final, ignore_errors=True)
        unfinished.replace(final)
    say(f"{wanted.name} is ready in {final}")
    return final / "bin"


# ------------------------------------------------------------------------------------------------------------ packages


def unpack(wanted: Wanted, folder: Path, root: Path) -> None:
    """Lay the files of the packages, and of the libraries that the machine lacks for them, into a folder.

    The system's package lists come first. They may be empty, as in an image of a container, or name what the archive
    has replaced since: then lists of our own are brought up to date, and kept.
    """
    try:
        take(wanted, folder, Apt(root, own_lists=False))
    except Unreachable:
        raise
    except Problem:
        take(wanted, folder, updated(root))
    for name in wanted.unwanted:
        (folder / name).unlink(missing_ok=True)


def take(wanted: Wanted, folder: Path, apt: "Apt") -> None:
    """Download and unpack."""
    with tempfile.TemporaryDirectory(prefix="packages-", dir=folder) as packages:
        apt.download(wanted.packages, packages)
        depends = [run("dpkg-deb", "--field", str(one), "Depends") for one in Path(packages).glob("*.deb")]
        # Of `libfoo1 (>= 2) | libbar1, …` the first: that is what Debian prefers. What is no library is for services.
        libraries = {name for line in depends for name in re.findall(r"(?:^|, )(lib[\w.+-]+)", line)}
        apt.download(apt.lacking(sorted(libraries)), packages)
        for package in sorted(Path(packages).glob("*.deb")):
            run("dpkg-deb", "--extract", str(package), str(folder), seconds=UNPACK_SECONDS)


@functools.cache
def updated(root: Path) -> "Apt":
    """apt with lists of our own, which are brought up to date once a run."""
    apt = Apt(root, own_lists=True)
    say("asking apt for its package lists")
    try:
        apt.run("update")
    except Problem as problem:  # of one list, which may be none that is needed
        apt.hint = f"; {problem}"
    return apt


class Apt:
    """apt-get as anybody may use it: it leaves the system as it is."""

    def __init__(self, root: Path, *, own_lists: bool) -> None:
        self.hint = ""  # goes with every complaint
        config, state = root / "apt.conf", root / "apt"
        config.write_text(APT_CONFIG)
        options = {**APT_OPTIONS, "Dir::Cache": str(state / "cache"), "Dir::Log": str(state / "log")}
        if own_lists:
            options["Dir::State"] = str(state)
        for name in ("cache", "lists", "log"):
            (state / name).mkdir(parents=True, exist_ok=True)
        self._command = ["apt-get", "--quiet", f"--config-file={config}"]
        self._command += [f"--option={name}={value}" for name, value in options.items()]

    def download(self, packages: Sequence[str], folder: str) -> None:
        """Write the package files into a folder. apt checks them against the signed lists."""
        if packages:
            self.run("download", *packages, folder=folder)

    def lacking(self, libraries: Sequence[str]) -> list[str]:
        """Those of the libraries, and of all that these need, that are not installed."""
        wanted = [name for name in libraries if not name.startswith(NOT_TAKEN)]
        said = self.run("install", "--simulate", "--no-upgrade", *wanted) if wanted else ""
        names = re.findall(r"^Inst (lib\S+)", said, re.MULTILINE)
        return [name for name in names if not name.startswith(NOT_TAKEN)]

    def run(self, *arguments: str, folder: str | None = None) -> str:
        try:
            return run(*self._command, *arguments, folder=folder, seconds=APT_SECONDS)
        except Problem as problem:
            # With 404 the archive has answered: it has replaced what the lists name.
            silent = "Failed to fetch" in str(problem) and " 404 " not in str(problem)
            unreachable = silent or isinstance(problem.__cause__, subprocess.TimeoutExpired)
            raise (Unreachable if unreachable else Problem)(f"{problem}{self.hint}") from None


def wrap(wanted: Wanted, folder: Path) -> None:
    """Put a script for each program into `bin`. It finds everything from its own place, which is still to change."""
    (folder / "libraries").mkdir()
    for library in [*folder.glob("lib/*-linux-*/*.so.*"), *folder.glob("usr/lib/*-linux-*/*.so.*")]:
        library.rename(folder / "libraries" / library.name)
    (folder / "bin").mkdir()
    for name in wanted.programs:
        candidates = [Path(place.lstrip("/"), name) for place in wanted.places]
        program = next((one for one in candidates if (folder / one).is_file()), None)
        if program is None:
            raise Problem(f"there is no {name} in {' and '.join(wanted.packages)}")
        script = folder / "bin" / name
        script.write_text(WRAPPER.format(program=program))
        script.chmod(0o755)


def run(*command: str, folder: str | None = None, seconds: float = TRIAL_SECONDS, who: User = None) -> str:
    """Run a program to its end, as somebody else if need be, and return what it printed."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
            **(who or {}),
        )
    except subprocess.TimeoutExpired as error:
        raise Problem(f"{name} was not done after {seconds:g} s") from error
    except OSError as error:
        raise Problem(f"{name} cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        raise Problem(f"{name} says: {gist(done.stdout)}")
    return done.stdout


def environment() -> dict[str, str]:
    """The caller's environment without what PostgreSQL would take for its settings, and in no other language."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def gist(printed: str) -> str:
    """The line that says what is wrong: apt's first error, or else the last line."""
    lines = printed.strip().splitlines() or ["nothing"]
    return next((line for line in lines if line.startswith("E: ")), lines[-1])


# -------------------------------------------------------------------------------------------------------------- proofs


def prove_postgres(programs: Path) -> None:
    """Make a database cluster, and put a question to its server over a Unix socket."""
    who = database_user()
    with tempfile.TemporaryDirectory(prefix="ybfort-") as folder:
        if who:
            os.chown(folder, who["user"], who["group"])
        data, log = f"{folder}/data", Path(folder, "log")
        run(f"{programs}/initdb", "--auth=peer", "--no-sync", f"--pgdata={data}", folder=folder, who=who)
        server = [f"{programs}/postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        question = [f"{programs}/psql", "-X", "-h", folder, "-d", "postgres", "-c", "SELECT 1"]
        with log.open("w") as file:
            process = subprocess.Popen(
                ["timeout", "--kill-after=5", str(SERVER_SECONDS), *server],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                **(who or {}),
            )
            try:
                while not answered(question, folder, who):
                    if process.poll() is not None:
                        raise Problem(f"postgres says: {gist(log.read_text())}")
                    time.sleep(0.05)
            finally:
                process.terminate()
                process.wait()


def answered(question: list[str], folder: str, who: User) -> bool:
    """Whether the server answers already."""
    try:
        run(*question, folder=folder, who=who)
    except Problem:
        return False
    return True


def database_user() -> User:
    """How a process becomes whoever runs PostgreSQL, which refuses root: see ybfort.sandbox.nodes.site."""
    if os.geteuid():
        return None
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def prove_mkfs_xfs(programs: Path) -> None:
    """Put a file system on a disk, which is a sparse file here."""
    with tempfile.NamedTemporaryFile(prefix="ybfort-") as disk:
        disk.truncate(DISK_BYTES)
        run(f"{programs}/mkfs.xfs", "-q", disk.name)


# -------------------------------------------------------------------------------------------------------------- wanted


WANTED = (
    Wanted(
        name="PostgreSQL 15",
        programs=("postgres", "initdb", "psql"),
        says=" 15.",
        variable="YBFORT_POSTGRES",
        # As in ybfort.sandbox.nodes.postgres, which looks there, and then on PATH.
        places=(
            *("/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin"),
            *("/opt/homebrew/opt/postgresql@15/bin", "/usr/local/opt/postgresql@15/bin"),
        ),
        packages=("postgresql-15", "postgresql-client-15"),
        # A server without it does without; one that has it, and no LLVM, refuses long queries.
        unwanted=("usr/lib/postgresql/15/lib/llvmjit.so",),
        proof=prove_postgres,
        without="what nodes do in SQL cannot be shown or tested",
        advice="Install it (apt install postgresql-15, where need be from PostgreSQL's own archive; "
        "dnf install postgresql15-server; brew install postgresql@15) or name its folder in YBFORT_POSTGRES",
    ),
    Wanted(
        name="mkfs.xfs",
        programs=("mkfs.xfs",),
        says="mkfs.xfs version ",
        variable="",
        places=("/usr/sbin", "/sbin"),
        packages=("xfsprogs",),
        unwanted=(),
        proof=prove_mkfs_xfs,
        without="how nodes format their disk cannot be tested with the real program",
        advice="Install it (apt install xfsprogs; dnf install xfsprogs; macOS has none)",
    ),
)


if __name__ == "__main__":
    if os.geteuid() == 0:
        os.umask(0o022)  # what root keeps is for the user who runs PostgreSQL, too
    sys.exit(main(sys.argv[1:]))
