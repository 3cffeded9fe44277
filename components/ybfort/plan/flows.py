"""Who may talk to whom. The one source of every firewall rule, of the guard's idea of what is allowed, and of the docs.

Every port of YugabyteDB's matrix is either in a flow or closed: 12000, 13000 (metrics of YCQL and YSQL), 15433 (the UI
of yugabyted), 18018 (YB Controller), 6379 and 11000 (YEDIS), 9300 (node exporter) and 22 are in none.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network

from ybfort.spec.clients import Client

# YugabyteDB's ports: docs, reference/configuration/default-ports
YSQL, YCQL = 5433, 9042
MASTER_RPC, TSERVER_RPC = 7100, 9100
MASTER_UI, TSERVER_UI = 7000, 9000
HTTPS = 443

API_PORTS = {"ysql": YSQL, "ycql": YCQL}

BETWEEN_NODES = {
    MASTER_RPC: "nodes reach the masters",
    TSERVER_RPC: "tablet servers replicate to each other",
    MASTER_UI: "a master that is not the leader redirects to it",
    TSERVER_UI: "nodes read the health of each other",
}


class Party(StrEnum):
    """Somebody that the cluster itself brings."""

    NODES = "nodes"
    ENDPOINT = "endpoint"  # the load balancer that clients connect to
    CLOUD_APIS = "cloud-apis"  # private ways to secrets, logs, the authority, …
    OBJECT_STORE = "object-store"  # a private way to buckets
    HEALTH_CHECKS = "health-checks"  # where the cloud asks from whether nodes are well


@dataclass(frozen=True, kw_only=True, slots=True)
class Peers:
    """Machines of a client: a range, or what the cloud knows some in it by."""

    client: str
    cidr: IPv4Network | None = None
    group: str | None = None

    def __str__(self) -> str:
        return f"{self.client} ({self.cidr or self.group})"


Source = Party | Peers


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """TCP traffic that is meant to be. Everything else is closed."""

    source: Source
    target: Party
    port: int
    why: str


SHARED = "shared"  # the name of clients in other networks, which the database knows by a range of its own alone


def flows(
    clients: tuple[Client, ...], *, passes_through: bool, nat_ranges: tuple[IPv4Network, ...] = ()
) -> tuple[Flow, ...]:
    """All that is allowed, in an order that the order of the clients cannot change.

    :param passes_through: the load balancer is no party: it hands on what clients send, as it is
    :param nat_ranges: what clients of other networks are seen by
    """
    balancer, why = (
        (Party.HEALTH_CHECKS, "the load balancer asks {} whether it is there")
        if passes_through
        else (Party.ENDPOINT, "the endpoint passes {} on")
    )
    asked = sorted({api for client in clients for api in client.apis}, key=API_PORTS.__getitem__)
    apis = asked or ["ysql"]
    return (
        *(Flow(source=Party.NODES, target=Party.NODES, port=port, why=why) for port, why in BETWEEN_NODES.items()),
        *(
            Flow(
                source=balancer,
                target=Party.NODES,
                port=API_PORTS[api],
                why=why.format(api.upper()),
            )
            for api in apis
        ),
        *(
            Flow(
                source=Peers(client=SHARED, cidr=cidr),
                target=Party.NODES,
                port=API_PORTS[api],
                why=f"other networks use {api.upper()} by the endpoint",
            )
            for cidr in nat_ranges
            for api in apis
        ),
        Flow(source=Party.NODES, target=Party.CLOUD_APIS, port=HTTPS, why="nodes use keys, secrets, logs and the CA"),
        Flow(source=Party.NODES, target=Party.OBJECT_STORE, port=HTTPS, why="nodes fetch releases and write backups"),
        *(
            Flow(source=peers, target=target, port=API_PORTS[api], why=f"{client.name} uses {api.upper()} {how}")
            for client in sorted(clients, key=lambda client: client.name)
            for api in sorted(client.apis, key=API_PORTS.__getitem__)
            for peers in _peers(client)
            for target, how in (
                (Party.ENDPOINT, "by the endpoint"),
                (Party.NODES, "on the node that its driver chose"),  # smart drivers; a balancer that keeps the address
            )
        ),
    )


def _peers(client: Client) -> tuple[Peers, ...]:
    """Groups where the client has them, which is narrower; its ranges otherwise."""
    if client.groups:
        return tuple(Peers(client=client.name, group=group) for group in sorted(client.groups))
    return tuple(Peers(client=client.name, cidr=cidr) for cidr in sorted(client.cidrs))
