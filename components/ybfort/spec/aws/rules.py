"""What must hold between the parts of a stack file for AWS, besides what must hold everywhere (`ybfort.spec.rules`)."""

from collections.abc import Iterator

from ybfort.spec.aws.sections import AwsCertificates, AwsNodes, AwsRegion, AwsRole
from ybfort.spec.rules import Rule, Wrong, twice

# Xen machines show EBS volumes without the serial number by which a node recognises its own data volume.
OLD_FAMILIES = frozenset(
    "t1 t2 m1 m2 m3 m4 c1 c3 c4 r3 r4 i2 i3 d2 h1 x1 x1e p2 p3 g2 g3 g3s f1 cc2 cr1 hs1".split()  # noqa: SIM905
)
SHORT_LIVED_DAYS = 7  # AWS Private CA: the most that a CA in short-lived mode signs for
MOST_READERS = 50  # KMS ends a key's policy at 32,768 characters, and an IAM role's ARN has up to 543


def existing_vpc_and_subnets_go_together(regions: tuple[AwsRegion, ...]) -> Iterator[Wrong]:
    for number, region in enumerate(regions):
        path = ("regions", number, "zones")
        for at, zone in enumerate(region.zones):
            if region.existing_vpc and not zone.subnet:
                says = "is missing: with `existing_vpc` each zone names its subnet. Add `id` and `node_range`."
                yield Wrong((*path, at, "subnet"), says)
            elif zone.subnet and not region.existing_vpc:
                says = "needs `existing_vpc` in the region. Add it, or remove the subnet to get a new VPC."
                yield Wrong((*path, at, "subnet"), says)
        yield from twice(path, "subnet", [zone.subnet.id for zone in region.zones if zone.subnet])


def machine_is_recent(nodes: AwsNodes) -> Iterator[Wrong]:
    if nodes.machine.partition(".")[0] in OLD_FAMILIES:
        yield Wrong(
            ("nodes", "machine"),
            "is of a family without the Nitro system, whose volumes a node cannot tell apart. Use m7i or newer.",
        )


def tags_differ_in_more_than_case(tags: dict[str, str]) -> Iterator[Wrong]:
    seen: dict[str, str] = {}
    for key in tags:
        if (other := seen.setdefault(key.lower(), key)) != key:
            yield Wrong(("tags", key), f"is `{other}` but for its case, and IAM tells no difference. Keep one.")


def readers_fit_a_key_policy(roles: tuple[AwsRole, ...], certificates: AwsCertificates) -> Iterator[Wrong]:
    readers = {reader for role in roles for reader in role.readers}
    room = MOST_READERS - len(certificates.brought_by)
    if len(readers) > room:
        beside = " beside those in `certificates.brought_by`" if certificates.brought_by else ""
        yield Wrong(
            ("roles",),
            f"has {len(readers)} different readers, and the policy of a key has room for {room}{beside}. "
            "Let applications share an IAM role.",
        )


def lifetime_suits_the_authority(certificates: AwsCertificates) -> Iterator[Wrong]:
    managed = certificates.existing_authority is None and not certificates.brought_by
    if managed and certificates.lifetime_days > SHORT_LIVED_DAYS:
        yield Wrong(
            ("certificates", "lifetime_days"),
            f"is above {SHORT_LIVED_DAYS}: the managed authority signs short-lived certificates only. "
            f"Use {SHORT_LIVED_DAYS} or less, or name an `existing_authority`.",
        )


def authority_is_near(regions: tuple[AwsRegion, ...], certificates: AwsCertificates) -> Iterator[Wrong]:
    authority = certificates.existing_authority
    if authority and authority.split(":")[3] not in {region.name for region in regions}:
        yield Wrong(
            ("certificates", "existing_authority"),
            "is in another region, which the nodes have no private way to. Use an authority of the cluster's region.",
        )


def arns_are_of_the_account(account: str, certificates: AwsCertificates) -> Iterator[Wrong]:
    authority = certificates.existing_authority
    if authority and authority.split(":")[4] != account:
        yield Wrong(
            ("certificates", "existing_authority"),
            f"is of another account than {account}. Share a subordinate CA of this account instead.",
        )


RULES: tuple[Rule, ...] = (
    existing_vpc_and_subnets_go_together,
    machine_is_recent,
    tags_differ_in_more_than_case,
    readers_fit_a_key_policy,
    lifetime_suits_the_authority,
    authority_is_near,
    arns_are_of_the_account,
)
