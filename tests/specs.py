"""A valid cluster to begin with, for tests that change one thing."""

import copy
from typing import Any

from ybfort.plan.cluster import ClusterPlan, plan
from ybfort.spec.aws.cluster import AwsSpec

VALID: dict[str, Any] = {
    "name": "orders",
    "environment": "prod",
    "cloud": "aws",
    "account": "123456789012",
    "regions": [
        {
            "name": "eu-west-1",
            "cidr": "10.40.0.0/20",
            "zones": [
                {"name": "eu-west-1a", "nodes": 1},
                {"name": "eu-west-1b", "nodes": 1},
                {"name": "eu-west-1c", "nodes": 1},
            ],
        }
    ],
    "replication_factor": 3,
    "nodes": {"machine": "m7i.4xlarge", "disk": {"size_gib": 500}},
    "release": {"version": "2025.2.8.0-b60", "sha256": "5" * 64},
    "images": {"eu-west-1": "ami-0123456789abcdef0"},
    "clients": [{"name": "orders-api", "cidrs": ["10.8.0.0/16"]}],
    "databases": [{"name": "orders", "owner": "orders_owner"}],
    "roles": [
        {"name": "orders_owner", "login": False},
        {
            "name": "orders_api",
            "grants": [{"database": "orders", "access": "read_write"}],
            "readers": ["arn:aws:iam::123456789012:role/orders-api"],
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
            "name": "eu-west-1",
            "cidr": "10.40.0.0/20",
            "existing_vpc": {
                "id": "vpc-0123456789abcdef0",
                "endpoints_security_group": "sg-0123456789abcdef0",
                "s3_prefix_list": "pl-6da54004",
            },
            "zones": [
                {
                    "name": f"eu-west-1{letter}",
                    "nodes": 1,
                    "subnet": {"id": f"subnet-0123456789abcdef{at}", "node_range": f"10.40.{2 * at + 1}.0/24"},
                }
                for at, letter in enumerate("abc")
            ],
        }
    ],
    "fault_tolerance": "zone",
    "nodes": {"machine": "m7i.4xlarge", "disk": {"size_gib": 500, "iops": 3000, "throughput_mib": 125}},
    "release": {"version": "2025.2.8.0-b60", "sha256": "5" * 64, "finalized": "2025.2.7.0-b1"},
    "clients": [
        {
            "name": "orders-api",
            "cidrs": ["10.8.0.0/16"],
            "security_groups": ["sg-0123456789abcdef1"],
            "apis": ["ysql", "ycql"],
        }
    ],
    "keyspaces": [{"name": "events"}],
    "passwords": {"rotation_days": 30, "overlap_hours": 24},
    "endpoint": {"private_link": ["arn:aws:iam::210987654321:root"]},
    "certificates": {
        "existing_authority": "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/"
        "01234567-89ab-cdef-0123-456789abcdef",
        "lifetime_days": 90,
    },
    "backup": {"retention_days": 35, "lock": "governance"},
    "audit": {
        "existing_trail": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/organisation",
        "retention_days": 400,
    },
    "account_settings": {
        "guardrails": True,
        "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    },
    "protection": {"lifted_for": ["a1"]},
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
    "certificates": {"brought_by": ["arn:aws:iam::123456789012:role/pki"], "lifetime_days": 90},
}


def spec_data(**changes: Any) -> dict[str, Any]:
    """The valid cluster as plain data of its own, with some sections changed."""
    return {**copy.deepcopy(VALID), **changes}


def spec(**changes: Any) -> AwsSpec:
    return AwsSpec.model_validate(spec_data(**changes))


def prod_plan(**changes: Any) -> ClusterPlan[AwsSpec]:
    return plan(spec(**changes))


def region(**changes: Any) -> dict[str, Any]:
    """The valid cluster's region, with some of it changed."""
    return {**copy.deepcopy(VALID["regions"][0]), **changes}


def zones(*counts: int, region: str = "eu-west-1") -> list[dict[str, Any]]:
    """Zones a, b, c, … with so many nodes each."""
    return [{"name": f"{region}{letter}", "nodes": nodes} for letter, nodes in zip("abcdefgh", counts, strict=False)]


def dev_data(**changes: Any) -> dict[str, Any]:
    """The smallest cluster: one node, one copy, nothing in it."""
    alone = {"environment": "dev", "replication_factor": 1, "regions": [region(zones=zones(1))]}
    return spec_data(**{**alone, "databases": [], "roles": [], **changes})


def dev_plan(**changes: Any) -> ClusterPlan[AwsSpec]:
    return plan(AwsSpec.model_validate(dev_data(**changes)))
