"""What nodes fetch on GCP: text in a preview, and never gone for a moment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gcp_specs import gcp_plan
from gcp_stand_ins import storage
from ybfort.gcp.delivery import Delivery
from ybfort.plan.agent import archive
from ybfort.plan.cluster import cluster_config
from ybfort.testing.graph import Graph, Resource, Secret

Record = Callable[..., Graph]

OBJECT = "gcp:storage/bucketObject:BucketObject"


@pytest.fixture
def graph(record: Record) -> Any:
    return record(lambda: Delivery("orders", gcp_plan(), storage(gcp_plan())))


@pytest.fixture
def config(graph: Graph) -> Resource:
    return graph.one(OBJECT, "orders-config")


@pytest.fixture
def agent(graph: Graph) -> Resource:
    return graph.one(OBJECT, "orders-agent")


def test_the_document_can_be_read_in_a_preview(config: Resource) -> None:
    assert config.props["source"].text == cluster_config(gcp_plan())
    assert not [one for one in config.props.values() if isinstance(one, Secret)]


def test_the_agent_arrives_as_it_is_under_its_hash(agent: Resource) -> None:
    assert Path(agent.props["source"].path).read_bytes() == archive("gcp").content
    assert agent.props["name"] == archive("gcp").key
    assert agent.hide_diffs == ("source",)


def test_the_agent_is_there_before_the_document_that_names_it(config: Resource, agent: Resource) -> None:
    assert agent.urn in config.dependencies


def test_what_nodes_fetch_is_never_deleted_to_be_replaced(config: Resource, agent: Resource) -> None:
    assert config.retain_on_delete is True
    assert agent.retain_on_delete is True


def test_both_lie_in_the_artifacts_bucket(config: Resource, agent: Resource) -> None:
    assert config.props["name"] == "config/cluster.json"
    assert config.props["bucket"] == agent.props["bucket"] == gcp_plan().names.bucket("artifacts")
