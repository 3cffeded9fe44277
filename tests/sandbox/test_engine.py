"""The sandbox with the real Pulumi engine."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.project import STACK_FILE, Project

NODES = """
    from pulumi_aws import ec2

    before = []
    for name in ("a1", "b1"):
        interface = ec2.NetworkInterface(name, subnet_id="subnet-1", private_ips=["10.0.0." + str(ord(name[0]))])
        instance = ec2.Instance(
            name,
            ami=os.environ.get("IMAGE", "ami-1"),
            instance_type=os.environ.get("MACHINE", "m7i.large"),
            primary_network_interface={"network_interface_id": interface.id},
            opts=pulumi.ResourceOptions(depends_on=before, delete_before_replace=True),
        )
        volume = {"volume_id": "vol-" + name, "device_name": "/dev/sdf"}
        before = [instance, ec2.VolumeAttachment(name, instance_id=instance.id, **volume)]
"""

BUCKET = """
    from pulumi_aws import s3

    bucket = s3.Bucket("logs", bucket="orders-logs")
    s3.BucketVersioning("logs", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"})
"""

MACHINE = """
    from pulumi_gcp import compute, organizations

    number = organizations.get_project().number
    disk = compute.Disk("a1", name="orders-a1-data", zone="europe-west1-b")
    machine = compute.Instance(
        "a1",
        name="orders-a1",
        zone="europe-west1-b",
        machine_type="c3-standard-4",
        boot_disk={"initialize_params": {"image": os.environ.get("IMAGE", "image-1")}},
        network_interfaces=[{"network": "orders"}],
        metadata={"number": number},
        deletion_protection="PROTECTED" in os.environ,
        opts=pulumi.ResourceOptions(delete_before_replace=True),
    )
    compute.AttachedDisk("a1", disk=disk.id, instance=machine.id)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "tiny")


def test_create_then_nothing_to_do_then_drift_is_found(project: Project) -> None:
    project.program(BUCKET)
    made = project.up("dev")
    assert made.returncode == 0, made.stdout + made.stderr
    assert project.log() == ["create s3.Bucket logs", "create s3.BucketVersioning logs"]
    assert project.pulumi("preview", "--stack", "dev", "--refresh", "--expect-no-changes").returncode == 0

    (file,) = project.sandbox.world.glob("*/*/s3.BucketVersioning/*.json")
    file.write_text(file.read_text().replace("Enabled", "Suspended"))
    drift = project.pulumi("preview", "--stack", "dev", "--refresh", "--diff")
    assert '"Suspended" => "Enabled"' in drift.stdout


def test_a_machine_type_changes_in_place_and_an_image_replaces_node_by_node(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.program(NODES)
    assert project.up("dev").returncode == 0
    project.log()

    monkeypatch.setenv("MACHINE", "m7i.xlarge")
    assert project.up("dev").returncode == 0
    assert project.log() == ["update ec2.Instance a1", "update ec2.Instance b1"]

    monkeypatch.setenv("IMAGE", "ami-2")
    replaced = project.up("dev")
    assert replaced.returncode == 0, replaced.stdout + replaced.stderr
    log = project.log()
    assert sorted(log) == sorted(
        f"{act} ec2.{type_} {node}"
        for act in ("create", "delete")
        for type_ in ("Instance", "VolumeAttachment")
        for node in ("a1", "b1")
    )
    for node in ("a1", "b1"):
        assert [line for line in log if line.endswith(node)] == [
            f"delete ec2.VolumeAttachment {node}",
            f"delete ec2.Instance {node}",
            f"create ec2.Instance {node}",
            f"create ec2.VolumeAttachment {node}",
        ]


def test_gcp_is_simulated_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.program(MACHINE)
    made = project.up("dev")
    assert made.returncode == 0, made.stdout + made.stderr
    assert project.log()[-1] == "create compute.AttachedDisk a1"
    assert project.pulumi("preview", "--stack", "dev", "--refresh", "--expect-no-changes").returncode == 0

    monkeypatch.setenv("IMAGE", "image-2")
    replaced = project.up("dev")
    assert replaced.returncode == 0, replaced.stdout + replaced.stderr
    assert project.log() == [
        "delete compute.AttachedDisk a1",
        "delete compute.Instance a1",
        "create compute.Instance a1",
        "create compute.AttachedDisk a1",
    ]

    monkeypatch.setenv("PROTECTED", "1")
    assert project.up("dev").returncode == 0
    monkeypatch.setenv("IMAGE", "image-3")
    assert "Deletion Protection is enabled" in project.up("dev").stdout


def test_a_failed_creation_is_not_in_the_state_and_can_be_repaired(project: Project, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    fault = {
        "type": "aws:s3/bucket:Bucket",
        "operation": "create",
        "fault": "fail",
        "message": "TooManyBuckets",
        "call": 1,
    }
    faults.write_text(json.dumps([fault]))
    project.program(BUCKET)
    failed = project.up("dev", faults=faults)
    assert failed.returncode != 0
    assert "    error: TooManyBuckets\n" in failed.stdout
    assert project.log() == []
    assert project.up("dev", faults=faults).returncode == 0
    assert project.log() == ["create s3.Bucket logs", "create s3.BucketVersioning logs"]


def test_two_stacks_share_the_cloud_and_their_names_collide(tmp_path: Path) -> None:
    project = Project(tmp_path / "tiny", stacks=("dev", "prod"))
    project.program(BUCKET)
    assert project.up("dev").returncode == 0
    collided = project.up("prod")
    assert collided.returncode != 0
    assert "BucketAlreadyOwnedByYou" in collided.stdout


def test_a_misspelt_property_is_named(project: Project) -> None:
    project.program("""
        pulumi.CustomResource("aws:s3/bucket:Bucket", "logs", {"buckett": "orders-logs"})
    """)
    refused = project.up("dev")
    assert refused.returncode != 0
    assert "Did you mean bucket?" in refused.stdout


def test_the_users_stack_file_stays_and_credentials_stay_outside(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/real.json")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "pul-real")
    real = STACK_FILE + "secretsprovider: awskms://alias/real?region=eu-west-1\nencryptedkey: cmVhbA==\n"
    project.stack_file("dev").write_text(real)
    project.program("""
        pulumi.export("seen", sorted(name for name, value in os.environ.items() if "real" in value.lower()))
        pulumi.export("secret", pulumi.Output.secret("s3cret"))
    """)
    made = project.up("dev")
    assert made.returncode == 0, made.stdout + made.stderr
    assert project.stack_file("dev").read_text() == real
    shown = project.pulumi("stack", "output", "--stack", "dev", "--json", "--show-secrets")
    assert json.loads(shown.stdout) == {"seen": [], "secret": "s3cret"}


def test_ctrl_c_reaches_the_engine_and_leaves_no_lock(project: Project, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps([{"type": "aws:s3/bucket:Bucket", "operation": "create", "fault": "hang", "call": 1}]))
    project.program(BUCKET)
    script = (
        "import sys; from pathlib import Path; from ybfort.sandbox.launch import run;"
        "sys.exit(run(sys.argv[3:], project=Path(sys.argv[1]), faults=Path(sys.argv[2])))"
    )
    command = ["pulumi", "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(project.root), str(faults), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        counts = project.sandbox.world / "counts.json"
        deadline = time.monotonic() + 60
        while not (counts.exists() and "hang" in counts.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, None), output
    assert "SIMULATION" in output
    assert not list(project.sandbox.state.glob("backend/.pulumi/locks/**/*.json"))
    assert project.up("dev", faults=faults).returncode == 0
