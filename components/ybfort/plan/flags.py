"""The flags of yb-master and yb-tserver. Every one that security hangs on is set, whatever the release's default is.

Names and meanings: YugabyteDB documentation, reference/configuration/yb-master and yb-tserver, secure/tls-encryption.
"""

from collections.abc import Mapping, Sequence

from ybfort.plan.flows import MASTER_RPC, MASTER_UI, TSERVER_RPC, TSERVER_UI, YCQL, YSQL
from ybfort.plan.nodes import Node

Flags = Mapping[str, str]

DATA, CERTIFICATES = "/mnt/data", "/etc/yugabyte/certificates"  # certificates stand outside the data (CIS 8.2)
RUN = "/run/yugabyte"  # the local socket: in /tmp, the server's own private one, nobody else would see it

# On masters and tablet servers alike.
COMMON: Flags = {
    "allow_insecure_connections": "false",
    "callhome_enabled": "false",
    "certs_dir": CERTIFICATES,
    "fs_data_dirs": DATA,
    "log_dir": "/var/log/yugabyte",  # what is left for files: stack traces of a crash
    "logtostderr": "true",  # all else, PostgreSQL's log included, goes to the journal, and from there to the cloud
    "node_to_node_encryption_use_client_certificates": "true",  # mutual TLS: without it only the server shows who it is
    "ssl_protocols": "tls12,tls13",  # RPC only; PostgreSQL has its own setting below
    "use_client_to_server_encryption": "true",
    "use_node_to_node_encryption": "true",
}

# PostgreSQL settings of every tablet server.
POSTGRES: Flags = {
    "log_connections": "on",
    "log_disconnections": "on",
    "log_line_prefix": "%m [%p] %q%u@%d %h ",  # when, which session, who, where to, where from
    "password_encryption": "scram-sha-256",
    "pgaudit.log": "ddl,role",
    "pgaudit.log_catalog": "off",
    "pgaudit.log_parameter": "off",  # parameters can hold what nobody should read in a log
    "ssl_min_protocol_version": "TLSv1.2",
}


def master_flags(*, replication_factor: int) -> Flags:
    """Flags that all masters share."""
    return {
        **COMMON,
        # A master whose disk is blank waits to be taken in. The agent starts the first ones without this, once.
        "master_join_existing_universe": "true",
        "replication_factor": str(replication_factor),
        "use_memory_defaults_optimized_for_ysql": "true",
    }


def tserver_flags(*, hba: Sequence[str], ycql: bool) -> Flags:
    """Flags that all tablet servers share. YCQL wants a password always, and does not run unless `ycql`."""
    return {
        **COMMON,
        "certs_for_client_dir": CERTIFICATES,
        "start_cql_proxy": str(ycql).lower(),
        "start_redis_proxy": "false",
        "tmp_dir": RUN,
        "use_cassandra_authentication": "true",
        "use_memory_defaults_optimized_for_ysql": "true",
        "ycql_enable_audit_log": str(ycql).lower(),
        "ysql_enable_auth": "true",
        "ysql_enable_profile": "true",
        "ysql_hba_conf_csv": _csv(hba),
        "ysql_pg_conf_csv": _csv([f"{name}={_quoted(value)}" for name, value in sorted(POSTGRES.items())]),
    }


def own_flags(
    node: Node, masters: Sequence[Node], *, cloud: str, region: str, ycql: bool, passes_through: bool
) -> Mapping[str, Flags]:
    """Flags of this node alone, by server: where it stands, and the private address that everything binds to.

    :param passes_through: clients' packets come as they were sent, to the load balancer's address
    """
    address = str(node.address)
    clients = "0.0.0.0" if passes_through else address  # noqa: S104 (a node has one private address; the firewall has flows)
    addresses = ",".join(f"{master.address}:{MASTER_RPC}" for master in masters)
    place = {
        "cert_node_filename": address,
        "placement_cloud": cloud,
        "placement_region": region,
        "placement_zone": node.subnet.zone,
        "webserver_interface": address,
    }
    tserver = {
        **place,
        "pgsql_proxy_bind_address": f"{clients}:{YSQL}",
        "rpc_bind_addresses": f"{address}:{TSERVER_RPC}",
        "server_broadcast_addresses": f"{address}:{TSERVER_RPC}",
        "tserver_master_addrs": addresses,
        "webserver_port": str(TSERVER_UI),
        **({"cql_proxy_bind_address": f"{clients}:{YCQL}"} if ycql else {}),
    }
    if not node.master:
        return {"yb-tserver": tserver}
    master = {
        **place,
        "master_addresses": addresses,
        "rpc_bind_addresses": f"{address}:{MASTER_RPC}",
        "server_broadcast_addresses": f"{address}:{MASTER_RPC}",
        "webserver_port": str(MASTER_UI),
    }
    return {"yb-master": master, "yb-tserver": tserver}


def _csv(fields: Sequence[str]) -> str:
    """Fields as YugabyteDB's CSV flags want them: one that holds a comma stands in double quotes."""
    return ",".join(f'"{field}"' if "," in field else field for field in fields)


def _quoted(value: str) -> str:
    """A PostgreSQL setting: words as they are, everything else in single quotes."""
    return value if value.isalnum() else f"'{value}'"
