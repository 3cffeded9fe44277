"""IAM policy documents and the ARNs they name, as readable text that is complete before anything exists."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ybfort.plan.names import Names

Conditions = Mapping[str, Mapping[str, str | list[str]]]
Principals = str | Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Arns:
    """ARNs of a cluster's resources, known from names: a document that waits for an id is unreadable in a preview."""

    names: Names

    @property
    def root(self) -> str:
        """The account: in a key's or bucket's policy it hands the decision to the account's IAM."""
        return f"arn:aws:iam::{self.names.account}:root"

    @property
    def node_role(self) -> str:
        return self.role("node")

    @property
    def trail(self) -> str:
        return self.regional("cloudtrail", f"trail/{self.names.of('trail')}")

    def role(self, part: str) -> str:
        return f"arn:aws:iam::{self.names.account}:role/{self.names.of(part)}"

    def bucket(self, purpose: str) -> str:
        return f"arn:aws:s3:::{self.names.bucket(purpose)}"

    def log_group(self, part: str) -> str:
        return self.regional("logs", f"log-group:{self.names.log_group(part)}")

    def secret(self, name: str) -> str:
        """The secret of this name. Secrets Manager ends its ARN with six characters of its own."""
        return self.regional("secretsmanager", f"secret:{name}-??????")

    def regional(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.names.region}:{self.names.account}:{resource}"


def statement(
    sid: str,
    actions: str | Iterable[str],
    resources: str | Iterable[str],
    *,
    effect: str = "Allow",
    principals: Principals | None = None,
    conditions: Conditions | None = None,
) -> dict[str, Any]:
    """One statement of a policy; lists are sorted, so that their order never makes a diff."""
    return {
        "Sid": sid,
        "Effect": effect,
        **({"Principal": principals} if principals else {}),
        "Action": _sorted(actions),
        "Resource": _sorted(resources),
        **({"Condition": conditions} if conditions else {}),
    }


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def trust(service: str, names: Names) -> str:
    """The trust policy of a role that `service` assumes, for this account's resources only (no confused deputy)."""
    account = {"StringEquals": {"aws:SourceAccount": names.account}}
    return policy(
        {
            "Sid": "Assume",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            # EC2 hands roles to instances without a source account; every other service names it.
            **({} if service == "ec2.amazonaws.com" else {"Condition": account}),
        }
    )


def deny_plaintext(*resources: str) -> tuple[dict[str, Any], ...]:
    """The statements that refuse every S3 request without TLS 1.2. A plain request has no TLS version, hence two."""
    conditions = {
        "DenyPlaintext": {"Bool": {"aws:SecureTransport": "false"}},
        "DenyOldTls": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    }
    return tuple(
        statement(sid, "s3:*", resources, effect="Deny", principals="*", conditions=condition)
        for sid, condition in conditions.items()
    )


def _sorted(values: str | Iterable[str]) -> str | list[str]:
    return values if isinstance(values, str) else sorted(values)
