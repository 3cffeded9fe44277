"""Look-ups: what the simulated AWS knows, and how it is taught more."""

import json

import pytest

from sandbox.simulated import ACCOUNT, Cloud
from ybfort.sandbox.simulation import CloudError
from ybfort.sandbox.world import WorldError

OBJECT, PARAMETER, AMI = "aws:s3/getObject:getObject", "aws:ssm/getParameter:getParameter", "aws:ec2/getAmi:getAmi"
SECRET = "aws:secretsmanager/getSecretVersion:getSecretVersion"


def test_account_region_partition_and_zones_are_the_providers(cloud: Cloud) -> None:
    assert cloud.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == ACCOUNT
    assert cloud.invoke("aws:index/getRegion:getRegion")["name"] == "eu-west-1"
    assert cloud.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"
    zones = cloud.invoke("aws:index/getAvailabilityZones:getAvailabilityZones")
    assert zones["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert zones["zoneIds"] == ["euw1-az1", "euw1-az2", "euw1-az3"]


def test_the_same_question_finds_the_same_image(cloud: Cloud) -> None:
    image = cloud.invoke(AMI, owners=["137112412989"], mostRecent=True)
    assert image == cloud.invoke(AMI, owners=["137112412989"], mostRecent=True)
    assert image["id"] != cloud.invoke(AMI, owners=["099720109477"])["id"]


def test_objects_are_files_of_the_world(cloud: Cloud) -> None:
    with pytest.raises(WorldError, match=r"NoSuchKey: the bucket orders-status has no status/a1\.json"):
        cloud.invoke(OBJECT, bucket="orders-status", key="status/a1.json")
    file = cloud.world.root / "objects/orders-status/status/a1.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"healthy": true}')
    assert cloud.invoke(OBJECT, bucket="orders-status", key="status/a1.json")["body"] == '{"healthy": true}'


def test_objects_that_a_program_made_are_found(cloud: Cloud) -> None:
    cloud.create("aws:s3/bucketObjectv2:BucketObjectv2", "config", bucket="orders", key="cluster.json", content="{}")
    assert cloud.invoke(OBJECT, bucket="orders", key="cluster.json")["body"] == "{}"


def test_no_key_leads_out_of_the_world(cloud: Cloud) -> None:
    (cloud.world.root.parent / "secret").write_text("secret")
    (cloud.world.root / "objects/orders").mkdir(parents=True)
    with pytest.raises(WorldError, match="NoSuchKey"):
        cloud.invoke(OBJECT, bucket="orders", key="../../../secret")


def test_parameters_are_files_or_resources(cloud: Cloud) -> None:
    with pytest.raises(WorldError, match="ParameterNotFound: there is no parameter /orders/health"):
        cloud.invoke(PARAMETER, name="/orders/health")
    cloud.create("aws:ssm/parameter:Parameter", "health", name="/orders/health", type="String", value="good")
    assert cloud.invoke(PARAMETER, name="/orders/health")["value"] == "good"
    file = cloud.world.root / "parameters/orders/health"
    file.parent.mkdir(parents=True)
    file.write_text("sick\n")
    assert cloud.invoke(PARAMETER, name="/orders/health")["value"] == "sick"


def test_an_unknown_look_up_says_where_its_answer_belongs(cloud: Cloud) -> None:
    with pytest.raises(CloudError) as refusal:
        cloud.invoke(SECRET, secretId="orders")
    file = cloud.world.root / "invokes/aws.secretsmanager.getSecretVersion.json"
    assert SECRET in str(refusal.value)
    assert str(file) in str(refusal.value)
    file.parent.mkdir()
    file.write_text(json.dumps([{"args": {"secretId": "orders"}, "return": {"secretString": "x"}}]))
    assert cloud.invoke(SECRET, secretId="orders") == {"secretString": "x"}
    with pytest.raises(CloudError, match="no answer"):
        cloud.invoke(SECRET, secretId="other")


def test_an_answer_file_goes_before_what_the_simulation_knows(cloud: Cloud) -> None:
    file = cloud.world.root / "invokes/aws.ec2.getAmi.json"
    file.parent.mkdir()
    file.write_text('{"id": "ami-0123"}')
    assert cloud.invoke(AMI) == {"id": "ami-0123"}
    file.write_text('["ami-0123"]')
    with pytest.raises(WorldError, match=r"aws.ec2.getAmi.json is not an answer"):
        cloud.invoke(AMI)
