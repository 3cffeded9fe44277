"""AWS through the real AWS CLI: against moto, and against servers on their bad days. What the CLI itself might print
comes from a CLI that is none."""

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from object_servers import (
    CREDENTIALS,
    SILENCE,
    Answer,
    CannedServer,
    ObjectServer,
    aws_cli,
    canned_server,
    moto,
    object_server,
    refusal,
    s3_error,
    told,
)
from simulated_machine import AUTHORITY, HOME, STATUS_BUCKET, program
from ybfort.node import cloud_aws
from ybfort.node.cloud import CloudFailure, Missing
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.system import Output, System
from ybfort.node.together import together
from ybfort.node.x509 import make_key, make_request, split

pytestmark = pytest.mark.xdist_group("aws-cli")  # one moto for all, and one CLI at a time

KEY = "status/a1.json"
OBJECT = f"/{STATUS_BUCKET}/{KEY}"
SECRET = "orders-dev/role/orders_app"
GROUP = "/orders-dev/node"
ROLE = "/latest/meta-data/iam/security-credentials/"
AWS = Callable[[str], Any]  # a client of a service, by its name


class PatientSystem(System):
    """A machine that counts pauses and does not wait."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.slept: list[float] = []
        self.asleep: Callable[[], None] = lambda: None  # what happens elsewhere meanwhile

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep()


class Saying(PatientSystem):
    """A machine whose CLI says what a test wants, call by call, and remembers what it was called with."""

    def __init__(self, root: Path, *says: Output) -> None:
        super().__init__(root)
        self.says, self.called = list(says), list[tuple[str, ...]]()

    def run(self, *command: str, **_: Any) -> Output:
        self.called.append(command)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def option(self, name: str) -> str:
        """The value of an option that one of the calls had."""
        return next(command[command.index(name) + 1] for command in self.called if name in command)


def says(text: str) -> Output:
    return Output(0, text, "")


def refuses(code: str, operation: str = "Call") -> Output:
    return Output(254, "", f"\naws: [ERROR]: An error occurred ({code}) when calling the {operation} operation: No.\n")


@pytest.fixture(scope="module")
def simulated() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PatientSystem:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/aws").symlink_to(aws_cli())
    return PatientSystem(tmp_path)


@pytest.fixture
def cloud(system: System) -> AwsCloud:
    return AwsCloud(HOME, system)


@pytest.fixture
def aws(simulated: str, system: System, monkeypatch: pytest.MonkeyPatch) -> AWS:
    """The CLI talks to moto, and so does the test itself."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", simulated)
    return lambda service: boto3.client(service, region_name=HOME.region)


