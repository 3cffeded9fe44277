"""The record on AWS: flows, names, shells and the account's calls, kept for a year or more under the cluster's key."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aws_parts import EXISTING, KEY, keys, network, statements, storage
from specs import prod_plan
from ybfort.aws.audit import Audit, flow_log_policy, shell_document, trail_policy
from ybfort.testing.graph import Graph

Record = Callable[..., Graph]

LOG_GROUP, ROLE, TRAIL = "aws:cloudwatch/logGroup:LogGroup", "aws:iam/role:Role", "aws:cloudtrail/trail:Trail"
FLOW_LOG, DOCUMENT = "aws:ec2/flowLog:FlowLog", "aws:ssm/document:Document"
TRAIL_OF_OTHERS = {"existing_trail": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/organisation"}
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:/ybfort/orders-prod/{}"


def audit(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        plan = prod_plan(**changes)
        Audit("orders", plan, network(plan), keys(), storage(plan))

    return program


@pytest.fixture
def graph(record: Record) -> Graph:
    return record(audit())


def only(graph: Graph, type_: str) -> dict[str, Any]:
    (resource,) = graph.of(type_)
    return dict(resource.props)


def parts(graph: Graph) -> set[str]:
    return {group.props["name"].removeprefix("/ybfort/orders-prod/") for group in graph.of(LOG_GROUP)}


# --------------------------------------------------------------------------------------------------- row 63: log groups


def test_every_log_is_kept_for_a_year_or_more_under_the_clusters_key(graph: Graph) -> None:
    assert parts(graph) == {"database", "dns", "flow", "node", "shell", "trail"}
    for group in graph.of(LOG_GROUP):
        assert group.props["kmsKeyId"] == KEY.format("logs")
        assert group.props["retentionInDays"] >= 365


def test_retention_is_as_asked(record: Record) -> None:
    graph = record(audit(audit={"retention_days": 731}))
    assert {group.props["retentionInDays"] for group in graph.of(LOG_GROUP)} == {731}


# -------------------------------------------------------------------------------------- rows 16 and 21: flows and names


def test_all_traffic_of_the_vpc_is_recorded(graph: Graph) -> None:
    flow_log = only(graph, FLOW_LOG)
    assert (flow_log["trafficType"], flow_log["vpcId"]) == ("ALL", "vpc-own")
    assert flow_log["logDestinationType"] == "cloud-watch-logs"


def test_all_names_asked_for_in_the_vpc_are_recorded(graph: Graph) -> None:
    association = "aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation"
    assert only(graph, association)["resourceId"] == "vpc-own"


def test_in_an_existing_vpc_flows_and_names_are_its_owners_to_record(record: Record) -> None:
    graph = record(audit(regions=[EXISTING]))
    assert parts(graph) == {"database", "node", "shell", "trail"}
    assert not list(graph.of(FLOW_LOG))


# -------------------------------------------------------------------------------------------------------- row 62: trail


def test_the_trail_records_all_regions_and_proves_that_its_files_are_whole(graph: Graph) -> None:
    trail = only(graph, TRAIL)
    switches = ("enableLogging", "isMultiRegionTrail", "includeGlobalServiceEvents", "enableLogFileValidation")
    assert [trail[switch] for switch in switches] == [True] * 4
    assert trail["kmsKeyId"] == KEY.format("logs")
    assert (trail["s3BucketName"], trail["s3KeyPrefix"]) == ("orders-prod-logs-123456789012-eu-west-1", "trail")
    assert trail["cloudWatchLogsGroupArn"] == LOGS.format("trail") + ":*"


def test_the_trail_records_every_object_read_or_written_and_all_management(graph: Graph) -> None:
    management, objects = (
        {field["field"]: field.get("equals") or field["startsWiths"] for field in selector["fieldSelectors"]}
        for selector in only(graph, TRAIL)["advancedEventSelectors"]
    )
    assert management == {"eventCategory": ["Management"]}
    assert objects == {
        "eventCategory": ["Data"],
        "resources.type": ["AWS::S3::Object"],
        "resources.ARN": [
            f"arn:aws:s3:::orders-prod-{purpose}-123456789012-eu-west-1/"
            for purpose in ("artifacts", "backup", "status")
        ],
    }


def test_the_trail_waits_until_it_may_write(graph: Graph) -> None:
    (trail,) = graph.of(TRAIL)
    waits_for = {tuple(urn.split(":")[-3::2]) for urn in trail.dependencies}
    assert {("BucketPolicy", "delivery"), ("LogGroup", "orders-trail"), ("RolePolicy", "orders-trail")} <= waits_for


def test_no_second_trail_is_made_beside_one_that_exists(record: Record) -> None:
    graph = record(audit(audit=TRAIL_OF_OTHERS))
    assert not list(graph.of(TRAIL))
    assert "trail" not in parts(graph)


# -------------------------------------------------------------------------------------------- rows 59 and 60: the roles


def test_each_role_is_for_one_service_on_behalf_of_this_account(graph: Graph) -> None:
    trusted: dict[str, Any] = {}
    for role in graph.of(ROLE):
        (trust,) = statements(role.props["assumeRolePolicy"])
        trusted[role.props["name"]] = trust["Principal"]["Service"]
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert trusted == {
        "orders-prod-flow-log": "vpc-flow-logs.amazonaws.com",
        "orders-prod-trail-log": "cloudtrail.amazonaws.com",
    }


@pytest.mark.parametrize(("document", "part"), [(flow_log_policy, "flow"), (trail_policy, "trail")])
def test_each_role_writes_to_one_log_group_and_does_nothing_else(document: Any, part: str) -> None:
    (statement,) = statements(document(prod_plan()))
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    assert all(resource.startswith(LOGS.format(part)) for resource in resources)
    assert all(action.startswith("logs:") and "*" not in action for action in statement["Action"])


def test_the_roles_carry_the_accounts_boundary(record: Record) -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    graph = record(audit(account_settings={"permissions_boundary": boundary}))
    assert {role.props["permissionsBoundary"] for role in graph.of(ROLE)} == {boundary}


# ------------------------------------------------------------------------------------------------ rows 20 and 58: shell


def test_a_shell_is_encrypted_with_the_clusters_key_and_recorded_as_it_runs(graph: Graph) -> None:
    document = only(graph, DOCUMENT)
    assert (document["name"], document["documentType"]) == ("orders-prod-shell", "Session")
    inputs = json.loads(document["content"])["inputs"]
    assert inputs["kmsKeyId"] == "arn:aws:kms:eu-west-1:123456789012:alias/orders-prod-logs"
    assert inputs["cloudWatchLogGroupName"] == "/ybfort/orders-prod/shell"
    assert inputs["cloudWatchEncryptionEnabled"] is inputs["cloudWatchStreamingEnabled"] is True


def test_the_shell_document_is_shared_with_nobody(graph: Graph) -> None:
    assert "permissions" not in only(graph, DOCUMENT)


def test_a_forgotten_shell_is_closed() -> None:
    inputs = json.loads(shell_document(prod_plan()))["inputs"]
    assert int(inputs["idleSessionTimeout"]) <= int(inputs["maxSessionDuration"]) <= 60


# ---------------------------------------------------------------------------- rows 39, 40, 44: the account's guardrails


def guardrails(graph: Graph) -> dict[str, Any]:
    return {
        resource.type.rpartition(":")[2]: resource.props
        for resource in graph.resources
        if "aws:Guardrails$" in resource.urn
    }


def test_the_accounts_settings_are_left_alone_unless_asked(graph: Graph) -> None:
    assert guardrails(graph) == {}


def test_the_guardrails_are_what_the_catalogues_ask_of_an_account(record: Record) -> None:
    made = guardrails(record(audit(account_settings={"guardrails": True})))
    assert made["EncryptionByDefault"]["enabled"] is True
    assert "DefaultKmsKey" not in made, "strangers' volumes would die with the cluster's key"
    assert made["SnapshotBlockPublicAccess"]["state"] == "block-all-sharing"
    assert made["ImageBlockPublicAccess"]["state"] == "block-new-sharing"
    assert (
        made["InstanceMetadataDefaults"]["httpTokens"],
        made["InstanceMetadataDefaults"]["httpPutResponseHopLimit"],
    ) == (
        "required",
        1,
    )
    buckets = made["AccountPublicAccessBlock"]
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [buckets[switch] for switch in switches] == [True] * 4
    assert made["ServiceSetting"]["settingValue"] == "Disable"
    assert made["ServiceSetting"]["settingId"].endswith("/ssm/documents/console/public-sharing-permission")


def test_the_guardrails_outlive_the_cluster(record: Record) -> None:
    graph = record(audit(account_settings={"guardrails": True}))
    assert all(one.retain_on_delete for one in graph.resources if "aws:Guardrails$" in one.urn)


def test_everything_carries_the_clusters_tags(graph: Graph) -> None:
    query_log = "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig"
    for type_ in (LOG_GROUP, ROLE, TRAIL, FLOW_LOG, DOCUMENT, query_log):
        for resource in graph.of(type_):
            assert resource.props["tags"].items() >= {"team": "payments", "ybfort:cluster": "orders-prod"}.items()
