"""Parts of a cluster to stand in for those that a test is not about, and the questions that tests ask of all parts."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pulumi
from pulumi_aws import s3

from ybfort.aws.endpoint import Endpoint
from ybfort.aws.firewall import Firewall
from ybfort.aws.keys import Keys
from ybfort.aws.network import Network
from ybfort.aws.plan import AwsPlan
from ybfort.aws.storage import Storage
from ybfort.plan.names import BUCKETS, PURPOSES

KEY = "arn:aws:kms:eu-west-1:123456789012:key/{}"

# A region in somebody else's VPC.
EXISTING = {
    "name": "eu-west-1",
    "cidr": "10.60.0.0/16",
    "existing_vpc": {
        "id": "vpc-0123456789abcdef0",
        "endpoints_security_group": "sg-0fedcba9876543210",
        "s3_prefix_list": "pl-6da54004",
    },
    "zones": [
        {
            "name": f"eu-west-1{letter}",
            "subnet": {"id": f"subnet-0000000000000000{letter}", "node_range": f"10.60.{at}.64/26"},
        }
        for at, letter in enumerate("abc")
    ],
}
YCQL_CLIENT = {"name": "events", "cidrs": ["172.20.0.0/16"], "apis": ["ysql", "ycql"]}
GROUP_CLIENT = {"name": "batch", "cidrs": ["10.9.0.0/16"], "security_groups": ["sg-0123456789abcdef0"]}


class Buckets(pulumi.ComponentResource):
    """Storage with nothing but a policy, for others to wait for."""

    def __init__(self, plan: AwsPlan) -> None:
        super().__init__("ybfort:aws:Storage", "storage")
        s3.BucketPolicy("delivery", bucket="logs", policy="{}", opts=pulumi.ResourceOptions(parent=self))
        self.buckets = {purpose: pulumi.Output.from_input(plan.names.bucket(purpose)) for purpose in BUCKETS}


def keys() -> Keys:
    return cast(Keys, SimpleNamespace(arns={one: pulumi.Output.from_input(KEY.format(one)) for one in PURPOSES}))


def storage(plan: AwsPlan) -> Storage:
    return cast(Storage, Buckets(plan))


def endpoint(plan: AwsPlan) -> Endpoint:
    groups = {api: SimpleNamespace(arn_suffix=pulumi.Output.from_input(f"targetgroup/{api}")) for api in plan.apis}
    return cast(Endpoint, SimpleNamespace(load_balancer=pulumi.Output.from_input("net/db"), target_groups=groups))


def network(plan: AwsPlan) -> Network:
    """A network whose ids are known, so that a rule's sides can be read."""
    return cast(
        Network,
        SimpleNamespace(
            vpc_id=pulumi.Output.from_input("vpc-own"),
            subnet_ids={one.letter: pulumi.Output.from_input(f"subnet-{one.letter}") for one in plan.subnets},
            zone_id=pulumi.Output.from_input("ZONE"),
            endpoints_group=pulumi.Output.from_input("sg-cloud-apis"),
            s3_prefix_list_id=pulumi.Output.from_input("pl-s3"),
        ),
    )


def firewall() -> Firewall:
    return cast(Firewall, SimpleNamespace(endpoint_group=pulumi.Output.from_input("sg-endpoint")))


def statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]
