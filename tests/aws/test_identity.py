"""What a node may do in the cloud, and what it may not."""

import json
from typing import Any

import pytest

from specs import prod_plan
from ybfort.aws.documents import Arns, trust
from ybfort.aws.identity import node_policy

# IAM's own limits: these actions take no resource (Service Authorization Reference).
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData",
    "logs:DescribeLogGroups",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}


def statements(**changes: Any) -> list[dict[str, Any]]:
    return json.loads(node_policy(prod_plan(**changes)))["Statement"]


def actions(statement: dict[str, Any]) -> set[str]:
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def test_no_action_is_a_pattern() -> None:
    assert not [action for statement in statements() for action in actions(statement) if "*" in action]


def test_every_resource_is_named_unless_the_action_takes_none() -> None:
    for statement in statements():
        if statement["Resource"] == "*":
            assert actions(statement) <= WITHOUT_RESOURCE


def test_a_node_cannot_delete_read_backups_pass_roles_or_use_keys_by_its_own_policy() -> None:
    allowed = {action for statement in statements() for action in actions(statement)}
    assert not [action for action in allowed if "Delete" in action or action.startswith(("iam:", "kms:", "ec2:"))]
    backup = Arns(prod_plan().names).bucket("backup")
    assert [actions(one) for one in statements() if backup in str(one["Resource"])] == [{"s3:PutObject"}]


def test_a_node_reaches_the_secrets_of_its_own_cluster_only() -> None:
    (passwords,) = [one for one in statements() if one["Sid"] == "KeepPasswords"]
    assert passwords["Resource"] == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ybfort/orders-prod/roles/*"


def test_the_policy_fits_a_role_however_many_roles_the_database_has() -> None:
    many = [{"name": f"r{number}"} for number in range(1_000)]
    assert len(node_policy(prod_plan(roles=many, databases=[]))) <= 10_240


@pytest.mark.parametrize("existing", [None, "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/" + "a" * 36])
def test_a_node_may_ask_its_own_authority_alone_to_sign(existing: str | None) -> None:
    (sign,) = [
        one for one in statements(certificates={"existing_authority": existing}) if one["Sid"] == "SignNodeCertificates"
    ]
    own = {"StringEquals": {"aws:ResourceTag/ybfort:cluster": "orders-prod"}}
    assert sign["Resource"] == existing or sign["Condition"] == own


def test_services_may_take_a_role_for_this_account_only() -> None:
    (assume,) = json.loads(trust("vpc-flow-logs.amazonaws.com", prod_plan().names))["Statement"]
    assert assume["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert assume["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
