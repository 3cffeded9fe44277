"""The database's own list of who may log in from where (host-based authentication); the first match decides."""

from ipaddress import IPv4Network

from ybfort.spec.clients import Client

SUPERUSERS = ("yugabyte", "postgres")


def hba(clients: tuple[Client, ...], *, balancer: tuple[IPv4Network, ...] = ()) -> tuple[str, ...]:
    """The lines, in order. YugabyteDB puts them above those it generates, so the last one must close the list.

    :param balancer: where the load balancer speaks from for clients whose own address does not reach the database
    """
    ranges = sorted(cidr for client in clients if "ysql" in client.apis for cidr in client.cidrs)
    return (
        # The node's own agent: the operating-system user of that name over the local socket, no password anywhere.
        "local all yugabyte peer",
        "local all all reject",
        *(f"host all {superuser} all reject" for superuser in SUPERUSERS),
        *(f"hostssl all all {cidr} scram-sha-256" for cidr in (*ranges, *balancer)),
        "host all all all reject",
    )
