"""What is particular to AWS: what the real AWS CLI asks and answers, and what a CLI might print that is none."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloud_rigs import PatientSystem
from object_servers import CREDENTIALS, Answer, CannedServer, aws_cli, canned_server, refusal, s3_error, told
from simulated_machine import AUTHORITY, HOME, STATUS_BUCKET
from ybfort.node import cloud_aws
from ybfort.node.cloud import CloudFailure, Missing
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.system import Output, System

pytestmark = pytest.mark.xdist_group("aws-cli")  # one CLI at a time

KEY = "status/a1.json"
OBJECT = f"/{STATUS_BUCKET}/{KEY}"
SECRET = "orders-dev/role/orders_app"
GROUP = "/orders-dev/node"
ROLE = "/latest/meta-data/iam/security-credentials/"


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


def test_a_cli_that_cannot_create_objects_is_too_old(tmp_path: Path) -> None:
    """These are the words of 2.17.18, which Amazon Linux 2023 had at the end of 2024."""
    usage = "\nusage: aws [options] <command> <subcommand>\n  aws help\n\nUnknown options: --if-none-match, *\n\n"
    cloud = AwsCloud(HOME, Saying(tmp_path, Output(252, "", usage)))
    with pytest.raises(
        CloudFailure, match=r"too old \(Unknown options: --if-none-match, \*\).* image with 2\.17\.34 or"
    ):
        cloud.create_object(STATUS_BUCKET, KEY, tmp_path / "written")


# -------------------------------------------------------------------------------------------------------------- secrets


def test_the_value_of_a_secret_stands_in_no_argument(canned: CannedServer, cloud: AwsCloud, system: System) -> None:
    arguments, environment = recorded(system)
    canned.answers["PutSecretValue"] = [told()]
    cloud.write_secret(SECRET, "hunter2")
    assert json.loads(canned.asked[0].body)["SecretString"] == "hunter2"
    assert SECRET in arguments.read_text()
    assert "hunter2" not in arguments.read_text() + environment.read_text()


# --------------------------------------------------------------------------------------------------------- certificates


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
