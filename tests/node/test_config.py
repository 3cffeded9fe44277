"""Which declared states a node acts upon."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_machine import HOME, VOLUME, SimulatedCloud, SimulatedMachine, context, declared, invented
from specs import prod_plan, spec_data
from ybfort.node.certificate import LINK
from ybfort.node.config import CLUSTER, DATA, STATE, checked, named_agent
from ybfort.node.step import Result
from ybfort.node.steps.config import config
from ybfort.node.steps.operating_system import OWN_DIRECTORIES
from ybfort.node.system import Failure
from ybfort.plan import flags
from ybfort.plan.cluster import cluster_config

NODES: list[dict[str, Any]] = json.loads(declared())["nodes"]
OTHER_NODE = {**NODES[0], "name": "b1"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_what_the_program_writes_is_what_the_node_reads() -> None:
    ycql = {"name": "events", "cidrs": ["10.9.0.0/16"], "apis": ["ycql"]}
    home = replace(HOME, cluster="orders-prod", bucket="orders-prod-artifacts-123456789012-eu-west-1")
    for plan in (prod_plan(), prod_plan(clients=[*spec_data()["clients"], ycql], keyspaces=[{"name": "events"}])):
        config = checked(cluster_config(plan), invented(), home)
        assert config.node["address"] == str(plan.nodes[0].address)
        assert config.volume == VOLUME


def test_a_cluster_on_gcp_is_read_too() -> None:
    place: dict[str, Any] = {"cloud": "gcp", "region": "europe-west1", "account": "orders-dev-12ab"}
    pool = "projects/orders-dev-12ab/locations/europe-west1/caPools/orders-dev"
    nodes = [{**node, "zone": "europe-west1-b"} for node in NODES]
    config = checked(
        declared(**place, nodes=nodes, metrics="ybfort/orders-dev"),
        invented(volume="orders-dev-a1-data", certificate_authority=pool),
        replace(HOME, **place),
    )
    assert (config.node["zone"], config.volume) == ("europe-west1-b", "orders-dev-a1-data")


@pytest.mark.parametrize("cloud", ["azure", "AWS", "aws|gcp", "", None, True])
def test_another_cloud_is_refused(cloud: Any) -> None:
    with pytest.raises(Failure, match="cloud is "):
        checked(declared(cloud=cloud), invented(), HOME)


def test_program_and_node_mean_the_same_directories() -> None:
    assert flags.DATA == DATA
    assert {flags.DATA, flags.COMMON["log_dir"]} == OWN_DIRECTORIES.keys()
    assert flags.CERTIFICATES == LINK


def test_every_problem_is_told_at_once() -> None:
    wrong = declared(format=2, cluster="Orders; rm", release={"version": "newest"}, nodes="a1", extra=1)
    with pytest.raises(Failure) as refused:
        checked(wrong, invented(), HOME)
    for problem in (
        "format is 2 and not 1.",
        'cluster is "Orders; rm" and not a text like',
        'release.version is "newest"',
        "release.key is missing.",
        "release.sha256 is missing.",
        'nodes is "a1" and not a list.',
        "extra is not known to this agent.",
    ):
        assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"cluster": "orders-prod"}, "cluster is orders-prod, but this node belongs to orders-dev."),
        ({"account": "210987654321"}, "account is 210987654321, but"),
        ({"region": "eu-north-1"}, "region is eu-north-1, but"),
        ({"nodes": [OTHER_NODE]}, "nodes does not have a1, which is this node."),
        ({"nodes": [*NODES, OTHER_NODE, OTHER_NODE]}, 'nodes has "b1" more than once as name.'),
        ({"flags": {"yb-tserver": {"fs_data_dirs": "/data"}}}, "fs_data_dirs of yb-tserver is /data, but the data"),
        ({"flags": {"yb-tserver": {"log_dir": "/x\n--ysql_enable_auth=false"}}}, "flags.yb-tserver.log_dir is"),
        ({"format": True}, "format is true and not 1."),
    ],
)
def test_a_document_that_cannot_be_meant_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(Failure) as refused:
        checked(declared(**changes), invented(), HOME)
    assert problem in str(refused.value)


def test_the_ids_of_another_node_are_refused() -> None:
    with pytest.raises(Failure, match=r"ids/a1\.json is for node b1, and this node is a1"):
        checked(declared(), invented(node="b1"), HOME)


@given(st.dictionaries(st.sampled_from(sorted(json.loads(declared()))), ANYTHING, min_size=1))
def test_whatever_a_document_holds_it_is_read_or_refused_and_nothing_else(changes: dict[str, Any]) -> None:
    with contextlib.suppress(Failure):
        checked(declared(**changes), invented(), HOME)


@given(ANYTHING)
def test_an_agent_is_named_by_key_and_hash_or_not_at_all(value: Any) -> None:
    with pytest.raises(Failure, match=r"^cluster\.json"):
        named_agent(json.dumps({"agent": value}))


class TestStep:
    def test_a_good_document_is_kept(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        assert config(context(machine, cloud)).result is Result.CHANGED
        assert config(context(machine, cloud)).result is Result.DONE
        assert machine.read(f"{STATE}/cluster.json") == declared()

    def test_what_has_not_changed_is_not_fetched_again(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        """It is asked every minute on every node."""
        config(context(machine, cloud))
        cloud.asked.clear()
        assert config(context(machine, cloud)).result is Result.DONE
        assert not [asked for asked in cloud.asked if asked.startswith("get config/")]

    def test_a_copy_that_was_lost_is_fetched_again(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        config(context(machine, cloud))
        machine.path(f"{STATE}/ids.json").unlink()
        assert config(context(machine, cloud)).result is Result.CHANGED
        assert machine.read(f"{STATE}/ids.json") == invented()

    @pytest.mark.parametrize("bad", ["", "{", "[]", "null", '{"format": 1}', declared(format=7)])
    def test_a_bad_document_changes_nothing_and_the_last_good_one_serves(
        self, machine: SimulatedMachine, cloud: SimulatedCloud, bad: str
    ) -> None:
        config(context(machine, cloud))
        cloud.objects[HOME.bucket, CLUSTER] = bad.encode()
        run = context(machine, cloud)
        outcome = config(run)
        assert outcome.result is Result.INCOMPLETE
        assert "keeps to its last good cluster.json" in outcome.message
        assert run.config.cluster == json.loads(declared())
        assert machine.read(f"{STATE}/cluster.json") == declared()

    @pytest.mark.parametrize("missing", [CLUSTER, "config/ids/a1.json"])
    def test_without_any_good_document_the_node_stops(
        self, machine: SimulatedMachine, cloud: SimulatedCloud, missing: str
    ) -> None:
        del cloud.objects[HOME.bucket, missing]
        with pytest.raises(Failure, match=f"{missing} is not in {HOME.bucket}"):
            config(context(machine, cloud))

    def test_bytes_that_are_no_text_are_refused(self, machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        cloud.objects[HOME.bucket, CLUSTER] = b"\xff\xfe{"
        with pytest.raises(Failure, match=r"cluster\.json is not UTF-8 text"):
            config(context(machine, cloud))

    def test_a_document_for_another_agent_is_left_to_that_agent(
        self, machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        """A later version's document may hold what this agent does not know; only the agent's name and hash stay."""
        cloud.declare(declared(format=2, agent={"key": "agent/new.pyz", "sha256": "e" * 64}, more={}))
        run = context(machine, cloud)
        assert config(run).result is Result.DONE
        assert run.accepted is None
        assert machine.read(f"{STATE}/cluster.json") is None
