"""The programs that bench.py measures, each a process of its own, all under the same recorder."""

import importlib
import json
import re
import runpy
import sys
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pulumi

from ybfort.testing.graph import Secret
from ybfort.testing.recorder import record

PROJECT = Path(__file__).parent.parent


def write(path: str) -> None:
    """The config that the engine hands to aws-prod, and what aws-prod registers, each after what it needs."""
    from ybfort.spec.file import KEY, read_file
    from ybfort.testing.stack import record_stack

    graph = record_stack(PROJECT, "aws-prod")
    ours = {one.urn: one for one in graph.resources if not one.type.startswith("pulumi:")}
    needs = {urn: {one.parent, *one.dependencies} & ours.keys() for urn, one in ours.items()}
    resources = [
        {
            "urn": urn,
            "type": ours[urn].type,
            "name": ours[urn].name,
            "parent": ours[urn].parent,
            "dependencies": ours[urn].dependencies,
            "props": ours[urn].props,
        }
        for urn in TopologicalSorter(needs).static_order()
    ]
    config = {KEY: read_file(PROJECT / "stacks" / "Pulumi.aws-prod.yaml").model_dump(mode="json")}
    written = {"config": config, "resources": resources}
    Path(path).write_text(json.dumps(written, default=_known), encoding="utf-8")


def ours(path: str) -> None:
    """What `pulumi preview -s aws-prod` runs."""
    config = json.loads(Path(path).read_text(encoding="utf-8"))["config"]
    record(lambda: runpy.run_path(str(PROJECT / "stacks" / "__main__.py")) and None, stack="aws-prod", config=config)


def bare(path: str) -> None:
    """The same tree with the same dependencies by the SDK's own classes, with literal inputs: nothing is computed."""
    resources = json.loads(Path(path).read_text(encoding="utf-8"))["resources"]

    def program() -> None:
        made: dict[str, pulumi.Resource] = {}
        for one in resources:
            needs = [made[urn] for urn in one["dependencies"] if urn in made]
            opts = pulumi.ResourceOptions(parent=made.get(one["parent"]), depends_on=needs)
            if one["type"].startswith("ybfort:"):
                made[one["urn"]] = pulumi.ComponentResource(one["type"], one["name"], {}, opts)
            else:
                inputs = {_snake(key): value for key, value in one["props"].items()}
                made[one["urn"]] = _class(one["type"])(one["name"], **inputs, opts=opts)

    record(program)


def nodes(count: str) -> None:
    """A cluster with so many nodes in three zones."""
    from ybfort.aws.cluster import Cluster, provider
    from ybfort.plan.cluster import plan
    from ybfort.spec.file import read_file

    spec = read_file(PROJECT / "stacks" / "Pulumi.aws-prod.yaml")
    data = spec.model_dump(mode="json")
    for zone in data["regions"][0]["zones"]:
        zone["nodes"] = int(count) // len(data["regions"][0]["zones"])
    data["regions"][0]["cidr"] = "10.40.0.0/16"
    big = plan(type(spec).model_validate(data))

    record(lambda: Cluster("orders", big, pulumi.ResourceOptions(provider=provider(big))))


def _class(type_: str) -> Any:
    """`aws:ec2/instance:Instance` as `pulumi_aws.ec2.Instance`."""
    _, module, name = type_.split(":")
    return getattr(importlib.import_module(f"pulumi_aws.{module.split('/')[0]}"), name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _known(value: Any) -> str:
    """Unknown values get a text of the usual length."""
    return "arn:aws:service:eu-west-1:123456789012:resource/0123456789" if not isinstance(value, Secret) else ""


PROGRAMS: dict[str, Callable[..., None]] = {"ours": ours, "write": write, "bare": bare, "nodes": nodes}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    PROGRAMS[name](*arguments)
