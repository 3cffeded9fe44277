"""What must hold between the parts of a stack file.

A rule is a function whose parameters are named after the sections it reads. It runs when all of these are valid by
themselves, so one wrong section does not hide what is wrong between the others. It yields `Wrong(path, says)`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from ybfort.spec.clients import Client
from ybfort.spec.database import Database, Keyspace, Passwords, Role
from ybfort.spec.nodes import SERIES, Nodes, Release, order_of
from ybfort.spec.operations import Certificates, Protection
from ybfort.spec.region import ZONE_LETTERS, Region

Path = tuple[str | int, ...]
Rule = Callable[..., "Iterator[Wrong]"]

RESERVED_ROLES = frozenset(["postgres", "yugabyte", "cassandra", "public", "none", "ybfort_admin"])
RESERVED_DATABASES = frozenset(["postgres", "yugabyte", "system_platform", "template0", "template1"])
LARGEST_NETWORK = 16  # AWS ends here, and nobody needs more
SMALLEST_NETWORK = 23  # below, a zone has no room for nine endpoints (AWS) beside its nodes
SMALLEST_EXISTING_NETWORK = 28  # below, there is no room for a cluster whoever else is in it
LOGIN_SUFFIXES = ("_login_a", "_login_b")  # the two login names of a role that logs in
NEEDS_LOGIN = {"admin": False, "connection_limit": None, "keyspaces": (), "password_generation": 1, "readers": ()}
MOST_COPIES = 7


class Wrong(NamedTuple):
    """Something wrong, by its path in the cluster."""

    path: Path
    says: str


def one_region(regions: tuple[Region, ...]) -> Iterator[Wrong]:
    if len(regions) > 1:
        yield Wrong(("regions",), f"has {len(regions)} entries: a cluster lives in one region today. Keep one.")


def zones_are_distinct_and_of_their_region(regions: tuple[Region, ...]) -> Iterator[Wrong]:
    for number, region in enumerate(regions):
        path = ("regions", number, "zones")
        yield from twice(path, "name", [zone.name for zone in region.zones])
        for at, zone in enumerate(region.zones):
            if zone.name[:-1].rstrip("-") != region.name:
                yield Wrong(
                    (*path, at, "name"),
                    f"is not a zone of {region.name}. Write {region.name} and a letter, or change the region's name.",
                )


def network_has_room(regions: tuple[Region, ...]) -> Iterator[Wrong]:
    for number, region in enumerate(regions):
        path, bits = ("regions", number), region.cidr.prefixlen
        if region.existing:
            if bits > SMALLEST_EXISTING_NETWORK:
                yield Wrong(
                    (*path, "cidr"),
                    f"is a /{bits}: no network is smaller than /{SMALLEST_EXISTING_NETWORK}. Give the network's range.",
                )
            continue
        if not LARGEST_NETWORK <= bits <= SMALLEST_NETWORK:
            yield Wrong(
                (*path, "cidr"),
                f"is a /{bits}: a network takes /{LARGEST_NETWORK} at most, and below /{SMALLEST_NETWORK} a zone has "
                "no room. Use a /20, for example.",
            )
            continue
        # Half of a zone's part is the nodes'; its first address is left out, its last is the cloud's own.
        room = region.cidr.num_addresses // len(ZONE_LETTERS) // 2 - 2
        for at, zone in enumerate(region.zones):
            if zone.nodes > room:
                yield Wrong(
                    (*path, "zones", at, "nodes"),
                    f"is more than the {room} addresses a zone has for nodes in a /{bits}. "
                    "Give the region a larger `cidr`.",
                )


def node_ranges_have_room_of_their_own(regions: tuple[Region, ...]) -> Iterator[Wrong]:
    for number, region in enumerate(regions):
        ranges = [
            (("regions", number, "zones", at, *zone.RESERVED_AT), zone.reserved, zone.nodes)
            for at, zone in enumerate(region.zones)
            if zone.reserved
        ]
        for path, range_, nodes in ranges:
            if not range_.subnet_of(region.cidr):
                yield Wrong(path, f"is not inside the region's {region.cidr}. Correct one of the two.")
            if range_.num_addresses - 2 < nodes:
                yield Wrong(path, f"has no room for {nodes} nodes. Give a larger range.")
        for (_, one, _), (path, other, _) in combinations(ranges, 2):
            if one.overlaps(other):
                yield Wrong(path, f"overlaps {one}, another zone's. Give each zone its own range.")


def replication_factor_is_odd(replication_factor: int) -> Iterator[Wrong]:
    if replication_factor % 2 == 0:
        yield Wrong(
            ("replication_factor",),
            f"is even: {replication_factor} copies survive no more failures than {replication_factor - 1}. "
            "Use 3, 5 or 7 (1 in dev).",
        )


def production_keeps_three_copies(environment: str, replication_factor: int) -> Iterator[Wrong]:
    if environment == "prod" and replication_factor < 3:
        yield Wrong(("replication_factor",), "is below 3: a production cluster loses data with its first node. Use 3.")


def enough_nodes(regions: tuple[Region, ...], replication_factor: int) -> Iterator[Wrong]:
    nodes = sum(zone.nodes for region in regions for zone in region.zones)
    if nodes < replication_factor:
        yield Wrong(
            ("replication_factor",),
            f"needs as many nodes, one for each copy, and the zones have {nodes} in all. "
            f"Add at least {replication_factor - nodes} in `regions[0].zones`.",
        )


def a_zone_for_each_copy(regions: tuple[Region, ...], replication_factor: int, fault_tolerance: str) -> Iterator[Wrong]:
    zones = sum(len(region.zones) for region in regions)
    if fault_tolerance != "zone" or zones == replication_factor:
        return
    if zones < replication_factor:
        yield Wrong(
            ("fault_tolerance",),
            f"needs a zone for each of the {replication_factor} copies, and there are {zones}: the loss of one would "
            f"stop the cluster. Add zones up to {replication_factor}, or say `fault_tolerance: node`.",
        )
        return
    # YugabyteDB places one copy in each of as many zones as there are copies (yb-admin modify_placement_info).
    spare, more = zones - replication_factor, min(zones | 1, MOST_COPIES)
    instead = f" A new cluster may take {more} copies in {more} zones." if more > replication_factor else ""
    yield Wrong(
        ("fault_tolerance",),
        f"takes a zone for each of the {replication_factor} copies and no more, and there are {zones}: {spare} would "
        f"hold nothing. Say `fault_tolerance: node`, or take {spare} away.{instead}",
    )


def image_of_the_region(regions: tuple[Region, ...], images: dict[str, str]) -> Iterator[Wrong]:
    names = [region.name for region in regions]
    for name in names:
        if name not in images:
            yield Wrong(
                ("images",),
                f"has no image for {name} (it has {', '.join(sorted(images)) or 'none'}): each region names its own. "
                f"Run `ybfort pin STACK --image …` with one that can be used in {name}.",
            )
    for other in sorted(set(images) - set(names)):
        yield Wrong(("images", other), "is no region of this cluster. Remove it.")


def release_is_supported(release: Release) -> Iterator[Wrong]:
    if release.series not in SERIES:
        yield Wrong(
            ("release", "version"),
            f"is of series {release.series}, which ybfort does not support. Use a release of {' or '.join(SERIES)}.",
        )


def what_is_finalized_runs(release: Release) -> Iterator[Wrong]:
    if release.finalized and order_of(release.finalized) > order_of(release.version):
        yield Wrong(
            ("release", "finalized"),
            f"is newer than `version` {release.version}, and there is no way back from what is finalized. "
            "Write the version that runs, or remove it.",
        )


def disk_is_in_proportion(nodes: Nodes) -> Iterator[Wrong]:
    disk = nodes.disk
    if disk.iops > 500 * disk.size_gib:
        yield Wrong(("nodes", "disk", "iops"), f"is above 500 for each GiB. Use {500 * disk.size_gib} or less.")
    if disk.throughput_mib > disk.iops // 4:
        yield Wrong(
            ("nodes", "disk", "throughput_mib"),
            f"is above a quarter of `iops`. Use {disk.iops // 4} or less, or give `iops` {4 * disk.throughput_mib}.",
        )


def clients_are_distinct(clients: tuple[Client, ...]) -> Iterator[Wrong]:
    yield from twice(("clients",), "name", [client.name for client in clients])
    ranges = [
        (("clients", number, "cidrs", at), client.name, api, cidr)
        for number, client in enumerate(clients)
        for at, cidr in enumerate(client.cidrs)
        for api in client.apis
    ]
    reported: set[Path] = set()
    for (_, name, api, cidr), (path, _, other_api, other) in combinations(ranges, 2):
        if api == other_api and cidr.overlaps(other) and path not in reported:
            reported.add(path)
            yield Wrong(
                path, f"overlaps {cidr} of {name}: a reviewer could not tell who it is. Give each its own range."
            )


def clients_are_not_the_cluster(regions: tuple[Region, ...], clients: tuple[Client, ...]) -> Iterator[Wrong]:
    for region in regions:
        if region.existing:
            continue  # it is shared: clients may well live beside the nodes
        for number, client in enumerate(clients):
            for at, cidr in enumerate(client.cidrs):
                if cidr.overlaps(region.cidr):
                    yield Wrong(
                        ("clients", number, "cidrs", at),
                        f"overlaps the cluster's own network {region.cidr}, in which no client lives. "
                        "Give the client's range, or move the cluster's.",
                    )


def databases_have_owners(databases: tuple[Database, ...], roles: tuple[Role, ...]) -> Iterator[Wrong]:
    yield from twice(("databases",), "name", [database.name for database in databases])
    by_name = {role.name: role for role in roles}
    for number, database in enumerate(databases):
        path = ("databases", number)
        if database.name in RESERVED_DATABASES:
            yield Wrong((*path, "name"), "belongs to YugabyteDB itself. Choose another name.")
        owner = by_name.get(database.owner)
        if owner is None:
            yield Wrong(
                (*path, "owner"), f"is no declared role. Add `- {{name: {database.owner}, login: false}}` to `roles`."
            )
        elif owner.login:
            yield Wrong(
                (*path, "owner"),
                "may log in: an owner that does has every right all the time. "
                "Set `login: false` on it and grant `owner` to who changes the schema.",
            )


def keyspaces_are_distinct_and_used(keyspaces: tuple[Keyspace, ...], clients: tuple[Client, ...]) -> Iterator[Wrong]:
    yield from twice(("keyspaces",), "name", [keyspace.name for keyspace in keyspaces])
    for number, keyspace in enumerate(keyspaces):
        if keyspace.name.startswith("system"):
            yield Wrong(("keyspaces", number, "name"), "belongs to YugabyteDB itself. Choose another name.")
    if keyspaces and not any("ycql" in client.apis for client in clients):
        yield Wrong(
            ("keyspaces",), "needs YCQL, which no client uses. Add `ycql` to the `apis` of one, or remove these."
        )


def role_names_are_free(databases: tuple[Database, ...], roles: tuple[Role, ...]) -> Iterator[Wrong]:
    yield from twice(("roles",), "name", [role.name for role in roles])
    groups = {f"{database.name}_{access}" for database in databases for access in ("read_only", "read_write")}
    for number, role in enumerate(roles):
        if role.name in RESERVED_ROLES or role.name.startswith(("pg_", "yb_", "ybfort_")):
            yield Wrong(("roles", number, "name"), "belongs to the database itself. Choose another name.")
        elif role.name in groups:
            yield Wrong(("roles", number, "name"), "is the name of a database's group role. Choose another name.")
        elif role.name.endswith(LOGIN_SUFFIXES):
            yield Wrong(("roles", number, "name"), "ends as the login names do that roles get. Choose another name.")


def grants_name_keyspaces(keyspaces: tuple[Keyspace, ...], roles: tuple[Role, ...]) -> Iterator[Wrong]:
    names = {keyspace.name for keyspace in keyspaces}
    for number, role in enumerate(roles):
        path = ("roles", number, "keyspaces")
        yield from twice(path, "keyspace", [grant.keyspace for grant in role.keyspaces])
        for at, grant in enumerate(role.keyspaces):
            if grant.keyspace not in names:
                yield Wrong((*path, at, "keyspace"), "is no declared keyspace. Declare it under `keyspaces`.")


def grants_name_databases(databases: tuple[Database, ...], roles: tuple[Role, ...]) -> Iterator[Wrong]:
    names = {database.name for database in databases}
    for number, role in enumerate(roles):
        path = ("roles", number, "grants")
        yield from twice(path, "database", [grant.database for grant in role.grants])
        for at, grant in enumerate(role.grants):
            if grant.database not in names:
                yield Wrong((*path, at, "database"), "is no declared database. Declare it under `databases`.")


def owners_form_no_circle(databases: tuple[Database, ...], roles: tuple[Role, ...]) -> Iterator[Wrong]:
    """Who may act as an owner is a member of it, and PostgreSQL refuses a role that would be a member of itself."""
    owners = {database.name: database.owner for database in databases}
    grants = [
        (("roles", number, "grants", at, "access"), role.name, owners[grant.database])
        for number, role in enumerate(roles)
        for at, grant in enumerate(role.grants)
        if grant.access == "owner" and grant.database in owners
    ]
    members: dict[str, list[str]] = {owner: [] for owner in owners.values()}
    for _, member, owner in grants:
        members[owner].append(member)
    towards = {owner: _towards(owner, members) for owner in members}
    for path, member, owner in grants:
        if owner not in towards.get(member, {}):
            continue
        circle = [member, owner]
        while circle[-1] != member:
            circle.append(towards[member][circle[-1]])
        yield Wrong(
            path,
            f"makes {member} a member of itself ({' in '.join(circle)}), which PostgreSQL refuses. "
            "Give `read_write` or less, or let another role own the database.",
        )


def _towards(role: str, members: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Of every role that is a member of `role`, directly or through others, the next one on the shortest way there."""
    nexts, found = {role: role}, [role]
    for above in found:
        new = [member for member in dict.fromkeys(members.get(above, ())) if member not in nexts]
        nexts |= dict.fromkeys(new, above)
        found += new
    return nexts


