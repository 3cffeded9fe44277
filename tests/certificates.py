"""Certificates of all kinds, good ones and such as must be refused, by a library that makes them fast."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ybfort.node.cloud import Signed

SERVER_AND_CLIENT = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
LONG_AGO, IN_THE_END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """A certificate that signs others, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: "Authority | None" = None

    @property
    def pem(self) -> str:
        """This one and those above it, the root last."""
        own = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return own + (self.above.pem if self.above else "")


@cache
def authority(name: str, above: Authority | None = None) -> Authority:
    """The authority of this name: the same in every test."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name[-60:])
    builder = _between(LONG_AGO, IN_THE_END).subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(above.certificate.subject if above else subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Authority(builder.sign(above.key if above else key, hashes.SHA256()), key, above)


def signed(request: bytes, now: float, days: float, *, by: Authority) -> Signed:
    """What AWS Private CA makes of a request: subject and names are the request's, the usages its own."""
    asked = x509.load_pem_x509_csr(request)
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    certificate = _leaf(asked.subject, asked.public_key(), names, now, days, by)
    return Signed(certificate.public_bytes(serialization.Encoding.PEM).decode(), by.pem)


def pair(
    *,
    address: str,
    names: tuple[str, ...],
    now: float,
    days: float = 7,
    by: Authority,
    usages: tuple[x509.ObjectIdentifier, ...] = SERVER_AND_CLIENT,
) -> tuple[str, str]:
    """A private key and its certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(address)), *(x509.DNSName(name) for name in names)]
    )
    certificate = _leaf(_name(address), key.public_key(), alternatives, now, days, by, usages)
    own = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return own.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _leaf(subject, key, names, now, days, by, usages=SERVER_AND_CLIENT):  # type: ignore[no-untyped-def]
    begin = datetime.fromtimestamp(now, UTC).replace(microsecond=0)
    builder = _between(begin, begin + timedelta(days=days)).subject_name(subject).public_key(key)
    builder = builder.issuer_name(by.certificate.subject).add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(by.key, hashes.SHA256())


def _between(begin: datetime, end: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return builder.not_valid_before(begin).not_valid_after(end)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
