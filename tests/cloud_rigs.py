"""Both clouds for one suite: an adapter, and behind it a cloud that can be looked into and can have bad days."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.request import Request, urlopen

import boto3
import pytest

from certificates import authority
from google_server import CUT as HALF
from google_server import NUMBER, PROJECT, Fault, GoogleServer, Said, Version, google_server
from google_server import SILENT as NOTHING
from google_server import refusal as google_refusal
from object_servers import CREDENTIALS, SILENCE, Answer, aws_cli, canned_server, object_server, refusal, s3_error, told
from simulated_machine import HOME, program
from ybfort.node import cloud_aws, cloud_gcp
from ybfort.node.cloud import Cloud
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.cloud_gcp import REHEARSAL, GcpCloud
from ybfort.node.config import Identity
from ybfort.node.system import System

KEY, VALUE, CONTENT = "status/a1.json", "hunter2", b"a release" * 1000
GCP_HOME = Identity("gcp", "orders-dev", "a1", "europe-west1", PROJECT, "orders-dev-artifacts")
POOL = f"projects/{PROJECT}/locations/europe-west1/caPools/orders-dev"

# Trouble: passing, and not passing.
THROTTLED, BROKEN, SILENT, EXPIRED = "throttled", "broken", "silent", "expired"
DENIED, STRANGER, NONSENSE = "denied", "stranger", "nonsense"  # a stranger says that something is not there


class PatientSystem(System):
    """A machine that counts pauses and does not wait."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.slept: list[float] = []
        self.asleep: Callable[[], None] = lambda: None  # what happens elsewhere meanwhile

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep()


def patient_machine(folder: Path) -> PatientSystem:
    """One that has an OpenSSL, if there is any."""
    system, openssl = PatientSystem(folder), program("openssl")
    system.path("/usr/bin").mkdir(parents=True)
    if openssl:
        system.path("/usr/bin/openssl").symlink_to(openssl)
    return system


class Rig(Protocol):
    """An adapter and its cloud."""

    cloud: Cloud
    system: PatientSystem
    bucket: str  # empty
    secret: str  # without a value
    group: str  # of logs
    tries: int  # before a service is given up
    words: dict[str, str]  # that tell of a trouble

    @property
    def authority(self) -> str:
        """One that signs."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Let there be an object in the bucket."""
        ...

    def got(self, key: str) -> bytes:
        """What is in an object."""
        ...

    def values(self) -> list[str]:
        """The value of the secret, and the one before."""
        ...

    def point(self, namespace: str, labels: dict[str, str], name: str) -> float:
        """What was published of a metric."""
        ...

    def logged(self, stream: str) -> list[tuple[int, str]]:
        """The lines of a log, as they are shown."""
        ...

    def fails(self, trouble: str, times: int) -> None:
        """The secret has `VALUE` and the object `KEY` has `CONTENT`, but the next requests for them go wrong."""
        ...

    def cuts(self) -> None:
        """The object is there, but every answer ends half-way."""
        ...

    def asked(self) -> int:
        """The requests for the secret or the object since then."""
        ...

    def serializes(self) -> None:
        """From now on of two writers one is first."""
        ...

    def loses(self) -> None:
        """The bucket is another account's."""
        ...


# ------------------------------------------------------------------------------------------------------------------ AWS


