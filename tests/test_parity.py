"""What one cloud has the other has, too; or else it is written here why not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from ybfort.spec.aws.cluster import AwsSpec
from ybfort.spec.gcp.cluster import GcpSpec

COMPONENTS = Path(__file__).parents[1] / "components" / "ybfort"

# Fields of a stack file, and files of components, that one cloud alone has.
FIELDS = {
    "regions.existing_vpc": "an AWS network is known by the ids of its parts; on GCP it is `existing_network`",
    "regions.zones.subnet": "AWS has a subnet in each zone; on GCP a zone has a range of the region's subnetwork",
    "regions.existing_network": "see `existing_vpc`",
    "regions.zones.node_range": "see `subnet`",
    "clients.security_groups": "AWS knows machines by their groups; GCP by their `service_accounts`",
    "clients.service_accounts": "see `security_groups`",
    "endpoint.private_link": "AWS's way to an endpoint from other networks; GCP's is `private_service_connect`",
    "endpoint.private_service_connect": "see `private_link`",
    "audit.existing_trail": "AWS has a trail for an account or many; GCP's audit logs are always there",
    "account_settings.permissions_boundary": "GCP has no boundary of an account's own; organisation policies bound all",
}
FILES = {
    "network_acl.py": "GCP has no second, stateless firewall of a subnet",
}


def fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """All fields, whatever holds them, by their names."""
    for name, field in model.model_fields.items():
        here = f"{path}.{name}" if path else name
        yield here
        for inner in _models(field.annotation):
            yield from fields(inner, here)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def inside(field: str) -> bool:
    """Whether a field is within one that has a reason."""
    return any(field.startswith(f"{one}.") for one in FIELDS)


def test_a_stack_file_may_ask_for_the_same_on_both() -> None:
    of_one = set(fields(AwsSpec)) ^ set(fields(GcpSpec))
    assert {field for field in of_one if not inside(field)} == FIELDS.keys()


def test_both_have_the_same_parts_under_the_same_names() -> None:
    aws, gcp = ({path.name for path in (COMPONENTS / cloud).glob("*.*")} for cloud in ("aws", "gcp"))
    assert aws ^ gcp == FILES.keys()


def test_both_tell_the_same_about_a_cluster() -> None:
    told = [
        re.findall(r'^            "(\w+)": ', (COMPONENTS / cloud / "cluster.py").read_text(), re.M)
        for cloud in ("aws", "gcp")
    ]
    assert told[0] == told[1] != []


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_every_metric_of_the_nodes_has_an_alarm(cloud: str) -> None:
    published = re.findall(r'"([A-Z]\w+)":|\["([A-Z]\w+)"\] =', (COMPONENTS / "node/steps/report.py").read_text())
    names = {one or other for one, other in published} - {"Cluster", "Node"}
    registered = (Path(__file__).parent / "stacks" / f"{cloud}-prod.yaml").read_text()
    asked = {"aws": "metricName: {}\n", "gcp": "custom_googleapis_com:ybfort_{}{{"}[cloud]
    assert len(names) == 4
    assert all(asked.format(name) in registered for name in names)
