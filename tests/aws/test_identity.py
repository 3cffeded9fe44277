"""What a node may do in the cloud, and what it may not."""

import inspect
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aws_parts import YCQL_CLIENT
from aws_policies import allows
from specs import prod_plan
from ybfort.aws.documents import trust
from ybfort.aws.identity import NODE_TEMPLATE, node_policy
from ybfort.aws.plan import AwsPlan
from ybfort.node import cloud_aws
from ybfort.node.cloud import Cloud
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.config import CLUSTER, Identity, ids_of
from ybfort.node.system import Output, System
from ybfort.plan import agent
from ybfort.plan.cluster import METRICS, release_key

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
# What Session Manager's own agent calls besides what ours does.
SHELL = WITHOUT_RESOURCE - {"cloudwatch:PutMetricData"} | {"logs:DescribeLogStreams"}

PLACE = "eu-west-1:123456789012"
ARTIFACTS, STATUS, BACKUP = (
    f"arn:aws:s3:::orders-prod-{purpose}-123456789012-eu-west-1" for purpose in ("artifacts", "status", "backup")
)
SECRET, LOG = f"arn:aws:secretsmanager:{PLACE}:secret:ybfort/{{}}-a1B2c3", f"arn:aws:logs:{PLACE}:log-group:{{}}"
AUTHORITY = f"arn:aws:acm-pca:{PLACE}:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
OWN = {"aws:ResourceTag/ybfort:cluster": "orders-prod"}
BROUGHT = {"certificates": {"brought_by": ["arn:aws:iam::123456789012:role/pki"]}}
KINDS = {"signed": {}, "brought": BROUGHT, "ycql": {"clients": [YCQL_CLIENT]}}


def may(action: str, resource: str, *, given: dict[str, str] | None = None, **changes: Any) -> bool:
    """Whether a node of the valid cluster, with some sections changed, may do something."""
    return allows(node_policy(prod_plan(**changes)), action, resource, given=given)


def statements(**changes: Any) -> list[dict[str, Any]]:
    return json.loads(node_policy(prod_plan(**changes)))["Statement"]


def actions(statement: dict[str, Any]) -> set[str]:
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def allowed(**changes: Any) -> set[str]:
    return {action for statement in statements(**changes) for action in actions(statement)}


# --------------------------------------------------------------------------------------------------------- as a whole


def test_no_action_is_a_pattern() -> None:
    assert not [action for action in allowed() if "*" in action]


def test_every_resource_is_named_unless_the_action_takes_none() -> None:
    for statement in statements(clients=[YCQL_CLIENT]) + statements(**BROUGHT):
        if statement["Resource"] == "*":
            assert actions(statement) <= WITHOUT_RESOURCE


