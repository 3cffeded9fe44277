"""The look-ups (`get_caller_identity` and others) that the simulated AWS answers by itself."""

import json
from collections.abc import Mapping

from ybfort.sandbox.aws import partition
from ybfort.sandbox.facts import born
from ybfort.sandbox.lookups import Answers, Question
from ybfort.sandbox.values import SIGNATURE, Value, Values, plain_map
from ybfort.sandbox.world import WorldError

ZONES = "abc"  # every region has at least three
_DIRECTIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "northeast": "ne",
    "southeast": "se",
    "northwest": "nw",
    "southwest": "sw",
}


def _caller_identity(question: Question) -> Values:
    account = question.site.account
    arn = f"arn:{_partition_of(question)}:iam::{account}:user/sandbox"
    return {"accountId": account, "arn": arn, "id": account, "userId": "AIDASIMULATEDUSER"}


def _region(question: Question) -> Values:
    region = question.text("region") or question.text("name") or question.site.region
    endpoint = f"ec2.{region}.{partition(region)[1]}"
    return {"id": region, "name": region, "region": region, "description": f"simulated {region}", "endpoint": endpoint}


def _partition(question: Question) -> Values:
    name, domain = partition(question.site.region)
    backwards = ".".join(reversed(domain.split(".")))
    return {"id": name, "partition": name, "dnsSuffix": domain, "reverseDnsPrefix": backwards}


def _availability_zones(question: Question) -> Values:
    region = question.site.region
    area, direction, number = region.rsplit("-", 2)
    short = f"{area.replace('-', '')}{_DIRECTIONS.get(direction, direction)}{number}"  # eu-west-1 is euw1
    names: list[Value] = [f"{region}{zone}" for zone in ZONES]
    ids: list[Value] = [f"{short}-az{ordinal}" for ordinal in range(1, len(ZONES) + 1)]
    return {"id": region, "region": region, "names": names, "zoneIds": ids, "groupNames": [region]}


def _ami(question: Question) -> Values:
    """The same image for the same question. What else is to be known of it is for an answer file to say."""
    asked = json.dumps(question.arguments, sort_keys=True)
    id_ = f"ami-{born(f'{question.site.region}|{asked}')['hex']!s:.17}"
    owners = question.arguments.get("owners")
    return {
        "id": id_,
        "imageId": id_,
        "arn": f"arn:{_partition_of(question)}:ec2:{question.site.region}::image/{id_}",
        "name": "simulated",
        "ownerId": owners[0] if isinstance(owners, list) and owners else "amazon",
        "region": question.site.region,
        "state": "available",
        "architecture": "x86_64",
        "rootDeviceName": "/dev/xvda",
        "rootDeviceType": "ebs",
        "virtualizationType": "hvm",
        "tags": {},
    }


def _object(question: Question) -> Values:
    """The text in the world's folder `objects`, or that of an object that a program made."""
    bucket, key = question.text("bucket"), question.text("key")
    try:
        body = question.world.text("objects", bucket, key)
    except WorldError as error:
        uploaded = _uploaded(question, bucket, key)
        if uploaded is None:
            raise WorldError(f"NoSuchKey: the bucket {bucket} has no {key} ({error})") from None
        body = uploaded
    return {
        "id": f"{bucket}/{key}",
        "arn": f"arn:{_partition_of(question)}:s3:::{bucket}/{key}",
        "bucket": bucket,
        "key": key,
        "body": body,
        "contentLength": len(body.encode()),
        "contentType": "text/plain",
        "etag": born(body)["hex"],
    }


def _uploaded(question: Question, bucket: str, key: str) -> str | None:
    for type_ in ("s3.BucketObjectv2", "s3.BucketObject"):
        for made in question.world.resources(question.site, type_, "world"):
            inputs = plain_map(made.inputs)
            if (inputs.get("bucket"), inputs.get("key")) == (bucket, key):
                source = inputs.get("source")
                text = source.get("text") if isinstance(source, Mapping) and SIGNATURE in source else None
                return str(inputs.get("content") or text or "")
    return None


def _parameter(question: Question) -> Values:
    """The text in the world's folder `parameters`, or the value of a parameter that a program made."""
    site, name = question.site, question.text("name")
    try:
        value, type_ = question.world.text("parameters", name).rstrip("\n"), "String"
    except WorldError as error:
        made = question.world.find(site, "ssm.Parameter", name)
        if made is None:
            raise WorldError(f"ParameterNotFound: there is no parameter {name} ({error})") from None
        inputs = plain_map(made.inputs)
        value, type_ = str(inputs.get("value") or inputs.get("insecureValue") or ""), str(inputs.get("type"))
    return {
        "id": name,
        "name": name,
        "arn": f"arn:{_partition_of(question)}:ssm:{site.region}:{site.account}:parameter/{name.strip('/')}",
        "type": type_,
        "value": value,
        "insecureValue": value,
        "version": 1,
        "region": site.region,
    }


def _partition_of(question: Question) -> str:
    return partition(question.site.region)[0]


ANSWERS: Answers = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:s3/getObject:getObject": _object,
    "aws:ssm/getParameter:getParameter": _parameter,
}
