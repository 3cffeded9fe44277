"""The plan that the components here translate."""

from ybfort.plan.cluster import ClusterPlan
from ybfort.spec.aws.cluster import AwsSpec

AwsPlan = ClusterPlan[AwsSpec]