def roles_make_sense(roles: tuple[Role, ...]) -> Iterator[Wrong]:
    for number, role in enumerate(roles):
        if role.login:
            continue
        for field, unset in NEEDS_LOGIN.items():
            if getattr(role, field) != unset:
                yield Wrong(("roles", number, field), "needs a role that logs in. Remove it, or set `login: true`.")


def one_source_of_certificates(certificates: Certificates) -> Iterator[Wrong]:
    if certificates.brought_by and certificates.existing_authority:
        yield Wrong(
            ("certificates", "brought_by"),
            "and `existing_authority` exclude each other: nodes ask an authority, or get certificates. Keep one.",
        )


def passwords_work_until_the_next(passwords: Passwords) -> Iterator[Wrong]:
    if passwords.overlap_hours >= 24 * passwords.rotation_days:
        yield Wrong(
            ("passwords", "overlap_hours"),
            f"is as long as a password lives: the name it belongs to is needed again after {passwords.rotation_days} "
            f"days. Use less than {24 * passwords.rotation_days}.",
        )


def lifted_nodes_could_exist(protection: Protection) -> Iterator[Wrong]:
    yield from twice(("protection",), "lifted_for", list(protection.lifted_for))


def twice(path: Path, field: str, values: Iterable[str]) -> Iterator[Wrong]:
    """A problem for each value that stands in `path` more than once."""
    for value, times in Counter(values).items():
        if value and times > 1:
            yield Wrong(path, f"has {field} {value} {times} times. Keep one.")


RULES: tuple[Rule, ...] = (
    one_region,
    zones_are_distinct_and_of_their_region,
    network_has_room,
    node_ranges_have_room_of_their_own,
    replication_factor_is_odd,
    production_keeps_three_copies,
    enough_nodes,
    a_zone_for_each_copy,
    image_of_the_region,
    release_is_supported,
    what_is_finalized_runs,
    disk_is_in_proportion,
    clients_are_distinct,
    clients_are_not_the_cluster,
    databases_have_owners,
    role_names_are_free,
    grants_name_databases,
    keyspaces_are_distinct_and_used,
    grants_name_keyspaces,
    owners_form_no_circle,
    roles_make_sense,
    one_source_of_certificates,
    passwords_work_until_the_next,
    lifted_nodes_could_exist,
)


def wrong(rules: Iterable[Rule], sections: dict[str, Any]) -> Iterator[Wrong]:
    """What rules find in the given valid sections, by section name; a rule that lacks one of its sections rests."""
    for rule in rules:
        needs = rule.__code__.co_varnames[: rule.__code__.co_argcount]
        if all(need in sections for need in needs):
            yield from rule(**{need: sections[need] for need in needs})
