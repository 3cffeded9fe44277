"""Who may connect. A client is a group of machines with a name that reviewers recognise."""

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import ClientName, PrivateNetwork, Section

Api = Literal["ysql", "ycql"]


class Client(Section):
    """A group of machines that may speak to the database. Everybody else is kept out by network and database alike."""

    name: ClientName
    """How reviewers know it, for example `orders-api`. Firewall rules carry it."""
    cidrs: Annotated[tuple[PrivateNetwork, ...], Field(min_length=1, max_length=20)]
    """Private ranges its connections come from; the database itself (HBA) accepts these and no others."""
    apis: Annotated[tuple[Api, ...], Field(min_length=1)] = ("ysql",)
    """The APIs it uses: `ysql`, `ycql`. YCQL does not run at all unless a client asks for it."""

    @property
    def groups(self) -> tuple[str, ...]:
        """What the network knows its machines by, in place of their whole ranges."""
        return ()


class Endpoint(Section):
    """The one address that clients connect to."""

    @property
    def shared_with(self) -> tuple[str, ...]:
        """Who reaches it from another network, by an address that is not his."""
        return ()

    @property
    def nat_ranges(self) -> tuple[IPv4Network, ...]:
        """The addresses by which the database sees them; none where the load balancer has them from the subnets."""
        return ()
