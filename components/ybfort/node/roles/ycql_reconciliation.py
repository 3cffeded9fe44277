"""YCQL brought to what is declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ybfort.node.config import TSERVER
from ybfort.node.roles.renewal import secret_of
from ybfort.node.roles.scram import password
from ybfort.node.roles.undeclared import shortened
from ybfort.node.roles.wanted import wanted as wanted_roles
from ybfort.node.roles.ycql import SUPERUSER, YcqlRole, found, login_statements, opened, statements, undeclared, wanted
from ybfort.node.roles.ycqlsh import Ycqlsh
from ybfort.node.step import Context
from ybfort.node.universe import universe

HERE = "127.0.0.1"


def reconcile(context: Context, user: Ycqlsh) -> int:
    """Everything in its order; how many statements it took."""
    target, now = wanted(context.config), found(user)
    changed = user.do(statements(target, now))
    changed += user.do(_missing_logins(context, now.roles))
    now = found(user) if changed else now
    context.report.undeclared_ycql = shortened(undeclared(target, now))
    return changed


def _missing_logins(context: Context, now: Mapping[str, YcqlRole]) -> Iterator[str]:
    """Login names that have a password already, and that YCQL does not know."""
    for login in wanted_roles(context.config).logins:
        if login.keyspaces and not any(name in now and now[name].logs_in for name in login.names):
            held = secret_of(context.cloud.read_secret(login.secret))
            if held and held.username in login.names:
                yield from login_statements(login, held.username, held.password)


def shell(context: Context) -> Ycqlsh | None:
    """YCQL as its superuser; None where it does not run."""
    config, secret = context.config, context.config.cluster["ycql_secret"]
    if secret is None or not context.report.servers.get(TSERVER, {}).get("running"):
        return None
    kept = context.cloud.read_secret(secret)
    if kept is None:
        kept = password()
        context.cloud.write_secret(secret, kept)  # before anybody uses it: so it is never lost
    known = universe(context)
    if known is None or not known.ycql_closed:
        return opened(context.system, config, HERE, kept)
    # It listens at its address when the server has been started since the default superuser was closed.
    address = config.address if context.report.servers[TSERVER]["current"] else HERE
    return Ycqlsh(context.system, config, address, SUPERUSER, kept)
