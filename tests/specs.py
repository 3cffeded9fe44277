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
