"""`pulumi-resource-gcp` of the sandbox: `python -m ybfort.sandbox.gcp_provider WORLD ENGINE_ADDRESS`."""

from collections.abc import Mapping

from ybfort.sandbox import gcp
from ybfort.sandbox.facts import Site
from ybfort.sandbox.gcp_lookups import ANSWERS
from ybfort.sandbox.plugin import parsed, run
from ybfort.sandbox.simulation import Cloud, CloudError
from ybfort.sandbox.values import Values


def configure(config: Values) -> Site:
    """The project and the region that the provider is made for."""
    project, region, zone = config.get("project"), config.get("region"), config.get("zone")
    if not isinstance(project, str) or not project:
        raise CloudError("project is missing: set it on the gcp.Provider, or gcp:project in the stack file.")
    labels = parsed(config.get("defaultLabels"))
    attribution = {} if parsed(config.get("addPulumiAttributionLabel")) is False else gcp.ATTRIBUTION
    return Site(
        account=project,
        region=str(region or "global"),
        zone=str(zone or ""),
        default_tags={**attribution, **(labels if isinstance(labels, Mapping) else {})},
    )


GCP = Cloud(
    package="gcp",
    configure=configure,
    facts=gcp.facts,
    place=gcp.place,
    names=gcp.names,
    always_replaces=gcp.ALWAYS_REPLACES,
    places={"project": "account", "region": "region", "zone": "zone"},
    regional=frozenset({"region", "zone", "location"}),
    tags=("labels", ("pulumiLabels", "effectiveLabels")),
    named=gcp.named,
    answers=ANSWERS,
)


if __name__ == "__main__":
    run(GCP)
