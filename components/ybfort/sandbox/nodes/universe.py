"""What the servers of a simulated cluster know together, and what their pages and tools say of it.

It knows of copies and leaders as much as an operator sees: tablets have copies on the tablet servers, one of which
leads, and a server that was started has to catch up first. Pages have the form of the real ones (yugabyte-db,
src/yb/master/master-path-handlers.cc). It also takes down what must never happen (`violations`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

MASTER, TSERVER = "yb-master", "yb-tserver"
BLANK, MEMBER = "blank", "member"
TABLETS = 12
CATCH_UP_SECONDS = 0.4


class Refused(Exception):
    """A tool's error, as it would print it."""


@dataclass
class Running:
    """A server that runs."""

    server: str
    address: str
    web: int  # port of its pages
    uuid: str
    place: tuple[str, str, str]  # cloud, region, zone
    since: float
    release: str

    @property
    def key(self) -> str:
        return key(self.server, self.address)


@dataclass
class Universe:
    """The cluster. `running` are the servers that are alive; whoever holds this knows that."""

    name: str = ""  # its UUID, once it was made
    masters: dict[str, str] = field(default_factory=dict[str, str])  # members: address -> UUID
    forming: dict[str, str] = field(default_factory=dict[str, str])  # masters that are making it
    leader: str = ""
    copies: int = 0
    placement: list[str] = field(default_factory=list[str])  # aws.eu-west-1.eu-west-1a
    drained: list[str] = field(default_factory=list[str])  # addresses that may lead no tablet
    promoted: str = ""  # the release whose formats are in use
    made: dict[str, int] = field(default_factory=dict[str, int])  # how often a server's disk was begun, by its key
    expected: list[str] = field(default_factory=list[str])  # nodes that were up once: address
    sick: list[str] = field(default_factory=list[str])  # addresses whose tablet servers never catch up
    violations: list[str] = field(default_factory=list[str])
    running: dict[str, Running] = field(default_factory=dict[str, Running])

    # ----------------------------------------------------------------------------------------------------- what happens

    def begun(self, server: str, address: str) -> None:
        """A blank disk is written to for the first time."""
        count = self.made[key(server, address)] = self.made.get(key(server, address), 0) + 1
        if count > 1:
            self.violate(f"the disk of {server} at {address} was begun {count} times")

    def blanked(self, address: str) -> None:
        """A node's disk was lost: a new one may be begun."""
        for server in (MASTER, TSERVER):
            self.made.pop(key(server, address), None)

    def started(self, one: Running, *, data: str, joins: bool, peers: Sequence[str], copies: int) -> None:
        """A server runs. Masters that are not told to join make a cluster when all of them have found each other."""
        self.running[one.key] = one
        self._compare_releases()
        if one.server == TSERVER:
            self.expected = sorted({*self.expected, one.address})
        elif data == MEMBER or joins:
            return
        elif self.name:
            self.violate(f"the master at {one.address} tried to make a second cluster")
        else:
            self.copies, self.forming[one.address] = copies, one.uuid
            if set(peers) <= self.forming.keys():
                self.name, self.masters, self.promoted = str(uuid.uuid4()), dict(self.forming), one.release

    def member(self, address: str, id_: str) -> bool:
        """Whether a master is one of the cluster."""
        return self.masters.get(address) == id_

    def stopping(self, server: str, address: str, now: float) -> None:
        """Somebody stops a server in order."""
        if not self.name:
            return
        down = [at for at in self.expected if at != address and not self._whole(at)]
        if down:
            self.violate(f"{server} at {address} was stopped while {', '.join(down)} was down")
        left = [at for at in self._living() if at != address or server != MASTER]
        if len(self.masters) > 1 and len(left) * 2 <= len(self.masters):
            self.violate(f"without {server} at {address} the masters have no majority")
        if server == TSERVER and len(self.expected) > 1 and self._leads(address, now):
            self.violate(f"{server} at {address} was stopped while it led tablets")

    def violate(self, what: str) -> None:
        self.violations.append(what)

    def _compare_releases(self) -> None:
        """No tablet server is newer than a master, on the way there and back."""
        releases = {
            server: [numbers(one.release) for one in self.running.values() if one.server == server]
            for server in (MASTER, TSERVER)
        }
        if self.name and releases[MASTER] and releases[TSERVER] and max(releases[TSERVER]) > min(releases[MASTER]):
            self.violate("a tablet server is newer than a master")

    # ------------------------------------------------------------------------------------------------------- what is so

    def _living(self) -> list[str]:
        """Addresses of members whose master runs."""
        masters = {one.address: one.uuid for one in self.running.values() if one.server == MASTER}
        return [at for at, id_ in self.masters.items() if masters.get(at) == id_]

    def lead(self) -> str:
        """The address of the leader; empty if the masters have no majority."""
        living = self._living()
        if len(living) * 2 <= len(self.masters):
            return ""
        if self.leader not in living:
            self.leader = min(living)
        return self.leader

    def _whole(self, address: str) -> bool:
        wants = (MASTER, TSERVER) if address in self.masters else (TSERVER,)
        return all(key(server, address) in self.running for server in wants)

    def _serving(self, now: float) -> list[str]:
        """Addresses of tablet servers that have caught up."""
        return [
            one.address
            for one in self.running.values()
            if one.server == TSERVER and one.address not in self.sick and now - one.since >= CATCH_UP_SECONDS
        ]

    def ready(self, address: str, now: float) -> bool:
        """Whether a tablet server has caught up."""
        return address in self._serving(now)

    def _leads(self, address: str, now: float) -> int:
        """How many tablets a tablet server leads."""
        serving = self._serving(now)
        able = [at for at in serving if at not in self.drained] or serving
        return TABLETS // len(able) if address in able else 0

    # ------------------------------------------------------------------------------------------------------------ pages

    def page(self, path: str, at: str, now: float) -> tuple[int, str]:
        """Status and text of a page of the master at an address."""
        leader = self.lead()
        if path == "/api/v1/is-leader":
            return (200, '{"STATUS":"OK"}') if leader == at else (503, "{")
        if path == "/api/v1/masters":
            return 200, json.dumps({"masters": list(self._masters(leader))})
        if not leader:
            return 200, f"<h2>NotFound</h2>Unable to locate leader master to redirect this request: {path}"
        pages = {
            "/api/v1/tablet-servers": lambda: {"": dict(self._tservers(now))},
            "/api/v1/cluster-config": self._config,
            "/api/v1/tablet-under-replication": lambda: {"underreplicated_tablets": self._without(now)},
            "/api/v1/tablet-replication": lambda: {
                "leaderless_tablets": [] if self._serving(now) else self._without(now)
            },
        }
        return (200, json.dumps(pages[path]())) if path in pages else (404, "")

    def _masters(self, leader: str) -> Iterator[dict[str, Any]]:
        living = self._living()
        for address, id_ in self.masters.items():
            if address not in living:
                yield {"instance_id": {"permanent_uuid": id_}, "error": {"code": "NETWORK_ERROR"}}
                continue
            yield {
                "instance_id": {"permanent_uuid": id_},
                "registration": {"private_rpc_addresses": [{"host": address, "port": 7100}]},
                "role": "LEADER" if address == leader else "FOLLOWER",
            }

    def _tservers(self, now: float) -> Iterator[tuple[str, dict[str, Any]]]:
        for address in self.expected:
            one = self.running.get(key(TSERVER, address))
            yield (
                f"{address}:{one.web if one else 9000}",
                {
                    "status": "ALIVE" if one else "DEAD",
                    "permanent_uuid": one.uuid if one else "unknown",
                    "uptime_seconds": int(now - one.since) if one else 0,
                    "user_tablets_leaders": self._leads(address, now),
                    "system_tablets_leaders": 0,
                },
            )

    def _config(self) -> dict[str, Any]:
        blocks = [
            {"cloud_info": dict(zip(PLACE, one.split("."), strict=True)), "min_num_replicas": 1}
            for one in self.placement
        ]
        placed = {"num_replicas": self.copies, "placement_blocks": blocks} if blocks else {}
        return {
            "cluster_uuid": self.name,
            "replication_info": {"live_replicas": placed} if placed else {},
            "leader_blacklist": {"hosts": [{"host": at, "port": 9100} for at in self.drained]},
        }

    def _without(self, now: float) -> list[dict[str, str]]:
        """Tablets with a copy on a node that does not serve."""
        whole = set(self.expected) <= set(self._serving(now))
        return [] if whole else [{"tablet_uuid": str(number)} for number in range(TABLETS)]

    # ------------------------------------------------------------------------------------------------------------ tools

    def admin(self, command: str, *arguments: str) -> str:
        """What `yb-admin` prints.

        :raises Refused: with what it prints if it fails
        """
        if not self.lead():
            raise Refused("Unable to establish connection to leader master")
        commands = {
            "change_leader_blacklist": self._change_leader_blacklist,
            "master_leader_stepdown": self._step_down,
            "modify_placement_info": self._place,
            "change_master_config": self._change_masters,
            "promote_auto_flags": self._promote,
            "upgrade_ysql": lambda: "YSQL successfully upgraded to the latest version",
        }
        if command not in commands:
            raise Refused(f"Error running {command}: Invalid argument: unknown operation")
        return commands[command](*arguments)

    def _change_leader_blacklist(self, verb: str, place: str) -> str:
        address = place.split(":")[0]
        others = {at for at in self.drained if at != address}
        self.drained = sorted(others | ({address} if verb == "ADD" else set()))
        return ""

    def _step_down(self) -> str:
        others = [at for at in self._living() if at != self.leader]
        self.leader = min(others, default=self.leader)
        return ""

    def _place(self, places: str, copies: str) -> str:
        self.placement, self.copies = places.split(","), int(copies)
        return ""

    def _change_masters(self, verb: str, address: str, _port: str) -> str:
        if verb == "REMOVE_SERVER":
            if address not in self.masters:
                raise Refused(f"Error running change_master_config: NotFound: {address} is not a member")
            del self.masters[address]
        elif address in self.masters:
            raise Refused(f"Error running change_master_config: Illegal state: {address} is a member already")
        else:
            self.masters[address] = self.running[key(MASTER, address)].uuid
        if len(self._living()) * 2 <= len(self.masters):
            self.violate(f"{verb} of {address} left the masters without a majority")
        return ""

    def _promote(self) -> str:
        releases = {one.release for one in self.running.values()}
        if len(releases) != 1 or not all(map(self._whole, self.expected)):
            self.violate(f"flags were promoted while {', '.join(sorted(releases))} ran")
        self.promoted = max(releases)
        return "PromoteAutoFlags completed successfully\nNew AutoFlags were promoted"


PLACE = ("placement_cloud", "placement_region", "placement_zone")


def key(server: str, address: str) -> str:
    return f"{server} {address}"


def numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
