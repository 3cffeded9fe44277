"""Resources of the simulated GCP: what they look like, what replaces them, what GCP and its provider refuse."""

from collections.abc import Callable

import pytest

from sandbox.simulated import PROJECT, UNKNOWN, Cloud, GcpCloud, subject
from ybfort.sandbox.gcp import TYPES, number
from ybfort.sandbox.sdk import resource_type
from ybfort.sandbox.simulation import CloudError

INSTANCE, DISK = "gcp:compute/instance:Instance", "gcp:compute/disk:Disk"
ATTACHED = "gcp:compute/attachedDisk:AttachedDisk"
NETWORK, FIREWALL = "gcp:compute/network:Network", "gcp:compute/firewall:Firewall"
SUBNETWORK, ADDRESS = "gcp:compute/subnetwork:Subnetwork", "gcp:compute/address:Address"
GROUP = "gcp:compute/instanceGroup:InstanceGroup"
MEMBERSHIP = "gcp:compute/instanceGroupMembership:InstanceGroupMembership"
RULE = "gcp:compute/forwardingRule:ForwardingRule"
RING, KEY = "gcp:kms/keyRing:KeyRing", "gcp:kms/cryptoKey:CryptoKey"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
BUCKET, OBJECT = "gcp:storage/bucket:Bucket", "gcp:storage/bucketObject:BucketObject"
SECRET = "gcp:secretmanager/secret:Secret"
AUTHORITY = "gcp:certificateauthority/authority:Authority"
ACCOUNT, IDENTITY = "gcp:serviceaccount/account:Account", "gcp:projects/serviceIdentity:ServiceIdentity"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
ZONE = "europe-west1-b"
IN_PROJECT = f"projects/{PROJECT}"


def node(name: str = "orders-a1", **more: object) -> dict[str, object]:
    return {"name": name, "zone": ZONE, "machineType": "c3-standard-22", **more}


# ------------------------------------------------------------------------------------------------- what they look like


@pytest.mark.parametrize(
    ("token", "inputs", "id_"),
    [
        (NETWORK, {"name": "orders"}, f"{IN_PROJECT}/global/networks/orders"),
        (SUBNETWORK, {"name": "orders"}, f"{IN_PROJECT}/regions/europe-west1/subnetworks/orders"),
        (ADDRESS, {"name": "a1", "region": "us-east1"}, f"{IN_PROJECT}/regions/us-east1/addresses/a1"),
        (DISK, {"name": "a1", "zone": ZONE}, f"{IN_PROJECT}/zones/{ZONE}/disks/a1"),
        (INSTANCE, node(), f"{IN_PROJECT}/zones/{ZONE}/instances/orders-a1"),
        (GROUP, {"name": "orders-b", "zone": ZONE}, f"{IN_PROJECT}/zones/{ZONE}/instanceGroups/orders-b"),
        (
            ATTACHED,
            {
                "instance": f"{IN_PROJECT}/zones/{ZONE}/instances/orders-a1",
                "disk": f"{IN_PROJECT}/zones/{ZONE}/disks/a1",
            },
            f"{IN_PROJECT}/zones/{ZONE}/instances/orders-a1/a1",
        ),
        (
            MEMBERSHIP,
            {"instance": f"https://x/{IN_PROJECT}/zones/{ZONE}/instances/orders-a1", "instanceGroup": "orders-b"},
            f"{PROJECT}/{ZONE}/orders-b/orders-a1",
        ),
        (RING, {"name": "orders", "location": "us-east1"}, f"{IN_PROJECT}/locations/us-east1/keyRings/orders"),
        (KEY, {"name": "data", "keyRing": "projects/p/keyRings/r"}, "projects/p/keyRings/r/cryptoKeys/data"),
        (
            KEY_MEMBER,
            {"cryptoKeyId": "k", "role": "roles/r", "member": "user:a", "condition": {"title": "t", "expression": "e"}},
            "k/roles/r/user:a/t",
        ),
        (BUCKET, {"name": "orders-logs", "location": "EUROPE-WEST1"}, "orders-logs"),
        (OBJECT, {"name": "config/cluster.json", "bucket": "orders"}, "orders-config/cluster.json"),
        (SECRET, {"secretId": "orders"}, f"{IN_PROJECT}/secrets/orders"),
        (
            "gcp:dns/recordSet:RecordSet",
            {"managedZone": f"{IN_PROJECT}/managedZones/orders", "name": "a1.internal.", "type": "A"},
            f"{IN_PROJECT}/managedZones/orders/rrsets/a1.internal./A",
        ),
        (
            "gcp:logging/projectBucketConfig:ProjectBucketConfig",
            {"project": IN_PROJECT, "location": "europe-west1", "bucketId": "orders"},
            f"{IN_PROJECT}/locations/europe-west1/buckets/orders",
        ),
        (
            "gcp:orgpolicy/policy:Policy",
            {"parent": IN_PROJECT, "name": f"{IN_PROJECT}/policies/compute.requireOsLogin"},
            f"{IN_PROJECT}/policies/compute.requireOsLogin",
        ),
    ],
)
def test_ids_are_as_the_provider_makes_them(gcp: GcpCloud, token: str, inputs: dict[str, object], id_: str) -> None:
    assert gcp.create(token, "one", **inputs)[0] == id_


