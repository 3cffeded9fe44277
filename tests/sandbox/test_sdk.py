"""What the installed SDK says of AWS's resource types."""

import pytest

from ybfort.sandbox.sdk import UnknownTypeError, properties, resource_type


def test_names_are_the_engines_and_required_properties_are_known() -> None:
    inputs = resource_type("aws:ec2/volumeAttachment:VolumeAttachment").inputs
    assert {name for name, property_ in inputs.items() if property_.required} == {
        "deviceName",
        "instanceId",
        "volumeId",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ami", "text"),
        ("instanceType", "text"),  # a text beside an enum
        ("hibernation", "boolean"),
        ("ipv6AddressCount", "number"),
        ("vpcSecurityGroupIds", "list"),
        ("tags", "map"),
        ("rootBlockDevice", "object"),
    ],
)
def test_the_kind_of_a_value_is_known(name: str, kind: str) -> None:
    assert resource_type("aws:ec2/instance:Instance").inputs[name].shape.kind == kind


def test_nested_properties_are_known() -> None:
    root = resource_type("aws:ec2/instance:Instance").inputs["rootBlockDevice"].shape.args
    assert root
    assert properties(root)["kmsKeyId"].shape.kind == "text"


def test_a_policy_may_be_a_text_or_a_document() -> None:
    assert resource_type("aws:iam/role:Role").inputs["assumeRolePolicy"].shape.kind == "any"


def test_a_resource_whose_short_name_is_taken_is_found() -> None:
    inputs = resource_type("aws:s3/bucketVersioning:BucketVersioning").inputs
    assert inputs["bucket"].required


def test_a_module_named_like_a_python_keyword_is_found() -> None:
    assert "role" in resource_type("aws:lambda/function:Function").inputs


def test_outputs_are_known_apart_from_inputs() -> None:
    known = resource_type("aws:s3/bucket:Bucket")
    assert known.outputs["arn"].kind == "text"
    assert "arn" not in known.inputs


@pytest.mark.parametrize("token", ["aws:ec2/gadget:Gadget", "aws:nosuch/thing:Thing", "aws:ec2/instance:get_ami"])
def test_an_unknown_type_is_refused_by_its_token(token: str) -> None:
    with pytest.raises(UnknownTypeError, match="installed SDK pulumi_aws"):
        resource_type(token)


def test_the_documentation_says_what_replaces() -> None:
    group = resource_type("aws:lb/targetGroupAttachment:TargetGroupAttachment").inputs
    assert group["quicServerId"].replaces
    assert not group["port"].replaces


def test_what_replaces_only_under_a_condition_does_not_count() -> None:
    assert not resource_type("aws:ec2/vpcEndpoint:VpcEndpoint").inputs["privateDnsEnabled"].replaces