@pytest.fixture
def bad_day(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """The CLI talks to a store that misbehaves, and tries twice only: the pauses of more grow."""
    with object_server(HOME.account) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setitem(cloud_aws.SETTINGS, "AWS_MAX_ATTEMPTS", "2")
        server.objects[f"/{HOME.bucket}/cluster.json"] = b"{}" * 100
        yield server


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    """The CLI talks to a server that answers what a test wants, and tries twice."""
    with canned_server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setitem(cloud_aws.SETTINGS, "AWS_MAX_ATTEMPTS", "2")
        yield server


def recorded(system: System) -> tuple[Path, Path]:
    """Have what the CLI is called with written down: its arguments, which any user of a machine can read, and its
    environment."""
    cli = system.path("/usr/bin/aws")
    arguments, environment = cli.with_name("arguments"), cli.with_name("environment")
    cli.unlink()
    cli.write_text(f"""#!/bin/sh
printf '%s\\n' "$@" >>{arguments}
env >>{environment}
exec {aws_cli()} "$@"
""")
    cli.chmod(0o755)
    return arguments, environment


# ------------------------------------------------------------------------------------------------------- object storage


@pytest.fixture
def store(aws: AWS) -> Any:
    """An empty bucket of a real S3."""
    s3 = aws("s3")
    if STATUS_BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        for one in s3.list_objects_v2(Bucket=STATUS_BUCKET).get("Contents", []):
            s3.delete_object(Bucket=STATUS_BUCKET, Key=one["Key"])
    else:
        s3.create_bucket(Bucket=STATUS_BUCKET, CreateBucketConfiguration={"LocationConstraint": HOME.region})
    return s3


def test_objects_of_a_real_s3_are_fetched_and_written(store: Any, cloud: AwsCloud, tmp_path: Path) -> None:
    written, fetched = tmp_path / "written", tmp_path / "fetched"
    written.write_bytes(bytes(range(256)) * 1000)
    cloud.put_object(STATUS_BUCKET, KEY, written)
    cloud.get_object(STATUS_BUCKET, KEY, fetched)
    assert fetched.read_bytes() == written.read_bytes()
    with pytest.raises(Missing, match=f"s3://{STATUS_BUCKET}/status/b1.json is not there"):
        cloud.get_object(STATUS_BUCKET, "status/b1.json", fetched)


def test_a_listing_has_the_objects_under_a_prefix_with_another_tag_when_they_are_others(
    store: Any, cloud: AwsCloud
) -> None:
    assert cloud.list_objects(STATUS_BUCKET, "status/") == {}
    before = int(time.time())  # moto tells whole seconds
    for key, content in {KEY: b"1", "status/b1.json": b"1", "backup/a1.json": b"1"}.items():
        store.put_object(Bucket=STATUS_BUCKET, Key=key, Body=content)
    first = cloud.list_objects(STATUS_BUCKET, "status/")
    assert first.keys() == {KEY, "status/b1.json"}
    assert all(before <= one.at <= time.time() for one in first.values())
    store.put_object(Bucket=STATUS_BUCKET, Key=KEY, Body=b"2")
    second = cloud.list_objects(STATUS_BUCKET, "status/")
    assert second[KEY].tag not in ("", first[KEY].tag)
    assert second["status/b1.json"].tag == first["status/b1.json"].tag
    with pytest.raises(CloudFailure, match=r"s3://another-bucket/status/: .*NoSuchBucket"):
        cloud.list_objects("another-bucket", "status/")


def test_a_long_listing_is_read_to_its_end_and_has_the_times_of_the_store(
    cloud: AwsCloud, canned: CannedServer
) -> None:
    def page(node: str, at: str, more: str) -> Answer:
        one = f'<Key>status/{node}.json</Key><ETag>"of-{node}"</ETag><LastModified>{at}</LastModified>'
        return 200, f"<ListBucketResult>{more}<Contents>{one}</Contents></ListBucketResult>".encode()

    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>further</NextContinuationToken>"
    canned.answers[f"GET /{STATUS_BUCKET}"] = [
        page("a1", "2001-09-09T01:46:40.000Z", more),
        page("b1", "2001-09-09T01:46:41.000Z", ""),
    ]
    listed = cloud.list_objects(STATUS_BUCKET, "status/")
    assert {key: (one.tag, one.at) for key, one in listed.items()} == {
        "status/a1.json": ("of-a1", 1_000_000_000),
        "status/b1.json": ("of-b1", 1_000_000_001),
    }
    assert "continuation-token=further" in canned.asked[1].path


def test_a_bucket_of_another_account_is_neither_read_nor_written(
    cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path
) -> None:
    bad_day.account = "999999999999"
    (tmp_path / "written").write_text("{}")
    for call in (
        lambda: cloud.list_objects(STATUS_BUCKET, "status/"),
        lambda: cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched"),
        lambda: cloud.put_object(STATUS_BUCKET, KEY, tmp_path / "written"),
    ):
        with pytest.raises(CloudFailure, match=rf"access denied.* not of account {HOME.account}\. .*AccessDenied"):
            call()


def test_an_object_is_created_once(store: Any, cloud: AwsCloud, tmp_path: Path) -> None:
    (tmp_path / "first").write_text("first")
    (tmp_path / "second").write_text("second")
    assert cloud.create_object(STATUS_BUCKET, KEY, tmp_path / "first")
    assert not cloud.create_object(STATUS_BUCKET, KEY, tmp_path / "second")
    assert store.get_object(Bucket=STATUS_BUCKET, Key=KEY)["Body"].read() == b"first"


def test_of_two_that_create_an_object_at_once_one_does(cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path) -> None:
    (tmp_path / "0").write_text("0")
    (tmp_path / "1").write_text("1")
    created = together(lambda name: cloud.create_object(STATUS_BUCKET, KEY, tmp_path / name), ["0", "1"])
    assert sorted(created) == [False, True]
    assert bad_day.objects[OBJECT] == str(created.index(True)).encode()


def test_a_write_that_met_another_one_is_tried_again(tmp_path: Path) -> None:
    system = Saying(tmp_path, refuses("ConditionalRequestConflict"), says('{"ETag": "1"}'))
    assert AwsCloud(HOME, system).create_object(STATUS_BUCKET, KEY, tmp_path / "written")
    assert system.slept == [1.0]


def test_an_object_is_missing_only_if_s3_itself_says_so(cloud: AwsCloud, canned: CannedServer, tmp_path: Path) -> None:
    """A node that takes the cluster's record for missing makes a new cluster."""
    canned.answers[f"GET {OBJECT}"] = [(404, b"<html>Not found.</html>"), (404, b"")]
    for _ in range(2):
        with pytest.raises(CloudFailure, match=r"\((404)?\) when calling the GetObject") as raised:
            cloud.get_object(STATUS_BUCKET, KEY, tmp_path / "fetched")
        assert not isinstance(raised.value, Missing)


def test_an_object_that_ends_half_way_is_not_taken_for_whole(
    cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path
) -> None:
    bad_day.cut = True
    with pytest.raises(CloudFailure, match=r"cluster\.json: "):
        cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")


def test_a_cli_that_cannot_create_objects_is_too_old(tmp_path: Path) -> None:
    """These are the words of 2.17.18, which Amazon Linux 2023 had at the end of 2024."""
    usage = "\nusage: aws [options] <command> <subcommand>\n  aws help\n\nUnknown options: --if-none-match, *\n\n"
    cloud = AwsCloud(HOME, Saying(tmp_path, Output(252, "", usage)))
    with pytest.raises(
        CloudFailure, match=r"too old \(Unknown options: --if-none-match, \*\).* image with 2\.17\.34 or"
    ):
        cloud.create_object(STATUS_BUCKET, KEY, tmp_path / "written")


# -------------------------------------------------------------------------------------------------------------- secrets


@pytest.fixture
def secret(aws: AWS) -> Iterator[Any]:
    """An empty secret, as Pulumi makes it."""
    secrets = aws("secretsmanager")
    secrets.create_secret(Name=SECRET)
    yield secrets
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def test_a_secret_has_no_value_and_then_the_last_one_with_the_one_before(secret: Any, cloud: AwsCloud) -> None:
    assert cloud.read_secret(SECRET) is None
    values = ["the first", 'file:///etc/passwd {"password": "§ü\\n"} $HOME\n-- ']
    for value in values:
        cloud.write_secret(SECRET, value)
    assert cloud.read_secret(SECRET) == values[1]
    stages = ("AWSPREVIOUS", "AWSCURRENT")
    assert [secret.get_secret_value(SecretId=SECRET, VersionStage=one)["SecretString"] for one in stages] == values


def test_the_value_of_a_secret_stands_in_no_argument(secret: Any, cloud: AwsCloud, system: System) -> None:
    arguments, environment = recorded(system)
    cloud.write_secret(SECRET, "hunter2")
    assert secret.get_secret_value(SecretId=SECRET)["SecretString"] == "hunter2"
    assert SECRET in arguments.read_text()
    assert "hunter2" not in arguments.read_text() + environment.read_text()


def test_a_secret_that_is_not_there_cannot_be_written_and_is_told_without_its_value(aws: AWS, cloud: AwsCloud) -> None:
    with pytest.raises(CloudFailure, match=r"secret orders-dev/unknown: .*ResourceNotFound") as raised:
        cloud.write_secret("orders-dev/unknown", "hunter2")
    assert "hunter2" not in str(raised.value)


# --------------------------------------------------------------------------------------------------------- certificates


def root_authority(aws: AWS) -> str:
    """An authority that signs itself, as Pulumi makes it."""
    pca, algorithm = aws("acm-pca"), "SHA256WITHECDSA"
    settings = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": algorithm, "Subject": {"CommonName": "nodes"}}
    arn = pca.create_certificate_authority(CertificateAuthorityConfiguration=settings, CertificateAuthorityType="ROOT")[
        "CertificateAuthorityArn"
    ]
    which = {"CertificateAuthorityArn": arn}
    issued = pca.issue_certificate(
        **which,
        Csr=pca.get_certificate_authority_csr(**which)["Csr"].encode(),
        SigningAlgorithm=algorithm,
        TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1",
        Validity={"Value": 10, "Type": "YEARS"},
    )
    root = pca.get_certificate(**which, CertificateArn=issued["CertificateArn"])["Certificate"]
    pca.import_certificate_authority_certificate(**which, Certificate=root.encode())
    return arn


def test_a_certificate_is_signed_for_both_ends_with_the_names_that_were_asked_for(
    aws: AWS, cloud: AwsCloud, system: System
) -> None:
    authority, openssl = root_authority(aws), program("openssl")
    assert openssl
    system.path("/usr/bin/openssl").symlink_to(openssl)
    make_key(system, "/node.key")
    make_request(system, "/node.key", "/node.csr", address="10.20.0.10", names=["a1.orders.internal"], cluster="orders")
    signed = cloud.sign(authority, system.path("/node.csr"), 7)
    certificate = x509.load_pem_x509_certificate(signed.certificate.encode())
    request = x509.load_pem_x509_csr(system.path("/node.csr").read_bytes())
    assert certificate.public_key() == request.public_key()
    names = x509.SubjectAlternativeName
    found = [one.extensions.get_extension_for_class(names).value for one in (certificate, request)]
    assert found[0] == found[1]
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {*usages} == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(signed.authorities.encode()))
    assert split(cloud.authorities(authority)) == split(signed.authorities)


