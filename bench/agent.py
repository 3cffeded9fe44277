"""Measure a run of the agent that finds nothing to do: the file that nodes run, on a simulated machine.

    python bench/bench.py agent

The AWS CLI, openssl and psql are real, and speak to servers on this machine. The other programs say by rote what those
of the simulated machine say: each of these is a Python, which takes longer than the program in whose place it stands.
"""

import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from object_servers import CREDENTIALS, aws_cli, object_server
from simulated_machine import AUTHORITY, nodes_python
from specs import dev_plan
from ybfort.plan.agent import archive
from ybfort.plan.cluster import cluster_config
from ybfort.sandbox.nodes.fleet import Fleet
from ybfort.sandbox.nodes.postgres import programs

RUNS = 15
GOALS = {"seconds": 1.0, "memory": 40, "size": 200}
AWS = """#!/bin/sh
export {settings}
exec "{aws}" "$@"
"""
# The memory of the agent alone, not of the programs that it calls, nor of whoever started it.
WATCHED = """
import re, runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    sys.stderr.write(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""


def agent() -> None:
    """Its size, its time, and its memory."""
    print(f"agent: {len(archive('aws').content) / 1000:.0f} KB (goal below {GOALS['size']} KB)")
    document = json.loads(cluster_config(dev_plan()))
    (node,) = (node["name"] for node in document["nodes"])
    ids = {"format": 1, "certificate_authority": AUTHORITY, "node": node, "volume": "vol-0123456789abcdef0"}
    with tempfile.TemporaryDirectory(prefix="ybf-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        fleet = Fleet(
            Path(folder), document, {node: ids}, archive("aws").content, python=nodes_python() or sys.executable
        )
        fleet.declare({**fleet.cluster, "pace": {**fleet.cluster["pace"], "report": 3600, "reconcile": 3600}})
        try:
            fleet.settle()
            with object_server(fleet.cluster["account"]) as store:
                for file in Path(folder, "cloud/buckets").glob("*/*"):
                    store.objects[f"/{file.parent.name}/{unquote(file.name)}"] = file.read_bytes()
                settings = " ".join(
                    f"{name}={value}" for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": store.url}.items()
                )
                (fleet.site.root(node) / "usr/bin/aws").write_text(AWS.format(settings=settings, aws=aws_cli()))
                fleet.settle()  # objects have other tags there
                by_rote(fleet, node)
                store.asked.clear()
                _measure(fleet, node)
                print(f"agent: calls of the cloud in a run: {len(store.asked) / (RUNS + 1):g}")
        finally:
            fleet.end()


def by_rote(fleet: Fleet, node: str) -> None:
    """Have the programs that a run calls answer from a script what they answer now."""
    root, told = fleet.site.root(node), fleet.site.folder / "arguments"
    told.write_text("")
    _run(fleet, "-I", *_converge(fleet, node))
    calls = [json.loads(line) for line in told.read_text().splitlines()]
    scripts = {name: "" for name, *_ in calls if name not in ("runuser", "ysqlsh")}
    for name, *arguments in calls:
        if name in scripts:
            done = subprocess.run(
                [root / "usr/bin" / name, *arguments], env=fleet.environment, capture_output=True, text=True
            )
            answer = f"cat <<'END'\n{done.stdout.rstrip()}\nEND\nexit {done.returncode}"
            scripts[name] += f"{shlex.quote(' '.join(arguments))})\n{answer};;\n"
    for name, cases in scripts.items():
        (root / "usr/bin" / name).write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexit 99\n')
    release = root / "opt/yugabyte" / fleet.cluster["release"]["version"]
    (root / "usr/bin/runuser").write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    (release / "bin/ysqlsh").write_text(f'#!/bin/sh\nexec "{programs()}/psql" "$@"\n')


def _converge(fleet: Fleet, node: str) -> list[str]:
    root = fleet.site.root(node)
    return [str(root / "opt/ybfort/agent.pyz"), "--root", str(root), "converge"]


def _measure(fleet: Fleet, node: str) -> None:
    run = _converge(fleet, node)
    aws = ["sh", str(fleet.site.root(node) / "usr/bin/aws"), "--version"]
    watched = _run(fleet, "-I", "-c", WATCHED, *run)
    print(f"agent: memory {int(watched.stderr) / 1024:.0f} MB (goal below {GOALS['memory']} MB)")
    seconds, alone = [], []
    for _ in range(RUNS):
        begun = perf_counter()
        done = _run(fleet, "-I", *run)
        seconds.append(perf_counter() - begun)
        assert "changed" not in done.stdout, done.stdout
        begun = perf_counter()
        subprocess.run(aws, check=True, capture_output=True)
        alone.append(perf_counter() - begun)
    took, start = statistics.median(seconds), statistics.median(alone)
    print(f"agent: a run that changes nothing: {took:.2f} s (goal below {GOALS['seconds']} s), "
          f"of which {start:.2f} s start the AWS CLI")  # fmt: skip


def _run(fleet: Fleet, *command: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([fleet.python, *command], env=fleet.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done
