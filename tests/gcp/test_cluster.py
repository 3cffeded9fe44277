"""The whole cluster on GCP as the engine is told of it."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pulumi
import pytest

from gcp_parts import ANSWERS, EXISTING, YCQL_CLIENT
from gcp_specs import gcp_data, gcp_plan
from ybfort.gcp.cluster import Cluster, provider
from ybfort.node.config import CLUSTER, Identity, checked, ids_of
from ybfort.testing.graph import UNKNOWN, Graph, Resource, Secret

INSTANCE, DISK = "gcp:compute/instance:Instance", "gcp:compute/disk:Disk"
ADDRESS, RULE = "gcp:compute/address:Address", "gcp:compute/forwardingRule:ForwardingRule"
MEMBER = "gcp:compute/instanceGroupMembership:InstanceGroupMembership"
OBJECT = "gcp:storage/bucketObject:BucketObject"
KEY, GRANTS = "gcp:kms/cryptoKey:CryptoKey", "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy"
NODES = ("b1", "c1", "d1")
ACCOUNT = "orders-prod-node@orders-prod-4711.iam.gserviceaccount.com"

Record = Callable[..., Graph]


def cluster(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        made = gcp_plan(**changes)
        Cluster("orders", made, pulumi.ResourceOptions(provider=provider(made)))

    return program


@pytest.fixture(scope="module")
def prod() -> Graph:
    from ybfort.testing.recorder import record

    return record(cluster(), answers=ANSWERS)


def test_there_is_no_way_to_the_internet_and_no_key_to_a_shell(prod: Graph) -> None:
    types = {resource.type for resource in prod.resources}
    assert not [one for one in types if re.search(r"/router|/globalAddress|/vpnTunnel|serviceaccount/key", one)]
    assert {one.props["addressType"] for one in prod.of(ADDRESS)} == {"INTERNAL"}
    for instance in prod.of(INSTANCE):
        (interface,) = instance.props["networkInterfaces"]
        assert not {"accessConfigs", "ipv6AccessConfigs", "aliasIpRanges"} & set(interface)
        assert "ssh-keys" not in instance.props["metadata"]


def test_it_has_the_size_a_reviewer_can_read(prod: Graph) -> None:
    assert 80 <= len([one for one in prod.resources if one.custom]) <= 120


def test_every_child_has_a_parent_of_ours_and_our_provider(prod: Graph) -> None:
    for resource in prod.resources:
        if resource.type.startswith("gcp:"):
            assert "ybfort:gcp:Cluster" in resource.urn, resource.urn
            assert "pulumi:providers:gcp" in str(resource.provider), resource.urn


def test_look_ups_go_through_the_clusters_provider(prod: Graph) -> None:
    assert prod.lookups
    for lookup in prod.lookups:
        assert lookup.provider == prod.one("pulumi:providers:gcp").urn


def test_the_provider_is_of_the_project_whatever_the_environment_says(prod: Graph) -> None:
    props = prod.one("pulumi:providers:gcp").props
    assert (props["project"], props["region"]) == ("orders-prod-4711", "europe-west1")
    assert props["billingProject"] == "orders-prod-4711"


def test_data_its_key_the_backups_the_authority_and_the_endpoint_are_protected(prod: Graph) -> None:
    assert {resource.type for resource in prod.resources if resource.protect} == {
        DISK,
        KEY,
        "gcp:kms/keyRing:KeyRing",
        "gcp:storage/bucket:Bucket",
        "gcp:certificateauthority/caPool:CaPool",
        "gcp:certificateauthority/authority:Authority",
        ADDRESS,
        RULE,
        OBJECT,  # the lock
        INSTANCE,  # which GCP itself protects, too, and would refuse to end when it had left the load balancer
    }


def test_the_lock_depends_on_everything_so_that_a_destroy_meets_it_first(prod: Graph) -> None:
    lock = prod.one(OBJECT, "orders-lock")
    behind = {one.urn for one in prod.resources if one.custom and one.type.startswith("gcp:")} - {lock.urn}
    assert lock.protect
    assert behind <= set(lock.dependencies)


def test_the_lock_can_be_lifted_by_name(record: Record) -> None:
    assert not record(cluster(protection={"lifted_for": ["cluster"]})).one(OBJECT, "orders-lock").protect


DOCUMENTS = ("policyData", "metadata", "source", "description", "name", "bucket", "labels", "filter")


def test_whatever_a_reviewer_must_read_is_text_in_the_preview(prod: Graph) -> None:
    assert not {
        (resource.type, key)
        for resource in prod.resources
        for key, value in resource.props.items()
        if key in DOCUMENTS and value is UNKNOWN
    }


def test_nothing_secret_is_sent_to_the_engine(prod: Graph) -> None:
    assert not [one.urn for one in prod.resources if any(isinstance(value, Secret) for value in one.props.values())]


def test_every_resource_that_carries_labels_carries_ours(prod: Graph) -> None:
    for resource in prod.resources:
        if resource.type.startswith("gcp:") and "labels" in resource.props and "Channel" not in resource.type:
            assert resource.props["labels"].items() >= {"team": "payments", "ybfort-cluster": "orders-prod"}.items()


class TestNodes:
    @pytest.fixture
    def instances(self, prod: Graph) -> list[Resource]:
        return list(prod.of(INSTANCE))

    def test_they_are_shielded(self, instances: list[Resource]) -> None:
        for instance in instances:
            assert instance.props["shieldedInstanceConfig"] == {
                "enableSecureBoot": True,
                "enableVtpm": True,
                "enableIntegrityMonitoring": True,
            }

    def test_a_shell_is_opened_by_os_login_and_by_no_key_of_the_project(self, instances: list[Resource]) -> None:
        for instance in instances:
            told = {key: value for key, value in instance.props["metadata"].items() if key != "startup-script"}
            assert told == {
                "enable-oslogin": "TRUE",
                "block-project-ssh-keys": "TRUE",
                "serial-port-enable": "FALSE",
            }

    def test_they_are_the_clusters_own_service_account(self, instances: list[Resource]) -> None:
        for instance in instances:
            assert instance.props["serviceAccount"]["email"] == ACCOUNT
            assert instance.props["canIpForward"] is False

    def test_boot_and_data_disks_have_our_key_once_it_may_be_used(self, prod: Graph, instances: list[Resource]) -> None:
        key = "projects/orders-prod-4711/locations/europe-west1/keyRings/orders-prod/cryptoKeys/data"
        ready = {prod.one(KEY, "orders-data").urn, prod.one(GRANTS, "orders-data").urn}
        for instance in instances:
            assert instance.props["bootDisk"]["kmsKeySelfLink"] == key
            assert ready <= set(instance.dependencies)
        for disk in prod.of(DISK):
            assert disk.props["diskEncryptionKey"] == {"kmsKeySelfLink": key}
            assert disk.props["type"] == "hyperdisk-balanced"
            assert ready <= set(disk.dependencies)

    def test_a_machine_that_can_encrypt_its_memory_does(self, record: Record, instances: list[Resource]) -> None:
        for instance in instances:
            assert instance.props["confidentialInstanceConfig"] == {"confidentialInstanceType": "TDX"}
        plain = record(cluster(nodes={"machine": "n4-standard-16", "disk": {"size_gib": 500}}))
        for instance in plain.of(INSTANCE):
            assert "confidentialInstanceConfig" not in instance.props

    @pytest.mark.parametrize(
        ("machine", "does"),
        [("c3-standard-22", "TERMINATE"), ("c3d-standard-16", "TERMINATE"), ("n4-standard-16", "MIGRATE")],
    )
    def test_a_machine_outlives_its_host(self, record: Record, machine: str, does: str) -> None:
        """Compute Engine refuses to make one with encrypted memory that is to move while it runs."""
        graph = record(cluster(nodes={"machine": machine, "disk": {"size_gib": 500}}))
        for instance in graph.of(INSTANCE):
            assert instance.props["scheduling"] == {
                "onHostMaintenance": does,
                "automaticRestart": True,
                "preemptible": False,
                "provisioningModel": "STANDARD",
            }

    def test_nobody_ends_one_until_that_is_lifted(self, record: Record, instances: list[Resource]) -> None:
        lifted = record(cluster(protection={"lifted_for": ["cluster"]}))
        for instance in instances:
            assert instance.props["deletionProtection"] is True
            assert instance.delete_before_replace is True
        assert {instance.props["deletionProtection"] for instance in lifted.of(INSTANCE)} == {False}

    def test_another_machine_type_needs_no_other_machine(self, instances: list[Resource]) -> None:
        assert {instance.props["allowStoppingForUpdate"] for instance in instances} == {True}

    def test_each_has_its_own_address_disk_and_zone(self, prod: Graph, instances: list[Resource]) -> None:
        addresses = [prod.one(ADDRESS, f"orders-{node}").props["address"] for node in NODES]
        assert addresses == ["10.40.3.1", "10.40.5.1", "10.40.7.1"]
        assert [one.props["networkInterfaces"][0]["networkIp"] for one in instances] == addresses
        assert [disk.props["zone"][-1] for disk in prod.of(DISK)] == ["b", "c", "d"]

    def test_the_data_disk_is_the_machines_and_outlives_it(self, prod: Graph) -> None:
        for node in NODES:
            instance, disk = prod.one(INSTANCE, f"orders-{node}"), prod.one(DISK, f"orders-{node}")
            (attached,) = instance.props["attachedDisks"]
            assert attached["deviceName"] == disk.props["name"] == f"orders-prod-{node}-data"
            assert instance.property_dependencies["attachedDisks"] == (disk.urn,)

    def test_there_is_no_machine_before_its_firewall(self, prod: Graph, instances: list[Resource]) -> None:
        rules = {one.urn for one in prod.of("gcp:compute/firewall:Firewall")}
        for instance in instances:
            assert rules <= set(instance.dependencies)

    def test_they_are_chained_so_that_changes_go_one_by_one(self, record: Record) -> None:
        region = gcp_data()["regions"][0]
        region["zones"][0]["nodes"] = 2
        graph = record(cluster(regions=[region]))
        for before, after in pairwise(["b1", "c1", "d1", "b2"]):
            needs = graph.one(INSTANCE, f"orders-{after}").dependencies
            assert graph.one(INSTANCE, f"orders-{before}").urn in needs
            assert graph.one(MEMBER, f"orders-{before}").urn in needs

    def test_a_startup_script_knows_bucket_and_node_and_nothing_that_changes(self, record: Record, prod: Graph) -> None:
        changed = record(
            cluster(
                nodes={"machine": "c3-standard-44", "disk": {"size_gib": 900}}, release={**RELEASE, "sha256": "6" * 64}
            )
        )
        for node in NODES:
            text = prod.one(INSTANCE, f"orders-{node}").props["metadata"]["startup-script"]
            assert gcp_plan().names.bucket("artifacts") in text
            assert f"node={node} " in text
            assert changed.one(INSTANCE, f"orders-{node}").props["metadata"]["startup-script"] == text

    def test_a_new_image_or_machine_leaves_disks_and_addresses_alone(self, record: Record, prod: Graph) -> None:
        changed = record(
            cluster(
                images={"europe-west1": "projects/rocky-linux-cloud/global/images/rocky-linux-9-v20261201"},
                nodes={"machine": "c3-standard-44", "disk": {"size_gib": 500}},
            )
        )
        for kind in (DISK, ADDRESS):
            assert [one.props for one in changed.of(kind)] == [one.props for one in prod.of(kind)]

    def test_other_labels_replace_no_machine(self, record: Record, prod: Graph) -> None:
        """Compute Engine cannot change all of a machine in place; labels of its boot disk, for example."""
        changed = record(cluster(tags={"team": "orders"}))
        for node in NODES:
            before, after = (dict(graph.one(INSTANCE, f"orders-{node}").props) for graph in (prod, changed))
            assert before.pop("labels") != after.pop("labels")
            assert before == after


RELEASE = {"version": "2025.2.8.0-b60", "sha256": "5" * 64}


def texts(graph: Graph) -> dict[str, str]:
    """What is in the artifacts bucket, by name."""
    return {one.props["name"]: one.props["source"].text or "" for one in graph.of(OBJECT)}


def test_what_nodes_read_is_in_the_artifacts_bucket(prod: Graph) -> None:
    config = json.loads(texts(prod)["config/cluster.json"])
    ids = {f"config/ids/{node}.json" for node in NODES}
    assert set(texts(prod)) == {"config/cluster.json", "lock", config["agent"]["key"], *ids}
    assert config["cluster"] == "orders-prod"


def test_ids_reach_the_nodes_and_are_known_in_a_preview(prod: Graph) -> None:
    ids = json.loads(texts(prod)["config/ids/b1.json"])
    assert (ids["format"], ids["node"], ids["volume"]) == (1, "b1", "orders-prod-b1-data")
    assert ids["certificate_authority"].startswith("projects/orders-prod-4711/locations/europe-west1/caPools/")


EVERYTHING: dict[str, Any] = {
    "clients": [YCQL_CLIENT],
    "keyspaces": [{"name": "events"}],
    "certificates": {"brought_by": ["pki-writer@pki-4711.iam.gserviceaccount.com"]},
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


@pytest.mark.parametrize("changes", [{}, EVERYTHING, {"regions": [EXISTING]}], ids=["little", "everything", "existing"])
def test_the_agent_understands_what_is_laid_out_for_it(record: Record, changes: dict[str, Any]) -> None:
    laid_out, names = texts(record(cluster(**changes))), gcp_plan(**changes).names
    for node in NODES:
        home = Identity("gcp", names.prefix, node, names.region, names.account, names.bucket("artifacts"))
        config = checked(laid_out[CLUSTER], laid_out[ids_of(node)], home)
        assert config.volume == f"orders-prod-{node}-data"
        assert bool(config.node["certificate_secret"]) is (config.ids["certificate_authority"] == "brought")


def test_a_name_leads_to_each_node(prod: Graph) -> None:
    records = {one.props["name"]: one.props["rrdatas"] for one in prod.of("gcp:dns/recordSet:RecordSet")}
    planned = {f"{node.host}.": [str(node.address)] for node in gcp_plan().nodes}
    assert planned.items() <= records.items()


def test_what_belongs_to_a_node_stands_below_it(prod: Graph) -> None:
    (b1,) = [one for one in prod.of("ybfort:gcp:Node") if one.name == "orders-b1"]
    assert sorted(one.type.rpartition(":")[2] for one in prod.children(b1)) == [
        "Address", "AlertPolicy", "AlertPolicy", "AlertPolicy", "AlertPolicy", "BucketObject", "Disk", "Instance",
        "InstanceGroupMembership", "RecordSet",
    ]  # fmt: skip


def test_the_order_of_what_the_user_wrote_changes_nothing(record: Record) -> None:
    clients = [{"name": "a", "cidrs": ["10.1.0.0/16", "10.2.0.0/16"]}, {"name": "b", "cidrs": ["10.3.0.0/16"]}]
    turned = [clients[1], {**clients[0], "cidrs": clients[0]["cidrs"][::-1]}]
    assert record(cluster(clients=clients)).inventory() == record(cluster(clients=turned)).inventory()
