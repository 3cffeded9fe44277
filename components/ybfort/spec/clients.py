"""Who may connect. A client is a group of machines with a name that reviewers recognise."""

from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import ClientName, IamPrincipalArn, PrivateNetwork, Section, SecurityGroup

Api = Literal["ysql", "ycql"]


class Client(Section):
    """A group of machines that may speak to the database. Everybody else is kept out by network and database alike."""

    name: ClientName
    """How reviewers know it, for example `orders-api`. Firewall rules carry it."""
    cidrs: Annotated[tuple[PrivateNetwork, ...], Field(min_length=1, max_length=20)]
    """Private ranges its connections come from; the database itself (HBA) accepts these and no others."""
    security_groups: Annotated[tuple[SecurityGroup, ...], Field(max_length=20)] = ()
    """Security groups of its machines. When given, the network admits these groups in place of the whole ranges."""
    apis: Annotated[tuple[Api, ...], Field(min_length=1)] = ("ysql",)
    """The APIs it uses: `ysql`, `ycql`. YCQL does not run at all unless a client asks for it."""


class Endpoint(Section):
    """The one address that clients connect to."""

    private_link: Annotated[tuple[IamPrincipalArn, ...], Field(max_length=20)] = ()
    """Accounts or roles that may reach the endpoint by AWS PrivateLink; somebody accepts each connection. The database
    sees the load balancer's address in place of theirs, so for them the network alone tells who is who."""