def test_computed_outputs_are_like_the_clouds(gcp: GcpCloud) -> None:
    _, machine = gcp.create(INSTANCE, "a1", **node())
    assert machine["selfLink"] == f"https://www.googleapis.com/compute/v1/{IN_PROJECT}/zones/{ZONE}/instances/orders-a1"
    assert (machine["project"], machine["currentStatus"]) == (PROJECT, "RUNNING")
    _, account = gcp.create(ACCOUNT, "node", accountId="orders-node")
    assert account["member"] == f"serviceAccount:orders-node@{PROJECT}.iam.gserviceaccount.com"
    _, bucket = gcp.create(BUCKET, "logs", name="orders-logs", location="europe-west1")
    assert (bucket["url"], bucket["projectNumber"]) == ("gs://orders-logs", float(number(PROJECT)))
    _, secret = gcp.create(SECRET, "app", secretId="orders-app")
    assert secret["name"] == f"projects/{number(PROJECT)}/secrets/orders-app"
    _, identity = gcp.create(IDENTITY, "secrets", service="secretmanager.googleapis.com")
    assert identity["email"] == f"service-{number(PROJECT)}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    id_, alert = gcp.create(ALERT, "down", displayName="down")
    assert alert["name"] == id_
    _, authority = gcp.create(AUTHORITY, "ca", pool="orders", location="europe-west1", certificateAuthorityId="root")
    assert str(authority["pemCaCertificates"]).startswith("['-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("short", TYPES)
def test_the_table_computes_only_what_the_sdk_has(short: str) -> None:
    module, name = short.split(".")
    common = {"fingerprint", "labelFingerprint", "selfLink", "creationTimestamp"}  # of most types of Compute Engine
    assert set(TYPES[short].outputs) - common <= resource_type(f"gcp:{module}/x:{name}").outputs.keys()


def test_a_preview_knows_place_and_labels(gcps: Callable[..., GcpCloud]) -> None:
    gcp = gcps(defaultLabels='{"team": "payments"}', addPulumiAttributionLabel="true")
    outputs = gcp.preview(ADDRESS, "a1", name=UNKNOWN, labels={"a": "b"})
    merged = {"goog-pulumi-provisioned": "true", "team": "payments", "a": "b"}
    assert outputs == {
        "name": UNKNOWN,
        "labels": {"a": "b"},
        "pulumiLabels": merged,
        "effectiveLabels": merged,
        "project": PROJECT,
        "region": "europe-west1",
    }


def test_what_belongs_to_a_project_is_the_same_from_every_region(gcps: Callable[..., GcpCloud]) -> None:
    id_, network = gcps().create(NETWORK, "main", name="orders")
    assert gcps(region="us-east1").read(NETWORK, "main", id_) == network
    id_, _ = gcps().create(DISK, "a1", name="a1", zone=ZONE)
    assert gcps(region="us-east1").read(DISK, "a1", id_) is None


def test_what_is_given_no_name_is_named_after_the_resource(gcp: GcpCloud) -> None:
    for token, property_ in ((NETWORK, "name"), (SECRET, "secretId"), (ACCOUNT, "accountId")):
        inputs, _ = gcp.simulation.check(subject(token, "Main"), {}, {})
        assert str(inputs[property_]).startswith("main-")


def test_a_missing_and_a_misspelt_property_are_named(gcp: GcpCloud) -> None:
    assert gcp.check(ATTACHED, instance="a1", diskk="d") == {
        "diskk": "is not a property of this resource. Did you mean disk?",
        "disk": "is missing, and required.",
    }
    assert gcp.check(INSTANCE, **node(bootDisk={"kmsKey": "k"}, networkInterfaces=[])).keys() == {"bootDisk.kmsKey"}


def test_a_type_without_a_table_works_too(gcp: GcpCloud) -> None:
    id_, outputs = gcp.create("gcp:pubsub/topic:Topic", "jobs", name="jobs")
    assert id_ == f"{IN_PROJECT}/topics/jobs"
    assert outputs["project"] == PROJECT


# ------------------------------------------------------------------------------------------------------ what changes


@pytest.mark.parametrize(
    ("token", "replace", "in_place"),
    [
        (NETWORK, "name autoCreateSubnetworks description", "routingMode deleteDefaultRoutesOnCreate"),
        (SUBNETWORK, "name network region description", "ipCidrRange privateIpGoogleAccess logConfig"),
        (FIREWALL, "name direction", "priority sourceRanges targetServiceAccounts allows"),
        (ADDRESS, "name address purpose subnetwork", "labels"),
        (DISK, "name zone type diskEncryptionKey", "size provisionedIops provisionedThroughput"),
        (INSTANCE, "name zone confidentialInstanceConfig hostname", "machineType metadata deletionProtection tags"),
        (ATTACHED, "disk instance deviceName mode", ""),
        (MEMBERSHIP, "instance instanceGroup", ""),
        ("gcp:compute/regionBackendService:RegionBackendService", "name network loadBalancingScheme", "backends"),
        (RULE, "name ipAddress ports backendService subnetwork", "allowGlobalAccess labels"),
        (RING, "name location", ""),
        (KEY, "name keyRing purpose destroyScheduledDuration", "rotationPeriod labels"),
        (KEY_MEMBER, "cryptoKeyId member role condition", ""),
        (BUCKET, "name location enableObjectRetention", "encryption retentionPolicy versioning"),
        (OBJECT, "bucket name source kmsKeyName", "content"),
        (SECRET, "secretId", "rotation labels"),
        ("gcp:certificateauthority/caPool:CaPool", "name tier location", "issuancePolicy"),
        (AUTHORITY, "config keySpec lifetime pool type", "desiredState deletionProtection"),
        ("gcp:logging/projectBucketConfig:ProjectBucketConfig", "bucketId location", "retentionDays locked"),
        ("gcp:projects/iAMCustomRole:IAMCustomRole", "roleId", "permissions title"),
        (ALERT, "project", "conditions displayName"),
    ],
)
def test_what_replaces_and_what_does_not(gcp: GcpCloud, token: str, replace: str, in_place: str) -> None:
    for name in (replace + " " + in_place).split():
        diff = gcp.diff(token, {name: "before"}, {name: "after"})
        assert diff.replaced_by == ([name] if name in replace.split() else []), name


def test_a_new_image_replaces_a_machine_and_a_larger_boot_disk_does_not(gcp: GcpCloud) -> None:
    def boot(image: str, size: int) -> dict[str, object]:
        return {"bootDisk": {"initializeParams": {"image": image, "size": size}}}

    assert gcp.diff(INSTANCE, boot("i1", 50), boot("i2", 60)).replaced_by == ["bootDisk.initializeParams.image"]


def test_a_secrets_key_changes_in_place_and_its_place_does_not(gcp: GcpCloud) -> None:
    def replicated(location: str, key: str) -> dict[str, object]:
        replica = {"location": location, "customerManagedEncryption": {"kmsKeyName": key}}
        return {"replication": {"userManaged": {"replicas": [replica]}}}

    diff = gcp.diff(SECRET, replicated("europe-west1", "k1"), replicated("us-east1", "k2"))
    assert diff.replaced_by == ["replication.userManaged.replicas[0].location"]
    assert len(diff.changes) == 2


def test_another_project_replaces_and_default_labels_change_in_place(gcps: Callable[..., GcpCloud]) -> None:
    inputs = {"name": "a1", "address": "10.40.1.2"}
    state = {**inputs, "project": PROJECT, "region": "europe-west1", "pulumiLabels": {}, "effectiveLabels": {}}
    moved = gcps(project="orders-dev-4712", defaultLabels='{"team": "payments"}')
    diff = moved.simulation.diff(subject(ADDRESS, "a1"), dict(inputs), dict(inputs), state)
    assert diff.replaced_by == ["project"]
    assert {path for path in diff.changes if path.partition(".")[0] in diff.computed} == {
        "effectiveLabels.team",
        "pulumiLabels.team",
    }


# ------------------------------------------------------------------------------------------------------------ refusals


def test_a_name_is_taken_once_in_its_place(gcps: Callable[..., GcpCloud]) -> None:
    gcps().create(DISK, "a1", name="a1", zone=ZONE)
    with pytest.raises(
        CloudError, match=f"Error 409: The resource '{IN_PROJECT}/zones/{ZONE}/disks/a1' already exists"
    ):
        gcps().create(DISK, "again", name="a1", zone=ZONE)
    gcps().create(DISK, "elsewhere", name="a1", zone="europe-west1-c")
    gcps(project="orders-dev-4712").create(DISK, "other", name="a1", zone=ZONE)


def test_a_bucket_name_is_taken_once_in_the_whole_world(gcps: Callable[..., GcpCloud]) -> None:
    gcps().create(BUCKET, "logs", name="orders-logs", location="europe-west1")
    with pytest.raises(CloudError, match="you already own it"):
        gcps().create(BUCKET, "other", name="orders-logs", location="us-east1")
    with pytest.raises(CloudError, match="The requested bucket name is not available"):
        gcps(project="orders-dev-4712").create(BUCKET, "mine", name="orders-logs", location="europe-west1")


def test_the_clouds_know_nothing_of_each_other(cloud: Cloud, gcp: GcpCloud) -> None:
    cloud.create("aws:s3/bucket:Bucket", "logs", bucket="orders-logs")
    gcp.create(BUCKET, "logs", name="orders-logs", location="europe-west1")


def test_a_range_an_address_and_a_disk_are_used_once(gcp: GcpCloud) -> None:
    gcp.create(SUBNETWORK, "one", name="one", network="orders", ipCidrRange="10.40.0.0/20")
    with pytest.raises(CloudError, match=r"10\.40\.0\.0/20 conflicts with existing subnetwork"):
        gcp.create(SUBNETWORK, "two", name="two", network="orders", ipCidrRange="10.40.0.0/20")
    gcp.create(ADDRESS, "a1", name="a1", address="10.40.1.2", subnetwork="one")
    with pytest.raises(CloudError, match=r"Specified IP address is in use: 10\.40\.1\.2"):
        gcp.create(ADDRESS, "b1", name="b1", address="10.40.1.2", subnetwork="one")
    gcp.create(ATTACHED, "a1", disk="data", instance="a1", zone=ZONE)
    with pytest.raises(CloudError, match="'data' is already being used"):
        gcp.create(ATTACHED, "b1", disk="data", instance="b1", zone=ZONE)
    interface = {"networkInterfaces": [{"networkIp": "10.40.1.2", "subnetwork": "one"}]}
    gcp.create(INSTANCE, "a1", **node(**interface))
    with pytest.raises(CloudError, match=r"IP address '10\.40\.1\.2' is already being used"):
        gcp.create(INSTANCE, "b1", **node("orders-b1", **interface))


def test_a_role_may_be_granted_twice(gcp: GcpCloud) -> None:
    grant = {"cryptoKeyId": "k", "role": "roles/r", "member": "user:a"}
    assert gcp.create(KEY_MEMBER, "one", **grant)[0] == gcp.create(KEY_MEMBER, "two", **grant)[0]


def test_key_rings_and_keys_stay_for_ever(gcp: GcpCloud) -> None:
    for token, inputs in (
        (RING, {"name": "orders", "location": "europe-west1"}),
        (KEY, {"name": "data", "keyRing": f"{IN_PROJECT}/locations/europe-west1/keyRings/orders"}),
    ):
        id_, _ = gcp.create(token, "one", **inputs)
        gcp.delete(token, "one", id_)
        with pytest.raises(CloudError, match=f"{id_} already exists"):
            gcp.create(token, "one", **inputs)


def test_a_protected_machine_is_not_deleted(gcp: GcpCloud) -> None:
    id_, state = gcp.create(INSTANCE, "a1", **node(deletionProtection=True))
    with pytest.raises(CloudError, match="Deletion Protection is enabled"):
        gcp.delete(INSTANCE, "a1", id_)
    gcp.update(INSTANCE, "a1", id_, state, **node(deletionProtection=False))
    gcp.delete(INSTANCE, "a1", id_)


def test_an_authority_is_protected_unless_it_says_otherwise(gcp: GcpCloud) -> None:
    place = {"pool": "orders", "location": "europe-west1"}
    id_, _ = gcp.create(AUTHORITY, "ca", **place, certificateAuthorityId="root")
    with pytest.raises(CloudError, match="without setting deletion_protection=false"):
        gcp.delete(AUTHORITY, "ca", id_)
    id_, _ = gcp.create(AUTHORITY, "open", **place, certificateAuthorityId="other", deletionProtection=False)
    gcp.delete(AUTHORITY, "open", id_)


def test_a_deletion_policy_keeps_any_resource(gcp: GcpCloud) -> None:
    id_, _ = gcp.create(NETWORK, "main", name="orders", deletionPolicy="PREVENT")
    with pytest.raises(CloudError, match='without setting deletion_policy="DELETE"'):
        gcp.delete(NETWORK, "main", id_)


def test_a_running_machine_changes_its_type_only_if_it_may_be_stopped(gcp: GcpCloud) -> None:
    id_, state = gcp.create(INSTANCE, "a1", **node())
    larger = node(machineType="c3-standard-44")
    with pytest.raises(CloudError, match="requires stopping it"):
        gcp.update(INSTANCE, "a1", id_, state, **larger)
    gcp.update(INSTANCE, "a1", id_, state, **node(labels={"a": "b"}))
    assert (
        gcp.update(INSTANCE, "a1", id_, state, **larger, allowStoppingForUpdate=True)["machineType"] == "c3-standard-44"
    )


def test_a_provider_must_have_a_project(gcps: Callable[..., GcpCloud]) -> None:
    with pytest.raises(CloudError, match="project is missing"):
        gcps(project="")


# ------------------------------------------------------------------------------------------------------------ look-ups


def test_a_project_has_a_number_and_it_is_always_the_same(gcp: GcpCloud) -> None:
    token = "gcp:organizations/getProject:getProject"
    mine, other = gcp.invoke(token), gcp.invoke(token, projectId="shared-net-1")
    assert (mine["projectId"], mine["number"]) == (PROJECT, number(PROJECT))
    assert str(mine["number"]).isdigit()
    assert (other["projectId"], other["number"] != mine["number"]) == ("shared-net-1", True)


def test_project_and_region_are_the_providers(gcp: GcpCloud) -> None:
    config = gcp.invoke("gcp:organizations/getClientConfig:getClientConfig")
    assert (config["project"], config["region"]) == (PROJECT, "europe-west1")


def test_an_unknown_look_up_says_where_its_answer_belongs(gcp: GcpCloud) -> None:
    with pytest.raises(CloudError, match=r"invokes/gcp\.compute\.getImage\.json"):
        gcp.invoke("gcp:compute/getImage:getImage")
