"""The boot script: what it says, and what it does on a machine with a real AWS CLI and a fake systemd."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from object_servers import CREDENTIALS, ObjectServer, aws_cli, object_server
from simulated_machine import HOME, declared, program
from ybfort.aws.node import BOOT
from ybfort.plan.agent import archive
from ybfort.plan.boot import boot_script

VALUES = {
    "cluster": HOME.cluster,
    "node": HOME.node,
    "region": HOME.region,
    "account": HOME.account,
    "bucket": HOME.bucket,
}
SCRIPT = boot_script(BOOT, **VALUES)
USER_DATA_BYTES = 16_384  # EC2's own limit

# What the script runs, in a folder: the agent is told to work there, and systemd only notes what it was asked.
SYSTEMCTL = '#!/bin/sh\necho "$@" >>"$ROOT/systemctl.log"\n'
PYTHON = (
    '#!/bin/sh\ncase "$*" in *" install "*) shift 2; set -- -I agent.pyz --root "$ROOT" "$@";; esac\nexec {} "$@"\n'
)


@pytest.fixture
def served() -> Iterator[ObjectServer]:
    with object_server(HOME.account) as server:
        server.objects = {
            f"/{HOME.bucket}/config/cluster.json": declared().encode(),
            f"/{HOME.bucket}/{archive('aws').key}": archive("aws").content,
        }
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    programs = {
        "python3": PYTHON.format(sys.executable),
        "systemctl": SYSTEMCTL,
        "aws": f'#!/bin/sh\nexec {aws_cli()} "$@"\n',
    }
    for folder in ("usr/bin", "etc/systemd/system"):
        (root / folder).mkdir(parents=True)
    for name, text in programs.items():
        (root / "usr/bin" / name).write_text(text)
        (root / "usr/bin" / name).chmod(0o755)
    (tmp_path / "user-data").write_text(re.sub(r"=(/opt|/etc)/", rf"={root}\1/", SCRIPT))
    return root


def boot(root: Path, url: str = "", *, by_systemd: bool = False) -> "subprocess.CompletedProcess[str]":
    script = root / "opt/ybfort/boot" if by_systemd else root.parent / "user-data"
    return subprocess.run(
        ["bash", str(script)],
        env={
            "PATH": f"{root}/usr/bin:/usr/bin:/bin",
            "ROOT": str(root),
            "AWS_ENDPOINT_URL": url,
            "AWS_MAX_ATTEMPTS": "1",
            **CREDENTIALS,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


class TestText:
    def test_it_is_short_and_readable(self) -> None:
        assert len(SCRIPT.splitlines()) <= 50
        assert len(SCRIPT.encode()) < USER_DATA_BYTES
        assert SCRIPT.startswith("#!/bin/bash\n# Node a1 of cluster orders-dev:")

    def test_it_knows_who_the_node_is_and_nothing_that_may_change(self) -> None:
        """A changed script would replace or restart the machine."""
        assert "@" not in SCRIPT.replace('"$@"', "")
        for name in (archive("aws").sha256, "releases/", "vol-", "10.40."):
            assert name not in SCRIPT

    def test_it_formats_nothing_and_fetches_from_nowhere_else(self) -> None:
        words = set(re.findall(r"[a-z0-9.]+", SCRIPT.lower()))
        assert (
            words & {"mkfs", "mkfs.xfs", "wipefs", "mount", "dd", "curl", "wget", "http", "https", "dnf", "pip"}
            == set()
        )

    @pytest.mark.parametrize("name", VALUES)
    @pytest.mark.parametrize("value", ["", "$(id)", "a'b", "a b", "a\nb", "a;b", "`id`", "..", "A1", "@node@", "é"])
    def test_a_value_that_means_something_to_a_shell_is_refused(self, name: str, value: str) -> None:
        with pytest.raises(ValueError, match=f"^{name} .* cannot be in a boot script"):
            boot_script(BOOT, **{**VALUES, name: value})

    def test_bash_and_shellcheck_have_nothing_to_say(self, tmp_path: Path) -> None:
        file = tmp_path / "boot.sh"
        file.write_text(SCRIPT)
        for command in (["bash", "-n"], [str(Path(sys.executable).with_name("shellcheck"))]):
            done = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stdout + done.stderr) == (0, "")

    @pytest.mark.skipif(not program("systemd-analyze"), reason="cannot run here: no systemd-analyze on this machine")
    def test_systemd_understands_its_unit(self, root: Path) -> None:
        boot(root)
        unit = root / "etc/systemd/system/ybfort-boot.service"
        command = [program("systemd-analyze") or "", "verify", "--man=no", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.xdist_group("aws-cli")
class TestRun:
    def test_the_first_time_it_hands_itself_on_to_systemd(self, root: Path) -> None:
        """cloud-init runs it once in a machine's life; systemd tries until it works, and after every start."""
        for _ in range(2):
            done = boot(root)
            assert (done.returncode, done.stderr) == (0, "")
        assert (root / "opt/ybfort/boot").read_text() == (root.parent / "user-data").read_text()
        unit = (root / "etc/systemd/system/ybfort-boot.service").read_text()
        for line in (f"ExecStart={root}/opt/ybfort/boot", "Restart=on-failure", "RestartSec=30"):
            assert line in unit.splitlines()
        assert (root / "systemctl.log").read_text().splitlines()[:3] == [
            "daemon-reload",
            "enable ybfort-boot.service",
            "restart --no-block ybfort-boot.service",
        ]

    def test_systemd_gets_the_agent_that_the_cluster_names(self, root: Path, served: ObjectServer) -> None:
        boot(root)
        for _ in range(2):
            done = boot(root, served.url, by_systemd=True)
            assert (done.returncode, done.stderr) == (0, "")
        assert (root / "opt/ybfort/agent.pyz").read_bytes() == archive("aws").content
        assert json.loads((root / "etc/ybfort/node.json").read_text()) == vars(HOME)
        assert "enable --now ybfort-converge.timer" in (root / "systemctl.log").read_text()

    @pytest.mark.parametrize("trouble", ["tampered", "cut", "missing", "wrong owner", "no agent named", "5xx"])
    def test_nothing_is_installed_that_is_not_whole_and_ours(
        self, root: Path, served: ObjectServer, trouble: str
    ) -> None:
        boot(root)
        agent = f"/{HOME.bucket}/{archive('aws').key}"
        if trouble == "tampered":
            served.objects[agent] = archive("aws").content.replace(b"converge", b"diverged", 1)
        elif trouble == "cut":
            served.cut = True
        elif trouble == "missing":
            del served.objects[agent]
        elif trouble == "wrong owner":
            served.account = "999999999999"
        elif trouble == "no agent named":
            served.objects[f"/{HOME.bucket}/config/cluster.json"] = b'{"agent": {"key": "x"}}'
        else:
            served.failures = [503] * 9
        done = boot(root, served.url, by_systemd=True)
        assert done.returncode != 0  # and systemd tries again
        assert not (root / "opt/ybfort/agent.pyz").exists()
        assert not (root / "etc/ybfort").exists()
