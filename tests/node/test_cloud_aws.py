"""S3 through the real AWS CLI: against moto, and against a server on its bad days."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from object_servers import CREDENTIALS, ObjectServer, aws_cli, moto, object_server
from simulated_machine import HOME, STATUS_BUCKET
from ybfort.node import cloud_aws
from ybfort.node.cloud import CloudFailure, Missing
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.system import System

pytestmark = pytest.mark.xdist_group("aws-cli")  # one moto for all, and one CLI at a time


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture
def served() -> Iterator[ObjectServer]:
    with object_server(HOME.account) as server:
        yield server


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/aws").symlink_to(aws_cli())
    return System(tmp_path)


@pytest.fixture
def cloud(system: System) -> AwsCloud:
    return AwsCloud(HOME, system)


@pytest.fixture
def bad_day(served: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """The CLI talks to a server that misbehaves, and tries twice only: the pauses of more grow."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", served.url)
    monkeypatch.setitem(cloud_aws.SETTINGS, "AWS_MAX_ATTEMPTS", "2")
    served.objects[f"/{HOME.bucket}/cluster.json"] = b"{}" * 100
    return served


def test_objects_of_a_real_s3_are_fetched_and_written(
    s3: str, cloud: AwsCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    region = ["--region", HOME.region, "--create-bucket-configuration", f"LocationConstraint={HOME.region}"]
    subprocess.run([aws_cli(), "s3api", "create-bucket", "--bucket", STATUS_BUCKET, *region], check=True, timeout=60)
    told, fetched = tmp_path / "told", tmp_path / "fetched"
    told.write_bytes(bytes(range(256)) * 1000)
    cloud.put_object(STATUS_BUCKET, "status/a1.json", told)
    cloud.get_object(STATUS_BUCKET, "status/a1.json", fetched)
    assert fetched.read_bytes() == told.read_bytes()
    with pytest.raises(Missing, match=f"s3://{STATUS_BUCKET}/status/b1.json is not there"):
        cloud.get_object(STATUS_BUCKET, "status/b1.json", fetched)
    with pytest.raises(CloudFailure, match="NoSuchBucket"):
        cloud.get_object("another-bucket", "status/b1.json", fetched)


def test_a_bucket_of_another_account_is_neither_read_nor_written(
    cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path
) -> None:
    bad_day.account = "999999999999"
    (tmp_path / "told").write_text("{}")
    with pytest.raises(CloudFailure, match=f"access denied.* not of account {HOME.account}"):
        cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")
    with pytest.raises(CloudFailure, match=f"access denied.* not of account {HOME.account}"):
        cloud.put_object(STATUS_BUCKET, "status/a1.json", tmp_path / "told")


def test_what_passes_is_tried_again(cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path) -> None:
    bad_day.failures = [503]
    cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"{}" * 100
    assert len(bad_day.asked) == 2


def test_what_does_not_pass_is_given_up(cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path) -> None:
    bad_day.failures = [500] * 20
    with pytest.raises(CloudFailure, match=r"cluster\.json: .*SlowDown"):
        cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")
    assert len(bad_day.asked) == 2


def test_an_object_that_ends_half_way_is_not_taken_for_whole(
    cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path
) -> None:
    bad_day.cut = True
    with pytest.raises(CloudFailure):
        cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")


def test_nothing_but_the_node_s_role_is_asked_for_credentials(cloud: AwsCloud) -> None:
    assert cloud_aws.SETTINGS["AWS_CONFIG_FILE"] == cloud_aws.SETTINGS["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_a_disk_is_known_by_its_volume(cloud: AwsCloud, system: System) -> None:
    for disk, serial in {"nvme0n1": "vol0aaa", "nvme1n1": "vol0bbb", "nvme2n1": "AWS22A"}.items():
        path = system.path(f"/sys/block/{disk}/device/serial")
        path.parent.mkdir(parents=True)
        path.write_text(f"{serial}             \n")
    assert cloud.block_devices("vol-0bbb") == ["/dev/nvme1n1"]
    assert cloud.block_devices("vol-0") == []
