"""The files that the servers are started with, and how a running server says which they were."""

import re
import subprocess
from pathlib import Path

import pytest

from simulated_machine import HOME, SimulatedMachine, declared, invented, program
from ybfort.node.config import MASTER, TSERVER, Config, checked
from ybfort.node.servers import BEGUN, BLANK, MEMBER, SYS_CATALOG, Server, data_of, release_of, wanted
from ybfort.node.systemd import Unit, show

CONFIG = checked(declared(), invented(), HOME)
EXPOSURE = 18  # tenths of systemd's 10; what is left is the network, which is their work
needs_systemd = pytest.mark.skipif(
    not program("systemd-analyze"), reason="cannot run here: no systemd-analyze on this machine"
)


def server(name: str, config: Config = CONFIG, *, ycql_open: bool = True, first_trusted: str = "a" * 64) -> Server:
    return wanted(config, name, ycql_open=ycql_open, first_trusted=first_trusted)


def running(server: Server, *more: str) -> Unit:
    return Unit(active=True, enabled=True, command=(*server.command, *more))


class TestFlags:
    def test_every_declared_flag_is_a_line(self) -> None:
        lines = server(TSERVER).flags.splitlines()
        flags = {**CONFIG.cluster["flags"][TSERVER], **CONFIG.node["flags"][TSERVER]}
        assert lines[1:] == [f"--{flag}={value}" for flag, value in sorted(flags.items())]

    def test_a_file_is_named_after_all_that_a_restart_is_needed_for(self) -> None:
        told = {**CONFIG.cluster, "release": {**CONFIG.cluster["release"], "version": "2025.2.9.0-b1"}}
        changed = Config(CONFIG.sha256, told, CONFIG.ids, CONFIG.node)
        files = {
            server(MASTER).flags_file,
            server(TSERVER).flags_file,
            server(TSERVER, changed).flags_file,
            server(TSERVER, first_trusted="b" * 64).flags_file,
        }
        assert len(files) == 4
        assert all(re.fullmatch(r"/etc/yugabyte/yb-(master|tserver)-[0-9a-f]{12}\.flags", file) for file in files)
        assert server(TSERVER).flags_file in files

    def test_ycql_listens_on_the_node_alone_until_its_superuser_is_closed(self) -> None:
        own = {**CONFIG.node["flags"][TSERVER], "cql_proxy_bind_address": "10.40.1.1:9042"}
        node = {**CONFIG.node, "flags": {**CONFIG.node["flags"], TSERVER: own}}
        config = Config(CONFIG.sha256, CONFIG.cluster, CONFIG.ids, node)
        assert "--cql_proxy_bind_address=127.0.0.1:9042\n" in server(TSERVER, config, ycql_open=False).flags
        assert "--cql_proxy_bind_address=10.40.1.1:9042\n" in server(TSERVER, config).flags


class TestRunning:
    def test_a_server_says_by_its_command_line_what_it_was_started_with(self) -> None:
        old, new = server(TSERVER, first_trusted="b" * 64), server(TSERVER)
        assert new.runs(running(new))
        assert not new.runs(running(old))
        assert not new.runs(Unit(active=False, enabled=True, command=()))
        assert not new.runs(Unit(active=True, enabled=True, command=()))  # between two starts

    def test_a_master_that_was_started_to_make_the_cluster_runs_as_it_should(self) -> None:
        master = server(MASTER)
        assert master.runs(running(master, "--master_join_existing_universe=false"))

    def test_the_kernel_says_what_the_command_line_is(self, machine: SimulatedMachine) -> None:
        one = server(TSERVER)
        machine.state.active = ["yb-tserver.service"]
        machine.running = lambda _: 77  # type: ignore[method-assign]
        machine.command_of(77, list(one.command))
        assert one.runs(show(machine, TSERVER)[TSERVER])


