"""The nodes: their names, addresses and zones, which of them hold a master, and the order in which they change."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from ybfort.plan.network import Subnet
from ybfort.spec.region import Region


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One virtual machine with its data volume and its address."""

    name: str  # a1: zone letter, and number within the zone; it never changes
    host: str  # a1.orders-prod.internal
    subnet: Subnet
    address: IPv4Address
    master: bool


def nodes(region: Region, homes: Sequence[Subnet], *, masters: int, domain: str) -> tuple[Node, ...]:
    """All nodes in the order in which they change: the first of every zone, then the second of every zone, …

    The first `masters` of them hold a master, so masters spread one a zone, and neither more nodes in a zone nor a zone
    added at the end moves one (as long as there are as many zones as masters).
    """
    places = sorted((index, position) for position, zone in enumerate(region.zones) for index in range(zone.nodes))
    return tuple(
        Node(
            name=(name := f"{homes[position].letter}{index + 1}"),
            host=f"{name}.{domain}",
            subnet=homes[position],
            address=homes[position].address(index),
            master=order < masters,
        )
        for order, (index, position) in enumerate(places)
    )
