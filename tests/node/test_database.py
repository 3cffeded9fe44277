"""What is made of the pages and tools of the database, and of answers that are none."""

import json
from typing import Any

import pytest

from simulated_machine import HOME, SimulatedMachine, declared, invented
from ybfort.node.config import Config, checked
from ybfort.node.database import Database, TabletServer
from ybfort.node.system import Failure, Output

A, B = "10.40.1.1", "10.40.3.1"


@pytest.fixture
def config() -> Config:
    told = json.loads(declared())
    (node,) = told["nodes"]
    other = json.loads(json.dumps(node).replace("a1", "b1").replace(A, B))
    told["nodes"] = [node, other]
    return checked(json.dumps(told), invented(), HOME)


PAGES: dict[str, Any] = {
    "cluster-config": {
        "cluster_uuid": "1e8d7c5a-0000-4000-8000-000000000000",
        "leader_blacklist": {"hosts": [{"host": B, "port": 9100}, {"host": "10.9.9.9", "port": 9100}]},
        "replication_info": {"live_replicas": {"num_replicas": 3}},
    },
    "masters": {
        "masters": [
            {
                "instance_id": {"permanent_uuid": "m1"},
                "registration": {"private_rpc_addresses": [{"host": A, "port": 7100}]},
                "role": "LEADER",
            },
            {"instance_id": {"permanent_uuid": "m2"}, "error": {"code": "NETWORK_ERROR"}},
            {"role": "NON_PARTICIPANT", "instance_id": {"permanent_uuid": "m3"}, "registration": {}},
        ]
    },
    "tablet-servers": {
        "": {
            f"{A}:9000": {
                "status": "ALIVE",
                "permanent_uuid": "t1",
                "uptime_seconds": 61,
                "user_tablets_leaders": 3,
                "system_tablets_leaders": 2,
            },
            f"{B}:9000": {
                "status": "DEAD",
                "permanent_uuid": "t2",
                "uptime_seconds": 0,
                "user_tablets_leaders": 0,
                "system_tablets_leaders": 0,
            },
            "10.9.9.9:9000": {"status": "ALIVE"},
        }
    },
    "tablet-under-replication": {"underreplicated_tablets": [{"tablet_uuid": "1"}]},
    "tablet-replication": {"leaderless_tablets": []},
}


