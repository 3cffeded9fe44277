"""Nodes as processes: the agent as the file that nodes run, servers that listen, PostgreSQL, TLS on every
connection."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from simulated_machine import AUTHORITY, nodes_python
from specs import dev_plan, prod_plan, spec_data
from ybfort.node.steps import LAST, ORDER
from ybfort.plan.agent import archive
from ybfort.plan.cluster import ClusterPlan, cluster_config
from ybfort.sandbox.nodes.fleet import Fleet
from ybfort.sandbox.nodes.postgres import programs
from ybfort.sandbox.nodes.ycqlsh import Ycql

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[3] / "docs/status.schema.json").read_text()))
pytestmark = [
    pytest.mark.skipif(programs() is None, reason="cannot run here: no PostgreSQL 15 on this machine"),
    pytest.mark.skipif(
        sys.platform != "linux", reason="cannot run here: only Linux has a loopback address for each node"
    ),
]
PSQL = f"{programs()}/psql"


@pytest.fixture
def make() -> Iterator[Callable[..., Fleet]]:
    """A fleet on machines that have just been made. What must never happen did not, whatever a test does."""
    made: list[Fleet] = []
    folders: list[Path] = []

    def make(planned: ClusterPlan) -> Fleet:
        # Short, for sockets' names; and open, for the user that runs PostgreSQL.
        folders.append(Path(tempfile.mkdtemp(prefix="ybf-", dir="/tmp")))
        folders[-1].chmod(0o755)
        document = json.loads(cluster_config(planned))
        ids = {
            node["name"]: {
                "format": 1,
                "certificate_authority": AUTHORITY,
                "node": node["name"],
                "volume": f"vol-{at:017x}",
            }
            for at, node in enumerate(document["nodes"])
        }
        made.append(Fleet(folders[-1], document, ids, archive("aws").content, python=nodes_python() or sys.executable))
        return made[-1]

    yield make
    violations = [fleet.violations() for fleet in made]
    for fleet in made:
        fleet.end()
    for folder in folders:
        shutil.rmtree(folder)
    assert violations == [[] for _ in made]


def alone() -> ClusterPlan:
    """One node, with a database and roles."""
    return dev_plan(**{name: spec_data()[name] for name in ("databases", "roles")})


def client(fleet: Fleet, role: str, **changes: str) -> tuple[list[str], dict[str, str]]:
    """The command of an application, and its environment: what the role's secret holds, and whom it trusts."""
    secret = json.loads(fleet.cloud.secret(f"ybfort/{fleet.cluster['cluster']}/roles/{role}")[-1])
    authority = changes.get("authority", AUTHORITY)
    options = {
        "host": changes.get("host", secret["host"]),
        "hostaddr": fleet.ysql(),
        "port": secret["port"],
        "dbname": secret["dbname"],
        "user": secret["username"],
        "sslmode": changes.get("sslmode", "verify-full"),
        "sslrootcert": fleet.cloud.authority(authority) / "ca.crt",
        "connect_timeout": 10,
    }
    where = " ".join(f"{name}={value}" for name, value in options.items())
    return [PSQL, "-XAt", where], {"PGPASSWORD": changes.get("password", secret["password"]), "PATH": os.defpath}


