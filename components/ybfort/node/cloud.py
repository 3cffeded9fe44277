"""What the agent needs of a cloud. An adapter for one is one file: `cloud_aws.py`, `cloud_gcp.py`.

Every call is bounded in time, and tries again what passes by itself: throttling, servers that fail, slow answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ybfort.node.system import Failure

LONG_SECONDS = 1200.0  # for a release of 500 MB over a slow network


class CloudFailure(Failure):
    """The cloud did not do what was asked, after all retries that make sense."""


class Missing(CloudFailure):
    """There is no such object."""


@dataclass(frozen=True)
class Listed:
    """An object in a bucket."""

    tag: str  # another one when the content is another
    at: float  # when it was written, by the store's own clock: seconds since 1970


@dataclass(frozen=True)
class Signed:
    """A certificate that an authority has signed, and the authorities above it, the root last; PEM."""

    certificate: str
    authorities: str


class Cloud(Protocol):
    """Object storage, secrets, the certificate authority, metrics and logs; how the cloud shows disks and the time."""

    @property
    def time_server(self) -> str:
        """The address of the cloud's own time server."""
        ...

    def block_devices(self, volume: str) -> list[str]:
        """Paths of the block devices that are this volume: one, or none as long as it is not attached."""
        ...

    # -------------------------------------------------------------------------------------------------- object storage

    def list_objects(self, bucket: str, prefix: str) -> dict[str, Listed]:
        """All objects by their key, if that begins with `prefix`. What was written before this call is in it.

        :raises CloudFailure: if the bucket cannot be listed, or is another account's
        """
        ...

    def get_object(self, bucket: str, key: str, to: Path, *, seconds: float = ...) -> None:
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

    def create_object(self, bucket: str, key: str, source: Path) -> bool:
        """Write an object if there is none of that name yet; of two that try at once, one does. Says whether it did.

        It may have, and not know: when the store's answer was lost, the next try finds the object there. Whoever needs
        to know whose it is looks.

        :raises CloudFailure: if it cannot be written, or the bucket is another account's
        """
        ...

    # --------------------------------------------------------------------------------------------------------- secrets

    def read_secret(self, name: str) -> str | None:
        """The current value of a secret; None if it never had one, or there is no such secret.

        :raises CloudFailure: if it cannot be read
        """
        ...

    def write_secret(self, name: str, value: str) -> None:
        """Make this the current value of a secret that exists; the one before it can still be had as the previous one.

        :raises CloudFailure: if it cannot be written
        """
        ...

    # ---------------------------------------------------------------------------------------------------- certificates

    def sign(self, authority: str, request: Path, days: int) -> Signed:
        """Have an authority sign a certificate request (PEM) for a server and client certificate.

        :raises CloudFailure: if it does not
        """
        ...

    def authorities(self, authority: str) -> str:
        """The certificates of an authority and of those above it, the root last; PEM.

        :raises CloudFailure: if they cannot be had
        """
        ...

    # ------------------------------------------------------------------------------------------------ metrics and logs

    def put_metrics(self, namespace: str, dimensions: Mapping[str, str], values: Mapping[str, float]) -> None:
        """Publish values by their names, as of now.

        :raises CloudFailure: if they are not taken
        """
        ...

    def put_log(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Append lines to a log, which begins with the first ones; each has its time in milliseconds since 1970.

        The cloud drops single lines that are too old for it.

        :raises CloudFailure: if they are not taken
        """
        ...
