"""The set-up of machine programs: which are taken, how missing ones are fetched, and what is said when they cannot be.

Nothing is really downloaded: a made-up `apt-get` and `dpkg-deb` stand in, with packages of made-up programs.
"""

import dataclasses
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ybfort.sandbox.nodes import postgres as sandbox
from ybfort.sandbox.nodes import site

SOURCE = Path(__file__).resolve().parents[2] / "tools" / "programs.py"
BOUND_SECONDS = 30
PLACE = "usr/lib/postgresql/15/bin"

POSTGRES = """#!/bin/sh
case "$1" in
-V) echo 'postgres (PostgreSQL) 15.9 (Debian 15.9-1)' ;;
*) exec sleep 60 ;;
esac
"""
PSQL = """#!/bin/sh
echo "$LD_LIBRARY_PATH" >"$FAKES/libraries"
"""
MKFS_XFS = """#!/bin/sh
echo mkfs.xfs version 6.1.0
"""

# Every package of its lists can be had; libicu72 and libpq5, which needs a C library and a service, are not installed.
APT_GET = """#!/bin/sh
case "$*" in *--option=Dir::State=*) lists=own ;; *) lists=system ;; esac
while case "$1" in -*) true ;; *) false ;; esac; do shift; done
verb=$1
shift
echo "$verb $lists $*" >>"$FAKES/asked"
: trouble
case $verb in
download) for name; do echo "$name" >"${name}_1_amd64.deb"; done ;;
install)
  for name in libicu72 libpq5 libc6 debconf; do echo "Inst $name (1 Debian:12/stable [amd64])"; done
  echo "Conf libpq5 (1 Debian:12/stable [amd64])"
  ;;
esac
"""
DPKG_DEB = """#!/bin/sh
read -r name <"$2" || exit 2
: trouble
case "$1-$name" in
--field-postgresql-15) echo 'tzdata, libc6 (>= 2.34), libicu72 (>= 72.1) | libicu71, libllvm14, libpq5, locales' ;;
--field-*) ;;
*-postgresql-15)
  mkdir -p "$3$PLACE" "$3/usr/lib/postgresql/15/lib"
  cp "$FAKES/postgres" "$FAKES/initdb" "$3$PLACE"
  : >"$3/usr/lib/postgresql/15/lib/llvmjit.so"
  ;;
*-postgresql-client-15) cp "$FAKES/psql" "$3$PLACE" ;;
*-xfsprogs) mkdir -p "$3$SBIN" && cp "$FAKES/mkfs.xfs" "$3$SBIN" ;;
*-lib*) mkdir -p "$3/usr/lib/x86_64-linux-gnu" && : >"$3/usr/lib/x86_64-linux-gnu/$name.so.1" ;;
esac
"""
NOT_LISTED = "E: Unable to locate package postgresql-15"
REPLACED = "E: Failed to fetch http://archive.example/pool/postgresql-15.deb  404  Not Found [IP: 192.0.2.1 80]"
SILENT = "E: Failed to fetch http://archive.example/dists/InRelease  Temporary failure resolving 'archive.example'"

