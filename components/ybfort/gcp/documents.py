"""IAM policies as readable text that is complete before anything exists."""

import json
from collections.abc import Iterable, Mapping


def policy(roles: Mapping[str, Iterable[str]]) -> str:
    """The whole policy of one resource: who has which role on it. What is not in it is taken away.

    Members are sorted, so that their order never makes a diff.
    """
    bindings = [{"role": role, "members": sorted({*members})} for role, members in sorted(roles.items())]
    return json.dumps({"bindings": bindings}, indent=2)


def service_account(email: str) -> str:
    """A service account as a member of a policy."""
    return f"serviceAccount:{email}"
