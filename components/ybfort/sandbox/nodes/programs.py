"""The programs of a simulated machine, each called by its name: this file is what the scripts in its folders run.

programs.py NAME PROGRAM ARGUMENTS…      PROGRAM: where the script lies, which says whose program it is
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from ybfort.sandbox.nodes.machine import Machine, State
from ybfort.sandbox.nodes.site import VARIABLE, Site, database_user, held, wait_until, write

STATE = ".machine.json"
STOP_SECONDS = 60.0
TERMINATE = 15  # SIGTERM; the module that names it takes longer to import than most programs run


class Image(Machine):
    """A machine whose programs and servers are processes; what it remembers is in a file."""

    def __init__(self, root: Path) -> None:
        self.root, (_, *ids) = root, database_user()
        self.ids = (ids[0], ids[1])
        file = root / STATE
        self.state = State(**json.loads(file.read_text())) if file.exists() else State()

    def keep(self) -> None:
        write(self.root / STATE, json.dumps(vars(self.state)).encode())

    def running(self, server: str) -> int | None:
        file = self.root / "run" / server
        return int(file.read_text()) if held(file) else None

    def start_server(self, server: str, command: list[str]) -> None:
        import subprocess  # here: few programs start one

        from ybfort.sandbox.nodes import postgres

        journal = self.root / "var/log/journal"
        journal.mkdir(exist_ok=True)
        runs = (self.root / "run" / server).open("w")
        fcntl.flock(runs, fcntl.LOCK_EX)
        with (journal / server).open("ab") as log:
            process = subprocess.Popen(
                [str(self.place(command[0])), *command[1:]],
                cwd=self.root,
                env={**{name: os.environ[name] for name in (VARIABLE, postgres.VARIABLE)}, "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[runs.fileno()],  # the lock is held for as long as the process lives
                start_new_session=True,
            )
        runs.write(str(process.pid))
        runs.flush()
        self.command_of(process.pid, command)

    def stop_server(self, server: str) -> None:
        process = self.running(server)
        if process is not None:
            os.kill(process, TERMINATE)
            wait_until(f"the end of {server}", lambda: self.running(server) is None, STOP_SECONDS)


def main(name: str, program: Path, arguments: list[str]) -> int:
    """Do what the program of this name does; its exit code."""
    site = Site.here()
    site.note([name, *arguments])
    if name in ("yb-master", "yb-tserver"):
        from ybfort.sandbox.nodes import server

        return server.main(name, program, arguments)
    if name in ("yb-admin", "yb-ts-cli"):
        from ybfort.sandbox.nodes import tools

        return tools.main(name, program, arguments)
    if name in OTHERS:
        return OTHERS[name](site, program, arguments)
    image = Image(program.parents[2])
    said = image.call(name, *arguments)
    image.keep()
    sys.stdout.write(said.out)
    sys.stderr.write(said.err)
    return said.code


def aws(site: Site, _program: Path, arguments: list[str]) -> int:
    """The cloud's command line."""
    from ybfort.sandbox.nodes.cloud import Cloud, Refused

    text = sys.stdin.read() if "file:///dev/stdin" in arguments else ""
    try:
        answer = Cloud(site.folder / "cloud").call(arguments, text)
    except Refused as refused:
        sys.stderr.write(f"An error occurred ({refused.code}) when calling the {arguments[1]} operation: {refused}\n")
        return 254
    sys.stdout.write(json.dumps(answer))
    return 0


def runuser(_site: Site, _program: Path, arguments: list[str]) -> int:
    """Become another user: here there is none."""
    command = arguments[arguments.index("--") + 1 :]
    os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


def ysqlsh(_site: Site, _program: Path, arguments: list[str]) -> int:
    """PostgreSQL's psql, which it is."""
    from ybfort.sandbox.nodes.postgres import programs

    psql = f"{programs()}/psql"
    os.execv(psql, [psql, *arguments])  # noqa: S606


def ycqlsh(_site: Site, program: Path, arguments: list[str]) -> int:
    """The shell of YCQL."""
    from ybfort.sandbox.nodes import ycqlsh

    return ycqlsh.main(program, arguments)


def post_install(_site: Site, program: Path, _arguments: list[str]) -> int:
    """Write the place where it lies into the release, which cannot be moved then."""
    (program.parents[1] / "installed-at").write_text(str(program.parents[1]))
    return 0


def journalctl(_site: Site, program: Path, arguments: list[str]) -> int:
    """The lines of units, as JSON. A cursor is how many lines of each unit came before, and its own."""
    units = [one.partition("=")[2].removesuffix(".service") for one in arguments if one.startswith("--unit=")]
    after = next((one.partition("=")[2] for one in arguments if one.startswith("--after-cursor=")), "{}")
    seen: dict[str, int] = json.loads(after)
    for unit in units:
        file = program.parents[2] / "var/log/journal" / unit
        lines = file.read_text().splitlines() if file.exists() else []
        for line in lines[seen.get(unit, 0) :]:
            seen[unit] = seen.get(unit, 0) + 1
            entry = {"__CURSOR": json.dumps(seen), "SYSLOG_IDENTIFIER": unit, "MESSAGE": line}
            sys.stdout.write(json.dumps({**entry, "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000)}) + "\n")
    return 0


OTHERS = {
    "aws": aws,
    "journalctl": journalctl,
    "post_install.sh": post_install,
    "runuser": runuser,
    "ycqlsh": ycqlsh,
    "ysqlsh": ysqlsh,
}
OF_THE_IMAGE = (
    *("aws", "blkid", "chronyc", "journalctl", "lsblk", "mkfs.xfs", "runuser", "swapoff", "sysctl", "systemctl"),
    *("systemd-sysusers", "systemd-tmpfiles", "wipefs", "xfs_growfs"),
)
OF_A_RELEASE = ("post_install.sh", "yb-admin", "yb-master", "yb-ts-cli", "yb-tserver", "ycqlsh", "ysqlsh")
REAL = ("openssl", "tar", "gzip")  # this machine's own


def script(name: str) -> bytes:
    """What lies in a folder of programs under this name."""
    return f'#!/bin/sh\nexec "{sys.executable}" -IS "{__file__}" {name} "$0" "$@"\n'.encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