# A run of its own, on the machine of the fixture: a user who is not root, and no programs but those in its folder.
RUN = f"""
import dataclasses, os, sys
sys.path.insert(0, {str(SOURCE.parent)!r})
import programs
os.geteuid = lambda: 1000
programs.WANTED = [dataclasses.replace(one, places=(sys.argv[1] + one.places[0],)) for one in programs.WANTED]
sys.exit(programs.main([]))
"""


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """Write a program that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def install_postgres(folder: Path, version: str = "15.9") -> Path:
    """A made-up installation of PostgreSQL; return its folder."""
    executable(folder / "postgres", POSTGRES.replace("15.9", version))
    executable(folder / "initdb")
    executable(folder / "psql")
    return folder


def install_xfs(folder: Path) -> Path:
    """A made-up installation of xfsprogs; return its folder."""
    return executable(folder / "mkfs.xfs", MKFS_XFS).parent


@dataclasses.dataclass
class Machine:
    """A machine with apt, and with nothing that is wanted."""

    root: Path
    programs: ModuleType
    captured: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Set it up; return exit status, standard output without its line end, and standard error."""
        status = self.programs.main(arguments)
        output = self.captured.readouterr()
        return status, output.out.removesuffix("\n"), output.err

    def start(self) -> subprocess.Popen[str]:
        """Set it up in a process of its own, which leads a group."""
        command = [sys.executable, "-c", RUN, str(self.root)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)

    def trouble(self, name: str, script: str) -> None:
        """Let a program do something else first."""
        original = {"apt-get": APT_GET, "dpkg-deb": DPKG_DEB}[name]
        executable(self.root / "bin" / name, original.replace(": trouble", script))

    @property
    def asked(self) -> list[str]:
        """What apt was asked: verb, whose lists, packages."""
        record = self.root / "fakes" / "asked"
        return record.read_text().splitlines() if record.exists() else []

    @property
    def kept(self) -> set[str]:
        """What is in the cache, apart from what serves to fill it."""
        return {path.name for path in (self.root / "cache" / "programs").iterdir()} - {".lock", "apt", "apt.conf"}

    def slot(self, package: str) -> Path:
        """Where programs are kept."""
        wanted = next(one for one in self.programs.WANTED if package in one.packages)
        return self.root / "cache" / "programs" / self.programs.slot(wanted)

    @property
    def both(self) -> str:
        """What is printed when both were fetched."""
        return f"{self.slot('postgresql-15')}/bin:{self.slot('xfsprogs')}/bin"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up as it is."""
    monkeypatch.syspath_prepend(SOURCE.parent)
    return importlib.import_module("programs")


@pytest.fixture
def machine(
    programs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """A machine with an empty cache, an apt that has everything, and an ordinary user."""
    wanted = [dataclasses.replace(one, places=(f"{tmp_path}{one.places[0]}",)) for one in programs.WANTED]
    monkeypatch.setattr(programs, "WANTED", wanted)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    made = {"postgres": POSTGRES, "initdb": "#!/bin/sh\n", "psql": PSQL, "mkfs.xfs": MKFS_XFS}
    for name, text in made.items():
        executable(tmp_path / "fakes" / name, text)
    (tmp_path / "system").mkdir()
    for name in ("cp", "mkdir", "sleep", "timeout"):
        (tmp_path / "system" / name).symlink_to(shutil.which(name) or name)
    executable(tmp_path / "bin" / "apt-get", APT_GET)
    executable(tmp_path / "bin" / "dpkg-deb", DPKG_DEB)
    for name in ("HOME", "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "YBFORT_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAKES", str(tmp_path / "fakes"))
    monkeypatch.setenv("PLACE", f"{tmp_path}/{PLACE}")
    monkeypatch.setenv("SBIN", f"{tmp_path}/usr/sbin")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{tmp_path}/system")
    monkeypatch.setenv("YBFORT_CACHE", str(tmp_path / "cache"))
    return Machine(tmp_path, programs, capsys)


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait for a condition, not for ever."""
    end = time.monotonic() + BOUND_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


