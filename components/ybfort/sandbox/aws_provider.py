"""`pulumi-resource-aws` of the sandbox: `python -m ybfort.sandbox.aws_provider WORLD ENGINE_ADDRESS`."""

from collections.abc import Mapping

from ybfort.sandbox import aws
from ybfort.sandbox.aws_lookups import ANSWERS
from ybfort.sandbox.facts import Site
from ybfort.sandbox.plugin import parsed, run
from ybfort.sandbox.simulation import Cloud, CloudError
from ybfort.sandbox.values import Values


def configure(config: Values) -> Site:
    """The account and the region that the provider is made for."""
    region, accounts = config.get("region"), parsed(config.get("allowedAccountIds"))
    if not isinstance(region, str) or not region:
        raise CloudError("region is missing: set it on the aws.Provider, or aws:region in the stack file.")
    account = str(accounts[0]) if isinstance(accounts, list) and accounts else aws.EXAMPLE_ACCOUNT
    default_tags = parsed(config.get("defaultTags"))
    tags = default_tags.get("tags") if isinstance(default_tags, Mapping) else None
    return Site(account=account, region=region, default_tags=tags if isinstance(tags, Mapping) else {})


AWS = Cloud(
    package="aws",
    configure=configure,
    facts=aws.facts,
    place=aws.place,
    names=aws.names,
    always_replaces=aws.ALWAYS_REPLACES,
    places={"region": "region"},
    regional=frozenset({"region"}),
    tags=("tags", ("tagsAll",)),
    named=aws.named,
    answers=ANSWERS,
)


if __name__ == "__main__":
    run(AWS)
