"""A status with every member that one can have."""

from typing import Any

TURN = {"server": "yb-tserver", "acting": True, "since": "2027-01-15T08:00:00Z"}
TOLD: dict[str, Any] = {
    "format": 1,
    "cluster": "orders-prod",
    "node": "a1",
    "agent_sha256": "a" * 64,
    "config_sha256": "b" * 64,
    "at": "2027-01-15T08:00:00Z",
    "state": "incomplete",
    "converged_at": "2027-01-15T08:00:00Z",
    "steps": [{"name": "roles", "result": "incomplete", "message": "role bob is not declared"}],
    "servers": {"yb-tserver": {"running": True, "current": True, "release": "2025.2.8.0-b60", "data": "member"}},
    "turn": TURN,
    "certificate": {"signed_by": "arn", "not_after": "2027-01-15T08:00:00Z", "days_left": 4.5, "trusts": ["c" * 64]},
    "database": {"healthy": False, "problems": ["no master leads"]},
    "undeclared": ["role bob is not declared"],
    "undeclared_ycql": ["role bob is not declared"],
}