class Recorded(System):
    """A machine whose AWS CLI only notes what it was asked, and answers so that the agent goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, dict[str, str]]] = []

    def run(self, *command: str, **_: Any) -> Output:
        _aws, service, call, *options = command
        given = dict(pairwise(options))
        self.calls.append((service, call, given))
        if call == "put-log-events" and "create-log-stream" not in [one for _, one, _ in self.calls]:
            return Output(254, "", "An error occurred (ResourceNotFoundException) when calling PutLogEvents")
        answer = dict.fromkeys(("SecretString", "CertificateArn", "Certificate", "CertificateChain"), "text")
        key = {"CertificateAuthorityConfiguration": {"KeyAlgorithm": "EC_prime256v1"}}
        return Output(0, json.dumps({**answer, "CertificateAuthority": key}), "")


def asked(service: str, call: str, given: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """What a call of the CLI is to IAM: the action, the resource, and what the request tells."""
    action = call.title().replace("-", "")
    match service, call:
        case "s3api", "list-objects-v2":
            return "s3:ListBucket", f"arn:aws:s3:::{given['--bucket']}", {"s3:prefix": given["--prefix"]}
        case "s3api", _:
            return f"s3:{action}", f"arn:aws:s3:::{given['--bucket']}/{given['--key']}", {}
        case "secretsmanager", _:
            return f"{service}:{action}", SECRET.format(given["--secret-id"].removeprefix("ybfort/")), {}
        case "acm-pca", _:
            told = {**OWN, "acm-pca:TemplateArn": given.get("--template-arn", "")}
            return f"{service}:{action}", given["--certificate-authority-arn"], told
        case "cloudwatch", _:
            return f"{service}:{action}", "any", {"cloudwatch:namespace": given["--namespace"]}
        case "logs", _:
            stream = f"{given['--log-group-name']}:log-stream:{given['--log-stream-name']}"
            return f"{service}:{action}", LOG.format(stream), {}
        case _:
            raise AssertionError(f"the agent calls {service}, and no test knows what that needs")


def calls_of_the_agent(plan: AwsPlan) -> list[tuple[str, str, dict[str, str]]]:
    """Everything that the agent can ask of AWS, with the names that its documents give it."""
    names, system, file = plan.names, Recorded(), Path("file")
    home = Identity("aws", names.prefix, "a1", names.region, names.account, names.bucket("artifacts"))
    cloud, status = AwsCloud(home, system), names.bucket("status")
    cloud.list_objects(home.bucket, "config/")
    cloud.list_objects(status, "status/")
    for key in (CLUSTER, ids_of("a1"), agent.archive("aws").key, release_key(plan.spec)):
        cloud.get_object(home.bucket, key, file)
    cloud.get_object(status, "status/b1.json", file)
    cloud.put_object(status, "status/a1.json", file)
    cloud.create_object(status, "status/universe.json", file)
    for secret in (plan.ycql_secret, *(role.secret for role in plan.roles)):
        if secret:
            cloud.read_secret(secret)
            cloud.write_secret(secret, "text")
    if secret := plan.certificate_secret("a1"):
        cloud.read_secret(secret)
    else:
        cloud.sign(AUTHORITY, file, 7)
        cloud.authorities(AUTHORITY)
    cloud.put_metrics(METRICS, {}, {})
    for part in ("database", "node"):
        cloud.put_log(names.log_group(part), "a1", [])
    return [asked(*call) for call in system.calls]


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS.keys())
def test_a_node_may_do_what_its_agent_and_a_recorded_shell_do_and_nothing_else(changes: dict[str, Any]) -> None:
    calls = calls_of_the_agent(prod_plan(**changes))
    for action, resource, given in calls:
        assert may(action, resource, given=given, **changes), (action, resource)
    assert allowed(**changes) == {action for action, _, _ in calls} | SHELL


def test_no_call_of_the_agent_is_forgotten_here() -> None:
    tried = set(re.findall(r"cloud\.(\w+)\(", inspect.getsource(calls_of_the_agent)))
    assert tried == {name for name in vars(Cloud) if not name.startswith("_")} - {"block_devices", "time_server"}


def test_a_node_cannot_delete_pass_roles_or_use_keys_by_its_own_policy() -> None:
    assert not [action for action in allowed() if "Delete" in action or action.startswith(("iam:", "kms:", "ec2:"))]


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS.keys())
def test_the_policy_fits_a_role_however_large_the_cluster_is(changes: dict[str, Any]) -> None:
    many = [{"name": f"r{number}"} for number in range(1_000)]
    assert len(node_policy(prod_plan(name="n" * 20, **changes))) <= 10_240
    assert node_policy(prod_plan(**changes, roles=many, databases=[])) == node_policy(prod_plan(**changes))


# ------------------------------------------------------------------------------------------------------------- buckets


def test_a_node_fetches_agent_configuration_and_release() -> None:
    for key in (CLUSTER, ids_of("a1"), agent.archive("aws").key, release_key(prod_plan().spec)):
        assert may("s3:GetObject", f"{ARTIFACTS}/{key}")
        # S3 asks this to tell an object that is not there from a forbidden one.
        assert may("s3:ListBucket", ARTIFACTS, given={"s3:prefix": key})
    assert may("s3:ListBucket", ARTIFACTS, given={"s3:prefix": "config/"})


def test_a_node_changes_nothing_of_what_it_fetches_and_sees_nothing_beside_it() -> None:
    assert not may("s3:PutObject", f"{ARTIFACTS}/{CLUSTER}")
    assert not may("s3:GetObject", f"{ARTIFACTS}/lock")
    assert not may("s3:ListBucket", ARTIFACTS)
    assert not may("s3:ListBucket", ARTIFACTS, given={"s3:prefix": ""})


def test_nodes_tell_each_other_how_they_are() -> None:
    for action in ("s3:GetObject", "s3:PutObject"):
        assert may(action, f"{STATUS}/status/a1.json")
        assert not may(action, f"{STATUS}/other/a1.json")
    assert may("s3:ListBucket", STATUS, given={"s3:prefix": "status/"})


def test_a_node_writes_backups_and_cannot_read_them() -> None:
    assert may("s3:PutObject", f"{BACKUP}/2026/data")
    assert not may("s3:GetObject", f"{BACKUP}/2026/data")
    assert not may("s3:ListBucket", BACKUP)


# ------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("action", ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"])
def test_a_node_keeps_the_passwords_of_its_own_cluster_only(action: str) -> None:
    assert may(action, SECRET.format("orders-prod/roles/alice"))
    assert not may(action, SECRET.format("orders-dev/roles/alice"))
    assert not may(action, SECRET.format("orders-prod/certificates/a1"))
    assert not may(action, f"arn:aws:secretsmanager:{PLACE}:secret:unrelated-a1B2c3")


def test_a_node_keeps_the_password_of_ycqls_superuser_if_ycql_runs() -> None:
    secret = SECRET.format("orders-prod/ycql")
    assert may("secretsmanager:PutSecretValue", secret, clients=[YCQL_CLIENT])
    assert not may("secretsmanager:PutSecretValue", secret)
    assert not may("secretsmanager:GetSecretValue", SECRET.format("orders-prod/ycql/more"), clients=[YCQL_CLIENT])


def test_a_node_takes_a_certificate_that_is_brought_and_writes_none() -> None:
    secret = SECRET.format("orders-prod/certificates/a1")
    assert may("secretsmanager:GetSecretValue", secret, **BROUGHT)
    assert not may("secretsmanager:PutSecretValue", secret, **BROUGHT)


# -------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("existing", [None, AUTHORITY])
def test_a_node_may_ask_its_own_authority_alone_to_sign(existing: str | None) -> None:
    changes = {"certificates": {"existing_authority": existing}}
    own, template = {} if existing else OWN, {"acm-pca:TemplateArn": NODE_TEMPLATE}
    strange = {"aws:ResourceTag/ybfort:cluster": "orders-dev"}
    assert may("acm-pca:IssueCertificate", AUTHORITY, given={**own, **template}, **changes)
    assert may("acm-pca:GetCertificate", AUTHORITY, given=own, **changes)
    for action in ("acm-pca:IssueCertificate", "acm-pca:GetCertificate"):
        assert not may(action, AUTHORITY[:-1] + "0", given={**strange, **template}, **changes)


@pytest.mark.parametrize("template", ["SubordinateCACertificate_PathLen0/V1", "EndEntityCertificate_APIPassthrough/V1"])
@pytest.mark.parametrize("existing", [None, AUTHORITY])
def test_what_a_node_has_signed_is_a_certificate_for_a_node(existing: str | None, template: str) -> None:
    asked = {**OWN, "acm-pca:TemplateArn": f"arn:aws:acm-pca:::template/{template}"}
    for given in (asked, OWN):
        assert not may(
            "acm-pca:IssueCertificate", AUTHORITY, given=given, certificates={"existing_authority": existing}
        )


def test_the_agent_asks_by_the_template_that_its_role_may_use() -> None:
    assert cloud_aws.TEMPLATE == NODE_TEMPLATE


def test_where_certificates_are_brought_a_node_asks_no_authority() -> None:
    assert not [action for action in allowed(**BROUGHT) if action.startswith("acm-pca:")]


# ---------------------------------------------------------------------------------------------------- metrics and logs


def test_a_node_publishes_metrics_under_our_name_only() -> None:
    assert may("cloudwatch:PutMetricData", "any", given={"cloudwatch:namespace": "ybfort"})
    assert not may("cloudwatch:PutMetricData", "any", given={"cloudwatch:namespace": "AWS/EC2"})


@pytest.mark.parametrize("part", ["database", "node", "shell"])
def test_a_node_appends_to_its_own_logs_only(part: str) -> None:
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert may(action, LOG.format(f"/ybfort/orders-prod/{part}:log-stream:a1"))
        assert not may(action, LOG.format(f"/ybfort/orders-dev/{part}:log-stream:a1"))
        assert not may(action, LOG.format("/ybfort/orders-prod/trail:log-stream:a1"))
    assert may("logs:DescribeLogStreams", LOG.format(f"/ybfort/orders-prod/{part}:log-stream:")) is (part == "shell")


# ----------------------------------------------------------------------------------------------------------- the roles


def test_services_may_take_a_role_for_this_account_only() -> None:
    (assume,) = json.loads(trust("vpc-flow-logs.amazonaws.com", prod_plan().names))["Statement"]
    assert assume["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert assume["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
