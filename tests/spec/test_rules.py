"""What must hold between the parts of a stack file: each rule once broken and, at its edge, once kept."""

import time
from ipaddress import IPv4Network
from typing import Any

import pytest

from specs import region, spec_data, zones
from ybfort.spec import ClusterSpec, SpecError, read_value

READ_WRITE = {"database": "orders", "access": "read_write"}
OWNER = {"name": "orders_owner", "login": False}
IN_VPC = {
    "id": "vpc-0123456789abcdef0",
    "endpoints_security_group": "sg-0123456789abcdef0",
    "s3_prefix_list": "pl-6da54004",
}


def disk(**changes: int) -> dict[str, Any]:
    return {"machine": "m7i.4xlarge", "disk": {"size_gib": 500, **changes}}


def client(name: str, *cidrs: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "cidrs": list(cidrs), **more}


def existing(*node_ranges: str, cidr: str = "10.40.0.0/20", **changes: Any) -> list[dict[str, Any]]:
    """A region in an existing VPC, with a node and a range in each of its subnets."""
    subnets = [
        {**zone, "subnet": {"id": f"subnet-0123456789abcdef{at}", "node_range": node_range}}
        for at, (zone, node_range) in enumerate(zip(zones(1, 1, 1), node_ranges, strict=True))
    ]
    return [{**region(cidr=cidr, zones=subnets, existing_vpc=IN_VPC), **changes}]


def read_by(count: int, name: str) -> list[dict[str, Any]]:
    """Roles whose passwords so many applications may read; at most 15 may for each."""
    arns = [f"arn:aws:iam::123456789012:role/{name}-{number}" for number in range(count)]
    return [{"name": f"{name}_{at}", "readers": arns[at : at + 15]} for at in range(0, count, 15)]


