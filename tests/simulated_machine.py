"""A stock machine in a folder: the files of a kernel and an image, and programs that do to them what the real ones do.

It can be killed at any of its moments: before and after everything that a step does to it, and half-way through.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from specs import prod_plan
from ybfort.node.cloud import Missing
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.config import STATE, Identity
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.disk import IN_PROGRESS
from ybfort.node.system import Output, System
from ybfort.node.units import AGENT, NAMES
from ybfort.plan.cluster import cluster_config

HOME = Identity(
    cloud="aws",
    cluster="orders-prod",
    node="a1",
    region="eu-west-1",
    account="123456789012",
    bucket="orders-prod-artifacts-123456789012-eu-west-1",
)
STATUS_BUCKET = "orders-prod-status-123456789012-eu-west-1"
VOLUME, DEVICE = "vol-0123456789abcdef0", "/dev/nvme1n1"
UUID = "6b835e9b-eb3a-407f-b560-7b7884063e81"
GIB = 1024**3

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
    "/sys/block/nvme1n1/device/serial": VOLUME.replace("-", "") + "\n",
}
FOLDERS = ("dev", "opt", "var/lib", "var/log", "etc/sysctl.d", "etc/tmpfiles.d", "etc/systemd/system", "mnt")


class Killed(BaseException):
    """The process is gone, at this very instruction."""


class SimulatedMachine(System):
    """The machine. What outlives a process is in its attributes and its folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.commands: list[str] = []
        self.moments, self.die_at = 0, -1
        self.owners: dict[str, tuple[int, int]] = {}
        self.slept = 0.0
        self.asleep: Callable[[], None] = lambda: None  # what happens elsewhere meanwhile
        self.mounted: list[str] = []
        self.parts: list[str] = []
        self.loaded: dict[str, str] = {}  # unit files and fstab, as systemd has read them
        self.enabled: set[str] = set()
        self.active: set[str] = set()
        self.time_sources, self.in_sync = ["169.254.169.123"], True
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True)
        for name, text in IMAGE.items():
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            self.path(name).write_text(text)
        with self.path(DEVICE).open("wb") as disk:
            disk.truncate(2 * GIB)  # sparse

    # ----------------------------------------------------------------------------------------------------- instructions

    def moment(self) -> None:
        if self.moments == self.die_at:
            raise Killed
        self.moments += 1

    def run(self, *command: str, seconds: float = 0, environment: dict[str, str] | None = None) -> Output:
        self.commands.append(" ".join(command))
        self.moment()
        program: Any = getattr(self, f"_{command[0].replace('-', '_').replace('.', '_')}")
        answer = program(*command[1:])
        self.moment()
        return answer if isinstance(answer, Output) else Output(0, answer or "", "")

    def write(self, path: str, content: bytes, mode: int = 0o644) -> bool:
        self.moment()
        target = self.path(path)
        draft = target.with_name(f".{target.name}.draft")
        if not target.exists():
            draft.write_bytes(content[: len(content) // 2])  # killed half-way
            self.moment()
        changed = super().write(path, content, mode)
        self.moment()
        return changed

    def remove(self, path: str) -> bool:
        self.moment()
        return super().remove(path)

    def directory(self, path: str, mode: int, uid: int | None = None, gid: int | None = None) -> bool:
        self.moment()
        return super().directory(path, mode, uid, gid)

    def zero(self, path: str, offset: int, length: int) -> None:
        self.moment()
        super().zero(path, offset, length)

    def owner(self, target: Path) -> tuple[int, int]:
        return self.owners.get(str(target), (os.geteuid(), os.getegid()))

    def chown(self, target: Path, uid: int, gid: int) -> None:
        self.moment()
        self.owners[str(target)] = (uid, gid)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.asleep()

    # --------------------------------------------------------------------------------------------------------- programs

    def _lsblk(self, *arguments: str) -> str:
        size = Path(arguments[-1]).stat().st_size
        parts = [{"path": part, "type": "part"} for part in self.parts]
        device = {"path": DEVICE, "type": "disk", "size": size, "ro": False, "mountpoints": self.mounted or [None]}
        return json.dumps({"blockdevices": [{**device, **({"children": parts} if parts else {})}]})

    def _superblock(self) -> tuple[str, str] | None:
        """UUID and label of the disk's file system."""
        block = self.bytes_at(DEVICE, 0, 512)
        return (UUID, block[108:120].rstrip(b"\0").decode()) if block[:4] == b"XFSB" else None

    def _wipefs(self, *arguments: str) -> str:
        return json.dumps({"signatures": [{"type": "xfs"}] if self._superblock() else []})

    def _blkid(self, *arguments: str) -> Output:
        found = self._superblock()
        if not found:
            return Output(2, "", "")
        return Output(0, f"TYPE=xfs\nUUID={found[0]}\nLABEL={found[1]}\n", "")

    def _mkfs_xfs(self, *arguments: str) -> str:
        assert not self._superblock(), "mkfs.xfs refuses a disk with a signature, and nobody may force it"
        self.start_formatting(arguments[arguments.index("-L") + 1])
        self.moment()
        with self.path(DEVICE).open("r+b") as disk:
            disk.seek(IN_PROGRESS)
            disk.write(b"\0")
        return ""

    def start_formatting(self, label: str) -> None:
        """As mkfs.xfs does it: a superblock that says so comes first."""
        block = bytearray(512)
        block[:4], block[108 : 108 + len(label)], block[IN_PROGRESS] = b"XFSB", label.encode(), 1
        with self.path(DEVICE).open("r+b") as disk:
            disk.write(block)
            disk.seek(4096)
            disk.write(b"AB3B")

    def _xfs_growfs(self, *arguments: str) -> str:
        return "data size unchanged, skipping\n"

    def _files_of_systemd(self) -> dict[str, str]:
        units = self.path("/etc/systemd/system")
        return {path.name: path.read_text() for path in [*units.glob("ybfort*"), self.path("/etc/fstab")]}

    def _systemctl(self, verb: str, *arguments: str) -> str | Output:
        if verb == "show":
            stale = any(self.loaded.get(name) != self._files_of_systemd().get(name) for name in NAMES)
            timer = NAMES[1]
            return (
                f"ActiveState=inactive\nUnitFileState=static\nNeedDaemonReload={'yes' if stale else 'no'}\n\n"
                f"ActiveState={'active' if timer in self.active else 'inactive'}\n"
                f"UnitFileState={'enabled' if timer in self.enabled else 'disabled'}\nNeedDaemonReload=no\n"
            )
        if verb == "daemon-reload":
            self.loaded = self._files_of_systemd()
        elif verb == "enable":
            self.enabled.add(arguments[-1])
            self.moment()
            self.active.add(arguments[-1])
        elif verb == "is-active":
            return Output(0 if arguments[-1] in self.active else 3, "", "")
        elif verb == "start" and arguments[-1] == "mnt-data.mount":
            found = self._superblock()
            assert found, "nothing to mount"
            assert f"UUID={found[0]} /mnt/data xfs " in self.loaded["fstab"]
            assert not self.bytes_at(DEVICE, IN_PROGRESS, 1)[0], "the kernel mounts no half-made file system"
            self.mounted = ["/mnt/data"]
        return ""

    def _systemd_sysusers(self, file: str) -> None:
        assert Path(file).read_text().startswith("u yugabyte 420 ")
        entries = {
            "/etc/group": "yugabyte:x:420:\n",
            "/etc/passwd": "yugabyte:x:420:420:YugabyteDB:/:/usr/sbin/nologin\n",
        }
        for name, entry in entries.items():
            text = self.path(name).read_text()
            if entry not in text and ":420:" not in text:
                self.path(name).write_text(text + entry)
            self.moment()

    def _sysctl(self, _load: str, file: str) -> None:
        for line in Path(file).read_text().splitlines():
            name, _, value = line.partition(" = ")
            self.path(f"/proc/sys/{name.replace('.', '/')}").write_text(f"{value}\n")
            self.moment()

    def _systemd_tmpfiles(self, _create: str, file: str) -> None:
        for line in Path(file).read_text().splitlines():
            kind, path, *_, value = line.split()
            assert kind == "w"
            text = self.path(path).read_text()
            choices = text.replace("[", "").replace("]", "").split()
            shown = " ".join(f"[{one}]" if one == value else one for one in choices) if "[" in text else value
            self.path(path).write_text(f"{shown}\n")
            self.moment()

    def _swapoff(self, _all: str) -> None:
        self.path("/proc/swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n")

    def _chronyc(self, *arguments: str) -> str | Output:
        if "sources" in arguments:
            return "".join(f"^,*,{source},3,4,377,8,0.000001,0.000001,0.0002\n" for source in self.time_sources)
        if arguments[0] == "add":
            self.time_sources.append(arguments[2])
            return "200 OK\n"
        return Output(0 if self.in_sync else 1, "try: 60, refid: 00000000, correction: 0.0, skew: 0.0\n", "")

    # ------------------------------------------------------------------------------------------------------------ looks

    def snapshot(self) -> dict[str, Any]:
        """All that a run is to bring about: files with their modes, owners, and what systemd and the kernel have."""
        passing = ("/fetched-", "/status.json", DEVICE)  # of a run, not of the machine
        files = {
            str(path.relative_to(self.root)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in sorted(self.root.rglob("*"))
            if not any(name in str(path) for name in passing)
        }
        disk = self.bytes_at(DEVICE, 0, 8192)
        return {**vars(self), "files": files, "disk": disk, "commands": 0, "moments": 0, "die_at": 0, "asleep": 0}


class SimulatedCloud(AwsCloud):
    """Objects in memory; disks as AWS shows them."""

    def __init__(self, machine: SimulatedMachine) -> None:
        super().__init__(HOME, machine)
        self.machine = machine
        self.objects: dict[tuple[str, str], bytes] = {}

    def get_object(self, bucket: str, key: str, to: Path) -> None:
        self.machine.moment()
        if (bucket, key) not in self.objects:
            raise Missing(f"s3://{bucket}/{key} is not there.")
        content = self.objects[bucket, key]
        to.write_bytes(content[: len(content) // 2])
        self.machine.moment()
        to.write_bytes(content)

    def put_object(self, bucket: str, key: str, source: Path) -> None:
        self.machine.moment()
        self.objects[bucket, key] = source.read_bytes()

    def declare(self, cluster: str | None = None, ids: str | None = None) -> None:
        """Put the two documents where nodes look for them."""
        self.objects[HOME.bucket, "cluster.json"] = (cluster or declared()).encode()
        self.objects[HOME.bucket, "ids/a1.json"] = (ids or invented()).encode()

    def status(self) -> dict[str, Any]:
        return json.loads(self.objects[STATUS_BUCKET, "status/a1.json"])


def declared(**changes: Any) -> str:
    """`cluster.json` as the program writes it, with some members changed."""
    return json.dumps({**json.loads(cluster_config(prod_plan())), **changes}, indent=2, sort_keys=True)


def invented(**changes: str) -> str:
    """`ids/a1.json` as the program writes it, with some members changed."""
    authority = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
    return json.dumps({"format": 1, "certificate_authority": authority, "node": "a1", "volume": VOLUME, **changes})


def install_agent(machine: System, content: bytes) -> None:
    path = machine.path(AGENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    machine.path(STATE).mkdir(parents=True, exist_ok=True)


def context(machine: SimulatedMachine, cloud: SimulatedCloud, *, replaced: bool = False) -> Context:
    """What a new process begins with."""
    return Context(identity=HOME, system=machine, cloud=cloud, agent=machine.sha256(AGENT) or "none", replaced=replaced)


def results(steps: dict[str, Outcome]) -> dict[str, Result]:
    return {name: outcome.result for name, outcome in steps.items()}


@cache
def nodes_python() -> str | None:
    """A Python 3.9, the nodes' own, that runs: version managers put names on PATH that do not."""
    for name in (shutil.which("python3.9"), *map(str, Path.home().glob(".pyenv/versions/3.9*/bin/python3.9"))):
        if name and subprocess.run([name, "--version"], capture_output=True).returncode == 0:
            return name
    return None


def program(name: str) -> str | None:
    """Where a program of the machine that runs the tests is, if it has it."""
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
