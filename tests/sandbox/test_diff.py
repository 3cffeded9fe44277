"""What changes in place, and what makes a new resource."""

from collections.abc import Callable, Mapping

import pytest

from sandbox.simulated import UNKNOWN, Cloud, subject
from ybfort.sandbox import aws, gcp
from ybfort.sandbox.facts import Facts
from ybfort.sandbox.sdk import properties, resource_type

INSTANCE = "aws:ec2/instance:Instance"
GROUP = "aws:lb/targetGroup:TargetGroup"
SECRET_KEY, SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"


@pytest.mark.parametrize(
    ("token", "replace", "in_place"),
    [
        (INSTANCE, "ami subnetId availabilityZone keyName", "instanceType disableApiTermination userData"),
        ("aws:ebs/volume:Volume", "availabilityZone encrypted kmsKeyId", "size type iops throughput"),
        ("aws:ec2/networkInterface:NetworkInterface", "subnetId", "privateIps securityGroups description"),
        ("aws:ec2/volumeAttachment:VolumeAttachment", "deviceName instanceId volumeId", "forceDetach"),
        ("aws:ec2/securityGroup:SecurityGroup", "name description vpcId", "tags revokeRulesOnDelete"),
        (
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "securityGroupId",
            "cidrIpv4 fromPort",
        ),
        ("aws:kms/key:Key", "keyUsage customerMasterKeySpec multiRegion", "policy description enableKeyRotation"),
        ("aws:s3/bucket:Bucket", "bucket objectLockEnabled", "forceDestroy tags"),
        ("aws:secretsmanager/secret:Secret", "name", "kmsKeyId recoveryWindowInDays"),
        (
            "aws:acmpca/certificateAuthority:CertificateAuthority",
            "certificateAuthorityConfiguration type usageMode keyStorageSecurityStandard",
            "enabled permanentDeletionTimeInDays",
        ),
        ("aws:lb/loadBalancer:LoadBalancer", "name internal loadBalancerType", "enableDeletionProtection subnets"),
        (GROUP, "name port protocol vpcId targetType", "healthCheck deregistrationDelay"),
        ("aws:cloudwatch/logGroup:LogGroup", "name", "retentionInDays kmsKeyId"),
        ("aws:iam/role:Role", "name path", "assumeRolePolicy permissionsBoundary"),
    ],
)
def test_what_replaces_and_what_does_not(cloud: Cloud, token: str, replace: str, in_place: str) -> None:
    for name in (replace + " " + in_place).split():
        diff = cloud.diff(token, {name: "before"}, {name: "after"})
        assert diff.replaced_by == ([name] if name in replace.split() else []), name
        assert diff.changes[name].kind == "UPDATE"


@pytest.mark.parametrize(("package", "types"), [("aws", aws.TYPES), ("gcp", gcp.TYPES)])
def test_every_path_of_the_tables_exists_in_the_sdk(package: str, types: Mapping[str, Facts]) -> None:
    for short, facts in types.items():
        module, name = short.split(".")
        known = resource_type(f"{package}:{module}/x:{name}")
        consent = facts.consent
        told = [consent.by, *consent.to] if consent else []
        for path in [*facts.replaced_by, *facts.replaced_where[1], *(one.by for one in facts.protections), *told]:
            inside = known.inputs
            for step in path.split("."):
                assert step in inside, f"{short}: {path}"
                shape = inside[step].shape
                shape = shape.element or shape
                inside = properties(shape.args) if shape.args else {}


def test_nothing_changed_is_no_change(cloud: Cloud) -> None:
    inputs = {"ami": "ami-1", "rootBlockDevice": {"volumeSize": 20}, "vpcSecurityGroupIds": ["sg-1"]}
    assert not cloud.diff(INSTANCE, dict(inputs), dict(inputs)).changes