def test_an_authority_that_is_not_there_is_told(aws: AWS, cloud: AwsCloud, tmp_path: Path) -> None:
    with pytest.raises(CloudFailure, match=f"{AUTHORITY}: .*ResourceNotFoundException"):
        cloud.sign(AUTHORITY, tmp_path / "node.csr", 7)


def described(key: str) -> dict[str, Any]:
    return {"CertificateAuthority": {"CertificateAuthorityConfiguration": {"KeyAlgorithm": key}}}


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [("EC_prime256v1", "SHA256WITHECDSA"), ("EC_secp384r1", "SHA256WITHECDSA"), ("RSA_2048", "SHA256WITHRSA")],
)
def test_an_authority_signs_as_its_key_can(key: str, algorithm: str, tmp_path: Path) -> None:
    signed = {"CertificateArn": "arn", "Certificate": "one", "CertificateChain": "root"}
    system = Saying(tmp_path, says(json.dumps(described(key))), says(json.dumps(signed)))
    AwsCloud(HOME, system).sign(AUTHORITY, tmp_path / "node.csr", 7)
    assert system.option("--signing-algorithm") == algorithm


def test_a_certificate_that_is_not_signed_yet_is_waited_for(
    cloud: AwsCloud, system: PatientSystem, canned: CannedServer, tmp_path: Path
) -> None:
    (tmp_path / "node.csr").write_text("a request")
    canned.answers = {
        "DescribeCertificateAuthority": [told(**described("EC_prime256v1"))],
        "IssueCertificate": [told(CertificateArn=f"{AUTHORITY}/certificate/1")],
        "GetCertificate": [refusal("RequestInProgressException"), told(Certificate="one", CertificateChain="root")],
    }
    signed = cloud.sign(AUTHORITY, tmp_path / "node.csr", 7)
    assert (signed.certificate, signed.authorities) == ("one", "root")
    assert system.slept == [cloud_aws.SIGN_PAUSE]
    (issued,) = canned.calls("IssueCertificate")
    asked = json.loads(issued.body)
    assert base64.b64decode(asked["Csr"]) == b"a request"
    assert asked["Validity"] == {"Value": 7, "Type": "DAYS"}
    assert asked["TemplateArn"].endswith("template/EndEntityCertificate/V1")


