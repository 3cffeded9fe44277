"""What must hold between the parts of a stack file for GCP: each rule once broken and, at its edge, once kept."""

from typing import Any

import pytest

from gcp_specs import FULL, gcp_data, gcp_region
from ybfort.spec import SpecError, read_value
from ybfort.spec.gcp.cluster import GcpSpec

ACCOUNT = "{}@orders-prod-4711.iam.gserviceaccount.com"
NETWORK = FULL["regions"][0]["existing_network"]
POOL = "projects/pki-4711/locations/{}/caPools/databases"
RANGES = ("10.40.1.0/24", "10.40.3.0/24", "10.40.5.0/24")
OWNER = {"name": "orders_owner", "login": False}


def existing(*ranges: str, **changes: Any) -> list[dict[str, Any]]:
    """A region in an existing network, with a range for the nodes of each zone."""
    zones = [
        {"name": f"europe-west1-{letter}", "node_range": range_} for letter, range_ in zip("bcd", ranges, strict=True)
    ]
    return [{**gcp_region(zones=zones, existing_network=NETWORK), **changes}]


def nodes(machine: str, **disk: int) -> dict[str, Any]:
    return {"nodes": {"machine": machine, "disk": {"size_gib": 500, **disk}}}


def shared(nat_range: str = "10.50.0.0/28") -> dict[str, Any]:
    return {"endpoint": {"private_service_connect": {"projects": ["analytics-4712"], "nat_range": nat_range}}}


def pinned(image: str) -> dict[str, Any]:
    return {"images": {"europe-west1": image}}


# What is changed in the valid cluster; where the problem must be; a part of what must be said.
BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"account": "123456789012"}, "account", "the id of a project, not its number"),
    ({"regions": [gcp_region(name="europe-west1-b")]}, "regions[0].name", "a region: `europe-west1`"),
    ({"regions": [gcp_region(name="mars-north1")]}, "regions[0].name", "a region: `europe-west1`"),
    (
        {"regions": [gcp_region(zones=[{"name": "europe-west4-b", "nodes": 3}])]},
        "regions[0].zones[0].name",
        "not a zone of europe-west1",
    ),
    ({"regions": [gcp_region(zones=[{"name": "europe-west1b"}])]}, "regions[0].zones[0].name", "with its letter"),
    (
        {"regions": [gcp_region(existing_network=NETWORK)]},
        "regions[0].zones[0].node_range",
        "with `existing_network` each zone names its nodes' range",
    ),
    (
        {"regions": existing(*RANGES, existing_network=None)},
        "regions[0].zones[0].node_range",
        "needs `existing_network`",
    ),
    ({"regions": existing("10.50.1.0/24", *RANGES[1:])}, "regions[0].zones[0].node_range", "is not inside"),
    ({"regions": existing(*RANGES[:2], "10.40.3.0/25")}, "regions[0].zones[2].node_range", "overlaps 10.40.3.0/24"),
    (
        {"regions": existing(*RANGES, existing_network={**NETWORK, "network": "prod"})},
        "regions[0].existing_network.network",
        "by its full name",
    ),
    (
        {
            "regions": existing(
                *RANGES,
                existing_network={**NETWORK, "subnetwork": NETWORK["subnetwork"].replace("europe-west1", "us-east1")},
            )
        },
        "regions[0].existing_network.subnetwork",
        "is of another region than europe-west1",
    ),
    (
        {"clients": [{"name": "a", "cidrs": ["10.8.0.0/16"], "service_accounts": [ACCOUNT.format("orders-api")]}]},
        "clients[0].service_accounts",
        "mean nothing here",
    ),
    (shared("10.40.0.0/28"), "endpoint.private_service_connect.nat_range", "overlaps 10.40.0.0/20"),
    (shared("10.8.255.240/28"), "endpoint.private_service_connect.nat_range", "overlaps 10.8.0.0/16"),
    (shared("100.64.0.0/28"), "endpoint.private_service_connect.nat_range", "is not private"),
    (nodes("n2-standard-16"), "nodes.machine", "takes no Hyperdisk Balanced"),
    (nodes("e2-medium"), "nodes.machine", "a predefined machine type"),
    (nodes("m7i.4xlarge"), "nodes.machine", "a predefined machine type"),
    (nodes("c3-standard-22", throughput_mib=139), "nodes.disk.throughput_mib", "Write 140 or more"),
    (nodes("c3-standard-22", iops=160_001), "nodes.disk.iops", "Write 160000 or less"),
    (nodes("c3-standard-22", throughput_mib=751), "nodes.disk.throughput_mib", "3004"),
    (pinned("ami-0123456789abcdef0"), "images.europe-west1", "an image by its full name"),
    (
        pinned("projects/rocky-linux-cloud/global/images/family/rocky-linux-9"),
        "images.europe-west1",
        "by its full name",
    ),
    ({"images": {}}, "images", "has no image for europe-west1 (it has none)"),
    (
        {"certificates": {"existing_authority": POOL.format("us-east1")}},
        "certificates.existing_authority",
        "is in another region",
    ),
    (
        {"certificates": {"existing_authority": POOL.format("europe-west1"), "brought_by": [ACCOUNT.format("issuer")]}},
        "certificates.brought_by",
        "exclude each other",
    ),
    ({"roles": [OWNER, {"name": "a", "readers": ["allUsers"]}]}, "roles[1].readers[0]", "of a service account"),
    (
        {"roles": [OWNER, {"name": "a", "readers": [ACCOUNT.format("orders-api")] * 51}]},
        "roles[1].readers",
        "Give at most 50",
    ),
    ({"audit": {"retention_days": 364}}, "audit.retention_days", "Write 365 or more"),
    ({"audit": {"existing_trail": "x"}}, "audit.existing_trail", "is no known key"),
    ({"tags": {"Team": "x"}}, "tags.Team", "lower-case letters"),
    ({"tags": {"goog-x": "y"}}, "tags.goog-x", "are taken"),
    ({"tags": {"ybfort-cluster": "y"}}, "tags.ybfort-cluster", "are taken"),
    ({"tags": {"team": "Payments"}}, "tags.team", "lower-case letters"),
]

