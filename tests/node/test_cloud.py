"""What the agent is promised of a cloud, whichever it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from cloud_rigs import (
    BROKEN,
    CONTENT,
    DENIED,
    EXPIRED,
    KEY,
    NONSENSE,
    SILENT,
    STRANGER,
    THROTTLED,
    VALUE,
    AwsRig,
    GcpRig,
    Rig,
)
from object_servers import moto
from simulated_machine import program
from ybfort.node.cloud import Cloud, CloudFailure, Missing
from ybfort.node.together import together
from ybfort.node.x509 import make_key, make_request, must_fit, split

AWS = pytest.param("aws", marks=pytest.mark.xdist_group("aws-cli"))  # one moto for all, and one CLI at a time
Name = Callable[[str], Path]  # a file of that content


@pytest.fixture(scope="module")
def simulated() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture(params=[AWS, "gcp"])
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with ExitStack() as ending:
        if request.param == "aws":
            yield AwsRig(tmp_path / "root", request.getfixturevalue("simulated"), monkeypatch, ending)
        else:
            yield GcpRig(tmp_path / "root", monkeypatch, ending)


@pytest.fixture
def cloud(rig: Rig) -> Cloud:
    return rig.cloud


@pytest.fixture
def file(tmp_path: Path) -> Name:
    def written(content: str) -> Path:
        file = tmp_path / "written" / content[:20]
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        return file

    return written


# ------------------------------------------------------------------------------------------------------- object storage


def test_objects_are_written_and_fetched(rig: Rig, cloud: Cloud, tmp_path: Path) -> None:
    written, fetched = tmp_path / "written", tmp_path / "fetched"
    written.write_bytes(bytes(range(256)) * 1000)
    cloud.put_object(rig.bucket, KEY, written)
    cloud.get_object(rig.bucket, KEY, fetched)
    assert fetched.read_bytes() == written.read_bytes() == rig.got(KEY)


def test_an_object_that_is_not_there_is_missing(rig: Rig, cloud: Cloud, tmp_path: Path) -> None:
    rig.put("status/b10.json", b"{}")
    with pytest.raises(Missing, match=f"//{rig.bucket}/status/b1 is not there"):
        cloud.get_object(rig.bucket, "status/b1", tmp_path / "fetched")


def test_an_object_is_missing_only_if_the_store_itself_says_so(rig: Rig, cloud: Cloud, tmp_path: Path) -> None:
    """A node that takes the cluster's record for missing makes a new cluster."""
    rig.fails(STRANGER, 1)
    with pytest.raises(CloudFailure, match=f"{KEY}: .*({rig.words[STRANGER]})") as raised:
        cloud.get_object(rig.bucket, KEY, tmp_path / "fetched")
    assert not isinstance(raised.value, Missing)


def test_a_listing_has_the_objects_under_a_prefix_with_another_tag_when_they_are_others(rig: Rig, cloud: Cloud) -> None:
    assert cloud.list_objects(rig.bucket, "status/") == {}
    before = int(time.time())  # some stores tell whole seconds
    for key in (KEY, "status/b1.json", "backup/a1.json"):
        rig.put(key, b"1")
    first = cloud.list_objects(rig.bucket, "status/")
    assert first.keys() == {KEY, "status/b1.json"}
    assert all(before <= one.at <= time.time() for one in first.values())
    rig.put(KEY, b"2")
    second = cloud.list_objects(rig.bucket, "status/")
    assert second[KEY].tag not in ("", first[KEY].tag)
    assert second["status/b1.json"] == first["status/b1.json"]


def test_a_bucket_that_is_not_there_is_told(cloud: Cloud) -> None:
    with pytest.raises(CloudFailure, match=r"//another-bucket.*: .*(NoSuchBucket|notFound)"):
        cloud.list_objects("another-bucket", "status/")


def test_a_bucket_of_another_account_is_neither_read_nor_written(
    rig: Rig, cloud: Cloud, file: Name, tmp_path: Path
) -> None:
    rig.put(KEY, b"somebody else's")
    rig.loses()
    for call in (
        lambda: cloud.list_objects(rig.bucket, "status/"),
        lambda: cloud.get_object(rig.bucket, KEY, tmp_path / "fetched"),
        lambda: cloud.put_object(rig.bucket, KEY, file("{}")),
        lambda: cloud.create_object(rig.bucket, "status/b1.json", file("{}")),
    ):
        with pytest.raises(CloudFailure, match=rf"{rig.bucket}.*: access denied: .* not of (account|project) "):
            call()
    assert not (tmp_path / "fetched").exists()
    assert rig.got(KEY) == b"somebody else's"


