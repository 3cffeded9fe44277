"""A stack's program on each cloud: a cluster of that cloud, and nothing of the other loaded."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gcp_parts import ANSWERS
from gcp_specs import gcp_data
from specs import spec_data

DATA = {"aws": spec_data(), "gcp": gcp_data()}

# Another process: this one has long loaded both.
PROGRAM = """
import json, sys
from ybfort.program import cluster
from ybfort.testing.recorder import record

config, answers = json.load(sys.stdin)
graph = record(cluster, config={"ybfort:cluster": config}, answers=answers)
types = sorted({one.type for one in graph.resources if one.type.endswith(":Cluster")})
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"pulumi_aws", "pulumi_gcp"})
print(json.dumps({"types": types, "loaded": loaded, "outputs": sorted(graph.outputs)}))
"""


@pytest.fixture(scope="module", params=DATA)
def cloud(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def told(cloud: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([DATA[cloud], ANSWERS]),
        env={"PYTHONPATH": str(Path(__file__).parents[1] / "components")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_stack_makes_a_cluster_on_the_cloud_that_it_names(cloud: str, told: dict[str, Any]) -> None:
    assert told["types"] == [f"ybfort:{cloud}:Cluster"]


def test_a_stack_loads_its_own_cloud_only(cloud: str, told: dict[str, Any]) -> None:
    assert told["loaded"] == [f"pulumi_{cloud}"]


def test_both_clouds_export_the_same(told: dict[str, Any]) -> None:
    assert told["outputs"] == ["certificateAuthority", "endpoint", "logGroups", "nodes", "secrets"]
