"""The units as systemd itself sees them."""

import subprocess
from pathlib import Path

import pytest

from simulated_machine import program
from ybfort.node.units import NAMES, SERVICE, TIMER

systemd_analyze = program("systemd-analyze")
needs_systemd = pytest.mark.skipif(not systemd_analyze, reason="cannot run here: no systemd-analyze on this machine")
EXPOSURE = 43  # tenths; a service that formats disks, makes users and sets the kernel up cannot come near 0


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    for name, text in zip(NAMES, (SERVICE, TIMER), strict=True):
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in NAMES]


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([systemd_analyze or "", *arguments], capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_understands_every_line(units: list[str]) -> None:
    verified = analyze("verify", "--man=no", *units)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@needs_systemd
def test_the_service_is_closed_as_far_as_its_work_allows(units: list[str]) -> None:
    judged = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", units[0])
    if "offline" in judged.stderr:
        pytest.skip("cannot run here: this systemd-analyze judges no files")
    assert judged.returncode == 0, judged.stdout


def test_no_sandbox_hides_a_mount_or_a_disk_from_the_machine() -> None:
    """PrivateDevices and ProtectClock take block devices away; mounting inside the sandbox would be seen by nobody."""
    for option in ("PrivateDevices", "ProtectClock", "ProtectKernelTunables", "DevicePolicy", "PrivateMounts"):
        assert option not in SERVICE


def test_runs_never_pile_up() -> None:
    assert "Type=oneshot" in SERVICE
    assert "TimeoutStartSec=" in SERVICE  # a oneshot service may run for ever otherwise
    assert "OnUnitInactiveSec=" in TIMER
