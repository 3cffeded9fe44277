"""Which disk is formatted, which is mounted, and which stops the node."""

import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_machine import (
    DEVICE,
    GIB,
    HOME,
    UUID,
    VOLUME,
    SimulatedCloud,
    SimulatedMachine,
    context,
    declared,
    invented,
    program,
)
from ybfort.node.config import checked
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.disk import (
    EDGE,
    FORMATTING,
    IN_PROGRESS,
    Disk,
    Format,
    Mount,
    StartAgain,
    decide,
    disk,
    label_of,
    look,
)
from ybfort.node.system import Failure
from ybfort.sandbox.nodes.machine import Said

OWN = label_of(HOME, "a1")
BLANK = Disk(
    path=DEVICE,
    kind="disk",
    size=500 * GIB,
    read_only=False,
    parts=(),
    mounted=(),
    signatures=(),
    label="",
    uuid="",
    unfinished=False,
    blank=True,
)
FORMATTED = replace(BLANK, signatures=("xfs",), label=OWN, uuid=UUID, blank=False)


def decided(found: Disk, *, known: str | None = None, formatting: bool = False) -> Any:
    return decide(found, HOME, known=known, formatting=formatting)


class TestDecision:
    def test_a_blank_disk_is_formatted(self) -> None:
        assert decided(BLANK) == Format()

    def test_the_node_s_own_file_system_is_mounted(self) -> None:
        assert decided(FORMATTED) == Mount(UUID)
        assert decided(replace(FORMATTED, mounted=("/mnt/data",)), known=UUID) == Mount(UUID)

    @pytest.mark.parametrize(
        ("found", "problem"),
        [
            (replace(BLANK, kind="part"), "no writable disk"),
            (replace(BLANK, read_only=True), "no writable disk"),
            (replace(BLANK, size=0), "no writable disk of a fit size"),
            (replace(BLANK, size=GIB - 1), "no writable disk of a fit size"),
            (replace(BLANK, parts=("/dev/nvme1n1p1",)), "/dev/nvme1n1p1 are made of it"),
            (replace(BLANK, parts=("/dev/mapper/vg-data",)), "/dev/mapper/vg-data are made of it"),
            (replace(BLANK, mounted=("[SWAP]",)), r"in use at \[SWAP\]"),
            (replace(BLANK, mounted=("/mnt/data",)), "carries something"),
            (replace(FORMATTED, mounted=("/mnt/data", "/srv")), "in use at /srv"),
            (replace(BLANK, signatures=("ext4",), blank=False), "carries ext4"),
            (replace(BLANK, signatures=("ext4",)), "carries ext4"),
            (replace(FORMATTED, signatures=("gpt", "xfs")), "carries gpt, xfs"),
            (replace(BLANK, blank=False), "is not blank"),
            (replace(FORMATTED, label=label_of(HOME, "b1")), "the disk of node b1 of this cluster"),
            (
                replace(FORMATTED, label=label_of(replace(HOME, cluster="orders-prod"), "a1")),
                "the disk of something else",
            ),
            (replace(FORMATTED, label=""), "label none"),
            (replace(FORMATTED, unfinished=True), "was not formatted to the end"),
        ],
    )
    def test_any_other_disk_stops_the_node(self, found: Disk, problem: str) -> None:
        with pytest.raises(Failure, match=problem):
            decided(found)

    def test_a_node_that_had_data_does_not_begin_anew_on_a_blank_disk(self) -> None:
        with pytest.raises(Failure, match=f"this node had its data on file system {UUID}. Attach that volume"):
            decided(BLANK, known=UUID)

    def test_a_node_does_not_go_on_with_another_copy_of_its_disk(self) -> None:
        with pytest.raises(Failure, match="but this node had its data on 1111-2222"):
            decided(FORMATTED, known="1111-2222")

    def test_only_a_format_of_its_own_that_was_cut_short_is_begun_again(self) -> None:
        half_made = replace(FORMATTED, unfinished=True)
        assert decided(half_made, formatting=True) == StartAgain()
        assert decided(FORMATTED, formatting=True) == Mount(UUID)
        for other in (
            replace(half_made, label=label_of(HOME, "b1")),
            replace(half_made, signatures=("ext4", "xfs")),
            replace(half_made, mounted=("/mnt/data",)),
        ):
            with pytest.raises(Failure):
                decided(other, formatting=True)

    @given(
        st.builds(
            Disk,
            path=st.just(DEVICE),
            kind=st.sampled_from(["disk", "part", "crypt", "lvm"]),
            size=st.sampled_from([0, GIB, 500 * GIB]),
            read_only=st.booleans(),
            parts=st.sampled_from([(), ("/dev/nvme1n1p1",)]),
            mounted=st.sampled_from([(), ("/mnt/data",), ("/srv",)]),
            signatures=st.sampled_from([(), ("xfs",), ("ext4",), ("gpt", "xfs")]),
            label=st.sampled_from(["", OWN, label_of(HOME, "b1")]),
            uuid=st.just(UUID),
            unfinished=st.booleans(),
            blank=st.booleans(),
        ),
        st.sampled_from([None, UUID, "another"]),
        st.booleans(),
    )
    def test_nothing_that_carries_anything_is_ever_formatted(
        self, found: Disk, known: str | None, formatting: bool
    ) -> None:
        try:
            decision = decide(found, HOME, known=known, formatting=formatting)
        except Failure:
            return
        if isinstance(decision, Format):
            assert (found.signatures, found.parts, found.mounted, found.blank, known) == ((), (), (), True, None)
        if isinstance(decision, StartAgain):
            assert (found.signatures, found.unfinished, found.label, formatting) == (("xfs",), True, OWN, True)

    def test_a_label_fits_and_tells_every_node_of_every_cluster_apart(self) -> None:
        homes = [HOME, replace(HOME, cluster="orders-prod"), replace(HOME, account="210987654321")]
        labels = {label_of(home, node) for home in homes for node in ("a1", "a10", "h99")}
        assert len(labels) == 9
        assert max(len(label.encode()) for label in labels) == 12  # all that XFS has room for


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    run = context(machine, cloud)
    run.accepted = checked(declared(), invented(), HOME)
    return run