class TestInstalledPrograms:
    def test_on_path_need_no_other_path(self, machine, monkeypatch, tmp_path):
        install_xfs(install_postgres(tmp_path / "own"))
        monkeypatch.setenv("PATH", f"{tmp_path}/own:{tmp_path}/bin:{tmp_path}/system")
        assert machine.run() == (0, "", "")
        assert machine.asked == []

    def test_where_systems_put_them_are_named(self, machine, tmp_path):
        folders = install_postgres(tmp_path / PLACE), install_xfs(tmp_path / "usr/sbin")
        assert machine.run() == (0, ":".join(map(str, folders)), "")
        assert machine.asked == []

    def test_of_another_version_are_passed_over_for_later_ones(self, machine, monkeypatch, tmp_path):
        install_xfs(install_postgres(tmp_path / "older", "14.9"))
        later = install_postgres(tmp_path / "later")
        monkeypatch.setenv("PATH", f"{tmp_path}/older:{later}:{tmp_path}/system")
        assert machine.run() == (0, str(later), "")

    @pytest.mark.parametrize(
        ("name", "script", "reason"),
        [
            ("postgres", POSTGRES.replace("15.9", "14.9"), "has a postgres that says 'postgres (PostgreSQL) 14.9"),
            ("postgres", "#!/bin/sh\nexit 127\n", "has a postgres that says ''"),
            ("postgres", "#!/nowhere\n", "has a postgres that does not run"),
            ("psql", None, "has no psql"),
        ],
    )
    def test_that_do_not_fit_are_not_taken(self, machine, tmp_path, name, script, reason):
        folder = install_postgres(tmp_path / PLACE)
        if script:
            executable(folder / name, script)
        else:
            (folder / name).unlink()
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, machine.both)
        assert f"{folder} {reason}" in complaint
        assert ": not used" in complaint

    def test_named_by_the_variable_are_taken_before_others(self, machine, monkeypatch, tmp_path):
        install_xfs(install_postgres(tmp_path / "own"))
        named = install_postgres(tmp_path / "named")
        monkeypatch.setenv("PATH", f"{tmp_path}/own:{tmp_path}/system")
        monkeypatch.setenv("YBFORT_POSTGRES", str(named))
        assert machine.run() == (0, str(named), "")

    def test_that_the_variable_names_in_vain_are_not_fetched(self, machine, monkeypatch, tmp_path):
        monkeypatch.setenv("YBFORT_POSTGRES", str(install_postgres(tmp_path / "older", "14.9")))
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, f"{machine.slot('xfsprogs')}/bin")
        assert "no PostgreSQL 15 here (YBFORT_POSTGRES names a folder without it)" in complaint

    def test_are_looked_for_where_the_sandbox_looks_for_them(self, programs):
        wanted = programs.WANTED[0]
        assert (wanted.places, wanted.variable) == (sandbox.PLACES, sandbox.VARIABLE)
        assert wanted.says == f" {sandbox.VERSION}"

    def test_are_tried_by_whoever_runs_them_in_the_sandbox(self, machine, monkeypatch):
        assert machine.programs.database_user() is None
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        _, uid, gid = site.database_user()
        assert machine.programs.database_user() == {"user": uid, "group": gid, "extra_groups": []}


class TestPresent:
    def test_programs_are_named_and_missing_ones_neither_fetched_nor_mentioned(self, machine, tmp_path):
        folder = install_xfs(tmp_path / "usr/sbin")
        assert machine.run("--present") == (0, str(folder), "")
        assert machine.asked == []

    def test_programs_may_be_in_the_cache(self, machine):
        machine.run()
        assert machine.run("--present") == (0, machine.both, "")

    def test_programs_need_no_cache(self, machine, monkeypatch):
        monkeypatch.delenv("YBFORT_CACHE")
        assert machine.run("--present") == (0, "", "")