class Pages:
    """A machine from which two masters can be reached; the second one leads."""

    def __init__(self, machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = {name: json.dumps(page) for name, page in PAGES.items()}
        self.leader, self.asked = A, list[str]()
        monkeypatch.setattr(machine, "get", self.get)

    def get(self, address: str, port: int, path: str, **_: Any) -> tuple[int, str]:
        self.asked.append(f"{address}:{port}{path}")
        name = path.removeprefix("/api/v1/")
        if name == "is-leader":
            return (200, "{}") if address == self.leader else (503, "{")
        return 200, self.answers[name]


@pytest.fixture
def pages(machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch) -> Pages:
    return Pages(machine, monkeypatch)


def test_the_leader_says_how_the_cluster_is(machine: SimulatedMachine, config: Config, pages: Pages) -> None:
    view = Database(machine, config).leading()
    assert (view.leader, view.uuid) == ("a1", "1e8d7c5a-0000-4000-8000-000000000000")
    assert view.masters == {"a1": "m1"}
    assert view.tservers == {"a1": TabletServer("t1", True, 61, 5), "b1": TabletServer("t2", False, 0, 0)}
    assert (view.under_replicated, view.leaderless, view.drained) == (1, 0, {"b1"})


def test_nobody_but_the_leader_is_asked(machine: SimulatedMachine, config: Config, pages: Pages) -> None:
    """The others pass the question on, and answer 200 with an apology if that fails."""
    pages.leader = B
    assert Database(machine, config).leading().leader == "b1"
    assert {asked.split(":")[0] for asked in pages.asked if "is-leader" not in asked} == {B}


def test_a_living_server_counts_more_than_a_dead_one_that_had_its_address(
    machine: SimulatedMachine, config: Config, pages: Pages
) -> None:
    dead = {"status": "DEAD", "permanent_uuid": "t0", "uptime_seconds": 0}
    leaders = {"user_tablets_leaders": 0, "system_tablets_leaders": 0}
    told = json.loads(json.dumps(PAGES["tablet-servers"]))
    pages.answers["tablet-servers"] = json.dumps({**told, "read replicas": {f"{A}:9000": {**dead, **leaders}}})
    assert Database(machine, config).leading().tservers["a1"].alive


def test_everything_that_is_wrong_is_told(machine: SimulatedMachine, config: Config, pages: Pages) -> None:
    view = Database(machine, config).leading()
    assert list(view.wrong(config, settle=120)) == [
        "the tablet server of a1 has been up for 61 of 120 seconds",
        "the master of b1 is not there",
        "the tablet server of b1 is not there",
        "1 tablets have too few copies",
    ]
    assert list(view.wrong(config, settle=60, but={"b1"})) == ["1 tablets have too few copies"]
    pages.answers["tablet-replication"] = json.dumps({"leaderless_tablets": [{"tablet_uuid": "1"}]})
    assert list(Database(machine, config).leading().wrong(config, settle=60, but={"b1"}))[1:] == [
        "1 tablets have no leader"
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "<h2>NotFound</h2>Unable to locate leader master to redirect this request",
        "{",
        "[]",
        "",
        '{"error": "Timed out"}',
    ],
)
@pytest.mark.parametrize("page", ["masters", "tablet-replication"])
def test_an_answer_that_is_none_is_not_taken_for_good_news(
    machine: SimulatedMachine, config: Config, pages: Pages, page: str, answer: str
) -> None:
    pages.answers[page] = answer
    with pytest.raises(Failure, match=f"The leading master, of a1, does not answer {page}"):
        Database(machine, config).view()


def test_a_cluster_without_a_leader_is_told_as_one(machine: SimulatedMachine, config: Config, pages: Pages) -> None:
    pages.leader = "10.9.9.9"
    assert Database(machine, config).view() is None
    with pytest.raises(Failure, match="No master leads"):
        Database(machine, config).leading()


class TestTools:
    @pytest.fixture
    def said(self, machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch) -> list[Output]:
        """What the tools say, one after the other."""
        said: list[Output] = []
        monkeypatch.setattr(machine, "_of_the_release", lambda *_: said.pop(0) if said else Output(0, "fine", ""))
        return said

    def test_they_show_the_node_s_certificate(
        self, machine: SimulatedMachine, config: Config, said: list[Output]
    ) -> None:
        assert Database(machine, config).admin("master_leader_stepdown") == "fine"
        assert machine.commands[-1] == (
            "/opt/yugabyte/2025.2.8.0-b60/bin/yb-admin --certs_dir_name /etc/yugabyte/certificates "
            f"--client_node_name {A} --master_addresses {A}:7100,{B}:7100 --timeout_ms 60000 master_leader_stepdown"
        )

    def test_somebody_else_s_change_at_the_same_time_is_waited_for(
        self, machine: SimulatedMachine, config: Config, said: list[Output]
    ) -> None:
        conflict = Output(1, "", "Error running x: Config version does not match, got 3, but most recent one is 4")
        said += [conflict] * 3
        assert Database(machine, config).admin("change_leader_blacklist", "ADD", f"{A}:9100") == "fine"
        said += [conflict] * 4
        with pytest.raises(Failure, match="Config version does not match"):
            Database(machine, config).admin("change_leader_blacklist", "ADD", f"{A}:9100")

    def test_any_other_error_is_told_at_once(
        self, machine: SimulatedMachine, config: Config, said: list[Output]
    ) -> None:
        said.append(Output(1, "", "Unable to establish connection to leader master"))
        with pytest.raises(Failure, match=r"yb-admin .*: Unable to establish connection"):
            Database(machine, config).admin("promote_auto_flags")