def owners(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Roles that own a database each; of each pair the first may act as the second."""
    names = sorted({name for pair in pairs for name in pair})
    grants = {
        name: [{"database": f"of_{owner}", "access": "owner"} for who, owner in pairs if who == name] for name in names
    }
    return {
        "databases": [{"name": f"of_{name}", "owner": name} for name in names],
        "roles": [{"name": name, "login": False, "grants": grants[name]} for name in names],
    }


THREE = ("10.40.1.0/24", "10.40.3.0/24", "10.40.5.0/24")
AUTHORITY = "arn:aws:acm-pca:{}:{}:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"
PKI = "arn:aws:iam::123456789012:role/pki"
EVENTS = [{"name": "events"}]
YCQL = [client("events", "10.9.0.0/16", apis=["ycql"])]


def release(finalized: str) -> dict[str, Any]:
    return {"release": {"version": "2025.2.8.0-b60", "sha256": "5" * 64, "finalized": finalized}}


# What is changed in the valid cluster; where the problem must be; a part of what must be said.
BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"regions": []}, "regions", "has too few entries. Give at least 1"),
    ({"regions": [region(), region()]}, "regions", "lives in one region today. Keep one"),
    ({"regions": [region(zones=[])]}, "regions[0].zones", "has too few entries"),
    ({"regions": [region(zones=zones(1, 1, 1) + zones(1))]}, "regions[0].zones", "has name eu-west-1a 2 times"),
    (
        {"regions": [region(zones=zones(1, 1, 1, region="eu-west-2"))]},
        "regions[0].zones[0].name",
        "not a zone of eu-west-1",
    ),
    ({"regions": [region(zones=[{"name": "eu-west-1x"}])]}, "regions[0].zones[0].name", "with its letter"),
    ({"regions": [region(name="mars-north-1")]}, "regions[0].name", "a region of the commercial AWS partition"),
    ({"regions": [region(name="cn-north-1")]}, "regions[0].name", "China and GovCloud are not supported"),
    ({"regions": [region(name="us-gov-west-1")]}, "regions[0].name", "China and GovCloud are not supported"),
    ({"regions": [region(cidr="10.0.0.0/8")]}, "regions[0].cidr", "a network takes /16 at most"),
    ({"regions": [region(cidr="10.40.0.0/24")]}, "regions[0].cidr", "Use a /20, for example"),
    ({"regions": [region(cidr="10.40.0.0/23", zones=zones(31, 1, 1))]}, "regions[0].zones[0].nodes", "30 addresses"),
    (
        {"regions": [region(cidr="10.40.0.0/16", zones=zones(100, 1, 1))]},
        "regions[0].zones[0].nodes",
        "Write 99 or less",
    ),
    ({"regions": [region(zones=zones(0, 1, 1, 1))]}, "regions[0].zones[0].nodes", "Write 1 or more"),
    ({"regions": existing(*THREE, existing_vpc=None)}, "regions[0].zones[0].subnet", "needs `existing_vpc`"),
    ({"regions": [region(existing_vpc=IN_VPC)]}, "regions[0].zones[0].subnet", "each zone names its subnet"),
    ({"regions": existing("10.50.1.0/24", *THREE[1:])}, "regions[0].zones[0].subnet.node_range", "is not inside"),
    ({"regions": existing("10.40.1.0/32", *THREE[1:])}, "regions[0].zones[0].subnet.node_range", "has no room for 1"),
    (
        {"regions": existing(*THREE[:2], "10.40.3.0/25")},
        "regions[0].zones[2].subnet.node_range",
        "overlaps 10.40.3.0/24",
    ),
    ({"regions": existing(*THREE, cidr="10.40.0.0/30")}, "regions[0].cidr", "no network is smaller than /28"),
    ({"replication_factor": 2}, "replication_factor", "is even: 2 copies survive no more failures than 1"),
    ({"replication_factor": 4}, "replication_factor", "Use 3, 5 or 7"),
    ({"replication_factor": 0}, "replication_factor", "Write 1 or more"),
    ({"replication_factor": 9}, "replication_factor", "Write 7 or less"),
    ({"replication_factor": 1}, "replication_factor", "a production cluster loses data with its first node"),
    ({"replication_factor": 5}, "replication_factor", "the zones have 3 in all. Add at least 2"),
    ({"regions": [region(zones=zones(2, 1))]}, "fault_tolerance", "and there are 2"),
    (
        {"regions": [region(zones=zones(1, 1, 1, 1))]},
        "fault_tolerance",
        "and there are 4: 1 would hold nothing. Say `fault_tolerance: node`, or take 1 away. A new cluster may take 5",
    ),
    (
        {"regions": [region(zones=zones(*[1] * 8))], "replication_factor": 7},
        "fault_tolerance",
        "and there are 8: 1 would hold nothing. Say `fault_tolerance: node`, or take 1 away.",
    ),
    (
        {"environment": "dev", "regions": [region(zones=zones(1, 1))], "replication_factor": 1},
        "fault_tolerance",
        "takes a zone for each of the 1 copies and no more, and there are 2",
    ),
    ({"images": {}}, "images", "has no image for eu-west-1 (it has none)"),
    ({"images": {"eu-west-2": "ami-0123456789abcdef0"}}, "images", "(it has eu-west-2)"),
    ({"images": {"eu-west-2": "ami-0123456789abcdef0"}}, "images.eu-west-2", "is no region of this cluster"),
    ({"release": {"version": "2024.2.1.0-b9", "sha256": "5" * 64}}, "release.version", "is of series 2024.2"),
    ({"release": {"version": "2.25.1.0-b9", "sha256": "5" * 64}}, "release.version", "a full version with its build"),
    ({"release": {"version": "2025.2", "sha256": "5" * 64}}, "release.version", "a full version with its build"),
    ({"release": {"version": "latest", "sha256": "5" * 64}}, "release.version", "a full version with its build"),
    ({"release": {"version": "2025.2.8.0-b60", "sha256": "5" * 40}}, "release.sha256", "`ybfort pin` does"),
    (release("2025.2.8.0-b61"), "release.finalized", "is newer than `version` 2025.2.8.0-b60"),
    (release("2025.2.10.0-b1"), "release.finalized", "is newer than `version` 2025.2.8.0-b60"),
    (release("2026.1.0.0-b1"), "release.finalized", "Write the version that runs"),
    (release("2025.2"), "release.finalized", "a full version with its build"),
    ({"nodes": {**disk(), "machine": "m4.xlarge"}}, "nodes.machine", "without the Nitro system"),
    ({"nodes": {**disk(), "machine": "large"}}, "nodes.machine", "an EC2 instance type"),
    ({"nodes": disk(size_gib=49)}, "nodes.disk.size_gib", "Write 50 or more"),
    ({"nodes": disk(size_gib=16_385)}, "nodes.disk.size_gib", "Write 16384 or less"),
    ({"nodes": disk(iops=16_001)}, "nodes.disk.iops", "Write 16000 or less"),
    ({"nodes": disk(iops=3_000, throughput_mib=751)}, "nodes.disk.throughput_mib", "3004"),
    ({"clients": [client("a", "10.8.0.0/16"), client("a", "10.9.0.0/16")]}, "clients", "has name a 2 times"),
    (
        {"clients": [client("a", "10.8.0.0/15"), client("b", "10.9.0.0/16")]},
        "clients[1].cidrs[0]",
        "overlaps 10.8.0.0/15 of a",
    ),
    ({"clients": [client("a", "10.8.0.0/16", "10.8.1.0/24")]}, "clients[0].cidrs[1]", "overlaps 10.8.0.0/16 of a"),
    ({"clients": [client("a", "10.40.1.0/24")]}, "clients[0].cidrs[0]", "overlaps the cluster's own network"),
    ({"clients": [client("a")]}, "clients[0].cidrs", "has too few entries"),
    ({"clients": [client("a", "10.8.0.0/16", apis=[])]}, "clients[0].apis", "has too few entries"),
    ({"clients": [client("a", "10.8.0.0/16", apis=["yedis"])]}, "clients[0].apis[0]", "Write 'ysql' or 'ycql'"),
    (
        {"databases": [{"name": "orders", "owner": "nobody"}]},
        "databases[0].owner",
        "is no declared role. Add `- {name: nobody",
    ),
    ({"databases": [{"name": "orders", "owner": "alice"}]}, "databases[0].owner", "may log in"),
    ({"databases": [{"name": "orders", "owner": "orders_owner"}] * 2}, "databases", "has name orders 2 times"),
    (
        {"databases": [{"name": "yugabyte", "owner": "orders_owner"}]},
        "databases[0].name",
        "belongs to YugabyteDB itself",
    ),
    ({"roles": [OWNER, {"name": "a"}, {"name": "a"}]}, "roles", "has name a 2 times"),
    ({"roles": [OWNER, {"name": "yugabyte"}]}, "roles[1].name", "belongs to the database itself"),
    ({"roles": [OWNER, {"name": "postgres"}]}, "roles[1].name", "belongs to the database itself"),
    ({"roles": [OWNER, {"name": "pg_monitor"}]}, "roles[1].name", "belongs to the database itself"),
    ({"roles": [OWNER, {"name": "public"}]}, "roles[1].name", "belongs to the database itself"),
    ({"roles": [OWNER, {"name": "orders_read_only"}]}, "roles[1].name", "is the name of a database's group role"),
    (
        {"roles": [OWNER, {"name": "a", "grants": [{**READ_WRITE, "database": "x"}]}]},
        "roles[1].grants[0].database",
        "Declare it",
    ),
    ({"roles": [OWNER, {"name": "a", "grants": [READ_WRITE] * 2}]}, "roles[1].grants", "has database orders 2 times"),
    (
        {"roles": [OWNER, {"name": "a", "grants": [{**READ_WRITE, "access": "superuser"}]}]},
        "roles[1].grants[0].access",
        "Write",
    ),
    ({"roles": [OWNER, {"name": "a_login_a"}]}, "roles[1].name", "ends as the login names do"),
    ({"roles": [{"name": "a_login_b", "login": False}]}, "roles[0].name", "ends as the login names do"),
    (
        owners(("a", "a")),
        "roles[0].grants[0].access",
        "makes a a member of itself (a in a), which PostgreSQL refuses",
    ),
    (owners(("a", "b"), ("b", "a")), "roles[0].grants[0].access", "makes a a member of itself (a in b in a)"),
    (owners(("a", "b"), ("b", "a")), "roles[1].grants[0].access", "makes b a member of itself (b in a in b)"),
    (
        owners(("a", "b"), ("b", "c"), ("b", "d"), ("c", "a")),
        "roles[2].grants[0].access",
        "makes c a member of itself (c in a in b in c)",
    ),
    ({"keyspaces": EVENTS * 2, "clients": YCQL}, "keyspaces", "has name events 2 times"),
    ({"keyspaces": EVENTS}, "keyspaces", "needs YCQL, which no client uses. Add `ycql`"),
    (
        {"keyspaces": [{"name": "system_auth"}], "clients": YCQL},
        "keyspaces[0].name",
        "belongs to YugabyteDB itself",
    ),
    (
        {"roles": [OWNER, {"name": "a", "keyspaces": [{"keyspace": "events", "access": "owner"}]}]},
        "roles[1].keyspaces[0].keyspace",
        "is no declared keyspace. Declare it",
    ),
    (
        {
            "keyspaces": EVENTS,
            "clients": YCQL,
            "roles": [OWNER, {"name": "a", "keyspaces": [{"keyspace": "events", "access": "owner"}] * 2}],
        },
        "roles[1].keyspaces",
        "has keyspace events 2 times",
    ),
    (
        {"roles": [{**OWNER, "keyspaces": [{"keyspace": "events", "access": "owner"}]}]},
        "roles[0].keyspaces",
        "needs a role that logs in",
    ),
    ({"roles": [{**OWNER, "password_generation": 2}]}, "roles[0].password_generation", "needs a role that logs in"),
    ({"passwords": {"rotation_days": 91}}, "passwords.rotation_days", "Write 90 or less"),
    ({"passwords": {"rotation_days": 0}}, "passwords.rotation_days", "Write 1 or more"),
    ({"passwords": {"overlap_hours": 721}}, "passwords.overlap_hours", "Write 720 or less"),
    (
        {"passwords": {"rotation_days": 2, "overlap_hours": 48}},
        "passwords.overlap_hours",
        "is needed again after 2 days. Use less than 48.",
    ),
    ({"roles": [{**OWNER, "admin": True}]}, "roles[0].admin", "needs a role that logs in"),
    ({"roles": [{**OWNER, "connection_limit": 5}]}, "roles[0].connection_limit", "needs a role that logs in"),
    (
        {"roles": [{**OWNER, "readers": ["arn:aws:iam::123456789012:role/a"]}]},
        "roles[0].readers",
        "needs a role that logs in",
    ),
    (
        {"roles": [OWNER, {"name": "a", "readers": ["arn:aws:iam::*:role/a"]}]},
        "roles[1].readers[0]",
        "the ARN of an IAM role",
    ),
    ({"roles": [OWNER, {"name": "a", "readers": ["*"]}]}, "roles[1].readers[0]", "the ARN of an IAM role"),
    ({"roles": [OWNER, *read_by(26, "a"), *read_by(25, "b")]}, "roles", "has 51 different readers"),
    (
        {"roles": [OWNER, *read_by(25, "a"), *read_by(25, "b")], "certificates": {"brought_by": [PKI]}},
        "roles",
        "has 50 different readers, and the policy of a key has room for 49 beside those in `certificates.brought_by`.",
    ),
    ({"roles": [OWNER, {"name": "a", "readers": [PKI] * 16}]}, "roles[1].readers", "Give at most 15"),
    ({"certificates": {"brought_by": [PKI] * 16}}, "certificates.brought_by", "Give at most 15"),
    (
        {"certificates": {"brought_by": [PKI], "existing_authority": AUTHORITY.format("eu-west-1", "123456789012")}},
        "certificates.brought_by",
        "and `existing_authority` exclude each other",
    ),
    ({"roles": [OWNER, {"name": "a", "superuser": True}]}, "roles[1].superuser", "is no known key"),
    ({"certificates": {"lifetime_days": 8}}, "certificates.lifetime_days", "signs short-lived certificates only"),
    ({"certificates": {"lifetime_days": 398}}, "certificates.lifetime_days", "Write 397 or less"),
    (
        {"certificates": {"existing_authority": AUTHORITY.format("eu-west-2", "123456789012")}},
        "certificates.existing_authority",
        "in another region",
    ),
    (
        {"certificates": {"existing_authority": AUTHORITY.format("eu-west-1", "210987654321")}},
        "certificates.existing_authority",
        "of another account",
    ),
    ({"backup": {"retention_days": 1}}, "backup.retention_days", "Write 7 or more"),
    ({"backup": {"lock": "none"}}, "backup.lock", "Write 'compliance' or 'governance'"),
    ({"audit": {"retention_days": 30}}, "audit.retention_days", "is none of the possible values"),
    ({"alerts": {"emails": []}}, "alerts.emails", "has too few entries"),
    ({"alerts": {"emails": ["dba"]}}, "alerts.emails[0]", "an e-mail address"),
    ({"tags": {"aws:x": "y"}}, "tags.aws:x", "are taken"),
    ({"tags": {"Name": "y"}}, "tags.Name", "are taken"),
    ({"tags": {"ybfort:cluster": "y"}}, "tags.ybfort:cluster", "are taken"),
    ({"tags": {f"t{number}": "x" for number in range(31)}}, "tags", "Give at most 30"),
    ({"protection": {"lifted_for": ["everything"]}}, "protection.lifted_for[0]", "the name of a node"),
    ({"protection": {"lifted_for": ["a1", "a1"]}}, "protection", "has lifted_for a1 2 times"),
    ({"environment": "test"}, "environment", "Write 'dev' or 'prod'"),
    ({"cloud": "azure"}, "cloud", "Write 'aws' or 'gcp'."),
    ({"cloud": 3}, "cloud", "Write 'aws' or 'gcp'."),
    ({"account": 123456789012}, "account", "Put it in quotes"),
    ({"account": "12345"}, "account", "the 12 digits of the account"),
]

KEPT: list[dict[str, Any]] = [
    {"regions": [region(cidr="10.40.0.0/23", zones=zones(30, 1, 1))]},
    {"regions": [region(cidr="172.16.0.0/16", zones=zones(*[99] * 8))], "fault_tolerance": "node"},
    {"regions": [region(cidr="192.168.0.0/16")]},
    {"regions": existing(*THREE)},
    {"regions": existing(*THREE), "clients": [client("beside", "10.40.0.0/24")]},
    {"regions": [region(zones=zones(3))], "fault_tolerance": "node"},
    {"regions": [region(zones=zones(2, 2, 1))], "replication_factor": 5, "fault_tolerance": "node"},
    {"regions": [region(zones=zones(1, 1, 1, 1, 1))], "replication_factor": 5},
    {"regions": [region(zones=zones(1, 1, 1, 1))], "fault_tolerance": "node"},
    {"environment": "dev", "regions": [region(zones=zones(1))], "replication_factor": 1},
    {"nodes": disk(size_gib=50, iops=16_000, throughput_mib=1_000)},
    {"clients": []},
    {"clients": [client("a", "10.8.0.0/16"), client("b", "10.8.0.0/16", apis=["ycql"])]},
    {"databases": [], "roles": []},
    {"certificates": {"existing_authority": AUTHORITY.format("eu-west-1", "123456789012"), "lifetime_days": 397}},
    {"roles": [OWNER, *read_by(25, "a"), *read_by(25, "b")]},
    {"roles": [OWNER, *read_by(49, "a")], "certificates": {"brought_by": [PKI]}},
    {"certificates": {"brought_by": [PKI], "lifetime_days": 397}},
    release("2025.2.8.0-b60"),
    release("2025.2.7.3-b99"),
    {"passwords": {"rotation_days": 90, "overlap_hours": 720}},
    {"passwords": {"rotation_days": 2, "overlap_hours": 47}},
    {"keyspaces": EVENTS, "clients": YCQL},
    owners(("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")),
    {"tags": {}},
    {"protection": {"lifted_for": ["a1", "h99", "keys", "backup", "certificates", "endpoint"]}},
]


@pytest.mark.parametrize(("changes", "path", "says"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_rule_is_told_where_it_is_broken_with_what_to_write(
    changes: dict[str, Any], path: str, says: str
) -> None:
    with pytest.raises(SpecError) as error:
        read_value(spec_data(**changes), "test")
    told = [problem.says for problem in error.value.problems if problem.path == path]
    assert any(says in one for one in told), str(error.value)
    for one in told:
        assert one.endswith((".", "`")), f"not a sentence: {one}"


@pytest.mark.parametrize("changes", KEPT)
def test_what_is_at_the_edge_is_allowed(changes: dict[str, Any]) -> None:
    assert isinstance(read_value(spec_data(**changes), "test"), ClusterSpec)


@pytest.mark.parametrize(
    "cidr",
    [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "8.8.8.0/24",
        "10.0.0.0/7",
        "172.0.0.0/8",
        "172.32.0.0/16",
        "192.168.0.0/15",
        "100.64.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/16",
        "224.0.0.0/16",
    ],
)
def test_a_range_that_reaches_outside_private_space_is_refused_everywhere(cidr: str) -> None:
    reaching = IPv4Network(cidr, strict=False)
    for path, data in {
        "regions[0].cidr": spec_data(regions=[region(cidr=str(reaching))]),
        "clients[0].cidrs[0]": spec_data(clients=[client("a", str(reaching))]),
        "regions[0].zones[0].subnet.node_range": spec_data(regions=existing(str(reaching), *THREE[1:])),
    }.items():
        with pytest.raises(SpecError) as error:
            read_value(data, "test")
        assert any(one.path == path and "is not private" in one.says for one in error.value.problems)


@pytest.mark.parametrize(
    "cidr",
    [
        "10.40.0.0",
        "10.40.0.1/20",
        "10.40.0.0/33",
        "10.40.0.0/-1",
        "010.40.0.0/20",
        "10.40.0/20",
        "2001:db8::/32",
        "10.40.0.0/20 ",
        167772160,
        ["10.0.0.0", 8],
        True,
        10.4,
        "",
    ],
)
def test_what_is_no_range_with_its_first_address_is_refused(cidr: Any) -> None:
    with pytest.raises(SpecError) as error:
        read_value(spec_data(clients=[client("a", cidr)]), "test")
    assert [one.path for one in error.value.problems] == ["clients[0].cidrs[0]"]
    assert "Write one such as 10.40.0.0/20" in str(error.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (spec_data(replicationfactor=3), "replicationfactor: is no known key. Did you mean `replication_factor`?"),
        (spec_data(nodes={**disk(), "machin": 1}), "nodes.machin: is no known key. Did you mean `machine`?"),
        (spec_data(nodes=disk(iop=3000)), "nodes.disk.iop: is no known key. Did you mean `iops`?"),
        (
            spec_data(clients=[client("a", "10.8.0.0/16", cidr=1)]),
            "clients[0].cidr: is no known key. Did you mean `cidrs`?",
        ),
        (spec_data(backup={"x": 1}), "backup.x: is no known key. The keys here are retention_days, lock."),
        (spec_data(public=True), "public: is no known key. The keys here are name, environment"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(data: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError) as error:
        read_value(data, "test")
    assert says in str(error.value)


def test_a_rule_between_sections_is_told_though_another_section_is_wrong() -> None:
    with pytest.raises(SpecError) as error:
        read_value(spec_data(replication_factor=4, name="Not A Name", alerts={}), "test")
    assert {one.path for one in error.value.problems} >= {"name", "alerts.emails", "replication_factor"}


def test_a_missing_key_is_explained() -> None:
    data = spec_data()
    del data["account"]
    with pytest.raises(SpecError, match=r"account: is missing. Add it: The account that the cluster belongs to"):
        read_value(data, "test")


def test_the_most_that_is_allowed_is_judged_in_seconds() -> None:
    clients = [
        client(
            f"c{number}",
            *(f"172.{16 + at // 13}.{number + 50 * (at % 5)}.{at}/32" for at in range(20)),
            apis=["ysql", "ycql"],
        )
        for number in range(50)
    ]
    roles = [OWNER, *({"name": f"r{number}", "grants": [READ_WRITE]} for number in range(1_999))]
    start = time.process_time()
    assert len(read_value(spec_data(clients=clients, roles=roles), "test").roles) == 2_000
    assert time.process_time() - start < 5


def test_a_circle_of_all_owners_with_all_others_is_judged_in_seconds() -> None:
    names = [f"o{number}" for number in range(100)]
    everybody = owners(*((who, owner) for who in names for owner in names))
    start = time.process_time()
    with pytest.raises(SpecError, match="a member of itself"):
        read_value(spec_data(**everybody), "test")
    assert time.process_time() - start < 5
