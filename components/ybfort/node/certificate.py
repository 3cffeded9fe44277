"""A certificate as the servers read it: key, certificate and trusted authorities, in a directory of their own.

The servers' directory is a link to the current one, so that all of it changes at one instant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ybfort.node import x509
from ybfort.node.config import USER, Config
from ybfort.node.shape import document
from ybfort.node.system import System

LINK = "/etc/yugabyte/certificates"
SETS = "/etc/yugabyte/certificate-sets"
SOURCE, LOADED = "source.json", "loaded"  # written last when a set is whole, and when the running servers use it


@dataclass(frozen=True)
class Source:
    """Where a certificate comes from."""

    signed_by: str  # the authority, or the secret that it was brought in
    own: Sequence[str]  # fingerprints of the authorities above it
    added: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Fingerprints of another authority, by its name, which is trusted because it is about to be taken up."""


@dataclass(frozen=True)
class Certificate:
    """The one that this node has."""

    folder: str
    address: str
    source: Source
    trusted: Sequence[str]  # PEM of all authorities that are trusted, the longest trusted first
    times: x509.Times

    @property
    def file(self) -> str:
        return file_of(self.folder, self.address, "crt")

    @property
    def key(self) -> str:
        return file_of(self.folder, self.address, "key")

    @property
    def trusts(self) -> list[str]:
        """Fingerprints of all authorities that are trusted."""
        return [x509.fingerprint(one) for one in self.trusted]


def current(system: System, config: Config) -> Certificate | None:
    """What the servers are given; None before there is anything."""
    text = system.read(f"{LINK}/{SOURCE}")
    if text is None:
        return None
    told = document(text, SOURCE)
    folder = f"{SETS}/{told.pop('number')}"
    trusted = x509.split(system.read(f"{folder}/ca.crt") or "")
    times = x509.times(system, file_of(folder, config.address, "crt"))
    return Certificate(folder, config.address, Source(**told), trusted, times)


def new_folder(system: System) -> str:
    """A directory for the next one. What a killed run left there goes."""
    _, gid = system.ids_of(USER)
    system.directory(SETS, 0o750, gid=gid)
    whole = [int(path.name) for path in system.path(SETS).iterdir() if (path / SOURCE).exists()]
    folder = f"{SETS}/{max(whole, default=0) + 1}"
    system.remove_tree(folder)
    system.directory(folder, 0o750, gid=gid)
    return folder


def take(
    system: System,
    config: Config,
    folder: str,
    source: Source,
    *,
    certificate: str,
    trusted: Sequence[str],
    names: Sequence[str],
) -> None:
    """Complete a directory that has the key, see that all of it serves, and only then let the servers have it.

    :raises Failure: if it does not serve
    """
    key, file = file_of(folder, config.address, "key"), file_of(folder, config.address, "crt")
    system.write(file, certificate.encode())
    bundle, own = f"{folder}/ca.crt", [one for one in trusted if x509.fingerprint(one) in source.own]
    system.write(bundle, "".join(own).encode())
    x509.must_fit(system, key=key, certificate=file, authorities=bundle, address=config.address, names=names)
    system.write(bundle, "".join(trusted).encode())
    system.path(key).chmod(0o400)
    system.chown(system.path(key), *system.ids_of(USER))
    number = folder.rpartition("/")[2]
    system.write(f"{folder}/{SOURCE}", json.dumps({"number": number, **asdict(source)}, sort_keys=True).encode())
    system.link(LINK, f"certificate-sets/{number}")


def loaded_before(system: System, now: Certificate) -> str | None:
    """The directory of the certificate that the servers used until now, if it is another one."""
    before = [f"{SETS}/{path.name}" for path in system.path(SETS).iterdir() if f"{SETS}/{path.name}" != now.folder]
    return next((folder for folder in before if system.read(f"{folder}/{LOADED}") is not None), None)


def loaded(system: System, now: Certificate) -> None:
    """The running servers use this one: the others can go. Then only is it marked, so that a killed run leaves none."""
    for path in system.path(SETS).iterdir():
        if f"{SETS}/{path.name}" != now.folder:
            system.remove_tree(f"{SETS}/{path.name}")
    system.write(f"{now.folder}/{LOADED}", b"")


def file_of(folder: str, address: str, kind: str) -> str:
    """As YugabyteDB names them: `node.10.40.1.1.crt`."""
    return f"{folder}/node.{address}.{kind}"