class TestInstall:
    def test_old_flags_go_when_the_new_ones_are_in_place(self, machine: SimulatedMachine) -> None:
        machine.path("/etc/yugabyte").mkdir()
        old, new = server(TSERVER, first_trusted="b" * 64), server(TSERVER)
        for one in (old, server(MASTER), new):
            one.install(machine)
        assert {f"/etc/yugabyte/{path.name}" for path in machine.path("/etc/yugabyte").iterdir()} == {
            new.flags_file,
            server(MASTER).flags_file,
        }
        assert machine.state.loaded["yb-tserver.service"] == new.unit
        assert release_of(machine, TSERVER) == "2025.2.8.0-b60"
        assert release_of(machine, "yb-other") is None


class TestData:
    def test_what_is_on_a_disk_is_told_by_what_the_servers_write_last(self, machine: SimulatedMachine) -> None:
        home = machine.path("/mnt/data/yb-data")
        assert (data_of(machine, CONFIG, MASTER), data_of(machine, CONFIG, TSERVER)) == (BLANK, BLANK)
        for name in ("master", "tserver"):
            (home / name).mkdir(parents=True)
            (home / name / "instance").write_text("")
        assert (data_of(machine, CONFIG, MASTER), data_of(machine, CONFIG, TSERVER)) == (BEGUN, MEMBER)
        (home / "master" / SYS_CATALOG).parent.mkdir()
        (home / "master" / SYS_CATALOG).write_text("")
        assert data_of(machine, CONFIG, MASTER) == MEMBER


class TestUnit:
    @pytest.fixture
    def file(self, tmp_path: Path, request: pytest.FixtureRequest) -> str:
        one = server(request.node.callspec.params["name"])
        (tmp_path / f"{one.name}.service").write_text(one.unit.replace(one.command[0], "/bin/true"))
        return str(tmp_path / f"{one.name}.service")

    @needs_systemd
    @pytest.mark.parametrize("name", [MASTER, TSERVER])
    def test_systemd_understands_every_line(self, file: str, name: str) -> None:
        said = analyze("verify", "--man=no", file)
        # chrony is on the nodes, and need not be where tests run.
        lines = [line for line in said.stderr.splitlines() if "chronyc is not executable" not in line]
        assert lines == []

    @needs_systemd
    @pytest.mark.parametrize("name", [MASTER, TSERVER])
    def test_it_is_closed_as_far_as_its_work_allows(self, file: str, name: str) -> None:
        judged = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", file)
        if "offline" in judged.stderr:
            pytest.skip("cannot run here: this systemd-analyze judges no files")
        assert judged.returncode == 0, judged.stdout

    @pytest.mark.parametrize("name", [MASTER, TSERVER])
    def test_it_starts_with_the_right_time_and_its_own_disk_or_not_at_all(self, name: str) -> None:
        lines = server(name).unit.splitlines()
        for line in (
            "RequiresMountsFor=/mnt/data",
            "AssertPathIsMountPoint=/mnt/data",
            "ExecStartPre=/usr/bin/chronyc waitsync 60 0.1 0 1",
            "User=yugabyte",
            "Restart=always",
        ):
            assert line in lines
        (after,) = [line for line in lines if line.startswith("After=")]
        assert {"time-sync.target", "chronyd.service", "chrony.service"} <= set(after.partition("=")[2].split())

    def test_the_local_socket_is_where_other_programs_see_it(self) -> None:
        """In /tmp it would be in the server's own private one."""
        assert "RuntimeDirectory=yugabyte\n" in server(TSERVER).unit
        assert "--tmp_dir=/run/yugabyte\n" in server(TSERVER).flags

    def test_only_a_master_can_be_told_to_make_a_cluster(self) -> None:
        assert "EnvironmentFile=-/run/ybfort/creating\n" in server(MASTER).unit
        assert "$MORE" not in server(TSERVER).unit

    @pytest.mark.parametrize("name", [MASTER, TSERVER])
    def test_a_server_has_the_time_to_end_in_order(self, name: str) -> None:
        """PostgreSQL alone may take a minute."""
        assert "TimeoutStopSec=2min\n" in server(name).unit
        assert "KillMode=mixed\n" in server(name).unit


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [program("systemd-analyze") or "", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
