"""The database as its own servers show it: their web pages, `yb-admin` and `yb-ts-cli`.

Pages and their members: yugabyte-db, src/yb/master/master-path-handlers.cc. A master that is not the leader passes a
question on, and answers "200" even if that fails; so only the leader is asked, and only JSON counts as an answer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ybfort.node.config import MASTER, TSERVER, Config
from ybfort.node.system import Failure, System

PRODUCT = "/opt/yugabyte"  # a directory for each release
TOOL_SECONDS = 60.0
CONFLICT = "Config version does not match"  # somebody changed the cluster's configuration at the same time
CONFLICTS = 3
RPC_PORT = "rpc_bind_addresses"  # the flag that has it


@dataclass(frozen=True)
class TabletServer:
    """A tablet server as the leading master sees it."""

    uuid: str
    alive: bool
    uptime: float  # seconds
    leaders: int  # tablets that it leads


@dataclass(frozen=True)
class View:
    """The cluster as its leading master sees it."""

    uuid: str  # the cluster's own
    leader: str  # the node whose master leads
    masters: Mapping[str, str]  # by node: the UUID of a master that answers and is a member
    tservers: Mapping[str, TabletServer]  # by node
    under_replicated: int  # tablets with too few copies
    leaderless: int  # tablets that nobody leads
    drained: frozenset[str]  # nodes that may lead no tablet
    placement: Mapping[str, Any]

    def wrong(self, config: Config, *, settle: float, but: Collection[str] = ()) -> Iterator[str]:
        """What is wrong with the cluster, if these nodes do not count."""
        for node in config.nodes:
            name = node["name"]
            if name in but:
                continue
            if node["master"] and name not in self.masters:
                yield f"the master of {name} is not there"
            server = self.tservers.get(name)
            if server is None or not server.alive:
                yield f"the tablet server of {name} is not there"
            elif server.uptime < settle:
                yield f"the tablet server of {name} has been up for {server.uptime:.0f} of {settle:.0f} seconds"
        if self.under_replicated:
            yield f"{self.under_replicated} tablets have too few copies"
        if self.leaderless:
            yield f"{self.leaderless} tablets have no leader"


class Database:
    """The servers of a cluster, and the tools of a release that is on this machine."""

    def __init__(self, system: System, config: Config) -> None:
        self._system, self._config = system, config
        self.home = f"{PRODUCT}/{config.cluster['release']['version']}"

    # ----------------------------------------------------------------------------------------------------------- pages

    def leader(self) -> Mapping[str, Any] | None:
        """The node whose master leads; None if there is no leader, or it cannot be reached."""
        for node in self._config.masters:
            try:
                status, _ = self._system.get(node["address"], self._port(node, MASTER), "/api/v1/is-leader")
            except Failure:
                continue
            if status == 200:  # the others say 503
                return node
        return None

    def view(self) -> View | None:
        """What the leader sees; None if there is no leader.

        :raises Failure: if it does not say all of it
        """
        leader = self.leader()
        if leader is None:
            return None
        universe = self._page(leader, "cluster-config")
        return View(
            uuid=str(universe.get("cluster_uuid", "")),
            leader=leader["name"],
            masters=dict(self._masters(self._page(leader, "masters"))),
            tservers=dict(self._tservers(self._page(leader, "tablet-servers"))),
            under_replicated=len(self._page(leader, "tablet-under-replication")["underreplicated_tablets"]),
            leaderless=len(self._page(leader, "tablet-replication")["leaderless_tablets"]),
            drained=frozenset(self._drained(universe.get("leader_blacklist", {}).get("hosts", []))),
            placement=universe.get("replication_info", {}).get("live_replicas", {}),
        )

    def leading(self) -> View:
        """What the leader sees.

        :raises Failure: if there is no leader, or it does not say all of it
        """
        view = self.view()
        if view is None:
            raise Failure("No master leads: the masters are down, or do not reach each other.")
        return view

    def _page(self, node: Mapping[str, Any], name: str) -> dict[str, Any]:
        status, text = self._system.get(node["address"], self._port(node, MASTER), f"/api/v1/{name}")
        try:
            page = json.loads(text)
        except ValueError:
            page = None
        if status != 200 or not isinstance(page, dict) or "error" in page:
            raise Failure(
                f"The leading master, of {node['name']}, does not answer {name}: {' '.join(text.split())[:200]}"
            )
        return cast("dict[str, Any]", page)

    def _masters(self, page: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        by_address = {node["address"]: node["name"] for node in self._config.masters}
        for master in page.get("masters", []):
            if "error" in master or master.get("role") not in ("LEADER", "FOLLOWER"):
                continue
            for place in master.get("registration", {}).get("private_rpc_addresses", []):
                if place["host"] in by_address:
                    yield by_address[place["host"]], master["instance_id"]["permanent_uuid"]

    def _tservers(self, page: Mapping[str, Any]) -> Iterator[tuple[str, TabletServer]]:
        """The living last, so that one counts more than a dead one that had its address before."""
        by_place = {f"{node['address']}:{self._port(node, TSERVER)}": node["name"] for node in self._config.nodes}
        told = [(place, one) for cluster in page.values() for place, one in cluster.items() if place in by_place]
        for place, one in sorted(told, key=lambda each: each[1]["status"] == "ALIVE"):
            yield (
                by_place[place],
                TabletServer(
                    uuid=one["permanent_uuid"],
                    alive=one["status"] == "ALIVE",
                    uptime=float(one["uptime_seconds"]),
                    leaders=one["user_tablets_leaders"] + one["system_tablets_leaders"],
                ),
            )

    def _drained(self, hosts: list[Mapping[str, Any]]) -> Iterator[str]:
        by_address = {node["address"]: node["name"] for node in self._config.nodes}
        return (by_address[one["host"]] for one in hosts if one["host"] in by_address)

    # ----------------------------------------------------------------------------------------------------------- tools

    def admin(self, *command: str, seconds: float = TOOL_SECONDS) -> str:
        """What `yb-admin` prints.

        :raises Failure: if it fails
        """
        masters = ",".join(self.rpc(node, MASTER) for node in self._config.masters)
        options = ("--master_addresses", masters, "--timeout_ms", str(int(seconds * 1000)))
        for _ in range(CONFLICTS):
            try:
                return self._tool("yb-admin", *options, *command, seconds=seconds + 15)
            except Failure as problem:
                if CONFLICT not in str(problem):
                    raise
            self._system.sleep(1)
        return self._tool("yb-admin", *options, *command, seconds=seconds + 15)

    def tell(self, server: str, *command: str, seconds: float = TOOL_SECONDS) -> str:
        """What `yb-ts-cli` prints of a server of this node.

        :raises Failure: if it fails
        """
        place = self.rpc(self._config.node, server)
        return self._tool("yb-ts-cli", "--server_address", place, *command, seconds=seconds)

    def rpc(self, node: Mapping[str, Any], server: str) -> str:
        """Where the server of a node is: `10.40.1.1:7100`."""
        return self._config.flags(server, node)["rpc_bind_addresses"]

    def _tool(self, name: str, *more: str, seconds: float) -> str:
        # With mutual TLS the tools show a certificate, too: this node's.
        flags = self._config.flags(TSERVER)
        shown = ("--certs_dir_name", flags["certs_dir"], "--client_node_name", flags["cert_node_filename"])
        output = self._system.run(f"{self.home}/bin/{name}", *shown, *more, seconds=seconds)
        if output.code:
            raise Failure(f"{name} {' '.join(more[-3:])}: {output.last_line}")
        return output.out

    def _port(self, node: Mapping[str, Any], server: str) -> int:
        return int(self._config.flags(server, node)["webserver_port"])
