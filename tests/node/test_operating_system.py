"""The operating system as the database wants it."""

import os
from pathlib import Path

import pytest

from simulated_machine import SimulatedCloud, SimulatedMachine, context, program
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.cloud_gcp import GcpCloud
from ybfort.node.step import Outcome, Result
from ybfort.node.steps.operating_system import FILES, operating_system
from ybfort.node.system import Failure, System


def settle(machine: SimulatedMachine, cloud: SimulatedCloud) -> Outcome:
    return operating_system(context(machine, cloud))


def test_a_stock_machine_is_set_up_and_then_left_alone(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    assert settle(machine, cloud).result is Result.CHANGED
    assert settle(machine, cloud) == Outcome(Result.DONE, "User, kernel, swap, clock and directories are right.")


def test_memory_is_set_as_yugabytedb_wants_it(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    settle(machine, cloud)
    pages = "/sys/kernel/mm/transparent_hugepage"
    assert machine.read(f"{pages}/enabled") == "[always] madvise never\n"
    assert machine.read(f"{pages}/defrag") == "always defer [defer+madvise] madvise never\n"
    assert machine.read(f"{pages}/khugepaged/max_ptes_none") == "0\n"
    assert machine.read("/proc/sys/vm/swappiness") == "0\n"
    assert machine.read("/proc/sys/vm/max_map_count") == "262144\n"
    assert "zram" not in (machine.read("/proc/swaps") or "")


@pytest.mark.parametrize(
    "drift",
    [
        ("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n"),
        ("/proc/sys/vm/swappiness", "60\n"),
        ("/proc/swaps", "Filename Type\n/swap file\n"),
        ("/etc/sysctl.d/60-ybfort.conf", "vm.swappiness = 10\n"),
    ],
)
def test_what_somebody_changed_is_put_right_again(
    machine: SimulatedMachine, cloud: SimulatedCloud, drift: tuple[str, str]
) -> None:
    settle(machine, cloud)
    path, text = drift
    machine.path(path).write_text(text)
    assert settle(machine, cloud).result is Result.CHANGED
    assert machine.read(path) != text
    assert settle(machine, cloud).result is Result.DONE


def test_a_setting_that_the_kernel_does_not_take_stops_the_node(
    machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_sysctl", lambda *_: None)
    with pytest.raises(Failure, match="vm/swappiness is 60 and cannot be set to 0"):
        settle(machine, cloud)


def test_directories_belong_to_the_database_s_own_user_and_to_nobody_else(
    machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    settle(machine, cloud)
    found = {
        path: (oct(machine.path(path).stat().st_mode & 0o777), *machine.owner(machine.path(path)))
        for path in ("/mnt/data", "/var/log/yugabyte", "/etc/yugabyte", "/opt/yugabyte")
    }
    mine = (os.geteuid(), os.getegid())
    assert found == {
        "/mnt/data": ("0o750", 420, 420),
        "/var/log/yugabyte": ("0o750", 420, 420),
        "/etc/yugabyte": ("0o755", *mine),
        "/opt/yugabyte": ("0o755", *mine),
    }


def test_an_image_that_gives_the_user_s_number_to_somebody_else_is_refused(
    machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    """The files on a data volume belong to a number, and the volume outlives the machine."""
    with machine.path("/etc/passwd").open("a") as users:
        users.write("other:x:420:420::/:/bin/sh\n")
    with pytest.raises(Failure, match="yugabyte cannot have the number 420"):
        settle(machine, cloud)


def test_data_of_another_user_stops_the_node(machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    """Nothing is given away: who made it may still be needed to know."""
    machine.path("/mnt/data/yb-data").mkdir(parents=True)
    machine.owners[str(machine.path("/mnt/data/yb-data"))] = (999, 999)
    with pytest.raises(Failure, match="What is on /mnt/data belongs to user 999, and yugabyte is 420"):
        settle(machine, cloud)


class TestClock:
    def test_the_cloud_s_time_server_is_asked(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        machine.state.time_sources = ["203.0.113.7"]
        assert "169.254.169.123 was added to chrony's sources" in settle(machine, cloud).message
        assert "169.254.169.123" in machine.state.time_sources

    def test_nothing_goes_on_before_the_clock_is_right(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        machine.state.in_sync = False
        with pytest.raises(Failure, match=r"The clock is not within 0\.1 seconds of 169\.254\.169\.123"):
            settle(machine, cloud)

    def test_chrony_runs_and_starts_with_the_machine(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        settle(machine, cloud)
        assert "chronyd.service" in set(machine.state.enabled) & set(machine.state.active)

    def test_chrony_goes_by_another_name_on_ubuntu(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        """There `chronyd.service` is an alias, of which systemd says: Refusing to operate on alias name."""
        unit = machine.path("/usr/lib/systemd/system/chrony.service")
        unit.parent.mkdir(parents=True)
        unit.write_text("[Install]\nAlias=chronyd.service\n")
        settle(machine, cloud)
        assert "chrony.service" in set(machine.state.enabled) & set(machine.state.active)
        assert "chronyd.service" not in machine.state.enabled
        assert settle(machine, cloud).result is Result.DONE

    @pytest.mark.parametrize("server", [AwsCloud.time_server, GcpCloud.time_server])
    def test_the_time_server_is_each_cloud_s_own(
        self, machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch, server: str
    ) -> None:
        monkeypatch.setattr(cloud, "time_server", server)
        settle(machine, cloud)
        assert server in machine.state.time_sources


@pytest.mark.skipif(not program("systemd-sysusers"), reason="cannot run here: no systemd-sysusers on this machine")
def test_systemd_makes_a_user_without_a_shell_of_this_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc/sysusers.d"
    folder.mkdir(parents=True)
    (folder / "ybfort.conf").write_text(FILES["/etc/sysusers.d/ybfort.conf"])
    made = System().run("systemd-sysusers", f"--root={tmp_path}", "ybfort.conf")
    if made.code and "Permission denied" in made.err:
        pytest.skip("cannot run here: systemd-sysusers wants to be root")
    assert made.code == 0, made.err
    assert (tmp_path / "etc/passwd").read_text() == "yugabyte:x:420:420:YugabyteDB:/:/usr/sbin/nologin\n"
    assert (tmp_path / "etc/group").read_text() == "yugabyte:x:420:\n"


@pytest.mark.skipif(not program("systemd-tmpfiles"), reason="cannot run here: no systemd-tmpfiles on this machine")
def test_systemd_writes_the_kernel_s_files_as_this_file_says(tmp_path: Path) -> None:
    lines = FILES["/etc/tmpfiles.d/ybfort.conf"]
    pages = tmp_path / "sys/kernel/mm/transparent_hugepage/khugepaged"
    pages.mkdir(parents=True)
    for name in ("../enabled", "../defrag", "max_ptes_none"):
        (pages / name).write_text("")
    (tmp_path / "ybfort.conf").write_text(lines.replace("w /sys", f"w {tmp_path}/sys"))
    System().must("systemd-tmpfiles", "--create", str(tmp_path / "ybfort.conf"))
    assert [(pages / name).read_text().strip() for name in ("../enabled", "../defrag", "max_ptes_none")] == [
        "always",
        "defer+madvise",
        "0",
    ]
