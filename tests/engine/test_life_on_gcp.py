"""The life of a cluster on GCP, on the real engine: what `test_life` says of AWS, as far as GCP does it differently."""

import json
from pathlib import Path

import pytest

from engine.conftest import Deployment

# One worker: they share the cluster that is made once.
pytestmark = pytest.mark.xdist_group("engine-gcp")

STACK, NODES = "gcp-prod", ("b1", "c1", "d1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """gcp-prod, just made."""
    deployment = Deployment.new(tmp_path_factory.mktemp("gcp") / "project")
    done = deployment.up(STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    return deployment


@pytest.fixture
def cluster(made: Deployment, tmp_path: Path) -> Deployment:
    """gcp-prod in a world of its own."""
    copy = made.copy(tmp_path / "project")
    copy.log()
    return copy


def image(cluster: Deployment) -> str:
    (line,) = [line for line in cluster.stack_file(STACK).read_text().splitlines() if "/global/images/" in line]
    return line.rpartition(": ")[2]


def test_an_unchanged_program_changes_nothing(cluster: Deployment) -> None:
    assert cluster.preview(STACK) == []


def test_a_new_machine_type_goes_node_by_node_in_place(cluster: Deployment) -> None:
    cluster.edit({"c3-standard-22": "c3-standard-44"}, STACK)
    assert cluster.up(STACK).returncode == 0
    assert cluster.log() == [f"update compute.Instance orders-prod-{node}" for node in NODES]


def test_a_new_image_is_refused_before_a_machine_is_touched_until_their_protection_is_lifted(
    cluster: Deployment,
) -> None:
    cluster.edit({image(cluster): f"{image(cluster)}-new"}, STACK)
    refused = cluster.up(STACK)
    assert refused.returncode != 0
    assert [line for line in cluster.log() if "compute." in line] == []


def test_a_new_image_replaces_node_by_node_and_keeps_disks_and_addresses(cluster: Deployment) -> None:
    cluster.edit({"lifted_for: []": "lifted_for: [cluster]"}, STACK)
    assert cluster.up(STACK).returncode == 0
    cluster.log()
    cluster.edit({image(cluster): f"{image(cluster)}-new", "lifted_for: [cluster]": "lifted_for: []"}, STACK)
    done = cluster.up(STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    log = cluster.log()
    machines = [line for line in log if line.split()[1] == "compute.Instance"]
    assert machines == [
        f"{what} compute.Instance orders-prod-{node}" for node in NODES for what in ("delete", "create")
    ]
    assert [line for line in log if line.split()[1] in ("compute.Disk", "compute.Address", "dns.RecordSet")] == []


def test_a_destroy_is_refused_before_anything_is_deleted(cluster: Deployment) -> None:
    refused = cluster.pulumi("destroy", "-s", STACK, "--yes", "--skip-preview")
    assert refused.returncode != 0
    assert "cannot be deleted" in refused.stdout + refused.stderr
    assert cluster.log() == []


def test_nothing_on_gcp_is_made_by_aws(made: Deployment) -> None:
    deployment = json.loads(made.state(STACK))["deployment"]
    kinds = {one["type"].split(":")[0] for one in deployment["resources"]}
    assert kinds == {"gcp", "pulumi", "ybfort"}
    (provider,) = [one for one in deployment["resources"] if one["type"] == "pulumi:providers:gcp"]
    assert provider["inputs"]["project"] == "orders-prod-4711"
