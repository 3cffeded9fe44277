"""What must hold between the parts of a stack file for GCP, besides what must hold everywhere (`ybfort.spec.rules`)."""

from collections.abc import Iterator

from ybfort.spec.gcp.sections import GcpCertificates, GcpClient, GcpEndpoint, GcpNodes, GcpRegion
from ybfort.spec.rules import Rule, Wrong

# What attaches Hyperdisk Balanced (Compute Engine: machine families, supported disk types).
FAMILIES = ("a3", "a4", "c3", "c3d", "c4", "c4a", "c4d", "g4", "h3", "h4d", "m1", "m2", "m3", "m4", "n4", "n4a", "n4d",
            "x4", "z3")  # fmt: skip


def existing_network_and_ranges_go_together(regions: tuple[GcpRegion, ...]) -> Iterator[Wrong]:
    for number, region in enumerate(regions):
        for at, zone in enumerate(region.zones):
            path = ("regions", number, "zones", at, "node_range")
            if region.existing_network and not zone.node_range:
                says = "is missing: with `existing_network` each zone names its nodes' range. Add it."
                yield Wrong(path, says)
            elif zone.node_range and not region.existing_network:
                says = "needs `existing_network` in the region. Add it, or remove the range to get a new network."
                yield Wrong(path, says)


def subnetwork_is_of_the_region(regions: tuple[GcpRegion, ...]) -> Iterator[Wrong]:
    for number, region in enumerate(regions):
        if region.existing_network and region.existing_network.subnetwork.split("/")[3] != region.name:
            path = ("regions", number, "existing_network", "subnetwork")
            yield Wrong(path, f"is of another region than {region.name}. Name a subnetwork of the cluster's region.")


def service_accounts_need_the_network(
    regions: tuple[GcpRegion, ...], clients: tuple[GcpClient, ...]
) -> Iterator[Wrong]:
    if any(region.existing_network for region in regions):
        return
    for number, client in enumerate(clients):
        if client.service_accounts:
            yield Wrong(
                ("clients", number, "service_accounts"),
                "mean nothing here: GCP knows service accounts within one network only, and the cluster has its own. "
                "Remove them; `cidrs` say who may connect.",
            )


def nat_range_is_its_own(
    regions: tuple[GcpRegion, ...], clients: tuple[GcpClient, ...], endpoint: GcpEndpoint
) -> Iterator[Wrong]:
    if endpoint.private_service_connect is None:
        return
    path, range_ = ("endpoint", "private_service_connect", "nat_range"), endpoint.private_service_connect.nat_range
    others = [region.cidr for region in regions] + [cidr for client in clients for cidr in client.cidrs]
    for other in others:
        if range_.overlaps(other):
            yield Wrong(path, f"overlaps {other}. Give a range that nothing else uses, a /28 for example.")


def machine_takes_the_disk(nodes: GcpNodes) -> Iterator[Wrong]:
    if nodes.family not in FAMILIES:
        yield Wrong(
            ("nodes", "machine"),
            "is of a family that takes no Hyperdisk Balanced, or that ybfort does not know. Use c3, c4, c4a or n4.",
        )


def authority_is_near(regions: tuple[GcpRegion, ...], certificates: GcpCertificates) -> Iterator[Wrong]:
    authority = certificates.existing_authority
    if authority and authority.split("/")[3] not in {region.name for region in regions}:
        yield Wrong(
            ("certificates", "existing_authority"),
            "is in another region, whose loss would stop the renewal here. Use a pool of the cluster's region.",
        )


RULES: tuple[Rule, ...] = (
    existing_network_and_ranges_go_together,
    subnetwork_is_of_the_region,
    service_accounts_need_the_network,
    nat_range_is_its_own,
    machine_takes_the_disk,
    authority_is_near,
)