class AwsRig:
    """The real AWS CLI against moto; on bad days, against servers that say what a test wants."""

    bucket, secret, group, tries = "orders-dev-status", "orders-dev/role/orders_app", "/orders-dev/node", 2
    words: ClassVar[dict[str, str]] = {
        THROTTLED: "ThrottlingException|SlowDown",
        BROKEN: "500",
        SILENT: "[Tt]imeout",
        EXPIRED: "ExpiredToken",
        DENIED: "AccessDenied",
        STRANGER: "404|when calling",
        NONSENSE: "the answer has no SecretString",
    }
    troubles: ClassVar[dict[str, tuple[Answer, Answer]]] = {  # of the secret, of the object
        THROTTLED: (refusal("ThrottlingException"), (503, s3_error("SlowDown"))),
        BROKEN: ((500, b"<html>Oops.</html>"),) * 2,
        SILENT: (SILENCE, SILENCE),
        EXPIRED: (refusal("ExpiredTokenException"), (400, s3_error("ExpiredToken"))),
        DENIED: (refusal("AccessDeniedException"), (403, s3_error("AccessDenied"))),
        STRANGER: ((404, b"<html>Not found.</html>"),) * 2,
        NONSENSE: ((200, b'{"SecretString": "hunter2'), (200, b"")),
    }

    def __init__(self, folder: Path, url: str, patch: pytest.MonkeyPatch, ending: ExitStack) -> None:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": url}.items():
            patch.setenv(name, value)
        patch.setitem(cloud_aws.SETTINGS, "AWS_MAX_ATTEMPTS", str(self.tries))
        patch.setattr(cloud_aws, "READ_SECONDS", 1)
        self._patch, self._ending, self._asked = patch, ending, list[Any]()
        self.system = patient_machine(folder)
        self.system.path("/usr/bin/aws").symlink_to(aws_cli())
        self.cloud: Cloud = AwsCloud(HOME, self.system)
        self._aws = partial(client, url)
        urlopen(Request(f"{url}/moto-api/reset", method="POST"), timeout=10).close()
        place = {"LocationConstraint": HOME.region}
        self._aws("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration=place)
        self._aws("secretsmanager").create_secret(Name=self.secret)
        self._aws("logs").create_log_group(logGroupName=self.group)

    @property
    def authority(self) -> str:
        """A root, as Pulumi makes it."""
        pca, algorithm = self._aws("acm-pca"), "SHA256WITHECDSA"
        settings = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": algorithm, "Subject": {"CommonName": "nodes"}}
        made = pca.create_certificate_authority(
            CertificateAuthorityConfiguration=settings, CertificateAuthorityType="ROOT"
        )
        which = {"CertificateAuthorityArn": made["CertificateAuthorityArn"]}
        issued = pca.issue_certificate(
            **which,
            Csr=pca.get_certificate_authority_csr(**which)["Csr"].encode(),
            SigningAlgorithm=algorithm,
            TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1",
            Validity={"Value": 10, "Type": "YEARS"},
        )
        root = pca.get_certificate(**which, CertificateArn=issued["CertificateArn"])["Certificate"]
        pca.import_certificate_authority_certificate(**which, Certificate=root.encode())
        return made["CertificateAuthorityArn"]

    def put(self, key: str, content: bytes) -> None:
        self._aws("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def got(self, key: str) -> bytes:
        return self._aws("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def values(self) -> list[str]:
        secrets, stages = self._aws("secretsmanager"), ("AWSCURRENT", "AWSPREVIOUS")
        return [secrets.get_secret_value(SecretId=self.secret, VersionStage=one)["SecretString"] for one in stages]

    def point(self, namespace: str, labels: dict[str, str], name: str) -> float:
        now, hour = datetime.now(UTC), timedelta(hours=1)
        (point,) = self._aws("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": label, "Value": value} for label, value in labels.items()],
            Statistics=["Sum"],
            Period=7200,
            StartTime=now - hour,
            EndTime=now + hour,
        )["Datapoints"]
        return point["Sum"]

    def logged(self, stream: str) -> list[tuple[int, str]]:
        events = self._aws("logs").get_log_events(logGroupName=self.group, logStreamName=stream, startFromHead=True)
        return [(event["timestamp"], event["message"]) for event in events["events"]]

    def fails(self, trouble: str, times: int) -> None:
        server = self._ending.enter_context(canned_server())
        secret, stored = self.troubles[trouble]
        server.answers["GetSecretValue"] = [*[secret] * times, told(SecretString=VALUE)]
        server.answers[f"GET /{self.bucket}/{KEY}"] = [*[stored] * times, (200, CONTENT)]
        self._patch.setenv("AWS_ENDPOINT_URL", server.url)
        self._asked = server.asked

    def cuts(self) -> None:
        server = self._ending.enter_context(object_server(HOME.account))
        server.objects[f"/{self.bucket}/{KEY}"], server.cut = CONTENT, True
        self._patch.setenv("AWS_ENDPOINT_URL", server.url)
        self._asked = server.asked

    def asked(self) -> int:
        return len(self._asked)

    def serializes(self) -> None:
        server = self._ending.enter_context(object_server(HOME.account))
        self._patch.setenv("AWS_ENDPOINT_URL", server.url)
        self._patch.setattr(self, "got", lambda key: server.objects[f"/{self.bucket}/{key}"])

    def loses(self) -> None:
        server = self._ending.enter_context(object_server("999999999999"))
        self._patch.setenv("AWS_ENDPOINT_URL", server.url)


@cache
def client(url: str, service: str) -> Any:
    """A client of moto."""
    return boto3.client(service, region_name=HOME.region, endpoint_url=url)


# ------------------------------------------------------------------------------------------------------------------ GCP


class GcpRig:
    """The REST APIs on a server of the test's own."""

    bucket, secret, group, tries = "orders-dev-status", "orders-dev-role-orders_app", "orders-dev/node", 4
    words: ClassVar[dict[str, str]] = {
        THROTTLED: "429 Too Many Requests: RESOURCE_EXHAUSTED",
        BROKEN: "500 Internal Server Error",
        SILENT: "timed out",
        EXPIRED: "401 Unauthorized: UNAUTHENTICATED",
        DENIED: "403 Forbidden: PERMISSION_DENIED",
        STRANGER: "404 Not Found",
        NONSENSE: "Google answered what is not a JSON object",
    }
    troubles: ClassVar[dict[str, Fault]] = {
        THROTTLED: google_refusal(429, code="RESOURCE_EXHAUSTED"),
        BROKEN: Said(500, b"<html>Oops.</html>"),
        SILENT: NOTHING,
        EXPIRED: google_refusal(401),
        DENIED: google_refusal(403),
        STRANGER: Said(404, b"<html>Not found.</html>"),
        NONSENSE: Said(200, b'{"payload": {"data": "aHVudGVyMg=='),
    }

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, ending: ExitStack) -> None:
        self._patch = patch
        self.server: GoogleServer = ending.enter_context(google_server())
        self.server.buckets = {self.bucket: NUMBER, GCP_HOME.bucket: NUMBER}
        self.server.secrets[self.secret] = []
        self.system = patient_machine(folder)
        self.system.path(REHEARSAL).parent.mkdir(parents=True)
        self.system.path(REHEARSAL).write_text(f"{self.server.url}\n")
        self.cloud: Cloud = GcpCloud(GCP_HOME, self.system)

    @property
    def authority(self) -> str:
        self.server.pools[POOL] = [authority("the one below", authority("the root"))]
        return POOL

    def put(self, key: str, content: bytes) -> None:
        self.server.put(self.bucket, key, content)

    def got(self, key: str) -> bytes:
        return self.server.objects[self.bucket, key].content

    def values(self) -> list[str]:
        versions = self.server.secrets[self.secret]
        assert {one.state for one in versions[:-2]} <= {"DESTROYED"}
        return [one.content.decode() for one in versions[:-3:-1]]

    def point(self, namespace: str, labels: dict[str, str], name: str) -> float:
        labels = {label.lower(): value for label, value in labels.items()}
        wanted = {"type": f"custom.googleapis.com/{namespace}/{name}", "labels": labels}
        (series,) = [one for one in self.server.series if one["metric"] == wanted]
        assert series["resource"]["labels"] == self._node(GCP_HOME.node)
        return series["points"][0]["value"]["doubleValue"]

    def logged(self, stream: str) -> list[tuple[int, str]]:
        entries = sorted(self.server.entries.values(), key=lambda one: (_seconds(one["timestamp"]), one["insertId"]))
        assert {one["logName"] for one in entries} == {f"projects/{PROJECT}/logs/orders-dev%2Fnode"}
        assert all(one["resource"]["labels"] == self._node(stream) for one in entries)
        return [(round(1000 * _seconds(one["timestamp"])), one["textPayload"]) for one in entries]

    def fails(self, trouble: str, times: int) -> None:
        self.server.secrets[self.secret] = [Version(VALUE.encode())]
        self.put(KEY, CONTENT)
        if trouble == SILENT:
            self._patch.setattr(cloud_gcp, "READ_SECONDS", 0.3)
        self.server.faults = [(part, self.troubles[trouble]) for part in (":access", "/o/") for _ in range(times)]

    def cuts(self) -> None:
        self.put(KEY, CONTENT)
        self.server.faults = [("/o/", HALF)] * self.tries

    def asked(self) -> int:
        return len(self.server.calls(":access") + self.server.calls("/o/"))

    def serializes(self) -> None:
        """It always does."""

    def loses(self) -> None:
        self.server.buckets[self.bucket] = "999999999999"

    @staticmethod
    def _node(name: str) -> dict[str, str]:
        place = {"project_id": PROJECT, "location": GCP_HOME.region}
        return {**place, "namespace": GCP_HOME.cluster, "node_id": name}


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
