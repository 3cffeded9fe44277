"""`ybfort plan`: what will exist, without engine, cloud or credentials."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from ybfort.cli import stack_file
from ybfort.cli.clouds import CLOUDS
from ybfort.cli.terminal import paint, table
from ybfort.plan.cluster import AnyPlan, cluster_config, release_key
from ybfort.plan.cluster import plan as plan_of
from ybfort.plan.flows import API_PORTS
from ybfort.plan.names import BUCKETS
from ybfort.spec import SpecError
from ybfort.spec.file import read_file


def plan(
    stack: stack_file.Stack,
    node: Annotated[
        str, typer.Option(metavar="NAME", help="Show all flags of this node instead.", show_default=False)
    ] = "",
    config: Annotated[
        bool, typer.Option("--config", help="Show the document that tells the nodes what to be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """Show what a stack file becomes. Works offline.

    Network, nodes, traffic, logins, roles, flags and names: everything that is
    known before the cloud is asked for anything.

    \b
    ybfort plan orders-prod
    ybfort plan orders-prod --node a1
    ybfort plan orders-prod --json | jq .nodes
    """
    if sum((bool(node), config, as_json)) > 1:
        raise typer.BadParameter("--node, --config and --json are three answers: ask for one.")
    try:
        planned = plan_of(read_file(stack_file.path_of(stack)))
    except SpecError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if config:
        typer.echo(cluster_config(planned), nl=False)
    elif as_json:
        typer.echo(json.dumps(document(planned), indent=2, sort_keys=True))
    elif node:
        typer.echo("\n".join(_node_lines(planned, node)))
    else:
        typer.echo("\n".join(_lines(document(planned))))


def document(planned: AnyPlan) -> dict[str, Any]:
    """The plan as plain data; the text below says the same."""
    spec, names = planned.spec, planned.names
    region, disk = spec.region, spec.nodes.disk
    brought_by = sorted(spec.certificates.brought_by)
    return {
        "cluster": names.prefix,
        "cloud": spec.cloud,
        "account": names.account,
        "region": names.region,
        "replication_factor": spec.replication_factor,
        "survives": f"the loss of a {spec.fault_tolerance}" if spec.replication_factor > 1 else "nothing: one copy",
        "release": {
            "version": spec.release.version,
            "sha256": spec.release.sha256,
            "finalized": spec.release.finalized,
            "upload_to": f"{CLOUDS[spec.cloud].scheme}://{names.bucket('artifacts')}/{release_key(spec)}",
        },
        "machine": {
            "type": spec.nodes.machine,
            "architecture": spec.nodes.architecture,
            "image": spec.images[names.region],
            "disk": disk.model_dump(),
        },
        "network": {
            "cidr": str(region.cidr),
            "existing": region.existing,
            "subnets": [
                {
                    "zone": subnet.zone,
                    "cidr": str(subnet.cidr) if subnet.cidr else None,
                    "existing": subnet.existing,
                    "node_range": str(subnet.node_range),
                }
                for subnet in planned.subnets
            ],
        },
        "nodes": [
            {
                "name": one.name,
                "zone": one.subnet.zone,
                "address": str(one.address),
                "host": one.host,
                "master": one.master,
                "flags": planned.own_flags[one.name],
                "certificate_secret": planned.certificate_secret(one.name),
            }
            for one in planned.nodes
        ],
        "endpoint": {"host": names.endpoint, "ports": {api: API_PORTS[api] for api in planned.apis}},
        "flows": [
            {"from": str(flow.source), "to": str(flow.target), "port": flow.port, "why": flow.why}
            for flow in planned.flows
        ],
        "hba": list(planned.hba),
        "databases": [
            {"name": one.name, "owner": one.owner} for one in sorted(spec.databases, key=lambda one: one.name)
        ],
        "keyspaces": sorted(one.name for one in spec.keyspaces),
        "roles": [
            {
                "name": role.name,
                "logins": list(role.logins),
                "admin": role.admin,
                "member_of": list(role.member_of),
                "acts_as": role.acts_as,
                "keyspaces": role.keyspaces,
                "connection_limit": role.connection_limit,
                "generation": role.generation,
                "secret": role.secret,
                "readers": list(role.readers),
            }
            for role in planned.roles
        ],
        "passwords": spec.passwords.model_dump(),
        "ycql_secret": planned.ycql_secret,
        "flags": planned.flags,
        "buckets": {purpose: names.bucket(purpose) for purpose in BUCKETS},
        "certificates": {
            "authority": None if brought_by else spec.certificates.existing_authority or "made for this cluster",
            "brought_by": brought_by,
            "lifetime_days": spec.certificates.lifetime_days,
        },
        "backup": spec.backup.model_dump(),
        "audit": spec.audit.model_dump(),
        "alerts": list(spec.alerts.emails),
        "shared_with": sorted(spec.endpoint.shared_with),
        "guardrails": spec.account_settings.guardrails,
        "protection_lifted_for": sorted(spec.protection.lifted_for),
    }


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """The document as text."""
    cloud, release, machine, network = CLOUDS[plan["cloud"]], plan["release"], plan["machine"], plan["network"]
    disk, endpoint = machine["disk"], plan["endpoint"]
    where = f"{plan['region']}, {cloud.account_called} {plan['account']}"
    yield paint(f"{plan['cluster']}: YugabyteDB {release['version']} in {where}", "cyan")
    yield f"Copies of the data: {plan['replication_factor']}. Survives {plan['survives']}."

    yield from _title(
        "Network", f"{network['cidr']}, {network['existing'] or 'one of its own'}, no way to or from the internet"
    )
    subnets = [(one["zone"], one["cidr"] or one["existing"] or "-", one["node_range"]) for one in network["subnets"]]
    yield from table([("ZONE", cloud.part.upper(), "NODES' ADDRESSES"), *subnets])

    yield from _title("Nodes", f"{machine['type']} ({machine['architecture']}), image {machine['image']}")
    volume = f"Data {cloud.disk} {disk['size_gib']} GiB, {disk['iops']} IOPS, {disk['throughput_mib']} MiB/s"
    yield f"  {volume}. In the order of change:"
    nodes = [
        (one["name"], one["zone"], one["address"], "master" if one["master"] else "", one["host"])
        for one in plan["nodes"]
    ]
    yield from table([("NAME", "ZONE", "ADDRESS", "", "HOST"), *nodes])

    yield from _title("Endpoint", endpoint["host"])
    yield from table((api.upper(), str(port)) for api, port in endpoint["ports"].items())
    yield from (f"  {other} may ask for a way to it from another network" for other in plan["shared_with"])

    yield from _title("Traffic", "TCP; everything else is closed")
    flows = [(flow["from"], flow["to"], str(flow["port"]), flow["why"]) for flow in plan["flows"]]
    yield from table([("FROM", "TO", "PORT", "WHY"), *flows])

    yield from _title("Logins", "the first line that matches decides (HBA)")
    yield from (f"  {line}" for line in plan["hba"])

    yield from _title("Databases")
    yield from table((one["name"], f"owned by {one['owner']}") for one in plan["databases"]) or ["  none"]

    yield from _roles(plan)

    for server, flags in plan["flags"].items():
        yield from _title(f"Flags of every {server}")
        yield from table(sorted(flags.items()))
    yield f"  Those of one node alone: ybfort plan STACK --node {plan['nodes'][0]['name']}"

    yield from _certificates(plan)

    yield from _title("Kept")
    backup, audit = plan["backup"], plan["audit"]
    kept = [
        ("backups", f"{backup['retention_days']} days, {backup['lock']} lock"),
        ("logs", f"{audit['retention_days']} days{_trail(audit)}"),
        ("alarms", f"to {', '.join(plan['alerts'])}"),
        (f"{cloud.account_called} guardrails", "owned by this stack" if plan["guardrails"] else "not touched"),
        *((f"bucket {purpose}", name) for purpose, name in sorted(plan["buckets"].items())),
    ]
    yield from table(kept)

    yield from _title("Release", f"SHA-256 {release['sha256']}")
    yield f"  Nodes fetch it from {release['upload_to']}"
    if release["finalized"]:
        yield f"  There is no way back behind {release['finalized']}, which is final"
    else:
        yield "  From a newer one there is a way back, until `finalized` names it"

    lifted = plan["protection_lifted_for"]
    yield from _title("Protection")
    yield paint(f"  LIFTED for {', '.join(lifted)}", "red") if lifted else "  Everything that holds data is protected."


def _trail(audit: Mapping[str, Any]) -> str:
    return f", trail {audit['existing_trail'] or 'of its own'}" if "existing_trail" in audit else ""


def _roles(plan: Mapping[str, Any]) -> Iterator[str]:
    """Who may do what in the databases, and by which passwords."""
    if "ycql" in plan["endpoint"]["ports"]:
        yield from _title("Keyspaces")
        yield from (f"  {name}" for name in plan["keyspaces"] or ["none"])

    yield from _title("Roles")
    roles = [
        (
            one["name"],
            ", ".join(one["member_of"]) or "-",
            str(one["connection_limit"] or "-"),
            ", ".join(one["logins"]) or "does not log in",
        )
        for one in plan["roles"]
    ]
    yield from table([("NAME", "MEMBER OF", "LIMIT", "LOGS IN AS"), *roles]) if roles else ["  none"]
    for one in plan["roles"]:
        yield from (f"  {one['name']} acts as {owner} in {database}" for database, owner in one["acts_as"].items())
        yield from (f"  {one['name']} has {access} in keyspace {name}" for name, access in one["keyspaces"].items())

    passwords = plan["passwords"]
    rotation = f"a new one after {passwords['rotation_days']} days, with the other of the two login names"
    yield from _title("Passwords", f"{rotation}; the one before works for {passwords['overlap_hours']} hours more")
    secrets = [(one["secret"], f"generation {one['generation']}") for one in plan["roles"] if one["secret"]]
    if plan["ycql_secret"]:
        secrets.append((plan["ycql_secret"], "YCQL's superuser, whom only nodes know"))
    yield from table(secrets) or ["  none"]
    readers = [(one["name"], reader) for one in plan["roles"] for reader in one["readers"]]
    yield from (f"  {reader} may read the password of {name}" for name, reader in readers)


def _certificates(plan: Mapping[str, Any]) -> Iterator[str]:
    certificates = plan["certificates"]
    source = f"authority {certificates['authority']}" if certificates["authority"] else "brought to each node's secret"
    yield from _title("Certificates", f"{certificates['lifetime_days']} days, {source}")
    yield from (f"  {bringer} brings them" for bringer in certificates["brought_by"])
    yield from table((one["name"], one["certificate_secret"]) for one in plan["nodes"] if one["certificate_secret"])


def _node_lines(planned: AnyPlan, name: str) -> Iterator[str]:
    """All flags that the servers of one node get."""
    own = planned.own_flags.get(name)
    if own is None:
        known = ", ".join(node.name for node in planned.nodes)
        raise typer.BadParameter(f"there is no node {name!r} (there are {known}).", param_hint="--node")
    for server, flags in sorted(own.items()):
        yield paint(f"{server} on {name}", "cyan")
        yield from table(sorted({**planned.flags[server], **flags}.items()))


def _title(title: str, says: str = "") -> tuple[str, str]:
    return "", f"{paint(title, 'cyan')}{f': {says}' if says else ''}"
