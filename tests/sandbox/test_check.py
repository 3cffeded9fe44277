"""What is wrong with a resource's inputs."""

import pytest

from sandbox.simulated import UNKNOWN, Cloud, subject

INSTANCE = "aws:ec2/instance:Instance"
ATTACHMENT = "aws:ec2/volumeAttachment:VolumeAttachment"
BUCKET = "aws:s3/bucket:Bucket"
SECRET_KEY, SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def test_right_inputs_have_no_problems(cloud: Cloud) -> None:
    assert not cloud.check(
        INSTANCE, ami="ami-1", hibernation=False, rootBlockDevice={"volumeSize": 20}, tags={"a": "b"}
    )


def test_an_unknown_property_is_named_with_the_one_that_was_meant(cloud: Cloud) -> None:
    problems = cloud.check(INSTANCE, instanceTyp="m7i.large")
    assert problems == {"instanceTyp": "is not a property of this resource. Did you mean instanceType?"}


def test_a_missing_property_is_named(cloud: Cloud) -> None:
    assert cloud.check(ATTACHMENT, instanceId="i-1", volumeId="vol-1") == {"deviceName": "is missing, and required."}


def test_nested_properties_are_judged_too(cloud: Cloud) -> None:
    problems = cloud.check(INSTANCE, rootBlockDevice={"kmsKey": "k"}, ebsBlockDevices=[{"volumeSize": 5}])
    assert set(problems) == {"rootBlockDevice.kmsKey", "ebsBlockDevices[0].deviceName"}


@pytest.mark.parametrize(
    ("inputs", "path", "says"),
    [
        ({"ami": ["ami-1"]}, "ami", "must be a text, and is a list."),
        ({"hibernation": "maybe"}, "hibernation", "must be true or false, and is a text."),
        ({"ipv6AddressCount": "few"}, "ipv6AddressCount", "must be a number, and is a text."),
        ({"ipv6AddressCount": True}, "ipv6AddressCount", "must be a number, and is true or false."),
        ({"vpcSecurityGroupIds": "sg-1"}, "vpcSecurityGroupIds", "must be a list, and is a text."),
        ({"rootBlockDevice": "big"}, "rootBlockDevice", "must be a map, and is a text."),
        ({"tags": {"a.b": {"c": "d"}}}, 'tags["a.b"]', "must be a text, and is a map."),
    ],
)
def test_a_wrong_type_is_named(cloud: Cloud, inputs: dict[str, object], path: str, says: str) -> None:
    assert cloud.check(INSTANCE, **inputs) == {path: says}


def test_numbers_and_booleans_may_be_written_as_text(cloud: Cloud) -> None:
    assert not cloud.check(INSTANCE, hibernation="true", ipv6AddressCount="2", tags={"count": 3})


def test_an_unknown_value_fits_everywhere(cloud: Cloud) -> None:
    assert not cloud.check(INSTANCE, hibernation=UNKNOWN, vpcSecurityGroupIds=UNKNOWN, rootBlockDevice=UNKNOWN)


def test_a_secret_is_judged_by_what_is_in_it(cloud: Cloud) -> None:
    assert set(cloud.check(INSTANCE, ami={SECRET_KEY: SECRET_SIGNATURE, "value": ["no"]})) == {"ami"}


def test_an_unknown_type_is_a_problem(cloud: Cloud) -> None:
    assert "is not a resource type" in cloud.check("aws:ec2/gadget:Gadget")[""]


def test_what_is_given_no_name_is_named_after_the_resource(cloud: Cloud) -> None:
    inputs, _ = cloud.simulation.check(subject(BUCKET, "Logs"), {}, {})
    assert str(inputs["bucket"]).startswith("logs-")
    cloud.create(BUCKET, "Logs", **inputs)
    again, _ = cloud.simulation.check(subject(BUCKET, "Logs"), inputs, {})
    assert again["bucket"] == inputs["bucket"]


def test_a_replacement_gets_a_new_name(cloud: Cloud) -> None:
    first, _ = cloud.simulation.check(subject(BUCKET, "logs"), {}, {})
    cloud.create(BUCKET, "logs", **first)
    second, _ = cloud.simulation.check(subject(BUCKET, "logs"), {}, {})
    assert second["bucket"] != first["bucket"]


def test_a_chosen_name_or_prefix_is_left_alone(cloud: Cloud) -> None:
    for inputs in ({"bucket": "orders"}, {"bucketPrefix": "orders-"}):
        assert cloud.simulation.check(subject(BUCKET, "logs"), {}, dict(inputs))[0] == inputs
