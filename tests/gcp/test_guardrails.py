"""The project's guardrails (rows 3, 20, 28, 31, 44 and 60): for the one stack that asks for them."""

from collections.abc import Callable
from typing import Any

from gcp_parts import GUARDRAILS, PROJECT
from gcp_specs import gcp_plan
from ybfort.gcp.audit import Audit
from ybfort.gcp.keys import Keys
from ybfort.testing.graph import Graph, Resource

Record = Callable[..., Graph]

POLICY, METADATA = "gcp:orgpolicy/policy:Policy", "gcp:compute/projectMetadataItem:ProjectMetadataItem"


def guardrails(graph: Graph) -> list[Resource]:
    return [one for one in graph.resources if "gcp:Guardrails$" in one.urn]


def project(**changes: Any) -> Callable[[], None]:
    def program() -> None:
        plan = gcp_plan(**changes)
        Audit("orders", plan, Keys("orders", plan))

    return program


def test_the_projects_settings_are_left_alone_unless_asked(record: Record) -> None:
    assert guardrails(record(project())) == []


def test_the_guardrails_are_what_the_catalogues_ask_of_a_project(record: Record) -> None:
    graph = record(project(**GUARDRAILS))
    rules: dict[str, Any] = {}
    for policy in graph.of(POLICY):
        assert policy.props["parent"] == f"projects/{PROJECT}"
        (rules[policy.props["name"]],) = policy.props["spec"]["rules"]
    enforced = (
        *("compute.disableSerialPortAccess", "compute.requireOsLogin", "compute.requireShieldedVm"),
        *("iam.disableServiceAccountKeyCreation", "storage.publicAccessPrevention"),
        "storage.uniformBucketLevelAccess",
    )
    assert rules == {
        **{f"projects/{PROJECT}/policies/{constraint}": {"enforce": "TRUE"} for constraint in enforced},
        f"projects/{PROJECT}/policies/compute.vmExternalIpAccess": {"denyAll": "TRUE"},
    }
    item = graph.one(METADATA).props
    assert (item["project"], item["key"], item["value"]) == (PROJECT, "enable-oslogin", "TRUE")


def test_the_guardrails_outlive_the_cluster(record: Record) -> None:
    made = guardrails(record(project(**GUARDRAILS)))
    assert made
    assert all(one.retain_on_delete for one in made)