class TestFetchedPrograms:
    def test_are_named_in_the_order_of_path(self, machine):
        status, folders, progress = machine.run()
        assert (status, folders) == (0, machine.both)
        assert "no PostgreSQL 15 here yet" in progress
        assert "nothing is installed" in progress
        assert f"mkfs.xfs is ready in {machine.slot('xfsprogs')}" in progress

    def test_come_with_the_libraries_that_the_machine_lacks_and_no_others(self, machine):
        machine.run()
        libraries = machine.slot("postgresql-15") / "libraries"
        assert {path.name for path in libraries.iterdir()} == {"libicu72.so.1", "libpq5.so.1"}
        assert machine.asked[:3] == [
            "download system postgresql-15 postgresql-client-15",
            "install system --simulate --no-upgrade libicu72 libpq5",
            "download system libicu72 libpq5",
        ]

    def test_do_without_llvm(self, machine):
        machine.run()
        library = machine.slot("postgresql-15") / "usr/lib/postgresql/15/lib"
        assert library.is_dir()
        assert not list(library.iterdir())

    def test_find_their_libraries_where_path_leads_nowhere(self, machine, monkeypatch, tmp_path):
        machine.run()
        psql = machine.slot("postgresql-15") / "bin" / "psql"
        for before, after in (("", ""), ("/other", ":/other")):
            environment = {"FAKES": str(tmp_path / "fakes"), "PATH": "/nowhere", "LD_LIBRARY_PATH": before}
            subprocess.run([psql], env=environment, check=True, timeout=BOUND_SECONDS)
            found = (tmp_path / "fakes" / "libraries").read_text().strip()
            assert found == f"{machine.slot('postgresql-15')}/libraries{after}"

    def test_are_kept_only_if_a_server_starts(self, machine, tmp_path):
        executable(tmp_path / "fakes" / "psql", "#!/bin/sh\nexit 2\n")
        executable(
            tmp_path / "fakes" / "postgres", POSTGRES.replace("exec sleep 60", "echo 'FATAL: no memory'; exit 1")
        )
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, f"{machine.slot('xfsprogs')}/bin")
        assert "no PostgreSQL 15 here (postgres says: FATAL: no memory): what nodes do in SQL" in complaint
        assert machine.kept == {machine.slot("xfsprogs").name}

    def test_are_kept_only_if_a_file_system_can_be_made(self, machine, tmp_path):
        script = MKFS_XFS + '[ "$1" = -V ] || { echo no disk; exit 1; }\n'
        executable(tmp_path / "fakes" / "mkfs.xfs", script)
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, f"{machine.slot('postgresql-15')}/bin")
        assert "no mkfs.xfs here (mkfs.xfs says: no disk): how nodes format their disk" in complaint
        assert machine.kept == {machine.slot("postgresql-15").name}

    def test_are_tried_without_the_callers_own_settings(self, machine, monkeypatch, tmp_path):
        monkeypatch.setenv("PGPORT", "1")
        executable(tmp_path / "fakes" / "initdb", '#!/bin/sh\n[ -z "$PGPORT" ]\n')
        assert machine.run()[:2] == (0, machine.both)

    def test_may_be_started_by_everybody(self, machine):
        machine.run()
        assert machine.slot("postgresql-15").stat().st_mode & 0o777 == 0o755

    def test_leave_no_server_behind(self, machine, tmp_path):
        executable(tmp_path / "fakes" / "postgres", POSTGRES.replace("exec", 'echo $$ >"$FAKES/pid"; exec'))
        executable(tmp_path / "fakes" / "psql", '#!/bin/sh\n[ -s "$FAKES/pid" ]\n')
        machine.run()
        process = int((tmp_path / "fakes" / "pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


class TestPackageLists:
    def test_of_the_system_are_used_as_they_are(self, machine):
        machine.run()
        assert all(line.split()[1] == "system" for line in machine.asked)
        assert not any(line.startswith("update") for line in machine.asked)

    @pytest.mark.parametrize("complaint", [NOT_LISTED, REPLACED], ids=["empty", "old"])
    def test_of_our_own_are_made_once_where_those_do_not_serve(self, machine, complaint):
        machine.trouble("apt-get", f'[ $verb$lists != downloadsystem ] || {{ echo "{complaint}"; exit 100; }}')
        status, folders, progress = machine.run()
        assert (status, folders) == (0, machine.both)
        assert machine.asked.count("update own ") == 1
        assert "asking apt for its package lists" in progress

    def test_that_miss_one_source_do_not_matter_if_the_packages_are_there(self, machine):
        script = f"""case $verb$lists in
          downloadsystem) echo "{NOT_LISTED}"; exit 100 ;;
          update*) echo "{SILENT}"; exit 100 ;;
        esac"""
        machine.trouble("apt-get", script)
        assert machine.run()[:2] == (0, machine.both)

    def test_without_the_package_say_so_and_what_else_was_wrong(self, machine):
        script = f"""case "$verb $*" in
          *" postgresql-15"*) echo "{NOT_LISTED}"; exit 100 ;;
          update*) echo "{SILENT}"; exit 100 ;;
        esac"""
        machine.trouble("apt-get", script)
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, f"{machine.slot('xfsprogs')}/bin")
        assert f"apt-get says: {NOT_LISTED}; apt-get says: {SILENT}" in complaint

    def test_and_caches_and_logs_and_hooks_of_the_system_are_left_alone(self, machine, tmp_path):
        script = APT_GET.replace("#!/bin/sh", '#!/bin/sh\necho "$@" >>"$FAKES/options"')
        executable(tmp_path / "bin" / "apt-get", script)
        machine.run()
        cache = tmp_path / "cache" / "programs"
        for line in (tmp_path / "fakes" / "options").read_text().splitlines():
            assert f"--option=Dir::Cache={cache}/apt/cache --option=Dir::Log={cache}/apt/log" in line
            assert "--option=Dir::Cache::pkgcache= --option=Dir::Cache::srcpkgcache= " in line
            assert f"--config-file={cache}/apt.conf" in line
        assert "#clear APT::Update::Post-Invoke;" in (cache / "apt.conf").read_text()


class TestCache:
    def test_is_used_again_without_apt(self, machine, monkeypatch, tmp_path):
        machine.run()
        monkeypatch.setenv("PATH", f"{tmp_path}/system")
        assert machine.run() == (0, machine.both, "")

    def test_whose_programs_do_not_run_any_more_is_filled_again(self, machine, tmp_path):
        machine.run()
        (machine.slot("postgresql-15") / str(tmp_path / PLACE).lstrip("/") / "postgres").unlink()
        assert machine.run()[:2] == (0, machine.both)
        assert machine.asked.count("download system postgresql-15 postgresql-client-15") == 2

    def test_belongs_to_one_version_of_the_system(self, machine, monkeypatch):
        machine.run()
        monkeypatch.setattr(
            machine.programs.platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_ID": "99"}
        )
        assert machine.run("--present") == (0, "", "")

    def test_lies_under_the_first_of_its_three_places(self, machine, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
        monkeypatch.setenv("HOME", "/home/somebody")
        assert machine.programs.cache() == tmp_path / "cache" / "programs"
        monkeypatch.delenv("YBFORT_CACHE")
        assert machine.programs.cache() == Path("/caches/ybfort/programs")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert machine.programs.cache() == Path("/home/somebody/.cache/ybfort/programs")

    @pytest.mark.parametrize("home", [None, ""])
    def test_without_any_place_says_what_to_set(self, machine, monkeypatch, home):
        monkeypatch.delenv("YBFORT_CACHE")
        if home is not None:
            monkeypatch.setenv("HOME", home)
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert "HOME is not set" in complaint
        assert "set YBFORT_CACHE to a folder" in complaint

    def test_that_cannot_be_written_says_what_to_set(self, machine, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("YBFORT_CACHE", f"{tmp_path}/file/cache")
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert f"cannot be kept in {tmp_path}/file/cache/programs" in complaint
        assert "set YBFORT_CACHE to a folder that you can write" in complaint

    def test_of_root_is_where_the_user_of_postgresql_may_enter(self, machine, monkeypatch, tmp_path):
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.delenv("YBFORT_CACHE")
        monkeypatch.setenv("HOME", str(tmp_path / "root"))
        (tmp_path / "root").mkdir(mode=0o700)
        assert machine.programs.cache() == Path("/var/cache/ybfort/programs")
        monkeypatch.setenv("HOME", "/nobody-made-this")
        assert machine.programs.cache() == Path("/nobody-made-this/.cache/ybfort/programs")

    def test_that_root_chose_where_nobody_else_may_enter_is_refused(self, machine, monkeypatch, tmp_path):
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        (tmp_path / "cache").mkdir(mode=0o700)
        status, folders, complaint = machine.run()
        assert (status, folders, machine.asked) == (0, "", [])
        assert f"only root may enter {tmp_path}/cache/programs" in complaint

    def test_is_cleared_of_what_a_killed_run_left(self, machine, tmp_path):
        left = executable(tmp_path / "cache" / "programs" / ".unfinished-killed" / "postgres").parent
        assert machine.run()[:2] == (0, machine.both)
        assert not left.exists()

    @pytest.mark.parametrize(
        ("name", "moment"),
        [("apt-get", "download*"), ("dpkg-deb", "--extract-postgresql-client-15"), ("dpkg-deb", "--extract-lib*")],
    )
    def test_has_nothing_whole_after_a_run_was_killed_half_way(self, machine, tmp_path, name, moment):
        what = '"$verb"' if name == "apt-get" else '"$1-$name"'
        machine.trouble(name, f'case {what} in {moment}) : >"$FAKES/begun"; exec sleep 60 ;; esac')
        with machine.start() as process:
            wait_for((tmp_path / "fakes" / "begun").exists)
            os.killpg(process.pid, signal.SIGKILL)
        assert all(name.startswith(".unfinished-") for name in machine.kept)
        machine.trouble(name, "")
        assert machine.run()[:2] == (0, machine.both)
        assert machine.kept == {machine.slot("postgresql-15").name, machine.slot("xfsprogs").name}

    def test_is_filled_once_by_two_runs_at_the_same_time(self, machine, tmp_path):
        machine.trouble(
            "apt-get", ': >"$FAKES/begun"; until [ -e "$FAKES/go" ] || [ $lists = own ]; do sleep 0.02; done'
        )
        with machine.start() as first:
            wait_for((tmp_path / "fakes" / "begun").exists)
            with machine.start() as second:
                assert second.stderr is not None
                assert second.stderr.readline() == "[set-up] another run is getting PostgreSQL 15: waiting for it\n"
                (tmp_path / "fakes" / "go").touch()
                said = [one.communicate(timeout=BOUND_SECONDS)[0] for one in (first, second)]
        assert said == [f"{machine.both}\n"] * 2
        assert machine.asked.count("download system postgresql-15 postgresql-client-15") == 1

    def test_keeps_nothing_of_an_interrupted_run(self, machine, monkeypatch):
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(machine.programs, "wrap", interrupted)
        assert machine.run()[:2] == (130, "")
        assert machine.kept == set()


class TestWhatCannotBeHad:
    def test_for_lack_of_apt_is_said_with_what_to_install(self, machine, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", f"{tmp_path}/system")
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert "no PostgreSQL 15 here (and no apt-get to fetch it with): what nodes do in SQL cannot be" in complaint
        for way in ("apt install postgresql-15", "dnf install postgresql15-server", "brew install postgresql@15"):
            assert way in complaint
        assert "apt install xfsprogs; dnf install xfsprogs" in complaint

    def test_for_lack_of_a_network_is_tried_once(self, machine):
        machine.trouble("apt-get", f'echo "{SILENT}"; echo "E: Some archives failed"; exit 100')
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert machine.asked == ["download system postgresql-15 postgresql-client-15"]
        assert f"no PostgreSQL 15 here (apt-get says: {SILENT})" in complaint
        assert f"no mkfs.xfs here (apt-get says: {SILENT})" in complaint
        assert machine.kept == set()

    def test_in_time_is_given_up(self, machine, monkeypatch):
        monkeypatch.setattr(machine.programs, "APT_SECONDS", 0.1)
        machine.trouble("apt-get", "exec sleep 60")
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert "no PostgreSQL 15 here (apt-get was not done after 0.1 s)" in complaint
        assert len(machine.asked) == 1

    def test_because_a_download_was_cut_leaves_nothing(self, machine):
        machine.trouble("apt-get", '[ $verb != download ] || { echo half >"${1}_1_amd64.deb"; echo cut; exit 100; }')
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert "no PostgreSQL 15 here (apt-get says: cut" in complaint
        assert machine.kept == set()

    @pytest.mark.parametrize("verb", ["--field", "--extract"])
    def test_because_a_package_is_broken_leaves_nothing(self, machine, verb):
        machine.trouble("dpkg-deb", f"[ $1 != {verb} ] || {{ echo 'not a Debian archive'; exit 2; }}")
        status, folders, complaint = machine.run()
        assert (status, folders) == (0, "")
        assert "no PostgreSQL 15 here (dpkg-deb says: not a Debian archive)" in complaint
        assert machine.kept == set()

    def test_because_a_package_lacks_it_leaves_nothing(self, machine):
        machine.trouble("dpkg-deb", "[ $1-$name != --extract-postgresql-client-15 ] || exit 0")
        complaint = machine.run()[2]
        assert "there is no psql in postgresql-15 and postgresql-client-15" in complaint
        assert machine.kept == {machine.slot("xfsprogs").name}
