"""Settings of the whole project that make the unsafe impossible for everybody, not only for this cluster."""

import pulumi
from pulumi_gcp import compute, orgpolicy

from ybfort.gcp.plan import GcpPlan

ENFORCED = {
    "shielded": "compute.requireShieldedVm",
    "os-login": "compute.requireOsLogin",
    "serial-ports": "compute.disableSerialPortAccess",
    "public-buckets": "storage.publicAccessPrevention",
    "bucket-acls": "storage.uniformBucketLevelAccess",
    "account-keys": "iam.disableServiceAccountKeyCreation",
}
DENIED = {"addresses": "compute.vmExternalIpAccess"}  # a list of who may, and nobody may


class Guardrails(pulumi.ComponentResource):
    """The project's guardrails. They have no labels: they are settings, not things.

    They stay when the cluster goes: whoever destroys a cluster does not mean to open the project.
    """

    def __init__(self, name: str, plan: GcpPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Guardrails", name, {}, opts)
        stays = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        project = f"projects/{plan.names.account}"
        rules: dict[str, tuple[str, orgpolicy.PolicySpecRuleArgsDict]] = {
            **{part: (constraint, {"enforce": "TRUE"}) for part, constraint in ENFORCED.items()},
            **{part: (constraint, {"deny_all": "TRUE"}) for part, constraint in DENIED.items()},
        }
        for part, (constraint, rule) in rules.items():
            orgpolicy.Policy(
                f"{name}-{part}",
                name=f"{project}/policies/{constraint}",
                parent=project,
                spec={"rules": [rule]},
                opts=stays,
            )
        compute.ProjectMetadataItem(
            f"{name}-os-login", project=plan.names.account, key="enable-oslogin", value="TRUE", opts=stays
        )
        self.register_outputs({})
