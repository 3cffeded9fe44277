"""Resources of the simulated AWS: what they look like, what AWS refuses, what it remembers."""

from collections.abc import Callable

import pytest

from sandbox.simulated import ACCOUNT, UNKNOWN, Cloud
from ybfort.sandbox.simulation import CloudError
from ybfort.sandbox.world import WorldError

BUCKET, ROLE, VPC = "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:ec2/vpc:Vpc"
INSTANCE, QUEUE = "aws:ec2/instance:Instance", "aws:sqs/queue:Queue"
SECRET_KEY, SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def secret(value: object) -> dict[str, object]:
    return {SECRET_KEY: SECRET_SIGNATURE, "value": value}


def test_ids_and_arns_are_like_the_clouds(cloud: Cloud) -> None:
    id_, outputs = cloud.create(VPC, "main", cidrBlock="10.0.0.0/16")
    assert id_.startswith("vpc-")
    assert len(id_) == len("vpc-0123456789abcdef0")
    assert outputs["arn"] == f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/{id_}"
    _, role = cloud.create(ROLE, "node", name="orders-node", path="/ybfort/")
    assert role["arn"] == f"arn:aws:iam::{ACCOUNT}:role/ybfort/orders-node"
    _, balancer = cloud.create("aws:lb/loadBalancer:LoadBalancer", "db", name="orders", loadBalancerType="network")
    assert str(balancer["arnSuffix"]).startswith("net/orders/")


def test_partitions_have_their_own_arns_and_domains(clouds: Callable[..., Cloud]) -> None:
    _, bucket = clouds(region="cn-north-1").create(BUCKET, "logs", bucket="orders")
    assert bucket["arn"] == "arn:aws-cn:s3:::orders"
    assert bucket["bucketDomainName"] == "orders.s3.amazonaws.com.cn"


def test_the_same_resource_looks_the_same_in_every_new_world(cloud: Cloud) -> None:
    elsewhere = Cloud(cloud.world.root.parent / "other")
    assert cloud.create(VPC, "main") == elsewhere.create(VPC, "main")


def test_a_replacement_has_another_id(cloud: Cloud) -> None:
    first, _ = cloud.create(VPC, "main")
    cloud.delete(VPC, "main", first)
    assert cloud.create(VPC, "main")[0] != first


def test_a_type_without_a_table_works_too(cloud: Cloud) -> None:
    id_, outputs = cloud.create(QUEUE, "jobs", name="jobs")
    assert outputs["arn"] == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue/{id_}"
    assert str(outputs["url"]).startswith("simulated-")


def test_every_output_has_a_value_once_the_resource_exists(cloud: Cloud) -> None:
    _, outputs = cloud.create("aws:acmpca/certificate:Certificate", "root", certificateAuthorityArn="arn:x")
    assert str(outputs["certificate"]).startswith("-----BEGIN CERTIFICATE-----\n")
    assert outputs["certificateChain"] == ""


def test_a_role_is_the_same_from_every_region(clouds: Callable[..., Cloud]) -> None:
    id_, role = clouds().create(ROLE, "node", name="orders-node")
    assert clouds(region="us-east-1").read(ROLE, "node", id_) == role
    vpc, _ = clouds().create(VPC, "main")
    assert clouds(region="us-east-1").read(VPC, "main", vpc) is None


def test_a_preview_leaves_out_what_the_cloud_computes(cloud: Cloud) -> None:
    outputs = cloud.preview(VPC, "main", cidrBlock=UNKNOWN, tags={"a": "b"})
    assert outputs == {"cidrBlock": UNKNOWN, "tags": {"a": "b"}, "tagsAll": {"a": "b"}, "region": "eu-west-1"}
    assert not list(cloud.world.root.glob("*/*/*/*.json"))


def test_default_tags_are_merged_and_secret_tags_stay_secret(clouds: Callable[..., Cloud]) -> None:
    tagged = clouds(defaultTags='{"tags": {"team": "payments"}}')
    assert tagged.create(VPC, "one", tags={"a": "b"})[1]["tagsAll"] == {"team": "payments", "a": "b"}
    assert tagged.create(VPC, "two", tags=secret({"a": "b"}))[1]["tagsAll"] == secret({"team": "payments", "a": "b"})


def test_secret_inputs_stay_secret(cloud: Cloud) -> None:
    token = "aws:ssm/parameter:Parameter"
    id_, outputs = cloud.create(token, "password", name="/orders/password", type="SecureString", value=secret("x"))
    assert outputs["value"] == secret("x")
    assert (cloud.read(token, "password", id_) or {})["value"] == secret("x")


def test_an_update_keeps_id_and_computed_outputs(cloud: Cloud) -> None:
    id_, before = cloud.create(INSTANCE, "a1", instanceType="m7i.large")
    after = cloud.update(INSTANCE, "a1", id_, before, instanceType="m7i.xlarge")
    assert after == {**before, "instanceType": "m7i.xlarge"}
    assert cloud.read(INSTANCE, "a1", id_) == after


