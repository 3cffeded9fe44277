"""The node's certificate: key made here, signed by the authority, renewed at two thirds of its life, loaded while
running.

Another authority is taken up in three moves, each when all nodes have made the one before: trust both, be signed by the
new one, trust the new one alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from ybfort.node import x509
from ybfort.node.cadence import done, due
from ybfort.node.certificate import (
    LOADED,
    Certificate,
    Source,
    current,
    file_of,
    loaded,
    loaded_before,
    new_folder,
    take,
)
from ybfort.node.config import TSERVER, Config
from ybfort.node.database import Database
from ybfort.node.shape import document, fields, hidden, must_be
from ybfort.node.status import others, utc
from ybfort.node.step import Context, Outcome, Result
from ybfort.node.system import Failure, System
from ybfort.node.systemd import do, show

SHOW_TRIES, SHOW_PAUSE = 20, 1.0
DAY = 86_400

PEM = hidden(r"-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\s-]+", like="in PEM format")
BROUGHT = fields(private_key=PEM, certificate=PEM, ca=PEM)


# ------------------------------------------------------------------------------------------------------------- deciding


@dataclass(frozen=True)
class Sign:
    """Make a new key and have it signed by this authority."""

    authority: str


@dataclass(frozen=True)
class Widen:
    """Trust this authority, too; nobody is signed by it yet."""

    authority: str


@dataclass(frozen=True)
class Narrow:
    """Trust only the authority that everybody is signed by now."""


@dataclass(frozen=True)
class Keep:
    """Leave all as it is; `waits` says for whom, if another authority is about to be taken up."""

    waits: str = ""


Move = Union[Sign, Widen, Narrow, Keep]


def decide(
    source: Source, trusts: Sequence[str], wanted: str, nodes: Mapping[str, Mapping[str, Any]], *, renew: bool
) -> Move:
    """The next move of a node that has a certificate.

    :param source: where that comes from
    :param trusts: fingerprints of all authorities that the node trusts
    :param wanted: the authority that is declared
    :param nodes: what the other nodes say of their certificates; those that have none yet are left out
    :param renew: the certificate has lived for two thirds of its life
    """
    if source.signed_by != wanted:
        if wanted not in source.added:
            return Widen(wanted)
        new = set(source.added[wanted])
        behind = [name for name, told in sorted(nodes.items()) if not new <= set(told["trusts"])]
        if not behind:
            return Sign(wanted)
        return Sign(source.signed_by) if renew else Keep(f"{', '.join(behind)} must trust the new authority first.")
    if renew:
        return Sign(wanted)
    if set(trusts) > set(source.own):
        behind = [name for name, told in sorted(nodes.items()) if told["signed_by"] != wanted]
        return Keep(f"{', '.join(behind)} must be signed by the new authority first.") if behind else Narrow()
    return Keep()


# ----------------------------------------------------------------------------------------------------------------- step


def certificates(context: Context) -> Outcome:
    """Have a certificate that is good, and servers that use it."""
    system, config = context.system, context.config
    before, secret = current(system, config), config.node["certificate_secret"]
    changed: list[str] = []
    problems: list[str] = []
    try:
        changed += _brought(context, secret, before) if secret else _signed(context, before, problems)
    except Failure as problem:
        if before is None or before.times.end < system.now():
            raise
        problems.append(f"The next one cannot be had: {problem}")  # the one that is here serves meanwhile
    now = current(system, config) if changed or before is None else before
    if now is None:
        raise Failure("There is no certificate, though one was just made.")
    try:
        changed += _load(context, now)
    except Failure as problem:
        problems.append(f"Not all servers use it yet: {problem}")
    context.report.certificate = {
        "signed_by": now.source.signed_by,
        "not_after": utc(now.times.end),
        "days_left": round((now.times.end - system.now()) / DAY, 2),
        "trusts": now.trusts,
    }
    says = f"{'; '.join(changed) or 'The certificate is good'}, until {utc(now.times.end)}."
    if problems:
        return Outcome(Result.INCOMPLETE, " ".join([says, *problems]))
    return Outcome(Result.CHANGED if changed else Result.DONE, says)


def _signed(context: Context, now: Certificate | None, problems: list[str]) -> Iterator[str]:
    """Go by the authority that the cluster has."""
    wanted = context.config.ids["certificate_authority"]
    if now is None:
        yield _sign(context, wanted, ())
        return
    at_rest = now.source.signed_by == wanted and set(now.trusts) == set(now.source.own)
    nodes = {} if at_rest else _told(context)
    move = decide(now.source, now.trusts, wanted, nodes, renew=context.system.now() >= now.times.renewal)
    if isinstance(move, Sign):
        yield _sign(context, move.authority, now.trusted)
        if not at_rest:
            problems.append("The old authority is trusted, too.")
    elif isinstance(move, Widen):
        more = x509.split(context.cloud.authorities(move.authority))
        added = {move.authority: [x509.fingerprint(one) for one in more]}
        _trust(context, now, Source(now.source.signed_by, now.source.own, added), [*now.trusted, *more])
        yield "The new authority is trusted, too"
        problems.append("Nobody is signed by it yet.")
    elif isinstance(move, Narrow):
        kept = [one for one in now.trusted if x509.fingerprint(one) in now.source.own]
        _trust(context, now, Source(now.source.signed_by, now.source.own), kept)
        yield "The old authority is no longer trusted"
    elif move.waits:
        problems.append(move.waits)


def _told(context: Context) -> dict[str, Mapping[str, Any]]:
    """What the other nodes say of their certificates."""
    mine = context.identity.node
    told = {name: one.status["certificate"] for name, one in others(context).items() if name != mine}
    return {name: certificate for name, certificate in told.items() if certificate}


def _sign(context: Context, authority: str, trusted: Sequence[str]) -> str:
    """A new key with a new certificate. What was trusted goes on being trusted."""
    system, config = context.system, context.config
    folder = new_folder(system)
    key, request = file_of(folder, config.address, "key"), f"{folder}/request.csr"
    names, cluster = _names(context), config.cluster["cluster"]
    x509.make_key(system, key)
    x509.make_request(system, key, request, address=config.address, names=names, cluster=cluster)
    signed = context.cloud.sign(authority, system.path(request), config.cluster["certificates"]["lifetime_days"])
    above = x509.split(signed.authorities)
    own = [x509.fingerprint(one) for one in above]
    kept = [one for one in trusted if x509.fingerprint(one) not in own]
    # Clients trust the root alone, and get the authorities between from the server.
    certificate = "".join([signed.certificate.strip(), "\n", *above[:-1]])
    take(system, config, folder, Source(authority, own), certificate=certificate, trusted=[*kept, *above], names=names)
    return "A new certificate was signed"


def _trust(context: Context, now: Certificate, source: Source, trusted: Sequence[str]) -> None:
    """The same certificate with other authorities beside it."""
    system, config = context.system, context.config
    folder = new_folder(system)
    system.write(file_of(folder, config.address, "key"), (system.read(now.key) or "").encode(), 0o600)
    same = system.read(now.file) or ""
    take(system, config, folder, source, certificate=same, trusted=trusted, names=_names(context))


def _brought(context: Context, secret: str, before: Certificate | None) -> Iterator[str]:
    """Go by what the user puts into the node's secret; looked for now and then."""
    system, config = context.system, context.config
    if before and not due(system, "certificate", config.pace("report")):
        return
    value = context.cloud.read_secret(secret)
    if value is None:
        raise Failure(f"The secret {secret} is empty. Put private_key, certificate and ca into it, as JSON.")
    brought = document(value, secret)
    must_be(BROUGHT, brought, secret)
    if not before or system.read(before.file) != brought["certificate"]:
        folder, above = new_folder(system), x509.split(brought["ca"])
        system.write(file_of(folder, config.address, "key"), brought["private_key"].encode(), 0o600)
        source = Source(secret, [x509.fingerprint(one) for one in above])
        take(system, config, folder, source, certificate=brought["certificate"], trusted=above, names=_names(context))
        yield "The certificate that was brought is here"
    done(system, "certificate")


