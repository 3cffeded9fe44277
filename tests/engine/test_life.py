"""The life of a cluster on the real engine: made, left alone, changed, broken and mended, kept from destruction."""

import json
from collections.abc import Callable

import pytest

from engine.conftest import Deployment

# One worker: they share the cluster that is made once.
pytestmark = pytest.mark.xdist_group("engine")

NODES = ("a1", "b1", "c1")


def of(kind: str, log: list[str]) -> list[str]:
    return [line for line in log if f" {kind} " in line]


def test_an_unchanged_program_changes_nothing(cluster: Deployment) -> None:
    assert cluster.preview() == []


def test_a_new_machine_type_goes_node_by_node_in_place(cluster: Deployment) -> None:
    cluster.edit({"m7i.4xlarge": "m7i.8xlarge"})
    assert cluster.up("aws-prod").returncode == 0
    assert cluster.log() == [f"update ec2.Instance orders-prod-{node}" for node in NODES]


def test_a_new_image_replaces_node_by_node_and_keeps_volumes_and_addresses(cluster: Deployment) -> None:
    cluster.edit({"ami-0123456789abcdef0": "ami-00000000000000001"})
    assert cluster.up("aws-prod").returncode == 0
    log = cluster.log()
    chain = [line for line in log if line.split()[1] in ("ec2.Instance", "ec2.VolumeAttachment")]
    assert chain == [
        f"{what} {kind} orders-prod-{node}"
        for node in NODES
        for what, kind in (
            ("delete", "ec2.VolumeAttachment"),
            ("delete", "ec2.Instance"),
            ("create", "ec2.Instance"),
            ("create", "ec2.VolumeAttachment"),
        )
    ]
    assert of("ebs.Volume", log) == of("ec2.NetworkInterface", log) == of("route53.Record", log) == []


def test_one_more_node_touches_no_other(cluster: Deployment) -> None:
    cluster.edit({"{name: eu-west-1b, nodes: 1}": "{name: eu-west-1b, nodes: 2}"})
    assert cluster.up("aws-prod").returncode == 0
    log = cluster.log()
    others = [line for line in log if any(line.endswith((f"-{node}", f"-{node}-data")) for node in NODES)]
    assert others == []
    assert "create ec2.Instance orders-prod-b2" in log
    assert sorted(of("s3.BucketObjectv2", log)) == [
        "create s3.BucketObjectv2 orders-prod-b2-ids",
        "update s3.BucketObjectv2 orders-prod-config",
    ]


def test_a_client_more_is_one_reviewable_rule_each_way(cluster: Deployment) -> None:
    cluster.edit({"{name: analytics, cidrs: [10.9.0.0/20]}": "{name: analytics, cidrs: [10.9.0.0/20, 10.10.0.0/20]}"})
    steps = {(step["op"], step["urn"].split("::")[-1]) for step in cluster.preview()}
    assert steps == {
        ("create", "orders-prod-endpoint-5433-from-analytics-10.10.0.0-20"),
        ("create", "orders-prod-nodes-5433-from-analytics-10.10.0.0-20"),
        ("update", "orders-prod-config"),
    }


def test_a_creation_that_fails_half_way_is_mended_by_the_next_up(new: Callable[[], Deployment]) -> None:
    fresh = new()
    once = fresh.faults(
        {"type": "aws:ec2/instance:Instance", "name": "*-b1", "operation": "create", "call": 1, "fault": "fail"}
    )
    broken = fresh.up("aws-prod", faults=once)
    assert broken.returncode != 0
    assert of("ec2.Instance", fresh.log()) == ["create ec2.Instance orders-prod-a1"]
    assert fresh.up("aws-prod", faults=once).returncode == 0
    assert of("ec2.Instance", fresh.log()) == [f"create ec2.Instance orders-prod-{node}" for node in ("b1", "c1")]
    assert fresh.preview() == []


@pytest.mark.parametrize("careless", [(), ("--skip-preview",)], ids=["preview", "no preview"])
def test_a_destroy_is_refused_before_anything_is_deleted(cluster: Deployment, careless: tuple[str, ...]) -> None:
    refused = cluster.pulumi("destroy", "-s", "aws-prod", "--yes", *careless)
    assert refused.returncode != 0
    assert "cannot be deleted" in refused.stdout + refused.stderr
    assert cluster.log() == []


def test_what_is_lifted_by_name_can_go_and_nothing_else(cluster: Deployment) -> None:
    lifted = "cluster, a1, b1, c1, keys, backup, certificates, endpoint"
    cluster.edit({"lifted_for: []": f"lifted_for: [{lifted}]"})
    assert cluster.up("aws-prod").returncode == 0
    cluster.log()
    gone = cluster.pulumi("destroy", "-s", "aws-prod", "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert cluster.log()[0] == "delete s3.BucketObjectv2 orders-prod-lock"
    assert json.loads(cluster.state())["deployment"].get("resources", []) == []


def test_two_clusters_live_in_one_account(cluster: Deployment) -> None:
    made = cluster.up("aws-dev")
    assert made.returncode == 0, made.stdout + made.stderr
    assert cluster.preview() == []


def test_two_clusters_of_one_name_do_not_share_anything(cluster: Deployment) -> None:
    stacks = cluster.root / "stacks"
    (stacks / "Pulumi.aws-twin.yaml").write_text((stacks / "Pulumi.aws-prod.yaml").read_text())
    clash = cluster.up("aws-twin")
    assert clash.returncode != 0
    assert "AlreadyExists" in clash.stdout + clash.stderr
    assert cluster.preview() == []


def test_the_wrong_account_is_refused_by_the_provider_that_the_stack_names(cluster: Deployment) -> None:
    (provider,) = [
        one for one in json.loads(cluster.state())["deployment"]["resources"] if "pulumi:providers:aws" in one["type"]
    ]
    assert provider["inputs"]["allowedAccountIds"] == '["123456789012"]'


def test_no_secret_is_in_the_state(created: Deployment) -> None:
    deployment = json.loads(created.state())["deployment"]
    assert '4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270' not in json.dumps(deployment)
    types = {resource["type"] for resource in deployment["resources"]}
    assert not [one for one in types if "secretVersion" in one or one.startswith(("random:", "tls:"))]


def test_a_wrong_stack_file_ends_up_with_every_problem_and_nothing_made(new: Callable[[], Deployment]) -> None:
    fresh = new()
    fresh.edit({"replication_factor: 3": "replication_factor: 4", "cidr: 10.40.0.0/20": "cidr: 8.8.8.0/24"})
    refused = fresh.up("aws-prod")
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "replication_factor: 4 is even" in said
    assert "regions[0].cidr: 8.8.8.0/24 is not private" in said
    assert "Traceback" not in said
    assert fresh.log() == []