def test_an_object_is_created_once(rig: Rig, cloud: Cloud, file: Name) -> None:
    assert cloud.create_object(rig.bucket, KEY, file("first"))
    assert not cloud.create_object(rig.bucket, KEY, file("second"))
    assert rig.got(KEY) == b"first"


def test_of_two_that_create_an_object_at_once_one_does(rig: Rig, cloud: Cloud, file: Name) -> None:
    rig.serializes()
    files = [file("0"), file("1")]
    created = together(lambda one: cloud.create_object(rig.bucket, KEY, one), files)
    assert sorted(created) == [False, True]
    assert rig.got(KEY) == str(created.index(True)).encode()


def test_an_object_that_ends_half_way_is_not_taken_for_whole(rig: Rig, cloud: Cloud, tmp_path: Path) -> None:
    rig.cuts()
    with pytest.raises(CloudFailure, match=f"{KEY}: "):
        cloud.get_object(rig.bucket, KEY, tmp_path / "fetched")
    assert rig.asked() >= 1


# -------------------------------------------------------------------------------------------------------------- secrets


def test_a_secret_has_no_value_and_then_the_last_one_with_the_one_before(rig: Rig, cloud: Cloud) -> None:
    assert cloud.read_secret(rig.secret) is None
    values = ["the first", "the second", 'file:///etc/passwd {"password": "§ü\\n"} $HOME\n-- ']
    for value in values:
        cloud.write_secret(rig.secret, value)
        assert cloud.read_secret(rig.secret) == value
    assert rig.values() == [values[2], values[1]]


def test_a_secret_that_is_not_there_has_no_value(cloud: Cloud) -> None:
    assert cloud.read_secret("orders-dev-unknown") is None


def test_a_secret_has_no_value_only_if_the_store_itself_says_so(rig: Rig, cloud: Cloud) -> None:
    """Whoever takes a password for missing makes a new one."""
    rig.fails(STRANGER, 1)
    with pytest.raises(CloudFailure, match=f"secret {rig.secret}: .*({rig.words[STRANGER]})"):
        cloud.read_secret(rig.secret)


def test_a_secret_that_is_not_there_cannot_be_written_and_is_told_without_its_value(cloud: Cloud) -> None:
    with pytest.raises(CloudFailure, match=r"secret orders-dev-unknown: .*(ResourceNotFound|NOT_FOUND)") as raised:
        cloud.write_secret("orders-dev-unknown", VALUE)
    assert VALUE not in str(raised.value)


# --------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.skipif(not program("openssl"), reason="cannot run here: no openssl on this machine")
def test_a_certificate_is_signed_for_both_ends_with_the_names_that_were_asked_for(rig: Rig, cloud: Cloud) -> None:
    system, authority, name, address = rig.system, rig.authority, "a1.orders.internal", "10.20.0.10"
    make_key(system, "/node.key")
    make_request(system, "/node.key", "/node.csr", address=address, names=[name], cluster="orders")
    signed = cloud.sign(authority, system.path("/node.csr"), 7)
    above = split(signed.authorities)
    system.path("/node.crt").write_text(signed.certificate + "".join(above[:-1]))
    system.path("/ca.crt").write_text(signed.authorities)
    files = {"key": "/node.key", "certificate": "/node.crt", "authorities": "/ca.crt"}
    must_fit(system, **files, address=address, names=[name])
    certificate = x509.load_pem_x509_certificate(signed.certificate.encode())
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {*usages} == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    chain = [certificate, *(x509.load_pem_x509_certificate(one.encode()) for one in above)]
    for below, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):  # the root has signed itself
        below.verify_directly_issued_by(issuer)
    assert split(cloud.authorities(authority)) == above