def test_a_certificate_that_is_never_signed_is_given_up(tmp_path: Path) -> None:
    issued = [says(json.dumps(described("EC_prime256v1"))), says('{"CertificateArn": "arn"}')]
    system = Saying(tmp_path, *issued, refuses("RequestInProgressException"))
    with pytest.raises(CloudFailure, match=f"{AUTHORITY} has not signed within 30 seconds"):
        AwsCloud(HOME, system).sign(AUTHORITY, tmp_path / "node.csr", 7)
    assert sum(system.slept) == 30


def test_an_authority_whose_signatures_databases_do_not_know_signs_nothing(tmp_path: Path) -> None:
    system = Saying(tmp_path, says(json.dumps(described("SM2"))))
    with pytest.raises(CloudFailure, match=f"{AUTHORITY}: its key is SM2, and must be"):
        AwsCloud(HOME, system).sign(AUTHORITY, tmp_path / "node.csr", 7)
    assert len(system.called) == 1


def test_the_authorities_above_one_come_after_it(tmp_path: Path) -> None:
    chain = {"Certificate": "the issuing one", "CertificateChain": "the one above\nthe root\n"}
    cloud = AwsCloud(HOME, Saying(tmp_path, says(json.dumps(chain))))
    assert cloud.authorities(AUTHORITY) == "the issuing one\nthe one above\nthe root\n"


