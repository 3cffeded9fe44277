"""What tests of GCP's parts have in common: the cloud's answers, variants of the cluster, and questions to policies."""

import json
from typing import Any

from ybfort.testing.graph import Graph

PROJECT, REGION = "orders-prod-4711", "europe-west1"
NUMBER = "471100815000"
AGENTS = {
    "disks": f"serviceAccount:service-{NUMBER}@compute-system.iam.gserviceaccount.com",
    "buckets": f"serviceAccount:service-{NUMBER}@gs-project-accounts.iam.gserviceaccount.com",
    "logs": f"serviceAccount:cmek-p{NUMBER}@gcp-sa-logging.iam.gserviceaccount.com",
    "secrets": f"serviceAccount:service-{NUMBER}@gcp-sa-secretmanager.iam.gserviceaccount.com",
}
# What the cloud says when it is asked, which it also is in a preview.
ANSWERS: dict[str, dict[str, str]] = {
    "gcp:organizations/getProject:getProject": {"id": f"projects/{PROJECT}", "number": NUMBER, "projectId": PROJECT},
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {
        "emailAddress": AGENTS["buckets"].removeprefix("serviceAccount:"),
        "member": AGENTS["buckets"],
    },
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": {
        "serviceAccountId": AGENTS["logs"].removeprefix("serviceAccount:"),
    },
}

NODES = f"serviceAccount:orders-prod-node@{PROJECT}.iam.gserviceaccount.com"
READER = f"orders-api@{PROJECT}.iam.gserviceaccount.com"
PKI = "pki-issuer@certificates-4711.iam.gserviceaccount.com"
POOL = f"projects/pki-4711/locations/{REGION}/caPools/databases"

# A region in somebody else's network.
EXISTING: dict[str, Any] = {
    "name": REGION,
    "cidr": "10.60.0.0/16",
    "existing_network": {
        "network": "projects/shared-net-1/global/networks/prod",
        "subnetwork": f"projects/shared-net-1/regions/{REGION}/subnetworks/databases",
    },
    "zones": [{"name": f"{REGION}-{letter}", "node_range": f"10.60.{at}.64/26"} for at, letter in enumerate("bcd")],
}
YCQL_CLIENT = {"name": "events", "cidrs": ["172.20.0.0/16"], "apis": ["ysql", "ycql"]}
GUARDRAILS = {"account_settings": {"guardrails": True}}


def members(document: str) -> dict[str, set[str]]:
    """Who has which role, by a policy."""
    return {one["role"]: set(one["members"]) for one in json.loads(document)["bindings"]}


def roles(document: str, member: str) -> set[str]:
    """The roles that somebody has, by a policy."""
    return {role for role, those in members(document).items() if member in those}


def by_name(graph: Graph, type_: str) -> dict[str, Any]:
    """The properties of all resources of a type, by their logical names without the cluster's."""
    return {one.name.removeprefix("orders-"): one.props for one in graph.of(type_)}
