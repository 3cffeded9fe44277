"""The numbered rules of the subnets' network ACL: a second fence, which holds when somebody opens a security group.

A network ACL has no memory, so answers need rules of their own. It cannot name groups or prefix lists and holds 20
rules a direction, so it speaks in whole private ranges; who exactly may connect is the security groups' business. What
AWS itself serves inside a VPC (DNS, time, metadata) passes by every network ACL.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network

from ybfort.aws.plan import AwsPlan
from ybfort.plan.flows import API_PORTS, HTTPS
from ybfort.spec.words import PRIVATE

TCP, ICMP = "6", "1"  # protocol numbers, as the API returns them
ANYWHERE = IPv4Network("0.0.0.0/0")
ALL_PORTS = (0, 65535)
NODE_EPHEMERAL = (32768, 60999)  # Linux: net.ipv4.ip_local_port_range. No port of YugabyteDB lies in it
CLIENT_EPHEMERAL = (1024, 65535)  # whatever the clients run on
FRAGMENTATION_NEEDED = (3, 4)  # ICMP type and code: without it large packets vanish on the way to a client


@dataclass(frozen=True, kw_only=True, slots=True)
class AclRule:
    """One rule; the lowest number that matches decides, and what matches none is refused."""

    name: str
    number: int
    egress: bool
    cidr: IPv4Network
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


def acl_rules(plan: AwsPlan) -> tuple[AclRule, ...]:
    """The rules of a cluster in a VPC of its own. A number depends on what the rule allows and on nothing else."""
    inside = plan.spec.region.cidr
    asked = {(api, _private(cidr)) for client in plan.spec.clients for api in client.apis for cidr in client.cidrs}
    ranges = sorted({cidr for _, cidr in asked})
    return (
        AclRule(name="in-cluster", number=100, egress=False, cidr=inside, ports=ALL_PORTS),
        *(
            AclRule(
                name=f"in-{api}-from-{_text(cidr)}",
                number=200 + 10 * list(API_PORTS).index(api) + PRIVATE.index(cidr),
                egress=False,
                cidr=cidr,
                ports=(API_PORTS[api], API_PORTS[api]),
            )
            for api, cidr in sorted(asked)
        ),
        # S3 has public addresses, by its gateway endpoint too. Security groups let only answers in here.
        AclRule(name="in-s3-answers", number=300, egress=False, cidr=ANYWHERE, ports=NODE_EPHEMERAL),
        *(
            AclRule(
                name=f"in-fragmentation-needed-from-{_text(cidr)}",
                number=400 + PRIVATE.index(cidr),
                egress=False,
                cidr=cidr,
                icmp=FRAGMENTATION_NEEDED,
            )
            for cidr in ranges
        ),
        AclRule(name="out-cluster", number=100, egress=True, cidr=inside, ports=ALL_PORTS),
        AclRule(name="out-s3", number=200, egress=True, cidr=ANYWHERE, ports=(HTTPS, HTTPS)),
        *(
            AclRule(
                name=f"out-answers-to-{_text(cidr)}",
                number=300 + PRIVATE.index(cidr),
                egress=True,
                cidr=cidr,
                ports=CLIENT_EPHEMERAL,
            )
            for cidr in ranges
        ),
    )


def _private(cidr: IPv4Network) -> IPv4Network:
    """The RFC 1918 range that holds `cidr`."""
    return next(range_ for range_ in PRIVATE if cidr.subnet_of(range_))


def _text(cidr: IPv4Network) -> str:
    """A range as a part of a name."""
    return str(cidr).replace("/", "-")
