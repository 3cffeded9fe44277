"""The fields of a stack file, found in the models, so that a new field meets every test of the old ones."""

import copy
from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from specs import VALID
from ybfort.spec.aws.cluster import AwsSpec

Path = tuple[str | int, ...]

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


def fields(model: type[BaseModel] = AwsSpec, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field's path, the first entry standing for all entries of a list, and the type of its value."""
    for name, field in model.model_fields.items():
        yield from _within(field.annotation, (*path, name))


def _within(kind: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    arguments = [argument for argument in get_args(kind) if argument not in (NoneType, Ellipsis)]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield path, kind
        yield from fields(kind, path)
    elif get_origin(kind) is tuple:
        yield path, kind
        entry = 1 if path == ("roles",) else 0  # the first role has neither grants nor readers
        yield from _within(arguments[0], (*path, entry))
    elif get_origin(kind) is dict:
        yield path, kind
        yield from _within(arguments[1], (*path, next(iter(value(path)))))
    elif get_origin(kind) is Annotated or (arguments and get_origin(kind) is not Literal):
        yield from _within(arguments[0], path)
    else:
        yield path, kind


def texts() -> list[Path]:
    """The paths of all values that are text of some kind."""
    return [path for path, _ in fields() if isinstance(value(path), str)]


def keys() -> list[Path]:
    """The paths of all mappings whose keys the user chooses."""
    return [path for path, kind in fields() if get_origin(kind) is dict]


def full(path: Path) -> dict[str, Any]:
    """A copy of the cluster that has something at this place."""
    return copy.deepcopy(BROUGHT if path[:2] == ("certificates", "brought_by") else FULL)


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def value(path: Path) -> Any:
    """What stands at this place in the full cluster."""
    return at(full(path), path)


def put(path: Path, new: Any) -> dict[str, Any]:
    """The full cluster with another value at one place."""
    data = full(path)
    at(data, path[:-1])[path[-1]] = new
    return data


def sections(model: type[BaseModel] = AwsSpec) -> Iterator[type[BaseModel]]:
    yield model
    for _, kind in fields(model):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def dotted(path: Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
