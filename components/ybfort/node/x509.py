"""Keys, requests and certificates, by the machine's own `openssl`."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ybfort.node.system import Failure, System

CURVE = "P-256"
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Times:
    """From when to when a certificate holds; seconds since 1970."""

    begin: float
    end: float

    @property
    def renewal(self) -> float:
        """When it is time for the next: at two thirds."""
        return self.begin + (self.end - self.begin) * 2 / 3


def make_key(system: System, file: str) -> None:
    """A new private key that only its owner can read."""
    system.write(file, b"", 0o600)  # before there is anything to read in it
    system.must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{CURVE}", *_to(system, file))


def make_request(system: System, key: str, file: str, *, address: str, names: Sequence[str], cluster: str) -> None:
    """A request for a certificate of this address and these names, for both ends of a connection."""
    alternatives = ",".join([f"IP:{address}", *(f"DNS:{name}" for name in names)])
    settings = f"""\
[req]
prompt = no
distinguished_name = subject
req_extensions = extensions
[subject]
CN = {address}
O = {cluster}
[extensions]
subjectAltName = {alternatives}
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
"""
    made = system.run(
        *("openssl", "req", "-new", "-sha256", "-key", str(system.path(key)), "-config", "/dev/stdin"),
        *_to(system, file),
        text=settings,
    )
    if made.code:
        raise Failure(f"openssl req: {made.last_line}")


def times(system: System, certificate: str) -> Times:
    """When a certificate begins and ends.

    :raises Failure: if it is none
    """
    said = system.must("openssl", "x509", "-in", str(system.path(certificate)), "-noout", "-startdate", "-enddate")
    found = dict(line.split("=", 1) for line in said.splitlines())
    told = (" ".join(found[name].split()).replace("GMT", "+0000") for name in ("notBefore", "notAfter"))
    return Times(*(datetime.strptime(time, "%b %d %H:%M:%S %Y %z").timestamp() for time in told))


def must_fit(
    system: System, *, key: str, certificate: str, authorities: str, address: str, names: Sequence[str]
) -> None:
    """Refuse a certificate that would not serve: of another key, authority, address, name, usage or time.

    :raises Failure: with the first reason
    """
    public = system.must("openssl", "pkey", "-in", str(system.path(key)), "-pubout")
    if public != system.must("openssl", "x509", "-in", str(system.path(certificate)), "-noout", "-pubkey"):
        raise Failure("The certificate is not for the private key.")
    checks = [("sslserver", "-verify_ip", address), *(("sslserver", "-verify_hostname", name) for name in names)]
    for purpose, *what in [*checks, ("sslclient",)]:
        trusted = ("-CAfile", str(system.path(authorities)), "-no-CApath", "-no-CAstore")
        at = ("-attime", str(int(system.now())))
        said = system.run("openssl", "verify", *trusted, *at, "-purpose", purpose, *what, str(system.path(certificate)))
        if said.code:
            reason = re.search(r"error \d+ at \d+ depth lookup: (.+)", said.err)
            asked = what[-1] if what else "client certificate"
            raise Failure(f"The certificate does not serve ({asked}): {reason[1] if reason else said.last_line}")


def split(bundle: str) -> list[str]:
    """The certificates of a bundle, each as PEM, in their order."""
    return [f"{found[0].strip()}\n" for found in BLOCK.finditer(bundle)]


def fingerprint(certificate: str) -> str:
    """The SHA-256 of a certificate in hex digits."""
    found = BLOCK.search(certificate)
    return hashlib.sha256(base64.b64decode(found[1] if found else "")).hexdigest()


def _to(system: System, file: str) -> tuple[str, str]:
    return "-out", str(system.path(file))
