"""The data volume: found by its id, formatted only if nothing was ever on it, and mounted.

`decide`, a pure function of what the machine's tools tell, says what may be done to a disk. One kind of disk may be
formatted: without any signature, and zeros at both ends. Whatever else is not this node's own stops the node.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Union

from ybfort.node.config import DATA, STATE, Identity
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, System

UNIT = "mnt-data.mount"  # what systemd calls the line of fstab
OPTIONS = "defaults,noatime,nodev,nosuid,nofail,x-systemd.device-timeout=90s"
FORMATTING = f"{STATE}/formatting"  # holds the id of the volume while mkfs is at work on it
LEAST_BYTES = 1024**3  # far below any data volume; mkfs.xfs refuses less than 300 MB anyway
EDGE = 4 * 1024 * 1024  # every mark that blkid knows lies within this distance of the beginning or the end
ATTACH_SECONDS = 60  # the cloud attaches a new node's volume after the machine has started
LOOK_AGAIN_SECONDS = 2
FORMAT_SECONDS = 600.0

SECTOR = 512
# Offset of sb_inprogress in an XFS superblock: set while mkfs is at work, and the kernel mounts no such disk.
IN_PROGRESS = 126


@dataclass(frozen=True)
class Disk:
    """A block device and what is on it."""

    path: str
    kind: str  # disk, part, crypt, … as lsblk says
    size: int  # bytes
    read_only: bool
    parts: tuple[str, ...]  # partitions, mappings and arrays made of it
    mounted: tuple[str, ...]  # mount points; [SWAP]
    signatures: tuple[str, ...]  # of file systems, partition tables, volume managers, …
    label: str
    uuid: str
    unfinished: bool  # an XFS whose mkfs never came to its end
    blank: bool  # zeros at its beginning and its end


@dataclass(frozen=True)
class Format:
    """Nothing was ever on the disk: make a file system."""


@dataclass(frozen=True)
class StartAgain:
    """This node's own mkfs was killed at work: wipe what it wrote, and begin again."""


@dataclass(frozen=True)
class Mount:
    """It is this node's file system."""

    uuid: str


Decision = Union[Format, StartAgain, Mount]


def label_of(home: Identity, node: str) -> str:
    """The label of a node's file system: the node and a hash for the cluster. XFS has room for 12 characters."""
    cluster = f"{home.cloud}/{home.account}/{home.region}/{home.cluster}"
    return f"{node}-{hashlib.sha256(cluster.encode()).hexdigest()[:8]}"


def decide(disk: Disk, home: Identity, *, known: str | None, formatting: bool) -> Decision:
    """What may be done with the disk.

    :param known: UUID of the file system that this machine had its data on before
    :param formatting: this machine began to format this volume, and did not come to the end
    :raises Failure: if nothing may be done
    """
    if disk.kind != "disk" or disk.read_only or disk.size < LEAST_BYTES:
        raise Failure(f"{disk.path} is no writable disk of a fit size ({disk.kind}, {disk.size} bytes).")
    if disk.parts:
        raise Failure(f"{disk.path} is in use: {', '.join(disk.parts)} are made of it. It is not touched.")
    elsewhere = [place for place in disk.mounted if place != DATA]
    if elsewhere:
        raise Failure(f"{disk.path} is in use at {', '.join(elsewhere)}. It is not touched.")
    if disk.signatures == ("xfs",):
        return _own(disk, home, known=known, formatting=formatting)
    if disk.signatures or disk.mounted:
        raise Failure(
            f"{disk.path} carries {', '.join(disk.signatures) or 'something'}, not of this node. It is not touched."
        )
    if not disk.blank:
        raise Failure(f"{disk.path} has no signature, but is not blank: there is something on it. It is not touched.")
    if known:
        raise Failure(
            f"{disk.path} is blank, but this node had its data on file system {known}. Attach that volume again. "
            "If its data is lost, replace the machine: a new one begins with the blank volume."
        )
    return Format()


def _own(disk: Disk, home: Identity, *, known: str | None, formatting: bool) -> Decision:
    """A disk with XFS on it, and nothing else."""
    wanted = label_of(home, home.node)
    node, _, cluster = disk.label.partition("-")
    if disk.label != wanted:
        whose = f"node {node} of this cluster" if cluster == wanted.partition("-")[2] else "something else"
        raise Failure(
            f"{disk.path} is the disk of {whose} (label {disk.label or 'none'}, not {wanted}). It is not touched. "
            "Attach each node's own volume."
        )
    if disk.unfinished:
        if formatting and not disk.mounted:
            return StartAgain()
        raise Failure(
            f"{disk.path} was not formatted to the end, and not by this machine. Make a new volume for the node."
        )
    if known and known != disk.uuid:
        raise Failure(
            f"{disk.path} has the file system {disk.uuid}, but this node had its data on {known}. Attach that volume "
            "again. If this one is meant (a restored copy), replace the machine: a new one takes it."
        )
    return Mount(disk.uuid)


