"""Keys, requests and certificates by the real OpenSSL; and which certificates are refused."""

import stat
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from certificates import Authority, authority, pair, signed
from simulated_machine import program
from ybfort.node import x509
from ybfort.node.system import Failure, System

ADDRESS, NAMES = "10.40.1.1", ("a1.orders-dev.internal", "db.orders-dev.internal")
NOW, DAY = time.time(), 86_400
OURS, OTHERS = authority("ours"), authority("others")
BETWEEN = authority("between", OURS)


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/openssl").symlink_to(program("openssl") or "openssl")
    return System(tmp_path)


def put(system: System, key: str, certificate: str, trusted: str) -> None:
    for name, text in {"key": key, "crt": certificate, "ca": trusted}.items():
        system.path(f"/{name}").write_text(text)


def fit(system: System) -> None:
    x509.must_fit(system, key="/key", certificate="/crt", authorities="/ca", address=ADDRESS, names=NAMES)


def test_a_key_is_readable_by_its_owner_alone_from_its_first_byte_on(system: System) -> None:
    x509.make_key(system, "/key")
    assert stat.S_IMODE(system.path("/key").stat().st_mode) == 0o600
    shown = subprocess.run(["openssl", "pkey", "-in", system.path("/key"), "-noout", "-text"], capture_output=True)
    assert b"prime256v1" in shown.stdout


def test_no_key_is_made_twice(system: System) -> None:
    for name in ("/one", "/two"):
        x509.make_key(system, name)
    assert system.read("/one") != system.read("/two")


def test_a_request_names_the_address_and_the_names_and_asks_for_both_ends(system: System) -> None:
    x509.make_key(system, "/key")
    x509.make_request(system, "/key", "/csr", address=ADDRESS, names=NAMES, cluster="orders-dev")
    command = ["openssl", "req", "-in", str(system.path("/csr")), "-noout", "-text", "-verify"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for part in (
        "CN = 10.40.1.1, O = orders-dev",
        "IP Address:10.40.1.1, DNS:a1.orders-dev.internal, DNS:db.orders-dev.internal",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "Digital Signature",
    ):
        assert part in shown


def test_what_an_authority_makes_of_the_request_fits(system: System) -> None:
    x509.make_key(system, "/key")
    x509.make_request(system, "/key", "/csr", address=ADDRESS, names=NAMES, cluster="orders-dev")
    got = signed(system.path("/csr").read_bytes(), NOW, 7, by=OURS)
    put(system, system.read("/key") or "", got.certificate, got.authorities)
    fit(system)
    times = x509.times(system, "/crt")
    assert (times.begin, times.end) == (int(NOW), int(NOW) + 7 * DAY)
    assert times.renewal == pytest.approx(int(NOW) + 7 * DAY * 2 / 3)


def test_an_authority_between_is_followed_to_the_root(system: System) -> None:
    key, certificate = pair(address=ADDRESS, names=NAMES, now=NOW, by=BETWEEN)
    put(system, key, certificate, BETWEEN.pem)
    fit(system)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"now": NOW - 8 * DAY}, "certificate has expired"),
        ({"now": NOW + DAY}, "certificate is not yet valid"),
        ({"address": "10.40.1.2"}, "IP address mismatch"),
        ({"names": NAMES[:1]}, "hostname mismatch"),
        ({"names": NAMES[1:]}, "hostname mismatch"),
        ({"by": OTHERS}, "unable to get local issuer certificate"),
        ({"by": BETWEEN}, "unable to get local issuer certificate"),
        (
            {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)},
            "unsuitable certificate purpose|unsupported certificate purpose",
        ),
        (
            {"usages": (ExtendedKeyUsageOID.CLIENT_AUTH,)},
            "unsuitable certificate purpose|unsupported certificate purpose",
        ),
    ],
)
def test_a_certificate_that_would_not_serve_is_refused(system: System, changes: dict[str, object], reason: str) -> None:
    key, certificate = pair(**{"address": ADDRESS, "names": NAMES, "now": NOW, "by": OURS, **changes})  # type: ignore
    put(system, key, certificate, OURS.pem)
    with pytest.raises(Failure, match=f"The certificate does not serve .*({reason})"):
        fit(system)


def test_a_certificate_for_another_key_is_refused(system: System) -> None:
    _, certificate = pair(address=ADDRESS, names=NAMES, now=NOW, by=OURS)
    key, _ = pair(address=ADDRESS, names=NAMES, now=NOW, by=OURS)
    put(system, key, certificate, OURS.pem)
    with pytest.raises(Failure, match="The certificate is not for the private key"):
        fit(system)


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(system: System, text: str) -> None:
    key, _ = pair(address=ADDRESS, names=NAMES, now=NOW, by=OURS)
    put(system, key, text, OURS.pem)
    with pytest.raises(Failure, match="openssl"):
        fit(system)


def test_the_machine_s_own_authorities_are_not_trusted(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a distribution trusts has no say here."""
    key, certificate = pair(address=ADDRESS, names=NAMES, now=NOW, by=OTHERS)
    put(system, key, certificate, OURS.pem)
    system.path("/others").write_text(OTHERS.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(system.path("/others")))
    with pytest.raises(Failure, match="unable to get local issuer certificate"):
        fit(system)


def test_a_bundle_is_taken_apart_and_its_members_told_apart() -> None:
    bundle = f"# root and between\n{BETWEEN.pem}"
    assert x509.split(bundle) == [one + "\n" for one in _certificates(BETWEEN)]
    assert len({x509.fingerprint(one) for one in x509.split(bundle)}) == 2
    assert x509.split("nothing") == []


def _certificates(chain: Authority) -> list[str]:
    end = "-----END CERTIFICATE-----"
    return [f"{part.strip()}\n{end}" for part in chain.pem.split(end)[:-1]]
