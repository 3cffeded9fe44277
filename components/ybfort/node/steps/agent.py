"""Be the agent that the declared state was written for: the agent replaces itself, once a run, by a verified one."""

from __future__ import annotations

import hashlib

from ybfort.node.config import STATE
from ybfort.node.config import Agent as NamedAgent
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.steps.config import last_good
from ybfort.node.system import Failure
from ybfort.node.units import AGENT, install_units


def agent(context: Context) -> Outcome:
    """Fetch, check and install the agent that `cluster.json` names; then its units."""
    named = context.named
    if named is not None and named.sha256 != context.agent:
        try:
            _replace(context, named)
        except Failure as problem:
            return last_good(context, problem)
        context.restart = True
        return Outcome(Result.CHANGED, f"Agent {named.sha256[:12]} is in place and takes over.")
    changed = install_units(context.system)
    return Outcome(Result.CHANGED if changed else Result.DONE, f"Agent {context.agent[:12]} is installed.")


def _replace(context: Context, named: NamedAgent) -> None:
    if context.replaced:
        raise Failure("The agent has just replaced itself, and cluster.json names another one again.")
    fetched = context.system.path(f"{STATE}/fetched-agent")
    context.cloud.get_object(context.identity.bucket, named.key, fetched)
    content = fetched.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != named.sha256:
        raise Failure(f"{named.key} has the SHA-256 {found}, but cluster.json says {named.sha256}. It is not used.")
    context.system.write(AGENT, content, 0o755)