def test_what_is_gone_cannot_be_updated_and_need_not_be_deleted(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="i-1 does not exist"):
        cloud.update(INSTANCE, "a1", "i-1", {})
    cloud.delete(INSTANCE, "a1", "i-1")
    assert cloud.read(INSTANCE, "a1", "i-1") is None


def test_the_log_tells_what_was_done_in_order(cloud: Cloud) -> None:
    id_, state = cloud.create(INSTANCE, "a1")
    cloud.update(INSTANCE, "a1", id_, state, monitoring=True)
    cloud.delete(INSTANCE, "a1", id_)
    assert cloud.log == ["create ec2.Instance a1", "update ec2.Instance a1", "delete ec2.Instance a1"]


# ------------------------------------------------------------------------------------------------------------- refusals


def test_a_bucket_name_is_taken_once_in_the_whole_world(clouds: Callable[..., Cloud]) -> None:
    clouds().create(BUCKET, "logs", bucket="orders-logs")
    with pytest.raises(CloudError, match="BucketAlreadyOwnedByYou"):
        clouds().create(BUCKET, "other", bucket="orders-logs")
    with pytest.raises(CloudError, match="BucketAlreadyExists"):
        clouds(account="999988887777", region="us-east-1").create(BUCKET, "mine", bucket="orders-logs")


def test_a_role_name_is_taken_once_in_an_account(clouds: Callable[..., Cloud]) -> None:
    clouds().create(ROLE, "node", name="orders-node")
    with pytest.raises(CloudError, match="EntityAlreadyExists: Role with name orders-node already exists"):
        clouds(region="us-east-1").create(ROLE, "other", name="orders-node")
    clouds(account="999988887777").create(ROLE, "other", name="orders-node")


def test_a_log_group_name_is_taken_once_in_a_region(clouds: Callable[..., Cloud]) -> None:
    token = "aws:cloudwatch/logGroup:LogGroup"
    clouds().create(token, "a", name="/orders")
    with pytest.raises(CloudError, match="ResourceAlreadyExistsException"):
        clouds().create(token, "b", name="/orders")
    clouds(region="us-east-1").create(token, "b", name="/orders")


def test_a_volume_is_attached_once_and_an_interface_used_once(cloud: Cloud) -> None:
    attachment = {"volumeId": "vol-1", "deviceName": "/dev/sdf"}
    cloud.create("aws:ec2/volumeAttachment:VolumeAttachment", "a1", instanceId="i-1", **attachment)
    with pytest.raises(CloudError, match="VolumeInUse: vol-1"):
        cloud.create("aws:ec2/volumeAttachment:VolumeAttachment", "b1", instanceId="i-2", **attachment)
    interface = {"primaryNetworkInterface": {"networkInterfaceId": "eni-1"}}
    cloud.create(INSTANCE, "a1", **interface)
    with pytest.raises(CloudError, match=r"InvalidNetworkInterface.InUse: Interface: \[eni-1\]"):
        cloud.create(INSTANCE, "b1", **interface)


def test_a_name_is_free_again_after_a_deletion(cloud: Cloud) -> None:
    id_, _ = cloud.create(BUCKET, "logs", bucket="orders-logs")
    cloud.delete(BUCKET, "logs", id_)
    cloud.create(BUCKET, "logs", bucket="orders-logs")


def test_a_protected_instance_is_not_terminated(cloud: Cloud) -> None:
    id_, _ = cloud.create(INSTANCE, "a1", disableApiTermination=True)
    with pytest.raises(CloudError, match="OperationNotPermitted") as refusal:
        cloud.delete(INSTANCE, "a1", id_)
    assert id_ in str(refusal.value)
    forced, _ = cloud.create(INSTANCE, "b1", disableApiTermination=True, forceDestroy=True)
    cloud.delete(INSTANCE, "b1", forced)


def test_a_protected_load_balancer_is_not_deleted(cloud: Cloud) -> None:
    token = "aws:lb/loadBalancer:LoadBalancer"
    id_, state = cloud.create(token, "db", name="orders", enableDeletionProtection=True)
    with pytest.raises(CloudError, match="deletion protection is enabled"):
        cloud.delete(token, "db", id_)
    cloud.update(token, "db", id_, state, name="orders", enableDeletionProtection=False)
    cloud.delete(token, "db", id_)


def test_a_provider_must_have_a_region(clouds: Callable[..., Cloud]) -> None:
    with pytest.raises(CloudError, match="region is missing"):
        clouds(region="")


def test_a_broken_file_of_the_world_is_named(cloud: Cloud) -> None:
    id_, _ = cloud.create(VPC, "main")
    (file,) = cloud.world.root.glob("*/*/ec2.Vpc/*.json")
    file.write_text("{")
    with pytest.raises(WorldError, match=file.name):
        cloud.read(VPC, "main", id_)
