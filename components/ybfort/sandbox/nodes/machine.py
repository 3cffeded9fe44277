"""A stock machine in a folder: the files of a kernel and an image, and programs that do to them what the real ones do.

`Machine` is what all such machines have in common. Between any two things that a program does lies a `moment`, at which
a test may let the process die.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every program of a machine imports this: what takes long to import is not wanted here
    from typing import Any

GIB = 1024**3
DEVICE, UUID = "/dev/nvme1n1", "6b835e9b-eb3a-407f-b560-7b7884063e81"
IN_PROGRESS = 126  # of an XFS superblock: set while mkfs is at work
AGENT_UNITS = ("ybfort-converge.service", "ybfort-converge.timer")

IMAGE = {
    "/etc/fstab": "UUID=0000-root / xfs defaults,noatime 1 1\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "/etc/group": "root:x:0:\n",
    "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 8388604 0 100\n",
    "/proc/sys/vm/swappiness": "60\n",
    "/proc/sys/vm/max_map_count": "65530\n",
    "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "/sys/kernel/mm/transparent_hugepage/defrag": "always defer defer+madvise [madvise] never\n",
    "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none": "511\n",
    "/sys/block/nvme0n1/device/serial": "vol0fedcba9876543210\n",
}
FOLDERS = (
    *("dev", "etc/sysctl.d", "etc/systemd/system", "etc/tmpfiles.d", "mnt", "opt", "run", "tmp", "usr/bin"),
    *("var/lib", "var/log"),
)


class Said:
    """What a program said, and its exit code."""

    def __init__(self, code: int = 0, out: str = "", err: str = "") -> None:
        self.code, self.out, self.err = code, out, err


class State:
    """What a machine remembers that is in none of its files."""

    def __init__(self, **kept: Any) -> None:
        self.mounted: list[str] = []
        self.parts: list[str] = []  # partitions of the data disk
        self.loaded: dict[str, str] = {}  # unit files and fstab, as systemd has read them
        self.enabled: list[str] = []
        self.active: list[str] = []  # units that are no server
        self.time_sources = ["169.254.169.123"]
        self.in_sync = True
        vars(self).update(kept)


class Machine:
    """The programs of the image, as methods: `mkfs.xfs` is `_mkfs_xfs`."""

    root: Path
    state: State
    ids = (420, 420)  # of the database's user

    def place(self, absolute: str) -> Path:
        """Where a path of the machine really is."""
        return self.root / absolute.lstrip("/")

    def moment(self) -> None:
        """Between two things that happen."""

    def make(self, volume: str) -> None:
        """A new machine with a blank data volume."""
        for folder in FOLDERS:
            self.place(folder).mkdir(parents=True, exist_ok=True)
        serial = {f"/sys/block/{Path(DEVICE).name}/device/serial": volume.replace("-", "") + "\n"}
        for name, text in {**IMAGE, **serial}.items():
            self.place(name).parent.mkdir(parents=True, exist_ok=True)
            self.place(name).write_text(text)
        self.blank()

    def blank(self) -> None:
        """The data volume is a new one."""
        with self.place(DEVICE).open("wb") as disk:
            disk.truncate(2 * GIB)  # sparse

    def call(self, name: str, *arguments: str) -> Said:
        """Run a program of the image."""
        program: Any = getattr(self, f"_{name.replace('-', '_').replace('.', '_')}")
        answer = program(*arguments)
        return answer if isinstance(answer, Said) else Said(out=answer or "")

    # ------------------------------------------------------------------------------------------------------------- disk

    def _lsblk(self, *arguments: str) -> str:
        size = Path(arguments[-1]).stat().st_size
        parts = [{"path": part, "type": "part"} for part in self.state.parts]
        mounted = self.state.mounted or [None]
        device = {"path": DEVICE, "type": "disk", "size": size, "ro": False, "mountpoints": mounted}
        return json.dumps({"blockdevices": [{**device, **({"children": parts} if parts else {})}]})

    def _superblock(self) -> tuple[str, str] | None:
        """UUID and label of the disk's file system."""
        block = self._bytes(0, 512)
        return (UUID, block[108:120].rstrip(b"\0").decode()) if block[:4] == b"XFSB" else None

    def _bytes(self, offset: int, length: int) -> bytes:
        with self.place(DEVICE).open("rb") as disk:
            disk.seek(offset)
            return disk.read(length)

    def _wipefs(self, *_: str) -> str | Said:
        return json.dumps({"signatures": [{"type": "xfs"}] if self._superblock() else []})

    def _blkid(self, *_: str) -> str | Said:
        found = self._superblock()
        return f"TYPE=xfs\nUUID={found[0]}\nLABEL={found[1]}\n" if found else Said(2)

    def _mkfs_xfs(self, *arguments: str) -> str | Said:
        if self._superblock():
            raise AssertionError("mkfs.xfs refuses a disk with a signature, and nobody may force it")
        self.start_formatting(arguments[arguments.index("-L") + 1])
        self.moment()
        with self.place(DEVICE).open("r+b") as disk:
            disk.seek(IN_PROGRESS)
            disk.write(b"\0")
        return ""

    def start_formatting(self, label: str) -> None:
        """As mkfs.xfs does it: a superblock that says so comes first."""
        block = bytearray(512)
        block[:4], block[108 : 108 + len(label)], block[IN_PROGRESS] = b"XFSB", label.encode(), 1
        with self.place(DEVICE).open("r+b") as disk:
            disk.write(block)
            disk.seek(4096)
            disk.write(b"AB3B")

    def _xfs_growfs(self, *_: str) -> str:
        return "data size unchanged, skipping\n"

    # ---------------------------------------------------------------------------------------------------------- systemd

    def _files_of_systemd(self) -> dict[str, str]:
        units = self.place("/etc/systemd/system")
        return {path.name: path.read_text() for path in [*units.glob("yb*"), self.place("/etc/fstab")]}

    def _systemctl(self, verb: str, *arguments: str) -> str | Said:
        name = arguments[-1] if arguments else ""
        if verb == "show":
            return "\n".join(self._shown(unit) for unit in arguments if not unit.startswith("--"))
        if verb == "daemon-reload":
            self.state.loaded = self._files_of_systemd()
        elif verb == "is-active":
            return Said(0 if self._is_active(name) else 3)
        elif verb == "enable":
            self.state.enabled = sorted({*self.state.enabled, name})
            self.moment()
            if "--now" in arguments:
                self.state.active = sorted({*self.state.active, name})
        elif verb == "start" and name == "mnt-data.mount":
            self._mount()
        elif name.startswith("yb-") and verb in ("start", "stop", "restart"):
            server = name.removesuffix(".service")
            if verb != "start" and self.running(server) is not None:
                self.stop_server(server)
                self.moment()
            if verb != "stop":
                return self._start_server(server)
        return ""

    def _shown(self, unit: str) -> str:
        process = self.running(unit.removesuffix(".service")) if unit.startswith("yb-") else None
        stale = self.state.loaded.get(unit) != self._files_of_systemd().get(unit)
        told = {
            "ActiveState": "active" if self._is_active(unit) else "inactive",
            "MainPID": process or 0,
            "UnitFileState": "enabled" if unit in self.state.enabled else "disabled",
            "NeedDaemonReload": "yes" if stale else "no",
        }
        return "".join(f"{name}={value}\n" for name, value in told.items())

    def _is_active(self, unit: str) -> bool:
        return unit in self.state.active or self.running(unit.removesuffix(".service")) is not None

    def _mount(self) -> None:
        found = self._superblock()
        if not found or f"UUID={found[0]} /mnt/data xfs " not in self.state.loaded["fstab"]:
            raise AssertionError("there is nothing to mount")
        if self._bytes(IN_PROGRESS, 1) != b"\0":
            raise AssertionError("the kernel mounts no half-made file system")
        self.state.mounted = ["/mnt/data"]

    def _start_server(self, server: str) -> Said:
        """Start what the unit says, as systemd has read it."""
        unit = self.state.loaded.get(f"{server}.service", "")
        if not unit:
            return Said(5, err=f"Failed to start {server}.service: Unit {server}.service not found.")
        if "/mnt/data" not in self.state.mounted:
            return Said(1, err=f"Assertion failed on job for {server}.service.")
        found: dict[str, str] = {}
        for line in unit.splitlines():
            option, _, value = line.partition("=")
            found[option] = value
        more = self.place(found.get("EnvironmentFile", "/nothing").lstrip("-"))
        given = more.read_text().strip().partition("=")[2] if more.exists() else ""
        command = found["ExecStart"].replace("$MORE", given).split()
        self.start_server(server, command)
        return Said()

    def running(self, server: str) -> int | None:
        """The process of a server; None if it does not run."""
        raise NotImplementedError

    def start_server(self, server: str, command: list[str]) -> None:
        raise NotImplementedError

    def stop_server(self, server: str) -> None:
        raise NotImplementedError

    def command_of(self, process: int, command: list[str]) -> None:
        """Let the machine's kernel show the command line of a process."""
        file = self.place(f"/proc/{process}/cmdline")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\0".join(command) + "\0")

    # ----------------------------------------------------------------------------------------------------------- system

    def _systemd_sysusers(self, file: str) -> None:
        if "u yugabyte 420 " not in Path(file).read_text():
            raise AssertionError("another user was asked for")
        uid, gid = self.ids
        entries = {
            "/etc/group": f"yugabyte:x:{gid}:\n",
            "/etc/passwd": f"yugabyte:x:{uid}:{gid}:YugabyteDB:/:/usr/sbin/nologin\n",
        }
        for name, entry in entries.items():
            text = self.place(name).read_text()
            if entry not in text:
                self.place(name).write_text(text + entry)
            self.moment()

    def _sysctl(self, _load: str, file: str) -> None:
        for line in Path(file).read_text().splitlines():
            name, _, value = line.partition(" = ")
            self.place(f"/proc/sys/{name.replace('.', '/')}").write_text(f"{value}\n")
            self.moment()

    def _systemd_tmpfiles(self, _create: str, file: str) -> None:
        for line in Path(file).read_text().splitlines():
            _w, path, *_, value = line.split()
            text = self.place(path).read_text()
            choices = text.replace("[", "").replace("]", "").split()
            shown = " ".join(f"[{one}]" if one == value else one for one in choices) if "[" in text else value
            self.place(path).write_text(f"{shown}\n")
            self.moment()

    def _swapoff(self, _all: str) -> None:
        self.place("/proc/swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n")

    def _chronyc(self, *arguments: str) -> str | Said:
        if "sources" in arguments:
            return "".join(f"^,*,{source},3,4,377,8,0.000001,0.000001,0.0002\n" for source in self.state.time_sources)
        if arguments[0] == "add":
            self.state.time_sources.append(arguments[2])
            return "200 OK\n"
        return Said(0 if self.state.in_sync else 1, "try: 60, refid: 00000000, correction: 0.0, skew: 0.0\n")
