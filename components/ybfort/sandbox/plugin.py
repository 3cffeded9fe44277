"""A simulated provider as the plugin that an engine starts: `python -m ybfort.sandbox.aws_provider WORLD ADDRESS`."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

from ybfort.sandbox.faults import FaultsError, read_faults
from ybfort.sandbox.server import serve
from ybfort.sandbox.simulation import Cloud, Simulation
from ybfort.sandbox.values import Value
from ybfort.sandbox.world import World

FAULTS = "YBFORT_SANDBOX_FAULTS"  # the environment variable that names the faults file


def run(cloud: Cloud) -> None:
    """Serve one engine. The engine's address, the last argument, is not needed: we only answer."""
    faults = os.environ.get(FAULTS)
    try:
        simulation = Simulation(cloud, World(Path(sys.argv[1])), read_faults(Path(faults)) if faults else ())
    except FaultsError as error:
        sys.exit(str(error))
    serve(simulation, version(f"pulumi-{cloud.package}"))


def parsed(value: Value) -> Value:
    """The engine sends whatever is not a text in a provider's configuration as JSON in a text."""
    return json.loads(value) if isinstance(value, str) and value else value
