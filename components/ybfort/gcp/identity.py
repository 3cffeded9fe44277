"""Who a node is to the cloud: one service account, which has rights on what is the cluster's own and on nothing else.

A right stands at the thing that it is for: at the bucket, the secret, the CA pool. Here are the two for which GCP has
no such place.
"""

import pulumi
from pulumi_gcp import projects, serviceaccount

from ybfort.gcp.documents import service_account
from ybfort.gcp.plan import GcpPlan

# Logs and metrics begin to exist when they are written, so there is nothing that a right could stand at, and conditions
# are of no use with these permissions (IAM: resource types that accept conditions). Neither role reads anything back.
PROJECT_ROLES = {"logs": "roles/logging.logWriter", "metrics": "roles/monitoring.metricWriter"}


class Identity(pulumi.ComponentResource):
    """The nodes' service account. It has no key, nor can anybody borrow it: its machines alone speak in its name.

    :ivar email: its address
    :ivar member: the same as a member of a policy
    :ivar account: the account, which policies wait for: IAM refuses those that name somebody unknown
    """

    email: str
    member: str
    account: serviceaccount.Account

    def __init__(self, name: str, plan: GcpPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Identity", name, {}, opts)
        physical = plan.names.of("node")
        self.email = f"{physical}@{plan.names.account}.iam.gserviceaccount.com"
        self.member = service_account(self.email)
        self.account = serviceaccount.Account(
            f"{name}-node",
            account_id=physical,
            display_name=physical,
            description=f"Nodes of the YugabyteDB cluster {plan.names.prefix}",
            opts=pulumi.ResourceOptions(parent=self),
        )
        for part, role in PROJECT_ROLES.items():
            projects.IAMMember(
                f"{name}-{part}",
                project=plan.names.account,
                role=role,
                member=self.member,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.account]),
            )
        self.register_outputs({"email": self.email})