def log_in(fleet: Fleet, role: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    command, environment = client(fleet, role, **changes)
    command += ["-c", "SELECT current_user"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_empty_machines_become_a_cluster_that_clients_can_use(make: Callable[..., Fleet]) -> None:
    fleet = make(prod_plan())
    fleet.settle()
    told = fleet.universe()
    assert len(told.masters) == len(told.expected) == 3
    assert told.placement == [f"aws.eu-west-1.eu-west-1{letter}" for letter in "abc"]
    for node in fleet.nodes:
        SCHEMA.validate(fleet.status(node))
        assert fleet.status(node)["state"] == "converged"
    # By the endpoint's name and by the node's address.
    for host in ("db.orders-prod.internal", fleet.ysql()):
        done = log_in(fleet, "orders_api", host=host)
        assert (done.stdout, done.stderr) == ("orders_api\n", "")
    for wrong, reason in (
        ({"sslmode": "disable"}, "no encryption"),
        ({"password": "guessed"}, "password authentication failed"),
        ({"host": "somewhere.else"}, 'does not match host name "somewhere.else"'),
        ({"authority": AUTHORITY.replace("1111", "2222")}, "certificate verify failed"),
    ):
        refused = log_in(fleet, "orders_api", **wrong)
        assert refused.returncode != 0
        assert reason in refused.stderr
    metrics = {one["MetricName"] for one in fleet.cloud.told("metrics")}
    assert metrics == {"ConvergeAgeSeconds", "CertificateDaysLeft", "DatabaseHealthy", "DiskUsedPercent"}
    lines = [one["message"] for one in fleet.cloud.told("/ybfort/orders-prod/database a1")]
    assert any("yb-tserver" in line for line in lines)


def test_ycql_is_open_to_clients_when_its_default_superuser_is_closed(make: Callable[..., Fleet]) -> None:
    roles = [{"name": "events", "keyspaces": [{"keyspace": "events", "access": "read_write"}]}]
    asked = {"clients": [{"name": "events", "cidrs": ["10.9.0.0/16"], "apis": ["ycql"]}]}
    fleet = make(dev_plan(**asked, keyspaces=[{"name": "events"}], roles=roles))
    fleet.run()
    (flags,) = (fleet.site.root("a1") / "etc/yugabyte").glob("yb-tserver-*")
    assert "--cql_proxy_bind_address=127.0.0.1:9042\n" in flags.read_text()
    fleet.settle()
    (flags,) = (fleet.site.root("a1") / "etc/yugabyte").glob("yb-tserver-*")
    assert f"--cql_proxy_bind_address={fleet.address('a1')}:9042\n" in flags.read_text()
    ycql, secret = (
        Ycql(fleet.site.folder / "ycql.json"),
        json.loads(fleet.cloud.secret("ybfort/orders-dev/roles/events")[-1]),
    )
    assert "events" in ycql.keyspaces
    assert ycql.refuses("cassandra", "cassandra")
    assert not ycql.refuses(secret["username"], secret["password"])


def test_a_secret_in_the_wrong_place_would_be_seen(make: Callable[..., Fleet]) -> None:
    """The tests here hold because the fleet looks for every secret that ever was: this one sees that it does."""
    fleet = make(alone())
    fleet.settle()
    secret = fleet.cloud.secret("ybfort/orders-dev/roles/orders_api")[-1]
    (key,) = (fleet.site.root("a1") / "etc/yugabyte/certificates").glob("*.key")
    journal = fleet.site.root("a1") / "var/log/journal/ybfort-converge"
    written = journal.read_text()
    journal.write_text(json.loads(secret)["password"] + key.read_text())
    seen = fleet.violations()
    journal.write_text(written)
    place = "nodes/a1/var/log/journal/ybfort-converge"
    assert seen == [
        f"the password in ybfort/orders-dev/roles/orders_api is in {place}",
        f"a private key is in {place}",
    ]


def test_a_cluster_lives_through_changes_and_losses(make: Callable[..., Fleet]) -> None:
    fleet = make(prod_plan())
    fleet.settle()
    began = fleet.universe().made

    # Two changes in quick succession, while all agents run.
    for value in ("1", "2"):
        flags = fleet.cluster["flags"]
        fleet.declare({**fleet.cluster, "flags": {**flags, "yb-tserver": {**flags["yb-tserver"], "x": value}}})
        fleet.run()
    fleet.settle()
    for node in fleet.nodes:
        (file,) = (fleet.site.root(node) / "etc/yugabyte").glob("yb-tserver-*")
        assert "--x=2\n" in file.read_text()

    # A machine is lost and comes back with its volume; then one comes back without.
    for node, volume in (("b1", True), ("c1", False)):
        fleet.lose(node)
        others = [name for name in fleet.nodes if name != node]
        fleet.run(*others)
        assert "is not there" in " ".join(fleet.status(others[0])["database"]["problems"])
        fleet.replace(node, volume=volume)
        fleet.settle()
    assert fleet.universe().made == began
    assert log_in(fleet, "orders_api").stdout == "orders_api\n"


def test_a_node_that_does_not_get_healthy_stops_the_change(make: Callable[..., Fleet]) -> None:
    fleet = make(prod_plan())
    fleet.settle()
    with fleet.site.universe() as universe:
        universe.sick = [fleet.address("a1")]
        universe.expected = [address for address in universe.expected if address != fleet.address("a1")]
    flags = fleet.cluster["flags"]
    pace = {**fleet.cluster["pace"], "healthy": 2}
    changed = {**flags, "yb-tserver": {**flags["yb-tserver"], "x": "1"}}
    fleet.declare({**fleet.cluster, "flags": changed, "pace": pace})
    for _ in range(4):
        fleet.run()
    assert fleet.status("a1")["state"] == "failed"
    assert fleet.status("a1")["turn"]["acting"]
    for node in ("b1", "c1"):
        assert not fleet.status(node)["servers"]["yb-tserver"]["current"]
        assert fleet.status(node)["servers"]["yb-tserver"]["running"]


def test_a_certificate_is_renewed_under_a_running_client(make: Callable[..., Fleet]) -> None:
    fleet = make(alone())
    fleet.settle()
    command, environment = client(fleet, "orders_api")
    files = fleet.site.root("a1") / "etc/yugabyte"
    first = (files / "certificates").resolve() / f"node.{fleet.ysql()}.crt"
    with subprocess.Popen(
        [*command, "-q"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        for age in ("first", "second"):
            session.stdin.write(f"SELECT '{age}';\n")
            session.stdin.flush()
            assert session.stdout.readline() == f"{age}\n"
            if age == "first":
                before, server = first.read_text(), fleet.universe().running
                (files / "certificates").unlink()  # as if its time had come
                done = fleet.agent_of("a1")
                assert "A new certificate was signed; yb-master has loaded it; yb-tserver has loaded it" in done.stdout
        session.stdin.close()
    after = (files / "certificates").resolve() / f"node.{fleet.ysql()}.crt"
    assert after.read_text() != before
    assert fleet.universe().running == server  # nothing was restarted
    assert log_in(fleet, "orders_api").stdout == "orders_api\n"


STEPS = [*ORDER, *LAST]


def test_an_agent_killed_after_any_step_is_made_good_by_the_next(make: Callable[..., Fleet]) -> None:
    """The process is gone, with its children, right after it has said how a step went."""
    fleet = make(alone())
    killed: list[str] = []
    for step in STEPS:
        with fleet.start("a1") as agent:
            assert agent.stdout is not None
            for line in agent.stdout:
                if line.startswith(f"{step}: "):
                    os.killpg(agent.pid, signal.SIGKILL)
                    killed.append(step)
                    break
    assert killed == STEPS
    fleet.settle()
    assert fleet.status("a1")["state"] == "converged"
