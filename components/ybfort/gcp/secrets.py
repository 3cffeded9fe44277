"""The containers of what is secret: empty, encrypted, and closed to all but those who put in and take out.

No value passes through here. A node makes each password and puts it in; an application's service account takes it out.
Nodes also change the passwords, within 90 days at most: they alone reach the database. Secret Manager's own rotation
only reminds somebody to do it, and is not used.
"""

import pulumi
from pulumi_gcp import secretmanager

from ybfort.gcp.documents import policy, service_account
from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import DAY, Keys
from ybfort.gcp.plan import GcpPlan, labels
from ybfort.plan.secrets import Container, containers

RECOVERY_DAYS = 30  # that a destroyed value can be had back
READ = "roles/secretmanager.secretAccessor"
WRITE = "roles/secretmanager.secretVersionManager"  # adds a value and destroys what is older; reads none


class Secrets(pulumi.ComponentResource):
    """The containers.

    :ivar names: names of the secrets with passwords by database role
    """

    names: dict[str, str]

    def __init__(
        self,
        name: str,
        plan: GcpPlan,
        keys: Keys,
        identity: Identity,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ybfort:gcp:Secrets", name, {}, opts)
        encryption: secretmanager.SecretReplicationUserManagedReplicaCustomerManagedEncryptionArgsDict = {
            "kms_key_name": keys.ids["secrets"]
        }
        for container in containers(plan, identity.email):
            secret = secretmanager.Secret(
                f"{name}-{container.part}",
                secret_id=container.name,
                annotations={"holds": f"{plan.names.prefix}: {container.holds}"},
                replication={
                    "user_managed": {
                        "replicas": [{"location": plan.names.region, "customer_managed_encryption": encryption}]
                    }
                },
                version_destroy_ttl=f"{RECOVERY_DAYS * DAY}s",
                labels=labels(plan),
                opts=pulumi.ResourceOptions(parent=self, depends_on=keys.ready["secrets"]),
            )
            secretmanager.SecretIamPolicy(
                f"{name}-{container.part}",
                secret_id=secret.secret_id,
                policy_data=secret_policy(container),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[identity.account], deleted_with=secret),
            )
        self.names = {role.name: role.secret for role in plan.roles if role.secret}
        self.register_outputs({"secretNames": self.names})


def secret_policy(container: Container) -> str:
    """Who may read and write one secret. It cannot overrule what somebody may do in the whole project."""
    return policy({READ: map(service_account, container.readers), WRITE: map(service_account, container.writers)})