def disk(context: Context) -> Outcome:
    """Find the volume, make it this node's if it is blank, mount it, and let the file system grow with the volume."""
    system, home, volume = context.system, context.identity, context.config.volume
    path = _find(context, volume)
    done: list[str] = []
    known, found = _known(system), look(system, path)
    decision = decide(found, home, known=known, formatting=system.read(FORMATTING) == volume)
    if isinstance(decision, StartAgain):
        _wipe(system, found)
        done.append("a format that was cut short was wiped")
        found = look(system, path)
        decision = decide(found, home, known=known, formatting=True)
    if isinstance(decision, Format):
        system.write(FORMATTING, volume.encode(), 0o600)
        _format(system, path, label_of(home, home.node))
        done.append(f"{volume} was blank and was formatted")
        found = look(system, path)
        decision = decide(found, home, known=known, formatting=False)
    if not isinstance(decision, Mount):
        raise Failure(f"{path} is still blank after it was formatted.")
    system.remove(FORMATTING)
    if _mount(system, path, decision.uuid, mounted=DATA in found.mounted):
        done.append(f"{volume} was mounted at {DATA}")
    if "data blocks changed" in system.must("xfs_growfs", "-d", str(system.path(DATA))):
        done.append("the file system grew with the volume")
    return Outcome(Result.CHANGED if done else Result.DONE, f"{'; '.join(done) or f'{volume} is mounted at {DATA}'}.")


def look(system: System, path: str) -> Disk:
    """What the machine's tools tell of a disk. They only read."""
    where = str(system.path(path))
    columns = "PATH,TYPE,SIZE,RO,MOUNTPOINTS"
    (device,) = json.loads(system.must("lsblk", "--json", "--bytes", "--output", columns, where))["blockdevices"]
    size = int(device["size"])
    signatures, tags = _signatures(system, where)
    return Disk(
        path=path,
        kind=device["type"],
        size=size,
        read_only=bool(device["ro"]),
        parts=tuple(part["path"] for part in device.get("children", [])),
        mounted=tuple(place for place in device["mountpoints"] if place),
        signatures=signatures,
        label=tags.get("LABEL", ""),
        uuid=tags.get("UUID", ""),
        unfinished=_unfinished(system.bytes_at(path, 0, SECTOR)),
        blank=not signatures and _blank(system, path, size),
    )


def _blank(system: System, path: str, size: int) -> bool:
    return not any(system.bytes_at(path, offset, EDGE).strip(b"\0") for offset in (0, max(0, size - EDGE)))


def _signatures(system: System, where: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Signatures by two tools, and the file system's tags.

    blkid answers the same for a blank disk and for one that it cannot read. wipefs only lists here, and fails then.
    """
    listed = json.loads(system.must("wipefs", "--no-act", "--json", where) or '{"signatures": []}')
    kinds = {str(one["type"]) for one in listed["signatures"]}
    probe = system.run("blkid", "--probe", "--output", "export", where)
    tags: dict[str, str] = {}
    if probe.code == 0:
        tags = dict(line.split("=", 1) for line in probe.out.splitlines() if "=" in line)
        kinds.add(tags.get("TYPE") or tags.get("PTTYPE") or "something that blkid has no name for")
    elif probe.code != 2:  # 2: nothing found
        kinds.add(f"something that blkid cannot tell ({probe.last_line})")
    return tuple(sorted(kinds)), tags


def _unfinished(superblock: bytes) -> bool:
    return superblock[:4] == b"XFSB" and superblock[IN_PROGRESS] != 0


def _find(context: Context, volume: str) -> str:
    for _ in range(ATTACH_SECONDS // LOOK_AGAIN_SECONDS):
        devices = context.cloud.block_devices(volume)
        if len(devices) == 1:
            return devices[0]
        if devices:
            raise Failure(f"{', '.join(devices)} all say that they are {volume}. None is touched.")
        context.system.sleep(LOOK_AGAIN_SECONDS)
    raise Failure(f"{volume}, the data volume, is not attached to this machine. Attach it; the next run looks again.")


def _wipe(system: System, disk: Disk) -> None:
    """Back to blank, the superblock last: whatever kills this, the next run finds the same disk and does it again."""
    system.zero(disk.path, disk.size - EDGE, EDGE)
    system.zero(disk.path, SECTOR, EDGE - SECTOR)
    system.zero(disk.path, 0, SECTOR)


def _format(system: System, path: str, label: str) -> None:
    """Without its force option mkfs.xfs refuses a signature, too. -K: a blank disk has nothing to discard."""
    system.must("mkfs.xfs", "-q", "-K", "-L", label, str(system.path(path)), seconds=FORMAT_SECONDS)


def _known(system: System) -> str | None:
    """The UUID that fstab has for the data directory."""
    for line in (system.read("/etc/fstab") or "").splitlines():
        if line.split()[1:2] == [DATA] and line.startswith("UUID="):
            return line.split()[0][len("UUID=") :]
    return None


def _mount(system: System, path: str, uuid: str, *, mounted: bool) -> bool:
    """Through fstab and systemd, so that it is the same now and after every start of the machine."""
    lines = (system.read("/etc/fstab") or "").splitlines()
    others = [line for line in lines if line.split()[1:2] != [DATA]]
    changed = system.write("/etc/fstab", "\n".join([*others, f"UUID={uuid} {DATA} xfs {OPTIONS} 0 2", ""]).encode())
    if mounted:
        return changed
    # Closed to all but root while nothing is mounted on it: the database must not write to the system's disk.
    system.directory(DATA, 0o000)
    system.must("systemctl", "daemon-reload")
    system.must("systemctl", "start", UNIT, seconds=180)
    if DATA not in look(system, path).mounted:
        raise Failure(
            f"{path} is not mounted at {DATA}, though systemd says so. Look whether another disk is mounted there."
        )
    return True