# ----------------------------------------------------------------------------------------------------- metrics and logs


def test_metrics_are_published_with_their_dimensions(aws: AWS, cloud: AwsCloud) -> None:
    cloud.put_metrics("ybfort", {"Cluster": "orders-dev", "Node": "a1"}, {"DiskUsedPercent": 12.5, "Healthy": 1.0})
    named = [{"Name": "Cluster", "Value": "orders-dev"}, {"Name": "Node", "Value": "a1"}]
    now = time.time()
    for name, value in {"DiskUsedPercent": 12.5, "Healthy": 1.0}.items():
        (point,) = aws("cloudwatch").get_metric_statistics(
            Namespace="ybfort",
            MetricName=name,
            Dimensions=named,
            Statistics=["Sum"],
            Period=3600,
            StartTime=now - 600,
            EndTime=now + 600,
        )["Datapoints"]
        assert point["Sum"] == value


@pytest.fixture
def logs(aws: AWS) -> Iterator[Any]:
    logs = aws("logs")
    logs.create_log_group(logGroupName=GROUP)
    yield logs
    logs.delete_log_group(logGroupName=GROUP)


def logged(logs: Any) -> list[tuple[int, str]]:
    events = logs.get_log_events(logGroupName=GROUP, logStreamName="a1", startFromHead=True)["events"]
    return [(event["timestamp"], event["message"]) for event in events]


