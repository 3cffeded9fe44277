"""A release of the simulated database: an archive in the form of Yugabyte's, whose programs are the simulated ones."""

from __future__ import annotations

import gzip
import io
import tarfile

from ybfort.sandbox.nodes.programs import OF_A_RELEASE, script


def archive(version: str) -> bytes:
    """The archive's bytes, which are the same for the same version."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in OF_A_RELEASE:
            content = script(name)
            entry = tarfile.TarInfo(f"yugabyte-{version.partition('-')[0]}/bin/{name}")
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(file.getvalue(), compresslevel=1, mtime=0)
