"""Parts of a cluster on GCP to stand in for those that a test is not about."""

from types import SimpleNamespace
from typing import cast

import pulumi

from ybfort.gcp.identity import Identity
from ybfort.gcp.network import Network
from ybfort.gcp.plan import GcpPlan
from ybfort.gcp.storage import Storage
from ybfort.plan.names import BUCKETS

NODES = "orders-prod-node@orders-prod-4711.iam.gserviceaccount.com"


class Account(pulumi.ComponentResource):
    """A service account to wait for."""

    def __init__(self) -> None:
        super().__init__("test:gcp:Account", "account")


def identity() -> Identity:
    return cast(Identity, SimpleNamespace(email=NODES, member=f"serviceAccount:{NODES}", account=Account()))


def network(plan: GcpPlan) -> Network:
    """A network whose ids are known, so that a rule's sides can be read."""
    existing = plan.spec.region.existing_network
    project = existing.network.split("/")[1] if existing else plan.names.account
    return cast(
        Network,
        SimpleNamespace(
            network=pulumi.Output.from_input(f"projects/{project}/global/networks/own"),
            subnetwork=pulumi.Output.from_input(f"projects/{project}/regions/europe-west1/subnetworks/own"),
            project=project,
            zone=pulumi.Output.from_input("ZONE"),
        ),
    )


def storage(plan: GcpPlan) -> Storage:
    names = {purpose: pulumi.Output.from_input(plan.names.bucket(purpose)) for purpose in BUCKETS}
    return cast(Storage, SimpleNamespace(buckets=names))
