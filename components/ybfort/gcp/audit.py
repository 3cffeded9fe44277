"""The record of what was done: on nodes and in the database, on the network and in the project."""

import pulumi
from pulumi_gcp import logging, projects

from ybfort.gcp.guardrails import Guardrails
from ybfort.gcp.keys import Keys
from ybfort.gcp.plan import GcpPlan

LOGS = ("database", "node")  # what nodes write
RECORDED = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")  # changes are always recorded, and cannot be left out


class Audit(pulumi.ComponentResource):
    """A log bucket, and what is routed to it.

    Without one, logs are kept for 30 days under Google's own key. Flows and names in an existing network
    are its owner's to record: they would show traffic that is not the cluster's.

    :ivar log_groups: names of the logs by part: database, node
    """

    log_groups: dict[str, str]

    def __init__(self, name: str, plan: GcpPlan, keys: Keys, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Audit", name, {}, opts)
        self.log_groups = {part: plan.names.log_group(part) for part in LOGS}
        bucket = self._bucket(name, plan, keys)
        logging.ProjectSink(
            f"{name}-logs",
            name=plan.names.of("logs"),
            project=plan.names.account,
            description=f"The record of the YugabyteDB cluster {plan.names.prefix}",
            destination=f"logging.googleapis.com/{bucket_id(plan)}",
            filter=log_filter(plan),
            unique_writer_identity=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[bucket]),
        )
        # One for the whole project, and the same from every cluster in it: it stays when one of them goes.
        projects.IAMAuditConfig(
            f"{name}-access",
            project=plan.names.account,
            service="allServices",
            audit_log_configs=[{"log_type": kind} for kind in RECORDED],
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        if plan.spec.account_settings.guardrails:
            Guardrails(name, plan, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"logGroups": self.log_groups})

    def _bucket(self, name: str, plan: GcpPlan, keys: Keys) -> logging.ProjectBucketConfig:
        """Unlocked: a lock would also forbid to keep logs for longer than was once said."""
        return logging.ProjectBucketConfig(
            f"{name}-logs",
            project=plan.names.account,
            location=plan.names.region,
            bucket_id=plan.names.of("logs"),
            description=f"The record of the YugabyteDB cluster {plan.names.prefix}",
            retention_days=plan.spec.audit.retention_days,
            locked=False,
            cmek_settings={"kms_key_name": keys.ids["logs"]},
            opts=pulumi.ResourceOptions(parent=self, depends_on=keys.ready["logs"]),
        )


def bucket_id(plan: GcpPlan) -> str:
    """The log bucket's id, known from names."""
    return f"projects/{plan.names.account}/locations/{plan.names.region}/buckets/{plan.names.of('logs')}"


def log_filter(plan: GcpPlan) -> str | None:
    """What the record consists of; all that the project logs for the stack that owns its settings."""
    if plan.spec.account_settings.guardrails:
        return None
    kept = ['logName:"/logs/cloudaudit.googleapis.com"', *(f'log_id("{plan.names.log_group(part)}")' for part in LOGS)]
    if plan.spec.region.existing_network is None:
        own = f'"{plan.names.prefix}"'
        kept += [
            f'(log_id("compute.googleapis.com/vpc_flows") AND resource.labels.subnetwork_name={own})',
            f'(log_id("compute.googleapis.com/firewall") AND resource.labels.subnetwork_name={own})',
            f'(log_id("dns.googleapis.com/dns_queries") AND jsonPayload.sourceNetwork={own})',
        ]
    return " OR\n".join(kept)