def test_nested_paths_are_told_and_judged(cloud: Cloud) -> None:
    old = {"rootBlockDevice": {"volumeSize": 20, "kmsKeyId": "k1"}, "ebsBlockDevices": [], "tags": {"a.b": "1"}}
    new = {"rootBlockDevice": {"volumeSize": 30, "kmsKeyId": "k2"}, "ebsBlockDevices": [], "tags": {"c": "1"}}
    diff = cloud.diff(INSTANCE, old, new)
    assert {path: (change.kind, change.replaces) for path, change in diff.changes.items()} == {
        "rootBlockDevice.volumeSize": ("UPDATE", False),
        "rootBlockDevice.kmsKeyId": ("UPDATE", True),
        'tags["a.b"]': ("DELETE", False),
        "tags.c": ("ADD", False),
    }


def test_what_lies_under_a_replacing_property_replaces(cloud: Cloud) -> None:
    old, new = ({"primaryNetworkInterface": {"networkInterfaceId": id_}} for id_ in ("eni-1", "eni-2"))
    assert cloud.diff(INSTANCE, old, new).replaced_by == ["primaryNetworkInterface.networkInterfaceId"]


def test_an_unknown_value_is_taken_for_a_change(cloud: Cloud) -> None:
    assert cloud.diff(INSTANCE, {"ami": "ami-1"}, {"ami": UNKNOWN}).replaced_by == ["ami"]
    assert cloud.diff(INSTANCE, {"monitoring": True}, {"monitoring": UNKNOWN}).changes["monitoring"].replaces is False


def test_user_data_replaces_where_the_program_says_so(cloud: Cloud) -> None:
    old, new = {"userData": "a"}, {"userData": "b", "userDataReplaceOnChange": True}
    assert cloud.diff(INSTANCE, old, new).replaced_by == ["userData"]


def test_ignored_properties_do_not_change(cloud: Cloud) -> None:
    diff = cloud.diff(INSTANCE, {"ami": "ami-1", "tags": {"a": "1"}}, {"ami": "ami-2"}, ("ami", "tags.*"))
    assert not diff.changes


def test_a_value_that_becomes_secret_is_the_same_value(cloud: Cloud) -> None:
    assert not cloud.diff(INSTANCE, {"ami": "ami-1"}, {"ami": {SECRET_KEY: SECRET_SIGNATURE, "value": "ami-1"}}).changes


def test_an_asset_that_moved_is_the_same_asset(cloud: Cloud) -> None:
    def asset(path: str, hash_: str) -> dict[str, object]:
        return {"source": {SECRET_KEY: ASSET_SIGNATURE, "path": path, "hash": hash_}}

    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    assert not cloud.diff(token, asset("/a", "1"), asset("/b", "1")).changes
    assert list(cloud.diff(token, asset("/a", "1"), asset("/a", "2")).changes) == ["source"]


def test_a_chosen_name_that_stays_must_be_free_first(cloud: Cloud) -> None:
    old, new = {"name": "orders", "port": 5433}, {"name": "orders", "port": 9042}
    assert cloud.diff(GROUP, old, new).delete_first
    assert not cloud.diff(GROUP, old, {"name": "other", "port": 5433}).delete_first
    generated = {"name": "orders-1a2b3c4", "__defaults": ["name"]}
    assert not cloud.diff(GROUP, {**generated, "port": 1}, {**generated, "port": 2}).delete_first


def test_a_change_in_place_deletes_nothing(cloud: Cloud) -> None:
    assert not cloud.diff(GROUP, {"name": "orders", "slowStart": 1}, {"name": "orders", "slowStart": 30}).delete_first


def test_the_providers_default_tags_change_resources(clouds: Callable[..., Cloud]) -> None:
    tagged = clouds(defaultTags='{"tags": {"team": "payments"}}')
    inputs = {"name": "orders", "tags": {"a": "b"}}
    assert list(tagged.diff(GROUP, dict(inputs), dict(inputs)).changes) == ["tagsAll.team"]


def test_another_region_replaces(clouds: Callable[..., Cloud]) -> None:
    moved = clouds(region="eu-central-1")
    diff = moved.simulation.diff(
        subject(GROUP, "one"), {"name": "orders"}, {"name": "orders"}, {"region": "eu-west-1", "tagsAll": {}}
    )
    assert diff.replaced_by == ["region"]