class TestStep:
    def test_a_new_node_formats_and_mounts_and_then_leaves_all_as_it_is(
        self, run: Context, machine: SimulatedMachine
    ) -> None:
        assert disk(run).message == f"{VOLUME} was blank and was formatted; {VOLUME} was mounted at /mnt/data."
        (line,) = [line for line in machine.path("/etc/fstab").read_text().splitlines() if "/mnt/data" in line]
        assert line == (
            f"UUID={UUID} /mnt/data xfs defaults,noatime,nodev,nosuid,nofail,x-systemd.device-timeout=90s 0 2"
        )
        assert "UUID=0000-root / xfs" in machine.path("/etc/fstab").read_text()
        assert disk(run) == Outcome(Result.DONE, f"{VOLUME} is mounted at /mnt/data.")

    def test_a_new_machine_takes_the_volume_of_the_old_one(
        self, run: Context, machine: SimulatedMachine, tmp_path: Path, cloud: SimulatedCloud
    ) -> None:
        disk(run)
        fresh = SimulatedMachine(tmp_path / "fresh")
        machine.path(DEVICE).replace(fresh.path(DEVICE))
        fresh.path("/var/lib/ybfort").mkdir()
        again = replace(run, system=fresh, cloud=SimulatedCloud(fresh))
        assert disk(again).message == f"{VOLUME} was mounted at /mnt/data."
        assert not any("mkfs" in command for command in fresh.commands)

    def test_it_waits_a_while_for_the_volume(self, run: Context, machine: SimulatedMachine) -> None:
        serial = machine.path("/sys/block/nvme1n1/device/serial")
        attached = serial.read_text()
        serial.unlink()
        machine.clock.asleep = lambda: serial.write_text(attached) if machine.clock.slept > 20 else None
        assert disk(run).result is Result.CHANGED

    def test_a_volume_that_never_comes_stops_the_node(self, run: Context, machine: SimulatedMachine) -> None:
        machine.path("/sys/block/nvme1n1/device/serial").unlink()
        with pytest.raises(Failure, match=f"{VOLUME}, the data volume, is not attached"):
            disk(run)
        assert machine.clock.slept <= 60

    def test_two_disks_with_the_same_id_are_not_touched(self, run: Context, machine: SimulatedMachine) -> None:
        twin = machine.path("/sys/block/nvme2n1/device/serial")
        twin.parent.mkdir(parents=True)
        twin.write_text(machine.path("/sys/block/nvme1n1/device/serial").read_text())
        with pytest.raises(Failure, match="/dev/nvme1n1, /dev/nvme2n1 all say"):
            disk(run)

    def test_a_lost_disk_stops_the_node(self, run: Context, machine: SimulatedMachine) -> None:
        disk(run)
        machine.state.mounted = []
        with machine.path(DEVICE).open("wb") as lost:
            lost.truncate(2 * GIB)
        with pytest.raises(Failure, match="is blank, but this node had its data on"):
            disk(run)
        assert sum("mkfs" in command for command in machine.commands) == 1

    def test_a_line_that_somebody_wrote_is_replaced(self, run: Context, machine: SimulatedMachine) -> None:
        with machine.path("/etc/fstab").open("a") as fstab:
            fstab.write(f"{DEVICE} /mnt/data xfs defaults 0 0\n")
        disk(run)
        lines = [line for line in machine.path("/etc/fstab").read_text().splitlines() if "/mnt/data" in line]
        assert [line.split()[0] for line in lines] == [f"UUID={UUID}"]

    def test_a_disk_that_systemd_did_not_mount_stops_the_node(
        self, run: Context, machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(machine, "_systemctl", lambda *_: "")
        with pytest.raises(Failure, match="is not mounted at /mnt/data, though systemd says so"):
            disk(run)

    def test_nothing_can_be_written_where_the_volume_is_not_mounted(
        self, run: Context, machine: SimulatedMachine
    ) -> None:
        disk(run)
        assert machine.path("/mnt/data").stat().st_mode & 0o777 == 0
        machine.path("/mnt/data").chmod(0o755)

    def test_the_file_system_grows_with_its_volume(
        self, run: Context, machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disk(run)
        monkeypatch.setattr(machine, "_xfs_growfs", lambda *_: "data blocks changed from 1 to 2\n")
        assert disk(run).message == "the file system grew with the volume."


# ----------------------------------------------------------------------------------------------- with the real programs

TOOLS = ("blkid", "wipefs", "mkfs.xfs")
absent = [name for name in TOOLS if not program(name)]
needs_tools = pytest.mark.skipif(bool(absent), reason=f"cannot run here: no {', '.join(absent)} on this machine")


class WithRealTools(SimulatedMachine):
    """The disk is a plain file, and blkid, wipefs and mkfs.xfs are the machine's own."""

    def _real(self, name: str, *arguments: str) -> Said:
        done = subprocess.run([program(name) or name, *arguments], capture_output=True, text=True, timeout=60)
        return Said(done.returncode, done.stdout, done.stderr)

    def _superblock(self) -> tuple[str, str] | None:
        tags = self._real("blkid", "--probe", "--output", "export", str(self.path(DEVICE))).out
        found = dict(line.split("=", 1) for line in tags.splitlines())
        return (found["UUID"], found.get("LABEL", "")) if found.get("TYPE") == "xfs" else None

    def _wipefs(self, *arguments: str) -> Any:
        return self._real("wipefs", *arguments)

    def _blkid(self, *arguments: str) -> Any:
        return self._real("blkid", *arguments)

    def _mkfs_xfs(self, *arguments: str) -> Any:
        return self._real("mkfs.xfs", *arguments)


@pytest.fixture
def real(tmp_path: Path, cloud: SimulatedCloud) -> tuple[Context, WithRealTools]:
    machine = WithRealTools(tmp_path / "real")
    machine.path("/var/lib/ybfort").mkdir()
    run = context(machine, SimulatedCloud(machine))
    run.accepted = checked(declared(), invented(), HOME)
    return run, machine


def at(offset: int, content: bytes) -> Callable[[Path], None]:
    """Write bytes; a negative offset counts from the end."""

    def write(image: Path) -> None:
        with image.open("r+b") as file:
            file.seek(offset, 0 if offset >= 0 else 2)
            file.write(content)

    return write


def made_by(name: str, *options: str) -> Callable[[Path], None]:
    def make(image: Path) -> None:
        found = program(name)
        if not found:
            pytest.skip(f"cannot run here: no {name} on this machine")
        subprocess.run([found, *options, str(image)], check=True, capture_output=True, timeout=60)

    return make


def lvm() -> bytes:
    body = struct.pack("<I8s32sQ", 32, b"LVM2 001", b"0123456789abcdefghijklmnopqrstuv", 2 * GIB).ljust(492, b"\0")
    checksum = zlib.crc32(body, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    return b"LABELONE" + struct.pack("<QI", 1, checksum) + body


def gpt() -> bytes:
    sectors, entries = 2 * GIB // 512, bytes(128 * 128)
    fields = (0, 1, sectors - 1, 34, sectors - 34, b"0123456789abcdef", 2, 128, 128, zlib.crc32(entries))

    def header(checksum: int) -> bytes:
        return (
            b"EFI PART"
            + struct.pack("<IIII", 0x10000, 92, checksum, fields[0])
            + struct.pack("<QQQQ16sQIII", *fields[1:])
        )

    protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, sectors - 1).ljust(64, b"\0")
    return bytes(446) + protective + b"\x55\xaa" + header(zlib.crc32(header(0)))


MBR = (
    bytes(446)
    + struct.pack("<B3sB3sII", 0x80, b"\1\1\0", 0x83, b"\xfe\xff\xff", 2048, 4096).ljust(64, b"\0")
    + b"\x55\xaa"
)
RAID = struct.pack("<IIII16s16s32sQII", 0xA92B4EFC, 1, 0, 0, b"a" * 16, b"b" * 16, b"c" * 32, 0, 0, 0).ljust(128, b"\0")
RAID += struct.pack("<QQQ", 0, 0, 8)

SIGNATURES: dict[str, tuple[Callable[[Path], None], str]] = {
    "ext2": (made_by("mkfs.ext2", "-q", "-F"), "carries ext2"),
    "ext4": (made_by("mkfs.ext4", "-q", "-F"), "carries ext4"),
    "swap": (made_by("mkswap"), "carries swap"),
    "XFS of somebody else": (made_by("mkfs.xfs", "-q", "-L", "their-data"), "the disk of something else"),
    "XFS without a label": (made_by("mkfs.xfs", "-q"), "label none"),
    "XFS of another node": (made_by("mkfs.xfs", "-q", "-L", label_of(HOME, "b1")), "the disk of node b1"),
    "LUKS": (at(0, b"LUKS\xba\xbe\0\1"), "carries crypto_LUKS"),
    "LVM": (at(512, lvm()), "carries LVM2_member"),
    "GPT": (at(0, gpt()), "carries .*gpt"),
    "MBR": (at(0, MBR), "carries dos"),
    "RAID": (at(4096, RAID), "carries linux_raid_member"),
    "ZFS": (at(128 * 1024, struct.pack("<Q", 0x00BAB10C).ljust(1024, b"\0") * 8), "carries zfs_member"),
    "Ceph": (at(0, b"bluestore block device\n"), "carries ceph_bluestore"),
    "ISO 9660": (at(32 * 1024, b"\1CD001\1".ljust(2048, b"\0")), "carries iso9660"),
    "squashfs": (at(0, b"hsqs" + bytes(24) + b"\4\0\0\0"), "carries squashfs"),
    "raw bytes at the beginning": (at(8192, b"a table that no tool knows"), "is not blank"),
    "raw bytes at the end": (at(-100, b"a table that no tool knows"), "is not blank"),
    "half an XFS of somebody else": (at(0, b"XFSB\0\0\x10\0"), "is not blank|carries xfs|the disk of something else"),
}


# Where the other kinds that blkid knows have their mark (util-linux: libblkid/src/superblocks). Whether it takes a mark
# alone for the whole or not, the disk is not touched: no mark lies where a blank disk has to have zeros.
MARKS: dict[str, tuple[int, bytes]] = {
    "BitLocker": (3, b"-FVE-FS-"),
    "DM_integrity": (0, b"integrt\0"),
    "DM_snapshot_cow": (0, b"SnAp"),
    "DM_verity_hash": (0, b"verity\0\0"),
    "LVM1_member": (0, b"HM"),
    "ReFS": (0, b"\0\0\0ReFS\0"),
    "VMFS": (0x200000, b"\x5e\xf1\xab\x2f"),
    "VMFS_volume_member": (0x100000, b"\x0d\xd0\x01\xc0"),
    "adaptec_raid_member": (-512, b"DPTM"),
    "apfs": (32, b"NXSB"),
    "bcache": (4096 + 24, bytes.fromhex("c68573f64e1a45ca8265f77f48ba6d81")),
    "befs": (32, b"BFS1"),
    "bfs": (0, b"\xce\xfa\xad\x1b"),
    "btrfs": (64 * 1024 + 64, b"_BHRfS_M"),
    "cramfs": (0, b"\x45\x3d\xcd\x28"),
    "ddf_raid_member": (-512, b"\xde\x11\xde\x11"),
    "drbd": (-4096 + 60, b"\x83\x74\x02\x6d"),
    "drbdmanage_control_volume": (0, b"$DRBDmgr=q"),
    "drbdproxy_datalog": (16, b"DRBDdlh*"),
    "erofs": (1024, b"\xe2\xe1\xf5\xe0"),
    "exfat": (3, b"EXFAT   "),
    "exfs": (0, b"EXFS"),
    "ext3": (1080, b"\x53\xef"),
    "ext4dev": (1080, b"\x53\xef"),
    "f2fs": (1024, b"\x10\x20\xf5\xf2"),
    "gfs": (64 * 1024, b"\x01\x16\x19\x70"),
    "gfs2": (64 * 1024, b"\x01\x16\x19\x70\0\0\0\x01"),
    "hfs": (1024, b"BD"),
    "hfsplus": (1024, b"H+"),
    "hpfs": (8192, b"\x49\xe8\x95\xf9"),
    "hpt37x_raid_member": (4608, b"\xf0\x16\x78\x5a"),
    "hpt45x_raid_member": (-5632, b"\xf3\x16\x78\x5a"),
    "isw_raid_member": (-1024, b"Intel Raid ISM Cfg Sig. "),
    "jbd": (1080, b"\x53\xef"),
    "jfs": (32 * 1024, b"JFS1"),
    "jmicron_raid_member": (-512, b"JM"),
    "lsi_mega_raid_member": (-512, b"$XIDE$"),
    "minix": (1024 + 16, b"\x7f\x13"),
    "mpool": (0, b"mpoolDev"),
    "nilfs2": (1024 + 6, b"\x34\x34"),
    "nss": (4096, b"SPB5"),
    "ntfs": (3, b"NTFS    "),
    "nvidia_raid_member": (-1024, b"NVIDIA"),
    "ocfs": (8, b"OracleCFS"),
    "ocfs2": (1024, b"OCFSV2"),
    "oracleasm": (32, b"ORCLDISK"),
    "promise_fasttrack_raid_member": (-63 * 512, b"Promise Technology, Inc."),
    "reiser4": (64 * 1024, b"ReIsEr4"),
    "reiserfs": (64 * 1024 + 0x34, b"ReIsEr2Fs"),
    "romfs": (0, b"-rom1fs-"),
    "silicon_medley_raid_member": (-512 + 0x60, b"\x00\x00\x00\x2f"),
    "squashfs3": (0, b"sqsh"),
    "stratis": (512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh"),
    "swsuspend": (4086, b"S1SUSPEND"),
    "sysv": (512 + 504, b"\x20\x7e\x18\xfd"),
    "ubi": (0, b"UBI#"),
    "ubifs": (0, b"\x31\x18\x10\x06"),
    "udf": (32 * 1024 + 1, b"BEA01"),
    "ufs": (8192 + 1372, b"\x54\x19\x01\x00"),
    "vdo": (0, b"dmvdo001"),
    "vfat": (0, b"\xeb\x3c\x90mkfs.fat\0\2\1"),
    "via_raid_member": (-512, b"\x55\xaa"),
    "vxfs": (1024, b"\xf5\xfc\x01\xa5"),
    "xenix": (1016 + 512, b"\xb4\x01\x00\x2b"),
    "xfs_external_log": (0, b"\xfe\xed\xba\xbe"),
    "zonefs": (0, b"SFOZ"),
}
BY_ANOTHER_NAME = {  # what blkid calls those above that are made whole
    "ceph_bluestore", "crypto_LUKS", "ext2", "ext4", "iso9660", "linux_raid_member", "LVM2_member", "squashfs", "swap",
    "xfs", "zfs_member",
}  # fmt: skip


@needs_tools
class TestRealDisk:
    def test_every_kind_that_blkid_knows_is_tried(self) -> None:
        known = subprocess.run(
            [program("blkid") or "", "-k"], capture_output=True, text=True, check=True
        ).stdout.split()
        assert set(known) - MARKS.keys() - BY_ANOTHER_NAME == set()

    @pytest.mark.parametrize("kind", MARKS)
    def test_a_disk_with_any_mark_is_never_formatted(self, real: tuple[Context, WithRealTools], kind: str) -> None:
        run, machine = real
        at(*MARKS[kind])(machine.path(DEVICE))
        with pytest.raises(Failure, match="It is not touched"):
            disk(run)
        assert not any("mkfs" in command for command in machine.commands)

    def test_a_blank_disk_becomes_the_node_s_xfs(self, real: tuple[Context, WithRealTools]) -> None:
        run, machine = real
        assert "was blank and was formatted" in disk(run).message
        found = look(machine, DEVICE)
        assert (found.signatures, found.label, found.unfinished) == (("xfs",), OWN, False)
        assert f"UUID={found.uuid} /mnt/data xfs" in machine.path("/etc/fstab").read_text()
        assert disk(run).result is Result.DONE

    @pytest.mark.parametrize("kind", SIGNATURES)
    def test_whatever_is_on_a_disk_stays_there(self, real: tuple[Context, WithRealTools], kind: str) -> None:
        run, machine = real
        make, problem = SIGNATURES[kind]
        make(machine.path(DEVICE))
        before = [machine.bytes_at(DEVICE, offset, EDGE) for offset in (0, 2 * GIB - EDGE)]
        with pytest.raises(Failure, match=problem):
            disk(run)
        assert [machine.bytes_at(DEVICE, offset, EDGE) for offset in (0, 2 * GIB - EDGE)] == before
        assert not any("mkfs" in command for command in machine.commands)

    def test_a_disk_that_cannot_be_read_is_not_taken_for_blank(self, real: tuple[Context, WithRealTools]) -> None:
        """blkid answers for it what it answers for a blank one."""
        run, machine = real
        machine.path(DEVICE).rename(machine.path("/dev/gone"))
        machine._lsblk = lambda *_: SimulatedMachine._lsblk(machine, str(machine.path("/dev/gone")))
        assert machine._blkid("--probe", str(machine.path(DEVICE))).code == 2
        with pytest.raises(Failure, match="wipefs"):
            disk(run)

    def test_mkfs_itself_refuses_a_disk_that_somebody_filled_meanwhile(
        self, real: tuple[Context, WithRealTools], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run, machine = real
        formats = machine._mkfs_xfs

        def late(*arguments: str) -> Any:
            made_by("mkswap")(machine.path(DEVICE))
            return formats(*arguments)

        monkeypatch.setattr(machine, "_mkfs_xfs", late)
        with pytest.raises(Failure, match=r"existing filesystem|force"):
            disk(run)

    def test_a_real_format_that_was_cut_short_is_begun_again(self, real: tuple[Context, WithRealTools]) -> None:
        """mkfs.xfs writes the superblock first and takes its mark of progress away last."""
        run, machine = real
        made_by("mkfs.xfs", "-q", "-L", OWN)(machine.path(DEVICE))
        at(IN_PROGRESS, b"\1")(machine.path(DEVICE))
        with pytest.raises(Failure, match="not formatted to the end, and not by this machine"):
            disk(run)
        machine.write(FORMATTING, VOLUME.encode())
        assert "was cut short was wiped; " in disk(run).message
        assert not look(machine, DEVICE).unfinished
        assert machine.read(FORMATTING) is None