def test_an_authority_that_is_not_there_is_told(rig: Rig, cloud: Cloud, file: Name) -> None:
    unknown = rig.authority[:-5] + "00000"
    for call in (lambda: cloud.sign(unknown, file("a request"), 7), lambda: cloud.authorities(unknown)):
        with pytest.raises(CloudFailure, match=f"{unknown}: .*(ResourceNotFoundException|NOT_FOUND)"):
            call()


# ----------------------------------------------------------------------------------------------------- metrics and logs


def test_metrics_are_published_with_their_dimensions(rig: Rig, cloud: Cloud) -> None:
    labels, values = {"Cluster": "orders-dev", "Node": "a1"}, {"DiskUsedPercent": 12.5, "Healthy": 1.0}
    cloud.put_metrics("ybfort", labels, values)
    assert {name: rig.point("ybfort", labels, name) for name in values} == values


def test_a_log_is_begun_with_its_first_lines_and_goes_on(rig: Rig, cloud: Cloud) -> None:
    now = int(time.time() * 1000)
    lines = [(now + number // 10, f"yb-master: line {number}: “ü” \\ 'x' {'.' * 100}") for number in range(2000)]
    cloud.put_log(rig.group, "a1", lines)
    assert rig.logged("a1") == lines
    cloud.put_log(rig.group, "a1", [(now + 1000, "the last")])
    assert rig.logged("a1") == [*lines, (now + 1000, "the last")]


def test_lines_of_a_clock_that_was_set_back_are_all_there(rig: Rig, cloud: Cloud) -> None:
    now = int(time.time() * 1000)
    cloud.put_log(rig.group, "a1", [(now + 5, "before"), (now, "set back"), (now, "and on"), (now, "and on")])
    assert rig.logged("a1") == [(now, "set back"), (now, "and on"), (now, "and on"), (now + 5, "before")]


# -------------------------------------------------------------------------------------------------------------- trouble


def the_secret(rig: Rig) -> None:
    assert rig.cloud.read_secret(rig.secret) == VALUE


def the_object(rig: Rig) -> None:
    file = rig.system.path("/fetched")
    rig.cloud.get_object(rig.bucket, KEY, file)
    assert file.read_bytes() == CONTENT


ABOUT = {the_secret: "secret orders-dev", the_object: f"//orders-dev-status/{KEY}"}
both = pytest.mark.parametrize("fetch", [the_secret, the_object])


@both
@pytest.mark.parametrize("trouble", [THROTTLED, BROKEN, SILENT, EXPIRED])
def test_what_passes_is_tried_again(rig: Rig, fetch: Callable[[Rig], None], trouble: str) -> None:
    rig.fails(trouble, 1)
    fetch(rig)
    assert rig.asked() >= 2


@both
@pytest.mark.parametrize("trouble", [THROTTLED, BROKEN, SILENT])
def test_what_does_not_pass_is_given_up_with_one_line_that_says_why(
    rig: Rig, fetch: Callable[[Rig], None], trouble: str
) -> None:
    rig.fails(trouble, 20)
    with pytest.raises(CloudFailure, match=f"^.*{ABOUT[fetch]}.*: .*({rig.words[trouble]})") as raised:
        fetch(rig)
    assert "\n" not in str(raised.value)
    assert rig.asked() == rig.tries


@both
def test_what_is_denied_is_not_tried_again(rig: Rig, fetch: Callable[[Rig], None]) -> None:
    rig.fails(DENIED, 20)
    with pytest.raises(CloudFailure, match=f"{ABOUT[fetch]}.*: .*({rig.words[DENIED]})"):
        fetch(rig)
    assert (rig.asked(), rig.system.slept) == (1, [])


@both
def test_credentials_that_stay_expired_are_given_up(rig: Rig, fetch: Callable[[Rig], None]) -> None:
    rig.fails(EXPIRED, 20)
    with pytest.raises(CloudFailure, match=f"{ABOUT[fetch]}.*: .*{rig.words[EXPIRED]}"):
        fetch(rig)


def test_an_answer_that_is_none_is_told_without_it(rig: Rig) -> None:
    rig.fails(NONSENSE, 20)
    with pytest.raises(CloudFailure, match=f"secret {rig.secret}: {rig.words[NONSENSE]}") as raised:
        the_secret(rig)
    assert VALUE not in str(raised.value)
    assert rig.asked() == 1
