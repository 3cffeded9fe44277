"""A small Pulumi project in a sandbox, for tests with the real engine."""

from pathlib import Path
from textwrap import dedent

from sandboxed import Sandboxed

STACK_FILE = """\
config:
  aws:region: eu-west-1
  gcp:project: orders-prod-4711
  gcp:region: europe-west1
"""


class Project(Sandboxed):
    """A project with one program and its stacks."""

    def __init__(self, root: Path, *, stacks: tuple[str, ...] = ("dev",)) -> None:
        super().__init__(root)
        (root / "stacks").mkdir(parents=True)
        (root / "Pulumi.yaml").write_text("name: tiny\nruntime: python\nmain: stacks/\nstackConfigDir: stacks\n")
        for stack in stacks:
            self.stack_file(stack).write_text(STACK_FILE)

    def program(self, text: str) -> None:
        (self.root / "stacks" / "__main__.py").write_text("import os\nimport pulumi\n" + dedent(text))
