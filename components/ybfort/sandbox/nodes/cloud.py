"""The AWS CLI as the agent uses it, over a folder: buckets, secrets, a certificate authority, metrics and logs.

The real CLI takes half a second for each call. That the agent calls it rightly is proven with the real one, elsewhere.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ybfort.sandbox.nodes.site import Site, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

AUTHORITY_DAYS = 3650


class Refused(Exception):
    """An error of a service; `code` is AWS's own word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Cloud:
    """One account. Every secret that was ever written can be had back, so that a test can look for it elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, arguments: list[str], text: str) -> dict[str, Any]:
        """The answer to a command line of the CLI.

        :raises Refused: if the service refuses
        """
        service, call, *rest = arguments
        options: dict[str, str] = {}
        while rest:
            word = rest.pop(0)
            if word.startswith("--"):
                options[word[2:]] = rest.pop(0)
            else:
                options["to"] = word
        return CALLS[f"{service} {call}"](self, options, text)

    # -------------------------------------------------------------------------------------------------------- buckets

    def object(self, bucket: str, key: str) -> Path:
        """Where an object lies."""
        return self.folder / "buckets" / bucket / quote(key, safe="")

    def put(self, bucket: str, key: str, content: bytes) -> None:
        path = self.object(bucket, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content)

    def list_objects(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        bucket, prefix = self.folder / "buckets" / options["bucket"], quote(options["prefix"], safe="")
        found = [path for path in sorted(bucket.glob("[!.]*")) if path.name.startswith(prefix)]
        return {
            "Contents": [
                {
                    "Key": path.name.replace("%2F", "/"),
                    "ETag": f'"{path.stat().st_mtime_ns:x}"',
                    "LastModified": datetime.fromtimestamp(int(path.stat().st_mtime), UTC).isoformat(),
                }
                for path in found
            ]
        }

    def get_object(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        path = self.object(options["bucket"], options["key"])
        if not path.exists():
            raise Refused("NoSuchKey")
        Path(options["to"]).write_bytes(path.read_bytes())
        return {}

    def put_object(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        with Site(self.folder).lock("buckets"):
            if "if-none-match" in options and self.object(options["bucket"], options["key"]).exists():
                raise Refused("PreconditionFailed")
            self.put(options["bucket"], options["key"], Path(options["body"]).read_bytes())
        return {}

    # -------------------------------------------------------------------------------------------------------- secrets

    def secret(self, name: str) -> list[str]:
        """All values of a secret, the current one last."""
        path = self.folder / "secrets" / quote(name, safe="")
        return json.loads(path.read_text()) if path.exists() else []

    def secrets(self) -> dict[str, list[str]]:
        """All values of all secrets."""
        return {
            path.name.replace("%2F", "/"): json.loads(path.read_text())
            for path in (self.folder / "secrets").glob("[!.]*")
        }

    def get_secret_value(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        values = self.secret(options["secret-id"])
        if not values:
            raise Refused("ResourceNotFoundException")
        return {"SecretString": values[-1]}

    def put_secret_value(self, options: Mapping[str, str], text: str) -> dict[str, Any]:
        name = options["secret-id"]
        (self.folder / "secrets").mkdir(exist_ok=True)
        write(self.folder / "secrets" / quote(name, safe=""), json.dumps([*self.secret(name), text]).encode())
        return {}

    # ---------------------------------------------------------------------------------------------------- certificates

    def authority(self, name: str) -> Path:
        """The directory of an authority, which is made when it is first asked for: `ca.crt` and `ca.key`."""
        folder = self.folder / "authorities" / quote(name, safe="")
        with Site(self.folder).lock("authorities"):
            if not (folder / "ca.crt").exists():
                folder.mkdir(parents=True, exist_ok=True)
                subject = ["-subj", f"/O=ybfort/CN=authority {len(list(folder.parent.iterdir()))}"]
                make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject]
                _openssl(*make, "-days", str(AUTHORITY_DAYS), "-keyout", "ca.key", "-out", "ca.crt", within=folder)
        return folder

    def describe_authority(self, _options: Mapping[str, str], _: str) -> dict[str, Any]:
        return {"CertificateAuthority": {"CertificateAuthorityConfiguration": {"KeyAlgorithm": "EC_prime256v1"}}}

    def issue_certificate(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        folder, name = self.authority(options["certificate-authority-arn"]), os.urandom(16).hex()
        days = options["validity"].split(",")[0].partition("=")[2]
        by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-days", days, "-copy_extensions", "copy"]
        _openssl("x509", "-req", "-in", options["csr"].removeprefix("fileb://"), *by, "-out", name, within=folder)
        return {"CertificateArn": name}

    def get_certificate(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        folder = self.authority(options["certificate-authority-arn"])
        chain = (folder / "ca.crt").read_text()
        return {"Certificate": (folder / options["certificate-arn"]).read_text(), "CertificateChain": chain}

    def get_authority_certificate(self, options: Mapping[str, str], _: str) -> dict[str, Any]:
        return {"Certificate": (self.authority(options["certificate-authority-arn"]) / "ca.crt").read_text()}

    # ------------------------------------------------------------------------------------------------ metrics and logs

    def told(self, name: str) -> list[Any]:
        """What was written to a log, or `metrics`."""
        path = self.folder / "told" / quote(name, safe="")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def put_metrics(self, _options: Mapping[str, str], text: str) -> dict[str, Any]:
        return self._append("metrics", json.loads(text))

    def put_log(self, options: Mapping[str, str], text: str) -> dict[str, Any]:
        return self._append(f"{options['log-group-name']} {options['log-stream-name']}", json.loads(text))

    def _append(self, name: str, values: list[Any]) -> dict[str, Any]:
        (self.folder / "told").mkdir(exist_ok=True)
        with (self.folder / "told" / quote(name, safe="")).open("a") as file:
            file.writelines(json.dumps(value) + "\n" for value in values)
        return {}


def _openssl(*arguments: str, within: Path) -> None:
    import subprocess  # here: few calls need it

    subprocess.run(["openssl", *arguments], cwd=within, check=True, capture_output=True)


CALLS: dict[str, Callable[[Cloud, Mapping[str, str], str], dict[str, Any]]] = {
    "s3api list-objects-v2": Cloud.list_objects,
    "s3api get-object": Cloud.get_object,
    "s3api put-object": Cloud.put_object,
    "secretsmanager get-secret-value": Cloud.get_secret_value,
    "secretsmanager put-secret-value": Cloud.put_secret_value,
    "acm-pca describe-certificate-authority": Cloud.describe_authority,
    "acm-pca issue-certificate": Cloud.issue_certificate,
    "acm-pca get-certificate": Cloud.get_certificate,
    "acm-pca get-certificate-authority-certificate": Cloud.get_authority_certificate,
    "cloudwatch put-metric-data": Cloud.put_metrics,
    "logs put-log-events": Cloud.put_log,
}
