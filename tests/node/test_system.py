"""Files that are whole or untouched, programs that end, and one run at a time."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ybfort.node.system import Busy, Failure, System


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def script(system: System, name: str, body: str) -> None:
    path = system.path(f"/usr/bin/{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_a_file_is_written_once(system: System) -> None:
    assert system.write("/file", b"one", 0o640)
    inode = system.path("/file").stat().st_ino
    assert not system.write("/file", b"one", 0o640)
    assert system.path("/file").stat().st_ino == inode
    assert system.write("/file", b"one", 0o600)
    assert system.write("/file", b"two", 0o600)
    assert (system.read("/file"), system.path("/file").stat().st_mode & 0o777) == ("two", 0o600)


def test_a_file_has_its_mode_whatever_the_umask(system: System) -> None:
    before = os.umask(0o077)
    try:
        system.write("/file", b"", 0o644)
    finally:
        os.umask(before)
    assert system.path("/file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("cut", ["fsync", "replace"])
def test_a_write_that_is_cut_short_leaves_the_old_file(
    system: System, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    class Gone(BaseException): ...

    def gone(*_: object) -> None:
        raise Gone

    system.write("/file", b"old")
    with monkeypatch.context() as patched:
        patched.setattr(*((os, "fsync", gone) if cut == "fsync" else (Path, "replace", gone)))
        with pytest.raises(Gone):
            system.write("/file", b"new")
    assert system.read("/file") == "old"
    assert system.write("/file", b"new")
    assert [path.name for path in system.root.iterdir()] == ["file"]


def test_a_link_in_the_place_of_a_draft_is_not_followed(system: System) -> None:
    system.write("/precious", b"precious")
    system.path("/.file.draft").symlink_to(system.path("/precious"))
    system.write("/file", b"new")
    assert system.read("/precious") == "precious"
    assert not system.path("/file").is_symlink()


def test_a_program_gets_its_arguments_as_they_are(system: System) -> None:
    script(system, "show", 'printf "%s|" "$@"')
    assert system.must("show", "a b", "$(id)", "; rm -rf /", "*") == "a b|$(id)|; rm -rf /|*|"


def test_a_program_that_does_not_end_is_killed_with_its_children(system: System) -> None:
    script(system, "hang", "sleep 30 & echo $! >&2; wait")
    started = time.monotonic()
    with pytest.raises(Failure, match=r"hang was not done after 0\.3 seconds and was killed"):
        system.run("hang", seconds=0.3)
    assert time.monotonic() - started < 5


def test_a_failure_tells_the_last_thing_that_the_program_said(system: System) -> None:
    script(system, "fail", "echo first >&2; echo 'no such volume' >&2; echo >&2; exit 3")
    with pytest.raises(Failure, match=r"^fail --now: no such volume$"):
        system.must("fail", "--now")


def test_programs_are_those_of_the_root_and_of_no_path(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal in a folder cannot reach the programs of the machine that it runs on."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(Failure, match="ls is not on this machine"):
        system.run("ls")


def test_two_runs_at_once_are_one_run(system: System) -> None:
    with system.lock("/run/lock", wait=False), pytest.raises(Busy), System(system.root).lock("/run/lock", wait=False):
        pass
    with system.lock("/run/lock", wait=False):
        pass


def test_a_killed_process_leaves_no_lock(system: System) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from ybfort.node.system import System\n"
        "with System(Path(sys.argv[1])).lock('/run/lock', wait=False): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, str(system.root)], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy), system.lock("/run/lock", wait=False):
            pass
        holder.kill()
        holder.wait(10)
        with system.lock("/run/lock", wait=False):
            pass
