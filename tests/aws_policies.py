"""Policies asked what they allow, as AWS answers: one denial is enough for no, and without an allowance it is no, too.

They are known with every condition that they use here; another one is an error, and no silent yes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aws_parts import statements

ACCOUNT = "123456789012"


def allows(
    document: str, action: str, resource: str = "any", *, who: str = "", given: Mapping[str, str] | None = None
) -> bool:
    """Whether a policy lets `action` through.

    :param resource: ARN of what is acted upon; a resource's own policy takes any
    :param who: ARN of a role, or a service; a role's own policy takes anybody
    :param given: what AWS knows of the request, by condition key
    """
    known = {"aws:PrincipalArn": who, **(given or {})}
    effects = {one["Effect"] for one in statements(document) if _applies(one, action, resource, who, known)}
    return effects == {"Allow"}


def _applies(one: Mapping[str, Any], action: str, resource: str, who: str, known: Mapping[str, str]) -> bool:
    return (
        _any(one["Action"], action)
        and _any(one["Resource"], resource)
        and _names(one.get("Principal", "*"), who)
        and all(
            CONDITIONS[operator](_listed(values), known.get(key))
            for operator, wanted in one.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


def _names(principal: str | Mapping[str, Any], who: str) -> bool:
    """Whether somebody is named. The account's root stands for everybody in the account."""
    if principal == "*" or not isinstance(principal, Mapping):
        return principal == "*"
    named = [name for names in principal.values() for name in _listed(names)]
    return who in named or (f"arn:aws:iam::{ACCOUNT}:root" in named and who.startswith(f"arn:aws:iam::{ACCOUNT}:"))


# A key that the request does not have fits no condition but a negation.
CONDITIONS = {
    "StringEquals": lambda values, known: known in values,
    "StringLike": lambda values, known: known is not None and _any(values, known),
    "ArnLike": lambda values, known: known is not None and _any(values, known),
    "ArnNotEquals": lambda values, known: known not in values,
}


def _any(patterns: str | Iterable[str], text: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) for pattern in _listed(patterns)
    )


def _listed(values: str | Iterable[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)
