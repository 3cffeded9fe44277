"""The operating system as YugabyteDB wants it: its user, its directories, memory settings, no swap, and the right time.

Values: YugabyteDB documentation, deploy/manual-deployment/system-config.
"""

from __future__ import annotations

import re

from ybfort.node.config import CLOCK_SECONDS, DATA, USER
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, System

# Fixed: the data volume outlives the machine, and files belong to a number. Images deal their own from 999 downwards
# (systemd-sysusers, Enterprise Linux) and from 100 upwards (adduser of Ubuntu).
UID = 420

DIRECTORIES = {"/etc/yugabyte": 0o755, "/opt/yugabyte": 0o755}  # with their modes
OWN_DIRECTORIES = {"/var/log/yugabyte": 0o750, DATA: 0o750}  # that belong to the database's user

SYSCTL = {"vm.swappiness": "0", "vm.max_map_count": "262144"}

# Transparent huge pages are on: the opposite of what PostgreSQL wants, and what YugabyteDB's allocator is made for.
HUGE_PAGES = {
    "/sys/kernel/mm/transparent_hugepage/enabled": "always",
    "/sys/kernel/mm/transparent_hugepage/defrag": "defer+madvise",
    "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none": "0",
}

# Each of these files makes the setting last; the command of its line below makes it so now.
FILES = {
    "/etc/sysusers.d/ybfort.conf": f'u {USER} {UID} "YugabyteDB"\n',
    "/etc/sysctl.d/60-ybfort.conf": "".join(f"{name} = {value}\n" for name, value in SYSCTL.items()),
    "/etc/tmpfiles.d/ybfort.conf": "".join(f"w {path} - - - - {value}\n" for path, value in HUGE_PAGES.items()),
}

CLOCK_TRIES = 60  # a second each


def operating_system(context: Context) -> Outcome:
    """Bring user, kernel, swap, clock and directories to what is wanted, and say what was not."""
    system = context.system
    done = [f"{path} was written" for path, text in FILES.items() if _written(system, path, text)]
    done += _user(system)
    done += _kernel(system)
    done += _swap(system)
    done += _clock(system, context.cloud.time_server)
    done += _directories(system)
    if done:
        return Outcome(Result.CHANGED, f"{'; '.join(done)}.")
    return Outcome(Result.DONE, "User, kernel, swap, clock and directories are right.")


def _written(system: System, path: str, text: str) -> bool:
    system.directory(path.rpartition("/")[0], 0o755)
    return system.write(path, text.encode())


def _user(system: System) -> list[str]:
    """A system user whose password is locked and who has no shell."""
    users = {line.split(":")[0]: line.split(":")[2] for line in (system.read("/etc/passwd") or "").splitlines()}
    if str(UID) in users.values() and users.get(USER) != str(UID):
        raise Failure(
            f"The user {USER} cannot have the number {UID}, to which files on data volumes belong: in this image "
            "somebody else has it (/etc/passwd). Take a stock image."
        )
    if USER in users:
        return []
    system.must("systemd-sysusers", str(system.path("/etc/sysusers.d/ybfort.conf")))
    return [f"user {USER} was made"]


def _directories(system: System) -> list[str]:
    """The directories of the database. What is on the data volume must be its user's already, whatever the machine."""
    uid, gid = system.ids_of(USER)
    data = system.path(f"{DATA}/yb-data")
    if data.exists() and system.owner(data)[0] != uid:
        raise Failure(
            f"What is on {DATA} belongs to user {system.owner(data)[0]}, and {USER} is {uid} on this machine."
        )
    done = [path for path, mode in DIRECTORIES.items() if system.directory(path, mode)]
    done += [path for path, mode in OWN_DIRECTORIES.items() if system.directory(path, mode, uid, gid)]
    return [f"{path} was set up" for path in done]


def _kernel(system: System) -> list[str]:
    return [
        *_tune(system, {_sysctl_path(name): value for name, value in SYSCTL.items()}, "sysctl", "--load"),
        *_tune(system, HUGE_PAGES, "systemd-tmpfiles", "--create"),
    ]


def _tune(system: System, wanted: dict[str, str], *command: str) -> list[str]:
    """Let the command load its file if the kernel does not have these values, and look whether it has them then."""
    wrong = [path for path, value in wanted.items() if _current(system, path) != value]
    if not wrong:
        return []
    file = "/etc/sysctl.d/60-ybfort.conf" if command[0] == "sysctl" else "/etc/tmpfiles.d/ybfort.conf"
    system.must(*command, str(system.path(file)))
    for path, value in wanted.items():
        if _current(system, path) != value:
            raise Failure(f"{path} is {_current(system, path)} and cannot be set to {value}.")
    return [f"{path} was set" for path in wrong]


def _sysctl_path(name: str) -> str:
    return f"/proc/sys/{name.replace('.', '/')}"


def _current(system: System, path: str) -> str:
    """A kernel setting: of a list of choices, the one in brackets."""
    text = (system.read(path) or "missing").strip()
    chosen = re.search(r"\[([^]]+)\]", text)
    return chosen[1] if chosen else text


def _swap(system: System) -> list[str]:
    if len((system.read("/proc/swaps") or "").splitlines()) <= 1:  # the first line is a heading
        return []
    system.must("swapoff", "--all", seconds=600)
    return ["swap was switched off"]


def _clock(system: System, server: str) -> list[str]:
    """chrony asks the cloud's own time server, and the clock is right before anything goes on."""
    done, unit = list[str](), _chrony(system)
    if system.run("systemctl", "is-active", "--quiet", unit).code:
        system.must("systemctl", "enable", "--now", unit)
        done.append("chronyd was started")
    if f",{server}," not in system.must("chronyc", "-n", "-c", "sources"):
        system.must("chronyc", "add", "server", server, "prefer", "iburst", "minpoll", "4", "maxpoll", "4")
        done.append(f"{server} was added to chrony's sources")
    waited = system.run(
        "chronyc", "waitsync", str(CLOCK_TRIES), str(CLOCK_SECONDS), "0", "1", seconds=CLOCK_TRIES + 30.0
    )
    if waited.code:
        raise Failure(f"The clock is not within {CLOCK_SECONDS} seconds of {server}: {waited.last_line}")
    return done


def _chrony(system: System) -> str:
    """Its unit. Ubuntu calls it after the package, and has the usual name as an alias, which cannot be enabled."""
    return "chrony.service" if system.path("/usr/lib/systemd/system/chrony.service").exists() else "chronyd.service"
