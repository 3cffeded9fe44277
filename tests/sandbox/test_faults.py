"""Faults on demand."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.simulated import Cloud
from ybfort.sandbox.faults import Fault, FaultsError, read_faults
from ybfort.sandbox.simulation import CloudError

VPC, BUCKET = "aws:ec2/vpc:Vpc", "aws:s3/bucket:Bucket"


def test_a_failed_creation_leaves_nothing(clouds: Callable[..., Cloud]) -> None:
    cloud = clouds(faults=(Fault(type=VPC, operation="create", fault="fail", message="VpcLimitExceeded"),))
    with pytest.raises(CloudError, match="VpcLimitExceeded"):
        cloud.create(VPC, "main")
    assert not list(cloud.world.root.glob("*/*/*/*.json"))


def test_a_lost_answer_leaves_the_resource(clouds: Callable[..., Cloud]) -> None:
    cloud = clouds(faults=(Fault(type=BUCKET, operation="create", fault="lose", call=1),))
    with pytest.raises(CloudError, match="RequestTimeout"):
        cloud.create(BUCKET, "logs", bucket="orders-logs")
    with pytest.raises(CloudError, match="BucketAlreadyOwnedByYou"):
        cloud.create(BUCKET, "logs", bucket="orders-logs")


def test_a_hanging_operation_fails_when_its_time_is_up(clouds: Callable[..., Cloud]) -> None:
    cloud = clouds(faults=(Fault(type=VPC, operation="create", fault="hang", seconds=0.01),))
    with pytest.raises(CloudError, match="timeout while waiting"):
        cloud.create(VPC, "main")


def test_a_throttled_operation_is_done_later(clouds: Callable[..., Cloud]) -> None:
    cloud = clouds(faults=(Fault(type=VPC, operation="create", fault="throttle", seconds=0.05),))
    begin = time.monotonic()
    cloud.create(VPC, "main")
    assert time.monotonic() - begin >= 0.05


def test_only_the_call_that_is_named_is_struck_and_calls_are_counted_over_runs(clouds: Callable[..., Cloud]) -> None:
    faults = (Fault(type="aws:ec2/*", name="a*", operation="create", fault="fail", call=2),)
    clouds(faults=faults).create(VPC, "a1")
    clouds(faults=faults).create(VPC, "b1")
    with pytest.raises(CloudError):
        clouds(faults=faults).create(VPC, "a2")
    clouds(faults=faults).create(VPC, "a3")


def test_update_delete_read_and_invoke_can_be_struck(clouds: Callable[..., Cloud]) -> None:
    identity = "aws:index/getCallerIdentity:getCallerIdentity"
    id_, state = clouds().create(VPC, "main")
    cloud = clouds(
        faults=(
            Fault(type=VPC, operation="update", fault="fail"),
            Fault(type=VPC, operation="delete", fault="fail"),
            Fault(type=VPC, operation="read", fault="fail"),
            Fault(type=identity, operation="invoke", fault="fail"),
        )
    )
    for act in (
        lambda: cloud.update(VPC, "main", id_, state),
        lambda: cloud.delete(VPC, "main", id_),
        lambda: cloud.read(VPC, "main", id_),
        lambda: cloud.invoke(identity),
    ):
        with pytest.raises(CloudError, match="InternalError"):
            act()
    assert clouds().read(VPC, "main", id_) == state


def test_a_preview_is_left_alone(clouds: Callable[..., Cloud]) -> None:
    cloud = clouds(faults=(Fault(type=VPC, operation="create", fault="fail"),))
    cloud.preview(VPC, "main")


def test_a_file_of_faults_is_read(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"type": VPC, "operation": "create", "fault": "hang", "seconds": 1.5, "call": 1}]))
    assert read_faults(file) == [Fault(type=VPC, operation="create", fault="hang", seconds=1.5, call=1)]


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    entries = [
        {"type": 5, "operation": "make", "fault": "fail"},
        {"fault": "fail", "call": True, "when": "now"},
        "fail",
    ]
    file.write_text(json.dumps(entries))
    with pytest.raises(FaultsError) as refusal:
        read_faults(file)
    assert str(refusal.value).splitlines() == [
        f"{file}:",
        "  [0] type must be a text, and is 5.",
        '  [0] operation must be one of create, update, delete, read, invoke, and is "make".',
        "  [1] type is missing.",
        "  [1] operation is missing.",
        "  [1] when is not known. Known are: type, name, operation, fault, message, call, seconds.",
        "  [1] call must be a whole number from 1, and is true.",
        "  [2] must be a map with type, operation and fault.",
    ]


@pytest.mark.parametrize(("text", "says"), [("{", "is not JSON"), ("{}", "must be a list"), (None, "cannot be read")])
def test_what_is_no_list_of_faults_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "faults.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(FaultsError, match=says):
        read_faults(file)
