"""A project in a sandbox, for tests with the real engine. Commands take from two to ten seconds each."""

import subprocess
from pathlib import Path

from ybfort.sandbox.launch import Sandbox

SECONDS = 120  # for one command


class Sandboxed:
    """A project, its sandbox, and what was done in the simulated cloud."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sandbox = Sandbox(root, root / ".sandbox")

    def stack_file(self, stack: str) -> Path:
        return self.root / "stacks" / f"Pulumi.{stack}.yaml"

    def up(self, stack: str, *more: str, faults: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--stack", stack, "--yes", "--skip-preview", *more, faults=faults)

    def pulumi(self, *arguments: str, faults: Path | None = None) -> subprocess.CompletedProcess[str]:
        sandbox = Sandbox(self.root, self.sandbox.state, faults)
        sandbox.prepare()
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=sandbox.folder,
            env=sandbox.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def log(self) -> list[str]:
        """What the cloud was asked to do since the last look, in order: `create ec2.Instance orders-prod-a1`."""
        file = self.sandbox.world / "log"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines
