"""AWS through the AWS CLI that the image ships, with the credentials of the instance's role.

What is secret or long goes through the CLI's standard input: arguments can be read by every user of the machine. No
message repeats what an answer holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ybfort.node.answer import Answer, answer
from ybfort.node.cloud import CloudFailure, Listed, Missing, Signed
from ybfort.node.config import Identity
from ybfort.node.system import Failure, Output, System

# Throttling, 5xx, broken connections and slow answers are tried again by the CLI itself, with growing, random pauses
# (reference guide of the AWS SDKs and tools: "standard" mode). What goes on for longer is left to the next run.
CALL_SECONDS = 150.0  # more than four tries and the pauses between them
CONNECT_SECONDS, READ_SECONDS = 5, 20  # of one try
SETTINGS = {
    "AWS_RETRY_MODE": "standard",
    "AWS_MAX_ATTEMPTS": "4",
    "AWS_METADATA_SERVICE_TIMEOUT": "5",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3",
    "AWS_PAGER": "",
    "AWS_CLI_ERROR_FORMAT": "legacy",  # one line, as it was before 2.34
}
OF_THE_INSTANCE = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
STDIN = "file:///dev/stdin"

# What the CLI gives up at once, though it passes. Credentials that have just ended, or are not there yet on a machine
# that has just started: another process gets new ones from the instance's metadata. A write beside another one: S3 asks
# for another try.
PASSING = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "ConditionalRequestConflict")
NO_CREDENTIALS = re.compile("credentials", re.IGNORECASE)  # in the CLI's own words
PAUSES = (1.0, 3.0, 9.0)  # seconds

REFUSED = re.compile(r"An error occurred \(([\w.]*)\) when calling .*")
UNKNOWN = re.compile(r"Unknown options: .*")
# `put-object --if-none-match` (change log of the AWS CLI). Amazon Linux 2023 went from 2.17.18 to 2.23 in early 2025.
NEEDED = "2.17.34"

TEMPLATE = "arn:aws:acm-pca:::template/EndEntityCertificate/V1"  # usages server and client, names from the request
SIGNING = {"EC": "SHA256WITHECDSA", "RSA": "SHA256WITHRSA"}  # by the kind of the authority's key
SIGN_TRIES, SIGN_PAUSE = 30, 1.0  # an authority signs within seconds


class AwsCloud:
    """Buckets are read and written only if they belong to the cluster's own account.

    :param credentials: settings that lead the CLI to them
    :param pauses: before what passes by itself is tried again, in seconds
    """

    time_server = "169.254.169.123"  # Amazon Time Sync Service, link-local

    def __init__(
        self,
        identity: Identity,
        system: System,
        *,
        credentials: Mapping[str, str] = OF_THE_INSTANCE,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._identity, self._system = identity, system
        self._credentials, self._pauses = credentials, pauses

    def block_devices(self, volume: str) -> list[str]:
        """NVMe disks tell the id of their volume as their serial number, without its hyphen (EBS: volumes and NVMe)."""
        serials = sorted(self._system.path("/sys/block").glob("*/device/serial"))
        wanted = volume.replace("-", "")
        return [f"/dev/{serial.parts[-3]}" for serial in serials if serial.read_text().strip() == wanted]

    # -------------------------------------------------------------------------------------------------- object storage

    def list_objects(self, bucket: str, prefix: str) -> dict[str, Listed]:
        listed = self._s3("list-objects-v2", bucket, prefix, "--prefix", prefix).items("Contents")
        return {one.text("Key"): Listed(one.text("ETag").strip('"'), one.time("LastModified")) for one in listed}

    def get_object(self, bucket: str, key: str, to: Path, *, seconds: float = CALL_SECONDS) -> None:
        self._s3("get-object", bucket, key, "--key", key, str(to), seconds=seconds)

    def put_object(self, bucket: str, key: str, source: Path) -> None:
        self._put(bucket, key, source)

    def create_object(self, bucket: str, key: str, source: Path) -> bool:
        with Unless("PreconditionFailed"):
            self._put(bucket, key, source, "--if-none-match", "*")
            return True
        return False

    def _put(self, bucket: str, key: str, source: Path, *more: str) -> None:
        content = ("--body", str(source), "--content-type", "application/json")
        self._s3("put-object", bucket, key, "--key", key, *content, *more)

    def _s3(self, call: str, bucket: str, name: str, *more: str, seconds: float = CALL_SECONDS) -> Answer:
        place, owner = f"s3://{bucket}/{name}", self._identity.account
        to = ("--bucket", bucket, "--expected-bucket-owner", owner)
        try:
            return self._call(place, "s3api", call, *to, *more, seconds=seconds)
        except Refused as problem:
            if problem.code == "NoSuchKey":
                raise Missing(f"{place} is not there.") from None
            if problem.code == "AccessDenied":
                # S3 tells that an object is missing only to those who may list its bucket.
                reasons = f"it is missing, the node's role may not, or the bucket is not of account {owner}"
                raise CloudFailure(f"{place}: access denied: {reasons}. {problem.reason}") from None
            raise

    # --------------------------------------------------------------------------------------------------------- secrets

    def read_secret(self, name: str) -> str | None:
        with Unless("ResourceNotFoundException"):
            return self._secret(name, "get-secret-value").text("SecretString")
        return None

    def write_secret(self, name: str, value: str) -> None:
        """Secrets Manager itself moves the label AWSCURRENT here, and AWSPREVIOUS to the value before."""
        self._secret(name, "put-secret-value", "--secret-string", STDIN, text=value)

    def _secret(self, name: str, call: str, *more: str, text: str = "") -> Answer:
        return self._call(f"secret {name}", "secretsmanager", call, "--secret-id", name, *more, text=text)

    # ---------------------------------------------------------------------------------------------------- certificates

    def sign(self, authority: str, request: Path, days: int) -> Signed:
        described = self._pca(authority, "describe-certificate-authority")
        key = described.text("CertificateAuthority", "CertificateAuthorityConfiguration", "KeyAlgorithm")
        algorithm = SIGNING.get(key.split("_")[0])
        if algorithm is None:
            raise CloudFailure(f"{authority}: its key is {key}, and must be of a kind that databases know: EC or RSA.")
        how = ("--signing-algorithm", algorithm, "--template-arn", TEMPLATE, "--validity", f"Value={days},Type=DAYS")
        issued = self._pca(authority, "issue-certificate", "--csr", f"fileb://{request}", *how)
        return self._signed(authority, issued.text("CertificateArn"))

    def _signed(self, authority: str, certificate: str) -> Signed:
        """A certificate as soon as it is signed."""
        for _ in range(SIGN_TRIES):
            with Unless("RequestInProgressException"):
                got = self._pca(authority, "get-certificate", "--certificate-arn", certificate)
                return Signed(got.text("Certificate"), got.text("CertificateChain"))
            self._system.sleep(SIGN_PAUSE)
        raise CloudFailure(f"{authority} has not signed within {SIGN_TRIES * SIGN_PAUSE:g} seconds.")

    def authorities(self, authority: str) -> str:
        got = self._pca(authority, "get-certificate-authority-certificate")
        above = got.text("CertificateChain") if got.content.get("CertificateChain") else ""  # a root has none
        return "\n".join(one.strip() for one in (got.text("Certificate"), above) if one) + "\n"

    def _pca(self, authority: str, call: str, *more: str) -> Answer:
        return self._call(authority, "acm-pca", call, "--certificate-authority-arn", authority, *more)

    # ------------------------------------------------------------------------------------------------ metrics and logs

    def put_metrics(self, namespace: str, dimensions: Mapping[str, str], values: Mapping[str, float]) -> None:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        data = [{"MetricName": name, "Value": value, "Dimensions": named} for name, value in values.items()]
        told = ("--namespace", namespace, "--metric-data", STDIN)
        self._call(f"metrics of {namespace}", "cloudwatch", "put-metric-data", *told, text=json.dumps(data))

    def put_log(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        with Unless("ResourceNotFoundException"):
            self._put_log_events(group, stream, events)
            return
        with Unless("ResourceAlreadyExistsException"):  # an earlier try made it, and its answer was lost
            self._logs(group, stream, "create-log-stream")
        self._put_log_events(group, stream, events)

    def _put_log_events(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """CloudWatch Logs wants them in the order of their times, from which a clock that was set differs."""
        ordered = sorted(events, key=lambda event: event[0])
        text = json.dumps([{"timestamp": at, "message": message} for at, message in ordered])
        self._logs(group, stream, "put-log-events", "--log-events", STDIN, text=text)

    def _logs(self, group: str, stream: str, call: str, *more: str, text: str = "") -> Answer:
        where = ("--log-group-name", group, "--log-stream-name", stream)
        return self._call(f"log {group} {stream}", "logs", call, *where, *more, text=text)

    # --------------------------------------------------------------------------------------------------------- the CLI

    def _call(self, about: str, *call: str, text: str = "", seconds: float = CALL_SECONDS) -> Answer:
        """The answer to one call.

        :param about: what it is about, which every message begins with
        :raises Refused: if AWS answers with an error, or cannot be asked
        :raises CloudFailure: if it is not done in time, or answers what makes no sense
        """
        for pause in self._pauses:
            try:
                return self._run(about, *call, text=text, seconds=seconds)
            except Refused as problem:
                if not problem.passes:
                    raise
            self._system.sleep(pause)
        return self._run(about, *call, text=text, seconds=seconds)

    def _run(self, about: str, *call: str, text: str, seconds: float) -> Answer:
        limits = ("--cli-connect-timeout", str(CONNECT_SECONDS), "--cli-read-timeout", str(READ_SECONDS))
        command = ("aws", *call, "--region", self._identity.region, "--output", "json", *limits)
        try:
            output = self._system.run(
                *command, seconds=seconds, environment={**SETTINGS, **self._credentials}, text=text
            )
        except Failure as problem:
            raise CloudFailure(f"{about}: {problem}") from None
        if output.code:
            raise _refused(about, output)
        return answer(about, output.out, "the AWS CLI printed")


class Refused(CloudFailure):
    """The CLI failed; `code` is AWS's own word for it, empty if AWS did not say anything."""

    def __init__(self, about: str, code: str, reason: str) -> None:
        super().__init__(f"{about}: {reason}")
        self.code, self.reason = code, reason

    @property
    def passes(self) -> bool:
        """Whether another process may have better luck."""
        return self.code in PASSING or (not self.code and bool(NO_CREDENTIALS.search(self.reason)))


class Unless:
    """What AWS refuses within this block with that code is expected, and the block ends there."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, problem: object, _trace: object) -> bool:
        return isinstance(problem, Refused) and problem.code == self._code


def _refused(about: str, output: Output) -> CloudFailure:
    """Why the CLI failed, in a line."""
    said = REFUSED.search(output.err)
    if said:
        return Refused(about, said[1], said[0].strip())
    unknown = UNKNOWN.search(output.err)
    if unknown:
        return CloudFailure(f"{about}: the AWS CLI is too old ({unknown[0]}). Take an image with {NEEDED} or newer.")
    return Refused(about, "", output.last_line)