KEPT: list[dict[str, Any]] = [
    {"regions": existing(*RANGES)},
    {
        "regions": existing(*RANGES),
        "clients": [{"name": "a", "cidrs": ["10.8.0.0/16"], "service_accounts": [ACCOUNT.format("orders-api")]}],
    },
    shared("10.40.16.0/28"),
    nodes("n4-standard-16"),
    nodes("c4a-standard-16", iops=160_000, throughput_mib=2_400, size_gib=320),
    {"certificates": {"existing_authority": POOL.format("europe-west1"), "lifetime_days": 397}},
    {"certificates": {"lifetime_days": 397}},
    {"certificates": {"brought_by": [ACCOUNT.format("issuer")]}},
    {"audit": {"retention_days": 3_650}},
    {"tags": {}},
]


@pytest.mark.parametrize(("changes", "path", "says"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_rule_is_told_where_it_is_broken_with_what_to_write(
    changes: dict[str, Any], path: str, says: str
) -> None:
    with pytest.raises(SpecError) as error:
        read_value(gcp_data(**changes), "test")
    told = [problem.says for problem in error.value.problems if problem.path == path]
    assert any(says in one for one in told), str(error.value)
    for one in told:
        assert one.endswith((".", "`")), f"not a sentence: {one}"


@pytest.mark.parametrize("changes", KEPT)
def test_what_is_at_the_edge_is_allowed(changes: dict[str, Any]) -> None:
    assert isinstance(read_value(gcp_data(**changes), "test"), GcpSpec)


@pytest.mark.parametrize(
    ("machine", "architecture", "confidential"),
    [
        ("c3-standard-22", "x86_64", "TDX"),
        ("c3d-standard-16", "x86_64", "SEV"),
        ("c3-highmem-22", "x86_64", None),
        ("c4a-standard-16", "aarch64", None),
    ],
)
def test_a_machine_says_what_it_can_do(machine: str, architecture: str, confidential: str | None) -> None:
    nodes_ = GcpSpec.model_validate(gcp_data(**nodes(machine))).nodes
    assert (nodes_.architecture, nodes_.confidential) == (architecture, confidential)