def test_a_log_is_begun_with_its_first_lines_and_goes_on(logs: Any, cloud: AwsCloud) -> None:
    now = int(time.time() * 1000)
    lines = [(now + number // 10, f"yb-master: line {number}: “ü” \\ 'x' {'.' * 100}") for number in range(2000)]
    cloud.put_log(GROUP, "a1", lines)
    assert logged(logs) == lines
    cloud.put_log(GROUP, "a1", [(now + 1000, "the last")])
    assert logged(logs) == [*lines, (now + 1000, "the last")]


def test_lines_of_a_clock_that_was_set_back_are_sent_in_the_order_of_their_times(logs: Any, cloud: AwsCloud) -> None:
    now = int(time.time() * 1000)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="a1")
    cloud.put_log(GROUP, "a1", [(now + 5, "before"), (now, "set back"), (now, "and on")])
    assert logged(logs) == [(now, "set back"), (now, "and on"), (now + 5, "before")]


def test_a_log_that_another_try_has_begun_goes_on(tmp_path: Path) -> None:
    absent, there = refuses("ResourceNotFoundException"), refuses("ResourceAlreadyExistsException")
    system = Saying(tmp_path, absent, there, says("{}"))
    AwsCloud(HOME, system).put_log(GROUP, "a1", [(1, "a line")])
    assert [command[2] for command in system.called] == ["put-log-events", "create-log-stream", "put-log-events"]


def test_a_log_without_a_group_is_told(tmp_path: Path) -> None:
    system = Saying(tmp_path, refuses("ResourceNotFoundException"))
    with pytest.raises(CloudFailure, match=f"log {GROUP} a1: .*ResourceNotFoundException"):
        AwsCloud(HOME, system).put_log(GROUP, "a1", [(1, "a line")])
    assert [command[2] for command in system.called] == ["put-log-events", "create-log-stream"]


# --------------------------------------------------------------------------------------------------------- what passes


def test_what_passes_is_tried_again(cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path) -> None:
    bad_day.failures = [503]
    cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"{}" * 100
    assert len(bad_day.asked) == 2


@pytest.mark.parametrize(
    "trouble",
    [refusal("ThrottlingException"), (500, b"<html>Oops.</html>"), SILENCE],
    ids=["throttled", "broken", "silent"],
)
def test_a_service_that_recovers_is_asked_again(
    cloud: AwsCloud, system: PatientSystem, canned: CannedServer, monkeypatch: pytest.MonkeyPatch, trouble: Answer
) -> None:
    monkeypatch.setattr(cloud_aws, "READ_SECONDS", 1)
    canned.answers["GetSecretValue"] = [trouble, told(SecretString="hunter2")]
    assert cloud.read_secret(SECRET) == "hunter2"
    assert len(canned.asked) == 2
    assert system.slept == []  # the CLI waits itself


def credentials(number: int) -> Answer:
    """What the instance's metadata says: other credentials each time."""
    times = {"LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2126-01-01T00:00:00Z"}
    keys = {"AccessKeyId": f"AKIA{number}", "SecretAccessKey": "example", "Token": f"token-{number}"}
    return told(Code="Success", Type="AWS-HMAC", **times, **keys)


@pytest.fixture
def metadata(canned: CannedServer, system: System, monkeypatch: pytest.MonkeyPatch) -> CannedServer:
    """Credentials come from the instance's role, and are others whenever they are asked for."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{canned.url}/")
    canned.answers["PUT /latest/api/token"] = [(200, b"session")]
    canned.answers[f"GET {ROLE}"] = [(200, b"node")]
    canned.answers[f"GET {ROLE}node"] = [credentials(number) for number in range(9)]
    return canned


@pytest.mark.parametrize(
    ("call", "expired", "good"),
    [
        ("GetSecretValue", refusal("ExpiredTokenException"), told(SecretString="hunter2")),
        (f"GET {OBJECT}", (400, s3_error("ExpiredToken")), (200, b"hunter2")),
    ],
    ids=["json", "s3"],
)
def test_expired_credentials_are_replaced(
    metadata: CannedServer, cloud: AwsCloud, system: PatientSystem, call: str, expired: Answer, good: Answer
) -> None:
    metadata.answers[call] = [expired, good]
    if call == "GetSecretValue":
        assert cloud.read_secret(SECRET) == "hunter2"
    else:
        cloud.get_object(STATUS_BUCKET, KEY, system.path("/fetched"))
        assert system.path("/fetched").read_text() == "hunter2"
    tokens = [{name.lower(): value for name, value in asked.headers.items()} for asked in metadata.calls(call)]
    assert [one["x-amz-security-token"] for one in tokens] == ["token-0", "token-1"]
    assert system.slept == [1.0]


def test_credentials_that_are_not_there_yet_are_waited_for(
    metadata: CannedServer, cloud: AwsCloud, system: PatientSystem
) -> None:
    metadata.answers[f"GET {ROLE}"] = [(404, b"")]
    metadata.answers["GetSecretValue"] = [told(SecretString="hunter2")]
    system.asleep = lambda: metadata.answers.update({f"GET {ROLE}": [(200, b"node")]})
    assert cloud.read_secret(SECRET) == "hunter2"
    assert system.slept == [1.0]


# --------------------------------------------------------------------------------------------------- what does not pass


def test_what_does_not_pass_is_given_up(cloud: AwsCloud, bad_day: ObjectServer, tmp_path: Path) -> None:
    bad_day.failures = [500] * 20
    with pytest.raises(CloudFailure, match=r"cluster\.json: .*SlowDown"):
        cloud.get_object(HOME.bucket, "cluster.json", tmp_path / "fetched")
    assert len(bad_day.asked) == 2


@pytest.mark.parametrize(
    ("trouble", "reason", "tries"),
    [
        (refusal("ThrottlingException"), "ThrottlingException", 2),
        (refusal("AccessDeniedException"), "AccessDeniedException", 1),
        (SILENCE, "timeout", 2),
        ((200, b'{"SecretString": "hunter2'), "the answer of AWS has no SecretString", 1),
        ((200, b"[]"), "", 1),
    ],
    ids=["throttled", "denied", "silent", "truncated", "no object"],
)
def test_a_service_that_does_not_recover_is_given_up_with_one_line_that_says_why(
    cloud: AwsCloud,
    system: PatientSystem,
    canned: CannedServer,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Answer,
    reason: str,
    tries: int,
) -> None:
    monkeypatch.setattr(cloud_aws, "READ_SECONDS", 1)
    canned.answers["GetSecretValue"] = [trouble]
    with pytest.raises(CloudFailure, match=f"secret {SECRET}: .*{reason}") as raised:
        cloud.read_secret(SECRET)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert (len(canned.asked), system.slept) == (tries, [])


def test_a_listing_that_is_none_is_not_taken_for_one(cloud: AwsCloud, canned: CannedServer) -> None:
    canned.answers[f"GET /{STATUS_BUCKET}"] = [(200, b"<ListBucketResult><Contents><Key>status/a1")]
    with pytest.raises(CloudFailure, match=f"s3://{STATUS_BUCKET}/status/: "):
        cloud.list_objects(STATUS_BUCKET, "status/")


def test_nobody_there_is_told(cloud: AwsCloud, system: PatientSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket()) as reserved:  # bound, but it listens to nobody
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        monkeypatch.setitem(cloud_aws.SETTINGS, "AWS_MAX_ATTEMPTS", "2")
        with pytest.raises(CloudFailure, match=f"secret {SECRET}: .*Could not connect"):
            cloud.read_secret(SECRET)
    assert system.slept == []


@pytest.mark.parametrize(
    "trouble",
    [
        refuses("ExpiredToken"),
        refuses("ExpiredTokenException"),
        Output(253, "", '\nUnable to locate credentials. You can configure credentials by running "aws login".\n'),
        Output(255, "", "\nError when retrieving credentials from iam-role: Credential refresh failed\n"),
    ],
    ids=["expired (S3)", "expired (JSON)", "none", "broken"],
)
def test_credentials_that_do_not_come_are_given_up(trouble: Output, tmp_path: Path) -> None:
    system = Saying(tmp_path, trouble)
    with pytest.raises(CloudFailure, match=r"metrics of ybfort: .*(ExpiredToken|credentials)"):
        AwsCloud(HOME, system).put_metrics("ybfort", {}, {})
    assert system.slept == list(cloud_aws.PAUSES)
    assert len(system.called) == len(cloud_aws.PAUSES) + 1


def test_nothing_but_the_node_s_role_is_asked_for_credentials(
    system: System, canned: CannedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".aws").mkdir()
    for name in ("credentials", "config"):
        (tmp_path / ".aws" / name).write_text("[default]\naws_access_key_id = AKIAHOME\naws_secret_access_key = home\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CloudFailure, match="Unable to locate credentials"):
        AwsCloud(HOME, system, pauses=()).read_secret(SECRET)
    assert canned.asked == []


def test_a_cli_that_hangs_is_killed(cloud: AwsCloud, system: System, tmp_path: Path) -> None:
    system.path("/usr/bin/aws").unlink()
    system.path("/usr/bin/aws").write_text("#!/bin/sh\nexec sleep 60\n")
    system.path("/usr/bin/aws").chmod(0o755)
    with pytest.raises(CloudFailure, match=f"s3://{STATUS_BUCKET}/{KEY}: aws was not done after 0.2 seconds"):
        cloud.get_object(STATUS_BUCKET, KEY, tmp_path / "fetched", seconds=0.2)


def test_a_machine_without_the_cli_is_told(cloud: AwsCloud, system: System) -> None:
    system.path("/usr/bin/aws").unlink()
    with pytest.raises(CloudFailure, match=f"secret {SECRET}: aws is not on this machine"):
        cloud.read_secret(SECRET)


CALLS: dict[str, Callable[[AwsCloud, Path], object]] = {
    "list": lambda cloud, _: cloud.list_objects(STATUS_BUCKET, "status/"),
    "get": lambda cloud, file: cloud.get_object(STATUS_BUCKET, KEY, file),
    "put": lambda cloud, file: cloud.put_object(STATUS_BUCKET, KEY, file),
    "create": lambda cloud, file: cloud.create_object(STATUS_BUCKET, KEY, file),
    "read a secret": lambda cloud, _: cloud.read_secret(SECRET),
    "write a secret": lambda cloud, _: cloud.write_secret(SECRET, "a value"),
    "sign": lambda cloud, file: cloud.sign(AUTHORITY, file, 7),
    "authorities": lambda cloud, _: cloud.authorities(AUTHORITY),
    "metrics": lambda cloud, _: cloud.put_metrics("ybfort", {}, {"Healthy": 1.0}),
    "log": lambda cloud, _: cloud.put_log(GROUP, "a1", [(1, "a line")]),
}
READING = ("list", "read a secret", "sign", "authorities")
WRONG = [
    {"Contents": 7, "SecretString": None, "Certificate": ["hunter2"], "CertificateAuthority": "hunter2"},
    {"Contents": ["hunter2"], "SecretString": {"hunter2": 1}, "Certificate": 7, "CertificateAuthority": []},
    {"Contents": [{"Key": "hunter2"}], "Certificate": "hunter2", "CertificateChain": 7, **described("SM2")},
    {"Contents": [{"Key": "k", "ETag": "e", "LastModified": "hunter2"}], **described("EC_prime256v1")},
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("printed", ["hunter2", '{"SecretString": "hunter2', "[]", "null", '"hunter2"'])
def test_a_cli_that_prints_nonsense_is_told_without_it(call: str, printed: str, tmp_path: Path) -> None:
    system = Saying(tmp_path, says(printed))
    with pytest.raises(CloudFailure, match=r"\S+: the AWS CLI printed what is not") as raised:
        CALLS[call](AwsCloud(HOME, system), tmp_path / "file")
    assert "hunter2" not in str(raised.value)
    assert len(system.called) == 1


@pytest.mark.parametrize("call", READING)
@pytest.mark.parametrize("answer", WRONG, ids=["kinds", "members", "parts", "times"])
def test_an_answer_that_is_not_as_expected_is_told_without_its_content(
    call: str, answer: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(CloudFailure) as raised:
        CALLS[call](AwsCloud(HOME, Saying(tmp_path, says(json.dumps(answer)))), tmp_path / "file")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("call", CALLS)
def test_every_call_has_a_limit_for_each_of_its_tries(call: str, tmp_path: Path) -> None:
    system = Saying(tmp_path, refuses("TheReason"))
    with pytest.raises(CloudFailure):
        CALLS[call](AwsCloud(HOME, system), tmp_path / "file")
    assert float(system.option("--cli-connect-timeout")) == cloud_aws.CONNECT_SECONDS
    assert float(system.option("--cli-read-timeout")) == cloud_aws.READ_SECONDS


@pytest.mark.parametrize("call", CALLS)
def test_every_refusal_says_what_was_asked_for_and_why_it_was_refused(call: str, tmp_path: Path) -> None:
    about = {"list": "s3://.*", "sign": AUTHORITY, "authorities": AUTHORITY, "metrics": "metrics of ybfort"}
    with pytest.raises(
        CloudFailure, match=f"^{about.get(call, '(s3://|secret |log ).*')}: .*TheReason.*: No.$"
    ) as raised:
        CALLS[call](AwsCloud(HOME, Saying(tmp_path, refuses("TheReason"))), tmp_path / "file")
    assert "[ERROR]" not in str(raised.value)


# ---------------------------------------------------------------------------------------------------------------- disks


def test_a_disk_is_known_by_its_volume(cloud: AwsCloud, system: System) -> None:
    for disk, serial in {"nvme0n1": "vol0aaa", "nvme1n1": "vol0bbb", "nvme2n1": "AWS22A"}.items():
        path = system.path(f"/sys/block/{disk}/device/serial")
        path.parent.mkdir(parents=True)
        path.write_text(f"{serial}             \n")
    assert cloud.block_devices("vol-0bbb") == ["/dev/nvme1n1"]
    assert cloud.block_devices("vol-0") == []
