"""The database's own list of who may log in from where (host-based authentication); the first match decides."""

from ybfort.spec.clients import Client

SUPERUSERS = ("yugabyte", "postgres")


def hba(clients: tuple[Client, ...]) -> tuple[str, ...]:
    """The lines, in order. YugabyteDB puts them above those it generates, so the last one must close the list."""
    return (
        # The node's own agent: the operating-system user of that name over the local socket, no password anywhere.
        "local all yugabyte peer",
        "local all all reject",
        *(f"host all {superuser} all reject" for superuser in SUPERUSERS),
        *(
            f"hostssl all all {cidr} scram-sha-256"
            for cidr in sorted(cidr for client in clients if "ysql" in client.apis for cidr in client.cidrs)
        ),
        "host all all all reject",
    )
