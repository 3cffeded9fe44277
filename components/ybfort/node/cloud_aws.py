"""AWS: S3 through the AWS CLI that the image ships, with the credentials of the instance's role."""

from __future__ import annotations

import re
from pathlib import Path

from ybfort.node.cloud import CloudFailure, Missing
from ybfort.node.config import Identity
from ybfort.node.system import System

# Throttling, 5xx and broken connections are tried again by the CLI itself, with growing, random pauses (reference guide
# of the AWS SDKs and tools: "standard" mode). What goes on for longer is left to the next run.
CALL_SECONDS = 150.0
SETTINGS = {
    "AWS_RETRY_MODE": "standard",
    "AWS_MAX_ATTEMPTS": "4",
    "AWS_METADATA_SERVICE_TIMEOUT": "5",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_PAGER": "",
}
ABSENT = ("404", "NoSuchKey")
REFUSED = ("403", "AccessDenied")


class AwsCloud:
    """Buckets are read and written only if they belong to the cluster's own account."""

    time_server = "169.254.169.123"  # Amazon Time Sync Service, link-local

    def __init__(self, identity: Identity, system: System) -> None:
        self._identity, self._system = identity, system

    def get_object(self, bucket: str, key: str, to: Path) -> None:
        self._s3("get-object", bucket, key, str(to))

    def put_object(self, bucket: str, key: str, source: Path) -> None:
        self._s3("put-object", bucket, key, "--body", str(source), "--content-type", "application/json")

    def block_devices(self, volume: str) -> list[str]:
        """NVMe disks tell the id of their volume as their serial number, without its hyphen (EBS: volumes and NVMe)."""
        serials = sorted(self._system.path("/sys/block").glob("*/device/serial"))
        wanted = volume.replace("-", "")
        return [f"/dev/{serial.parts[-3]}" for serial in serials if serial.read_text().strip() == wanted]

    def _s3(self, call: str, bucket: str, key: str, *more: str) -> None:
        home = self._identity
        output = self._system.run(
            *("aws", "s3api", call, "--bucket", bucket, "--key", key, "--expected-bucket-owner", home.account, *more),
            *("--region", home.region, "--output", "json", "--cli-connect-timeout", "5", "--cli-read-timeout", "20"),
            seconds=CALL_SECONDS,
            environment=SETTINGS,
        )
        if not output.code:
            return
        code = re.search(r"\((\w+)\) when calling", output.err)
        place = f"s3://{bucket}/{key}"
        if code and code[1] in ABSENT:
            raise Missing(f"{place} is not there.")
        if code and code[1] in REFUSED:
            # S3 tells that an object is missing only to those who may list its bucket.
            reasons = f"it is missing, the node's role may not, or the bucket is not of account {home.account}"
            raise CloudFailure(f"{place}: access denied: {reasons}.")
        raise CloudFailure(f"{place}: {output.last_line}")