def _names(context: Context) -> list[str]:
    """The names that clients know the node by, besides its address."""
    return [context.config.node["host"], context.config.cluster["endpoint"]["host"]]


# -------------------------------------------------------------------------------------------------------------- loading


def _load(context: Context, now: Certificate) -> Iterator[str]:
    """Let the running servers read their files again. Connections stay as they are."""
    system, config = context.system, context.config
    if system.read(f"{now.folder}/{LOADED}") is not None:
        return
    before = loaded_before(system, now)
    running = [server for server, unit in show(system, *config.servers).items() if unit.active]
    for server in running:
        try:
            Database(system, config).tell(server, "reload_certificates")
        except Failure:
            if before is None or x509.times(system, file_of(before, config.address, "crt")).end > system.now():
                raise
            do(system, "restart", server)  # with a certificate that has ended it serves nobody
        yield f"{server} has loaded it"
    if TSERVER in running:
        _must_show(system, config, x509.fingerprint(system.read(now.file) or ""))
    loaded(system, now)


def _must_show(system: System, config: Config, wanted: str) -> None:
    """Wait until clients of YSQL are shown this certificate: the server reads its files when it gets to it."""
    address, port = config.flags(TSERVER)["pgsql_proxy_bind_address"].split(":")
    for _ in range(SHOW_TRIES):
        if hashlib.sha256(system.shown_certificate(address, int(port))).hexdigest() == wanted:
            return
        system.sleep(SHOW_PAUSE)
    raise Failure(f"YSQL at {address}:{port} still shows the old certificate.")
