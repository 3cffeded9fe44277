"""`pulumi-resource-aws` of the sandbox: `python -m ybfort.sandbox.aws_provider WORLD ENGINE_ADDRESS`."""

import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from ybfort.sandbox import aws
from ybfort.sandbox.aws_lookups import answer
from ybfort.sandbox.facts import Site
from ybfort.sandbox.faults import FaultsError, read_faults
from ybfort.sandbox.server import serve
from ybfort.sandbox.simulation import Cloud, CloudError, Simulation
from ybfort.sandbox.values import Value, Values
from ybfort.sandbox.world import World

FAULTS = "YBFORT_SANDBOX_FAULTS"  # the environment variable that names the faults file


def configure(config: Values) -> Site:
    """The account and the region that the provider is made for."""
    region, accounts = config.get("region"), _parsed(config.get("allowedAccountIds"))
    if not isinstance(region, str) or not region:
        raise CloudError("region is missing: set it on the aws.Provider, or aws:region in the stack file.")
    account = str(accounts[0]) if isinstance(accounts, list) and accounts else aws.EXAMPLE_ACCOUNT
    default_tags = _parsed(config.get("defaultTags"))
    tags = default_tags.get("tags") if isinstance(default_tags, Mapping) else None
    return aws.site(account, region, tags if isinstance(tags, Mapping) else {})


def _parsed(value: Value) -> Value:
    """The engine sends whatever is not a text in a provider's configuration as JSON in a text."""
    return json.loads(value) if isinstance(value, str) and value else value


AWS = Cloud(
    package="aws",
    configure=configure,
    facts=aws.facts,
    derived=aws.derived,
    always_replaces=aws.ALWAYS_REPLACES,
    named=aws.named,
    answer=answer,
)


def main() -> None:
    """Serve one engine. The engine's address, the last argument, is not needed: we only answer."""
    faults = os.environ.get(FAULTS)
    try:
        simulation = Simulation(AWS, World(Path(sys.argv[1])), read_faults(Path(faults)) if faults else ())
    except FaultsError as error:
        sys.exit(str(error))
    serve(simulation, version("pulumi-aws"))


if __name__ == "__main__":
    main()
