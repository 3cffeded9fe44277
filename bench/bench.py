"""Measure ybfort against itself and against the least that could do the job: ratios in one run, no absolute promises.

    python bench/bench.py            # everything
    python bench/bench.py growth     # one of: program, check, growth, agent, roles

Each figure is the median of several whole processes, taken in turn (A B A B …), so that a machine whose speed drifts
does not favour one side.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from agent import agent
from roles import roles

HERE = Path(__file__).parent
STACK = HERE.parent / "stacks" / "Pulumi.aws-prod.yaml"
RUNS = 7
GOALS = {"program": 1.15, "growth": 1.25}
MOST_MEMORY_MB = 250


@dataclass(frozen=True, slots=True)
class Cost:
    """What one whole process took."""

    seconds: float
    memory_mb: float


def measure(command: Sequence[str]) -> Cost:
    """Run a command as a process of its own and read what the operating system accounts to it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begun = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(perf_counter() - begun, usage.ru_maxrss / 1024)


def median(commands: dict[str, Sequence[str]], runs: int = RUNS) -> dict[str, Cost]:
    """The median cost of each command, after one run that warms the caches."""
    for command in commands.values():
        measure(command)
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            costs[name].append(measure(command))
    return {
        name: Cost(statistics.median(one.seconds for one in each), statistics.median(one.memory_mb for one in each))
        for name, each in costs.items()
    }


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def program() -> None:
    """The program of aws-prod against a bare one that registers the same resources with the same inputs."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = str(Path(folder, "recorded.json"))
        subprocess.run(python(str(HERE / "programs.py"), "write", recorded), check=True)
        cost = median(
            {
                "ours": python(str(HERE / "programs.py"), "ours", recorded),
                "bare": python(str(HERE / "programs.py"), "bare", recorded),
            }
        )
    ours, bare = cost["ours"], cost["bare"]
    print(f"program: {ours.seconds:.2f} s against {bare.seconds:.2f} s for a bare program: "
          f"ratio {ours.seconds / bare.seconds:.2f} (goal {GOALS['program']})")  # fmt: skip
    print(
        f"program: peak memory {ours.memory_mb:.0f} MB (bare {bare.memory_mb:.0f} MB, goal below {MOST_MEMORY_MB} MB)"
    )


def check() -> None:
    """`ybfort check` against importing pydantic alone."""
    ybfort = str(Path(sys.executable).with_name("ybfort"))
    cost = median({"check": [ybfort, "check", str(STACK)], "pydantic": python("-c", "import pydantic.main")})
    checked, alone = cost["check"], cost["pydantic"]
    print(f"check: {checked.seconds:.2f} s against {alone.seconds:.2f} s for importing pydantic: "
          f"ratio {checked.seconds / alone.seconds:.2f}")  # fmt: skip


def growth() -> None:
    """What a node adds, from 3 nodes to 297 (99 in each zone are the most): constant, if nothing is quadratic."""
    sizes = (3, 99, 198, 297)
    cost = median({str(size): python(str(HERE / "programs.py"), "nodes", str(size)) for size in sizes}, runs=3)
    steps = list(pairwise(sizes))
    seconds = [(cost[str(b)].seconds - cost[str(a)].seconds) / (b - a) for a, b in steps]
    memory = [(cost[str(b)].memory_mb - cost[str(a)].memory_mb) / (b - a) for a, b in steps]
    print(f"growth: {_series(seconds, 1000)} ms a node in steps to 297 nodes: "
          f"last to first {seconds[-1] / seconds[0]:.2f} (goal {GOALS['growth']})")  # fmt: skip
    print(f"growth: {_series(memory, 1024)} KB a node: last to first {memory[-1] / memory[0]:.2f}")


def _series(values: Sequence[float], factor: float) -> str:
    return ", ".join(f"{value * factor:.1f}" for value in values)


BENCHES: dict[str, Callable[[], None]] = {
    "program": program,
    "check": check,
    "growth": growth,
    "agent": agent,
    "roles": roles,
}

if __name__ == "__main__":
    os.umask(0o022)  # other users read what the simulated machines hold
    for name in sys.argv[1:] or BENCHES:
        BENCHES[name]()
