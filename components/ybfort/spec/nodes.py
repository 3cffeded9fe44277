"""What a node is made of: machine, data disk, and the release that runs on it."""

import re
from typing import Annotated, Literal

from pydantic import Field

from ybfort.spec.words import Count, ReleaseVersion, Section, Sha256

Architecture = Literal["x86_64", "aarch64"]

# Series that ybfort knows the flags of. 2024.2 and older run PostgreSQL 11, and 2025.1 is out of maintenance.
SERIES = ("2025.2", "2026.1")


class Disk(Section):
    """The data volume of every node, encrypted with the cluster's own key."""

    size_gib: Annotated[Count, Field(ge=50, le=16_384)]
    """Size in GiB. Yugabyte recommends 250 or more; it can grow and never shrinks."""
    iops: Count
    """Provisioned operations a second."""
    throughput_mib: Count
    """Provisioned MiB a second."""


class Nodes(Section):
    """What all nodes have in common."""

    machine: str
    """The type of machine."""
    disk: Disk
    """The data volume."""

    @property
    def architecture(self) -> Architecture:
        """What the machine's processors understand."""
        raise NotImplementedError


class Release(Section):
    """The YugabyteDB release, pinned to its bytes."""

    version: ReleaseVersion
    """Version with build, for example `2025.2.8.0-b60`. Series 2025.2 is the long-term one."""
    sha256: Sha256
    """SHA-256 of the release archive for the nodes' architecture; `ybfort pin` computes and writes it."""
    finalized: ReleaseVersion | None = None
    """After an upgrade has proved itself, its version: the cluster then takes up its new formats, and there is no way
    back. Until then the older version can be written in again."""

    @property
    def series(self) -> str:
        return ".".join(self.version.split(".")[:2])


def order_of(version: str) -> tuple[int, ...]:
    """A version as numbers, which compare as versions do."""
    return tuple(int(number) for number in re.findall(r"\d+", version))
