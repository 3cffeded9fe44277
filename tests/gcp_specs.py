"""A valid cluster on GCP to begin with, for tests that change one thing."""

import copy
from typing import Any

from ybfort.plan.cluster import ClusterPlan, plan
from ybfort.spec.gcp.cluster import GcpSpec

VALID: dict[str, Any] = {
    "name": "orders",
    "environment": "prod",
    "cloud": "gcp",
    "account": "orders-prod-4711",
    "regions": [
        {
            "name": "europe-west1",
            "cidr": "10.40.0.0/20",
            "zones": [
                {"name": "europe-west1-b", "nodes": 1},
                {"name": "europe-west1-c", "nodes": 1},
                {"name": "europe-west1-d", "nodes": 1},
            ],
        }
    ],
    "replication_factor": 3,
    "nodes": {"machine": "c3-standard-22", "disk": {"size_gib": 500}},
    "release": {"version": "2025.2.8.0-b60", "sha256": "5" * 64},
    "images": {"europe-west1": "projects/rocky-linux-cloud/global/images/rocky-linux-9-optimized-gcp-v20261110"},
    "clients": [{"name": "orders-api", "cidrs": ["10.8.0.0/16"]}],
    "databases": [{"name": "orders", "owner": "orders_owner"}],
    "roles": [
        {"name": "orders_owner", "login": False},
        {
            "name": "orders_api",
            "grants": [{"database": "orders", "access": "read_write"}],
            "readers": ["orders-api@orders-prod-4711.iam.gserviceaccount.com"],
        },
        {"name": "alice", "admin": True},
    ],
    "alerts": {"emails": ["dba@example.com"]},
    "tags": {"team": "payments"},
}

# The valid cluster with every optional section in it, so that every field has a place.
FULL: dict[str, Any] = {
    **copy.deepcopy(VALID),
    "regions": [
        {
            "name": "europe-west1",
            "cidr": "10.40.0.0/20",
            "existing_network": {
                "network": "projects/shared-net-1/global/networks/prod",
                "subnetwork": "projects/shared-net-1/regions/europe-west1/subnetworks/databases",
            },
            "zones": [
                {"name": f"europe-west1-{letter}", "nodes": 1, "node_range": f"10.40.{2 * at + 1}.0/24"}
                for at, letter in enumerate("bcd")
            ],
        }
    ],
    "fault_tolerance": "zone",
    "nodes": {"machine": "c3-standard-22", "disk": {"size_gib": 500, "iops": 3000, "throughput_mib": 140}},
    "release": {"version": "2025.2.8.0-b60", "sha256": "5" * 64, "finalized": "2025.2.7.0-b1"},
    "clients": [
        {
            "name": "orders-api",
            "cidrs": ["10.8.0.0/16"],
            "service_accounts": ["orders-api@orders-prod-4711.iam.gserviceaccount.com"],
            "apis": ["ysql", "ycql"],
        }
    ],
    "keyspaces": [{"name": "events"}],
    "passwords": {"rotation_days": 30, "overlap_hours": 24},
    "endpoint": {"private_service_connect": {"projects": ["analytics-4712"], "nat_range": "10.50.0.0/28"}},
    "certificates": {
        "existing_authority": "projects/pki-4711/locations/europe-west1/caPools/databases",
        "lifetime_days": 90,
    },
    "backup": {"retention_days": 35, "lock": "governance"},
    "audit": {"retention_days": 400},
    "account_settings": {"guardrails": True},
    "protection": {"lifted_for": ["b1"]},
}
FULL["roles"][1] |= {
    "login": True,
    "admin": False,
    "connection_limit": 10,
    "keyspaces": [{"keyspace": "events", "access": "read_write"}],
    "password_generation": 2,
}
# Certificates come from an authority or are brought: what cannot stand beside the rest has a cluster of its own.
BROUGHT: dict[str, Any] = {
    **copy.deepcopy(FULL),
    "certificates": {"brought_by": ["issuer@orders-prod-4711.iam.gserviceaccount.com"], "lifetime_days": 90},
}


def gcp_data(**changes: Any) -> dict[str, Any]:
    """The valid cluster as plain data of its own, with some sections changed."""
    return {**copy.deepcopy(VALID), **changes}


def gcp_plan(**changes: Any) -> ClusterPlan[GcpSpec]:
    return plan(GcpSpec.model_validate(gcp_data(**changes)))


def gcp_region(**changes: Any) -> dict[str, Any]:
    """The valid cluster's region, with some of it changed."""
    return {**copy.deepcopy(VALID["regions"][0]), **changes}
