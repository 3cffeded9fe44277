"""The agent's command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from ybfort.node.cloud import Cloud
from ybfort.node.config import IDENTITY, Identity, identity, read_identity
from ybfort.node.converge import converge
from ybfort.node.install import install
from ybfort.node.status import CONVERGED, read_status, state
from ybfort.node.step import Context, Result
from ybfort.node.steps import LAST, ORDER
from ybfort.node.system import Busy, Failure, System
from ybfort.node.units import AGENT

LOCK = "/run/ybfort/lock"
IDENTITY_OPTIONS = ("cloud", "cluster", "node", "region", "account", "bucket")

FAILED, INCOMPLETE, BUSY = 1, 3, 4  # 2 is what argparse ends with
EXIT_CODES = {CONVERGED: 0, Result.FAILED.value: FAILED, Result.INCOMPLETE.value: INCOMPLETE}
EPILOG = """\
exit codes:
  0  everything is as it was declared
  1  a step failed, or the status could not be written
  2  the command line is wrong
  3  nothing failed, but not everything is as it was declared
  4  another run is at work on this machine
"""


def main() -> int:
    """Do what the command line says; the exit codes are in its help."""
    options = _parser().parse_args()
    system = System(options.root)
    try:
        if options.verb == "status":
            return _status(system)
        with system.lock(LOCK, wait=options.verb == "install"):
            if options.verb == "install":
                return _install(system, options)
            ended = _converge(system, replaced=options.replaced)
    except Busy as problem:
        sys.stderr.write(f"{problem}\n")
        return BUSY
    except (Failure, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return FAILED
    return ended if isinstance(ended, int) else _hand_over(ended, options.root)


def _converge(system: System, *, replaced: bool) -> int | Path:
    """The exit code of a run, or the new agent that has to go on."""
    home = read_identity(system)
    context = Context(
        identity=home,
        system=system,
        cloud=_cloud(home, system),
        agent=system.sha256(AGENT) or "none",
        replaced=replaced,
    )
    ended = converge(context, ORDER, LAST)
    return system.path(AGENT) if context.restart else EXIT_CODES[state(ended)]


def _cloud(home: Identity, system: System) -> Cloud:
    """The adapter of the node's own cloud; those of others are not even imported."""
    if home.cloud == "aws":
        from ybfort.node.cloud_aws import AwsCloud

        return AwsCloud(home, system)
    from ybfort.node.cloud_gcp import GcpCloud

    return GcpCloud(home, system)


def _install(system: System, options: argparse.Namespace) -> int:
    home = identity({name: getattr(options, name) for name in IDENTITY_OPTIONS}, "the command line")
    install(system, home, Path(sys.argv[0]))
    sys.stdout.write(f"{home.node} of {home.cluster}: the agent is installed ({AGENT}, {IDENTITY}).\n")
    return 0


def _status(system: System) -> int:
    told = read_status(system)
    lines = [f"{told['node']} of {told['cluster']}: {told['state']} at {told['at']}"]
    lines += [f"  {step['name']}: {step['result']}: {step['message']}" for step in told["steps"]]
    sys.stdout.write("\n".join([*lines, ""]))
    return EXIT_CODES[told["state"]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent.pyz",
        description="Bring this node of a YugabyteDB cluster to its declared state, and keep it there.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), help="work on this directory, with its own programs, in place of /"
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("converge", help="bring the node to its declared state")
    run.add_argument(
        "--replaced", action="store_true", help="the agent has just replaced itself and does not do so again"
    )
    verbs.add_parser("status", help="tell how the last run went")
    setup = verbs.add_parser("install", help="put the agent on this machine and start it")
    for name in IDENTITY_OPTIONS:
        setup.add_argument(f"--{name}", required=True)
    return parser


def _hand_over(program: Path, root: Path) -> NoReturn:
    """Become the new agent. The lock goes with its file, and the new agent takes it again."""
    command = [sys.executable, "-I", str(program), "--root", str(root), "converge", "--replaced"]
    os.execv(command[0], command)  # noqa: S606 (no shell is wanted; the file was checked by its hash)


if __name__ == "__main__":
    sys.exit(main())
