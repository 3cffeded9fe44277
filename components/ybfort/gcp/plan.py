"""The plan that the components here translate."""

from ybfort.plan.cluster import ClusterPlan
from ybfort.spec.gcp.cluster import GcpSpec

GcpPlan = ClusterPlan[GcpSpec]


def labels(plan: GcpPlan, **more: str) -> dict[str, str]:
    """The labels of one resource."""
    return {**plan.spec.tags, "ybfort-cluster": plan.names.prefix, **more}
