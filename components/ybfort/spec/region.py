"""Where the cluster lives: a region, its private network, and how many nodes stand in each zone."""

from ipaddress import IPv4Network
from typing import Annotated, ClassVar

from pydantic import Field

from ybfort.spec.words import Count, PrivateNetwork, Section

# A network is cut in as many parts, a part for each letter, so that a zone added later moves nobody.
ZONE_LETTERS = "abcdefgh"

# Nodes are named by zone letter and number (a1, b1, a2), and a zone's part of the network is cut by the letter. 99 a
# zone is more than any YugabyteDB cluster we know of has in all.
MOST_NODES_IN_A_ZONE = 99


class Zone(Section):
    """A zone and the nodes in it."""

    RESERVED_AT: ClassVar[tuple[str, ...]] = ("node_range",)  # where `reserved` stands

    name: str
    """The cloud's name of the zone, which ends with its letter."""
    nodes: Annotated[Count, Field(ge=1, le=MOST_NODES_IN_A_ZONE)] = 1
    """How many nodes stand here. Raise it to grow; no other node moves."""

    @property
    def letter(self) -> str:
        return self.name[-1]

    @property
    def existing(self) -> str | None:
        """What the cloud calls the zone's subnet, if it is somebody else's."""
        return None

    @property
    def reserved(self) -> IPv4Network | None:
        """The range of the nodes' addresses, where the network is somebody else's; else they are computed."""
        return None


class Region(Section):
    """A region with its network."""

    name: str
    """The cloud's name of the region."""
    cidr: PrivateNetwork
    """The private range of the network, from /16 to /23. It is cut in eight, so that zones can be added later."""
    zones: Annotated[tuple[Zone, ...], Field(min_length=1, max_length=len(ZONE_LETTERS))]
    """The zones with nodes."""

    @property
    def existing(self) -> str | None:
        """What the cloud calls the network, if it is somebody else's."""
        return None
