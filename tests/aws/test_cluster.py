"""The whole cluster as the engine is told of it."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pulumi
import pytest

from aws_parts import YCQL_CLIENT
from specs import prod_plan, region, zones
from ybfort.aws.cluster import Cluster, provider
from ybfort.node.config import CLUSTER, Identity, checked, ids_of
from ybfort.testing.graph import UNKNOWN, Graph, Resource

INSTANCE, VOLUME = "aws:ec2/instance:Instance", "aws:ebs/volume:Volume"
INTERFACE, ATTACHMENT = "aws:ec2/networkInterface:NetworkInterface", "aws:ec2/volumeAttachment:VolumeAttachment"

Record = Callable[..., Graph]


def cluster(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = prod_plan(**changes)
        Cluster("orders", made, pulumi.ResourceOptions(provider=provider(made)))

    return program


@pytest.fixture(scope="module")
def prod() -> Graph:
    from ybfort.testing.recorder import record

    return record(cluster())


def test_there_is_no_way_to_the_internet_and_no_key_to_a_shell(prod: Graph) -> None:
    types = {resource.type for resource in prod.resources}
    assert not [
        one for one in types if re.search("internetGateway|natGateway|eip|keyPair|accessKey", one, re.IGNORECASE)
    ]
    for instance in prod.of(INSTANCE):
        assert not {"keyName", "associatePublicIpAddress", "securityGroups"} & set(instance.props)


def test_it_has_the_size_a_reviewer_can_read(prod: Graph) -> None:
    assert 100 <= len([one for one in prod.resources if one.custom]) <= 155


def test_every_child_has_a_parent_of_ours_and_our_provider(prod: Graph) -> None:
    for resource in prod.resources:
        if resource.type.startswith("aws:"):
            assert "ybfort:aws:Cluster" in resource.urn, resource.urn
            assert "pulumi:providers:aws" in str(resource.provider), resource.urn


def test_the_provider_refuses_other_accounts(prod: Graph) -> None:
    props = prod.one("pulumi:providers:aws").props
    assert "123456789012" in str(props["allowedAccountIds"])
    assert props["region"] == "eu-west-1"


def test_data_its_key_the_backups_and_the_authority_are_protected(prod: Graph) -> None:
    protected = {resource.type for resource in prod.resources if resource.protect}
    assert protected == {
        VOLUME,
        "aws:kms/key:Key",
        "aws:s3/bucket:Bucket",
        "aws:acmpca/certificateAuthority:CertificateAuthority",
        "aws:acmpca/certificate:Certificate",
        OBJECT,  # the lock
    }


def test_the_lock_depends_on_everything_so_that_a_destroy_meets_it_first(prod: Graph) -> None:
    lock = prod.one(OBJECT, "orders-lock")
    behind = {one.urn for one in prod.resources if one.custom and one.type.startswith("aws:")} - {lock.urn}
    assert lock.protect
    assert behind <= set(lock.dependencies)


def test_the_lock_can_be_lifted_by_name(record: Record) -> None:
    assert not record(cluster(protection={"lifted_for": ["cluster"]})).one(OBJECT, "orders-lock").protect


DOCUMENTS = (
    "policy",
    "assumeRolePolicy",
    "userData",
    "content",
    "contentBase64",
    "description",
    "name",
    "bucket",
    "tags",
)


def test_whatever_a_reviewer_must_read_is_text_in_the_preview(prod: Graph) -> None:
    hidden = {
        (resource.type, key)
        for resource in prod.resources
        for key, value in resource.props.items()
        if key in DOCUMENTS and value is UNKNOWN and resource.type.split("/")[0] != "aws:s3"
    }
    assert not hidden
    contents = {resource.props["key"]: resource.props.get("content") for resource in prod.of(OBJECT)}
    assert [key for key, value in contents.items() if value is UNKNOWN] == [
        "config/ids/a1.json",
        "config/ids/b1.json",
        "config/ids/c1.json",
    ]


OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"


def test_nothing_secret_is_sent_to_the_engine(prod: Graph) -> None:
    from ybfort.testing.graph import Secret

    assert not [
        resource.urn for resource in prod.resources if any(isinstance(v, Secret) for v in resource.props.values())
    ]


TAGLESS = re.compile(
    "Policy|Association|Attachment|Alias|Rule|Object|Configuration|Block|Controls|Versioning|Logging|Filter"
)


def test_every_resource_that_can_carry_tags_carries_ours(prod: Graph) -> None:
    for resource in prod.resources:
        if resource.type.startswith("aws:") and "tags" in resource.props:
            assert resource.props["tags"]["ybfort:cluster"] == "orders-prod", resource.urn
            assert resource.props["tags"]["team"] == "payments", resource.urn


class TestNodes:
    @pytest.fixture
    def instances(self, prod: Graph) -> list[Resource]:
        return list(prod.of(INSTANCE))

    def test_metadata_needs_a_token_and_stays_on_the_machine(self, instances: list[Resource]) -> None:
        for instance in instances:
            assert instance.props["metadataOptions"]["httpTokens"] == "required"
            assert instance.props["metadataOptions"]["httpPutResponseHopLimit"] == 1

    def test_root_disks_and_data_volumes_have_our_key(self, prod: Graph, instances: list[Resource]) -> None:
        key = prod.one("aws:kms/key:Key", "orders-data").urn
        for instance in instances:
            assert instance.props["rootBlockDevice"]["encrypted"] is True
            assert key in instance.property_dependencies["rootBlockDevice"]
        for volume in prod.of(VOLUME):
            assert volume.props["encrypted"] is True
            assert volume.property_dependencies["kmsKeyId"] == (key,)

    def test_nobody_ends_one_by_hand_and_a_reviewed_image_may(self, instances: list[Resource]) -> None:
        for instance in instances:
            assert instance.props["disableApiTermination"] is True
            assert instance.props["forceDestroy"] is True
            assert instance.delete_before_replace is True

    def test_each_has_its_own_address_volume_and_zone(self, prod: Graph) -> None:
        addresses = [interface.props["privateIps"] for interface in prod.of(INTERFACE)]
        assert addresses == [["10.40.1.1"], ["10.40.3.1"], ["10.40.5.1"]]
        assert [volume.props["availabilityZone"][-1] for volume in prod.of(VOLUME)] == ["a", "b", "c"]
        assert all(interface.props["sourceDestCheck"] is True for interface in prod.of(INTERFACE))

    def test_they_are_chained_so_that_changes_go_one_by_one(self, record: Record) -> None:
        graph = record(cluster(regions=[region(zones=zones(2, 1, 1))]))
        chain = ["a1", "b1", "c1", "a2"]
        for before, after in pairwise(chain):
            needs = graph.one(INSTANCE, f"orders-{after}").dependencies
            assert graph.one(INSTANCE, f"orders-{before}").urn in needs
            assert graph.one(ATTACHMENT, f"orders-{before}").urn in needs

    def test_user_data_knows_bucket_and_node_and_nothing_that_changes(self, record: Record, prod: Graph) -> None:
        changed = record(
            cluster(
                nodes={"machine": "m7i.8xlarge", "disk": {"size_gib": 900}}, release={**RELEASE, "sha256": "6" * 64}
            )
        )
        for name in ("orders-a1", "orders-b1", "orders-c1"):
            text = prod.one(INSTANCE, name).props["userData"]
            assert "orders-prod-artifacts-123456789012-eu-west-1" in text
            assert changed.one(INSTANCE, name).props["userData"] == text

    def test_a_new_image_or_machine_leaves_volumes_and_addresses_alone(self, record: Record, prod: Graph) -> None:
        changed = record(
            cluster(
                images={"eu-west-1": "ami-00000000000000000"},
                nodes={"machine": "m7i.8xlarge", "disk": {"size_gib": 500}},
            )
        )
        for kind in (VOLUME, INTERFACE):
            assert [one.props for one in changed.of(kind)] == [one.props for one in prod.of(kind)]


RELEASE = {"version": "2025.2.8.0-b60", "sha256": "5" * 64}


def test_what_nodes_read_is_in_the_artifacts_bucket(prod: Graph) -> None:
    keys = {one.props["key"] for one in prod.of(OBJECT)}
    config = json.loads(
        next(one.props["content"] for one in prod.of(OBJECT) if one.props["key"] == "config/cluster.json")
    )
    ids = {f"config/ids/{node}.json" for node in ("a1", "b1", "c1")}
    assert keys == {"config/cluster.json", "lock", config["agent"]["key"], *ids}
    assert config["cluster"] == "orders-prod"


def test_ids_that_the_cloud_invents_reach_the_nodes(record: Record) -> None:
    graph = record(cluster(), preview=False)
    texts = {one.props["key"]: one.props.get("content", "{}") for one in graph.of(OBJECT)}
    ids = json.loads(texts["config/ids/b1.json"])
    assert (ids["format"], ids["node"]) == (1, "b1")
    assert ids["volume"] == graph.one(VOLUME, "orders-b1").name + "-id"
    assert ids["certificate_authority"].startswith("arn:aws:acmpca:")


EVERYTHING: dict[str, Any] = {
    "clients": [YCQL_CLIENT],
    "keyspaces": [{"name": "events"}],
    "certificates": {"brought_by": ["arn:aws:iam::123456789012:role/pki"]},
    "release": {"version": "2025.2.8.0-b60", "sha256": "5" * 64, "finalized": "2025.2.8.0-b60"},
    "roles": [
        {"name": "orders_owner", "login": False},
        {
            "name": "orders_api",
            "grants": [{"database": "orders", "access": "owner"}],
            "keyspaces": [{"keyspace": "events", "access": "read_write"}],
            "connection_limit": 5,
        },
    ],
}


@pytest.mark.parametrize("changes", [{}, EVERYTHING], ids=["little", "everything"])
def test_the_agent_understands_what_is_laid_out_for_it(record: Record, changes: dict[str, Any]) -> None:
    graph = record(cluster(**changes), preview=False)
    texts = {one.props["key"]: one.props.get("content", "") for one in graph.of(OBJECT)}
    names = prod_plan(**changes).names
    for node in ("a1", "b1", "c1"):
        home = Identity("aws", names.prefix, node, names.region, names.account, names.bucket("artifacts"))
        config = checked(texts[CLUSTER], texts[ids_of(node)], home)
        assert config.volume == graph.one(VOLUME, f"orders-{node}").name + "-id"
        assert bool(config.node["certificate_secret"]) is (config.ids["certificate_authority"] == "brought")


def test_a_name_leads_to_each_node(prod: Graph) -> None:
    records = {one.props["name"]: one.props.get("records") for one in prod.of("aws:route53/record:Record")}
    planned = {node.host: [str(node.address)] for node in prod_plan().nodes}
    assert records == {**planned, "db.orders-prod.internal": None}


def test_what_belongs_to_a_node_stands_below_it(prod: Graph) -> None:
    (a1,) = [one for one in prod.of("ybfort:aws:Node") if one.name == "orders-a1"]
    assert sorted(one.type.rpartition(":")[2] for one in prod.children(a1)) == [
        "BucketObjectv2", "Instance", "MetricAlarm", "MetricAlarm", "MetricAlarm", "MetricAlarm", "NetworkInterface",
        "Record", "TargetGroupAttachment", "Volume", "VolumeAttachment",
    ]  # fmt: skip


def test_the_order_of_what_the_user_wrote_changes_nothing(record: Record) -> None:
    clients = [{"name": "a", "cidrs": ["10.1.0.0/16", "10.2.0.0/16"]}, {"name": "b", "cidrs": ["10.3.0.0/16"]}]
    turned = [clients[1], {**clients[0], "cidrs": clients[0]["cidrs"][::-1]}]
    assert record(cluster(clients=clients)).inventory() == record(cluster(clients=turned)).inventory()
