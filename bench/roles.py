"""Measure the agent's work on the roles of a database: a real PostgreSQL 15 in the place of YSQL, secrets in memory.

    python bench/bench.py roles

On a node the secret store and YugabyteDB's slower catalog come on top of this.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from node.roles.ysql import OWNER, Node, Server, role
from ybfort.node.roles.passwords import DAY

ROLES, GRANTS, DATABASES = 1_000, 5, 10  # grants of each role
RUNS = 7
GOALS = {"first": 20.0, "nothing": 1.0}  # seconds


def roles() -> None:
    """The first run, runs that find nothing to do, and one that renews every password."""
    with tempfile.TemporaryDirectory(prefix="ybfort-") as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder))
        try:
            _measure(Node(Path(folder, "node"), server))
        finally:
            server.postgres.stop()


def _measure(node: Node) -> None:
    names = [f"database_{number}" for number in range(DATABASES)]
    access = ("read_only", "read_write")
    node.declare(
        databases=[{"name": name, "owner": OWNER["name"]} for name in names],
        roles=[
            OWNER,
            *(
                role(f"role_{n}", *(f"{names[(n + g) % DATABASES]} {access[(n + g) % 2]}" for g in range(GRANTS)))
                for n in range(ROLES)
            ),
        ],
    )
    first = _seconds(node.run)
    print(f"roles: first run of {ROLES} roles with {ROLES * GRANTS} grants on {DATABASES} databases: {first:.1f} s "
          f"for {len(node.changes)} statements (goal {GOALS['first']:g} s)")  # fmt: skip
    nothing = statistics.median(_seconds(node.run) for _ in range(RUNS))
    assert node.changes == []
    print(f"roles: nothing to do: {nothing:.2f} s (goal {GOALS['nothing']:g} s)")
    node.machine.ahead += 31 * DAY
    print(f"roles: a new password for every role: {_seconds(node.run):.1f} s")


def _seconds(work: Callable[[], object]) -> float:
    begun = perf_counter()
    work()
    return perf_counter() - begun
