"""What the agent needs of a cloud. An adapter for one is one file: `cloud_aws.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ybfort.node.system import Failure


class CloudFailure(Failure):
    """The cloud did not do what was asked, after all retries that make sense."""


class Missing(CloudFailure):
    """There is no such object."""


class Cloud(Protocol):
    """Object storage, and how the cloud shows its disks and tells the time. Every call is bounded in time."""

    @property
    def time_server(self) -> str:
        """The address of the cloud's own time server."""
        ...

    def get_object(self, bucket: str, key: str, to: Path) -> None:
        """Store an object in a file, which holds nothing of use if this fails.

        :raises Missing: if there is no such object
        :raises CloudFailure: if it cannot be read, or the bucket is another account's
        """
        ...

    def put_object(self, bucket: str, key: str, source: Path) -> None:
        """Write a file's content to an object.

        :raises CloudFailure: if it cannot be written, or the bucket is another account's
        """
        ...

    def block_devices(self, volume: str) -> list[str]:
        """Paths of the block devices that are this volume: one, or none as long as it is not attached."""
        ...
