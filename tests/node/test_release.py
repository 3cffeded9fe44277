"""The release: what is pinned, and nothing else; whole, or not at all."""

import json
from typing import Any

import pytest

from simulated_machine import HOME, SimulatedCloud, SimulatedMachine, context, declared, invented, release
from ybfort.node.cloud import Missing
from ybfort.node.config import checked
from ybfort.node.servers import unit_file
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.release import ARCHIVE, WHOLE
from ybfort.node.steps.release import release as step
from ybfort.node.system import Failure

OLD, NEW = "2025.2.8.0-b60", "2025.2.9.0-b12"
KEY = f"releases/yugabyte-{OLD}-linux-x86_64.tar.gz"


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Context:
    return asked_for(context(machine, cloud), declared())


def asked_for(run: Context, cluster: str) -> Context:
    run.accepted = checked(cluster, invented(), HOME)
    return run


def with_version(version: str) -> str:
    told = json.loads(declared())["release"]
    return declared(release={**told, "version": version, "key": f"releases/{version}"})


def home(machine: SimulatedMachine, version: str = OLD) -> Any:
    return machine.path(f"/opt/yugabyte/{version}")


def test_it_is_unpacked_where_it_stays_and_installed(run: Context, machine: SimulatedMachine) -> None:
    assert step(run) == Outcome(Result.CHANGED, f"{OLD} was installed.")
    assert (home(machine) / "bin/yb-master").stat().st_mode & 0o111
    assert f"/opt/yugabyte/{OLD}/bin/post_install.sh" in machine.commands
    assert machine.read(ARCHIVE) is None
    assert step(run) == Outcome(Result.DONE, f"{OLD} is here.")


@pytest.mark.parametrize("content", [b"", release(OLD)[:-1], release(OLD) + b"\0", b"something else"])
def test_an_archive_with_another_hash_is_never_unpacked(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, content: bytes
) -> None:
    cloud.objects[HOME.bucket, KEY] = content
    with pytest.raises(Failure, match=r"and pinned is .* It is not used"):
        step(run)
    assert not home(machine).exists()
    assert machine.read(ARCHIVE) is None


def test_an_archive_that_nobody_brought_is_asked_for_by_its_name(run: Context, cloud: SimulatedCloud) -> None:
    del cloud.objects[HOME.bucket, KEY]
    with pytest.raises(Missing, match=f"{KEY} is not there"):
        step(run)


def test_what_a_killed_run_left_is_not_taken_for_whole(run: Context, machine: SimulatedMachine) -> None:
    step(run)
    (home(machine) / WHOLE).unlink()
    (home(machine) / "bin/yb-master").unlink()
    (home(machine) / "bin/left-over").write_text("")
    assert step(run).result is Result.CHANGED
    assert (home(machine) / "bin/yb-master").exists()
    assert not (home(machine) / "bin/left-over").exists()


def test_an_archive_that_was_left_behind_goes(run: Context, machine: SimulatedMachine) -> None:
    step(run)
    machine.write(ARCHIVE, b"500 MB")
    step(run)
    assert machine.read(ARCHIVE) is None


def test_a_release_does_not_change_under_a_running_database(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud
) -> None:
    step(run)
    machine.write(unit_file("yb-tserver"), f"ExecStart=/opt/yugabyte/{OLD}/bin/yb-tserver --flagfile=x\n".encode())
    told = json.loads(declared())
    told["release"]["sha256"] = "e" * 64
    with pytest.raises(Failure, match=f"{OLD} runs here from another archive"):
        step(asked_for(run, json.dumps(told)))
    assert (home(machine) / "bin/yb-master").exists()


def test_releases_that_nobody_needs_any_more_go(run: Context, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
    step(run)
    cloud.objects[HOME.bucket, f"releases/{NEW}"] = release(NEW)
    machine.write(unit_file("yb-tserver"), f"ExecStart=/opt/yugabyte/{OLD}/bin/yb-tserver --flagfile=x\n".encode())
    step(asked_for(run, with_version(NEW)))
    assert {path.name for path in home(machine).parent.iterdir()} == {OLD, NEW}  # the server still runs the old one
    machine.remove(unit_file("yb-tserver"))
    assert step(run) == Outcome(Result.CHANGED, f"{OLD} was removed.")


def test_a_full_disk_is_told_as_one(
    run: Context, machine: SimulatedMachine, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "/var/lib/ybfort/release.tar.gz")

    monkeypatch.setattr(cloud, "get_object", full)
    with pytest.raises(OSError, match="No space left"):
        step(run)
    assert not home(machine).exists()
