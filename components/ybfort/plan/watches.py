"""What a node says of itself, and when that is wrong: an alarm for each, in whatever way a cloud raises alarms."""

from dataclasses import dataclass
from typing import Literal

from ybfort.plan.cluster import AnyPlan

DISK_PERCENT = 80  # compactions need room to write what they merge
CONVERGE_SECONDS = 3_600
HEALTHY = 1  # 0 is what an unhealthy database publishes


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """A metric of the nodes' agent, and the values that are wrong."""

    what: str
    says: str
    metric: str
    wrong: Literal[">=", "<"]
    threshold: float
    # Whether to hear nothing is wrong, too. One watch a node takes silence for bad news; more would send the same mail.
    silence: bool = False
    passes: bool = True  # by itself, now and then: it is wrong only when it lasts


def node_watches(plan: AnyPlan, *, data: str) -> tuple[Watch, ...]:
    """The watches of every node.

    :param data: what the cloud calls that which holds the data: volume, disk
    """
    return (
        Watch(
            what="agent",
            says="The node's agent has not brought the node to its declared state for an hour, or says nothing.",
            metric="ConvergeAgeSeconds",
            wrong=">=",
            threshold=CONVERGE_SECONDS,
            silence=True,
        ),
        Watch(
            what="certificate",
            says="The certificate was not renewed in time.",
            metric="CertificateDaysLeft",
            wrong="<",
            threshold=plan.spec.certificates.lifetime_days / 4,  # it is renewed when a third is left
            passes=False,
        ),
        Watch(
            what="disk",
            says=f"The data {data} fills up.",
            metric="DiskUsedPercent",
            wrong=">=",
            threshold=DISK_PERCENT,
        ),
        Watch(
            what="database",  # a node that changes in turn is well again before
            says="The node finds its database or the cluster unwell. Its status in the bucket tells what is wrong.",
            metric="DatabaseHealthy",
            wrong="<",
            threshold=HEALTHY,
        ),
    )
