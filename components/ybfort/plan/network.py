"""The network: a subnet for each zone, and in it a half that belongs to the nodes alone.

Certificates, master addresses and data all hang on a node's address, so an address depends on nothing that may change
later. A zone's subnet is placed by the zone's letter, whatever other zones there are and in whatever order.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ybfort.spec.region import ZONE_LETTERS, Region, Zone


@dataclass(frozen=True, kw_only=True, slots=True)
class Subnet:
    """The subnet of one zone."""

    zone: str  # eu-west-1a
    letter: str  # a
    cidr: IPv4Network | None  # None when it exists already; its range is its owner's business
    node_range: IPv4Network  # kept for nodes: load balancer and endpoints, which the cloud places, stay out of it
    existing: str | None = None  # what the cloud calls it, if it exists already

    def address(self, index: int) -> IPv4Address:
        """The address of the zone's node with this index, from 0. The range's first is left out: it ends in .0, which
        careless equipment takes for a network's."""
        return self.node_range[index + 1]


def subnets(region: Region) -> tuple[Subnet, ...]:
    """One subnet a zone, in the order of the zones in the file."""
    return tuple(_existing(zone, zone.reserved) if zone.reserved else _own(zone, region.cidr) for zone in region.zones)


def balancer_ranges(region: Region, homes: tuple[Subnet, ...]) -> tuple[IPv4Network, ...]:
    """Where the cloud may have placed the load balancer: anywhere in our subnets but among the nodes."""
    if region.existing:
        return (region.cidr,)
    return tuple(part for home in homes if home.cidr for part in home.cidr.address_exclude(home.node_range))


def _own(zone: Zone, network: IPv4Network) -> Subnet:
    """The zone's part of the network, by its letter; the upper half is the nodes'."""
    parts = tuple(network.subnets(prefixlen_diff=(len(ZONE_LETTERS) - 1).bit_length()))
    part = parts[ZONE_LETTERS.index(zone.letter)]
    _, upper = part.subnets()
    return Subnet(zone=zone.name, letter=zone.letter, cidr=part, node_range=upper)


def _existing(zone: Zone, reserved: IPv4Network) -> Subnet:
    return Subnet(zone=zone.name, letter=zone.letter, cidr=None, node_range=reserved, existing=zone.existing)
