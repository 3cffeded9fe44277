"""The customer-managed keys: one for each purpose, each with a policy that names the services that use it.

A service uses a key in its own name, for whoever may use the disk, bucket, log or secret. So nobody else is named: no
node, no reader and no person can use a key past the service, and no policy grows with the cluster.
"""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import kms, logging, organizations, projects, storage

from ybfort.gcp.documents import policy, service_account
from ybfort.gcp.plan import GcpPlan, labels
from ybfort.plan.names import PURPOSES

ROTATION_DAYS = 90  # KMS makes a new version of the same key; older versions keep decrypting
DESTRUCTION_DAYS = 30  # between the order to destroy a version and the loss of the data
DAY = 86_400  # seconds
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


@dataclass(frozen=True, kw_only=True, slots=True)
class Agents:
    """Google's own service accounts, by which its services use keys in this project."""

    disks: str
    buckets: str
    logs: str
    secrets: str


class Keys(pulumi.ComponentResource):
    """Key ring and keys. Neither can be deleted from a project, ever; what a deletion destroys are a key's versions.

    :ivar ids: ids of the keys by purpose: data, secrets, logs, backup
    :ivar ready: what the first use of a key waits for, by purpose
    """

    ids: dict[str, str]
    ready: dict[str, list[pulumi.Resource]]

    def __init__(self, name: str, plan: GcpPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Keys", name, {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        names = plan.names
        guarded = pulumi.ResourceOptions(parent=self, protect=plan.protected("keys"))
        ring = kms.KeyRing(f"{name}-keys", name=names.prefix, location=names.region, opts=guarded)
        # Others of these accounts come with their service. This one is made when it is asked for.
        secrets = projects.ServiceIdentity(
            f"{name}-secrets", project=names.account, service="secretmanager.googleapis.com", opts=mine
        )
        agents = self._agents(plan)
        self.ids = {purpose: key_id(plan, purpose) for purpose in PURPOSES}
        self.ready = {}
        for purpose in PURPOSES:
            key = kms.CryptoKey(
                f"{name}-{purpose}",
                name=purpose,
                key_ring=ring_id(plan),
                purpose="ENCRYPT_DECRYPT",
                version_template={"algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION", "protection_level": "SOFTWARE"},
                rotation_period=f"{ROTATION_DAYS * DAY}s",
                destroy_scheduled_duration=f"{DESTRUCTION_DAYS * DAY}s",
                labels=labels(plan),
                opts=pulumi.ResourceOptions(parent=self, protect=plan.protected("keys"), depends_on=[ring]),
            )
            grants = kms.CryptoKeyIAMPolicy(
                f"{name}-{purpose}",
                crypto_key_id=self.ids[purpose],
                policy_data=key_policy(agents, purpose),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[key, secrets], deleted_with=key),
            )
            self.ready[purpose] = [key, grants]
        self.register_outputs({"keyIds": self.ids})

    def _agents(self, plan: GcpPlan) -> Agents:
        """Their addresses. To ask Cloud Storage for its own also makes it, in a project that never had a bucket."""
        project, ask = plan.names.account, pulumi.InvokeOptions(parent=self)
        number = organizations.get_project(project_id=project, opts=ask).number
        return Agents(
            disks=f"service-{number}@compute-system.iam.gserviceaccount.com",
            buckets=storage.get_project_service_account(project=project, opts=ask).email_address,
            logs=logging.get_project_cmek_settings(project=project, opts=ask).service_account_id,
            secrets=f"service-{number}@gcp-sa-secretmanager.iam.gserviceaccount.com",
        )


def ring_id(plan: GcpPlan) -> str:
    return f"projects/{plan.names.account}/locations/{plan.names.region}/keyRings/{plan.names.prefix}"


def key_id(plan: GcpPlan, purpose: str) -> str:
    """The key's id, known from names: text that waits for an id is unreadable in a preview."""
    return f"{ring_id(plan)}/cryptoKeys/{purpose}"


def key_policy(agents: Agents, purpose: str) -> str:
    """The policy of one key. Whoever administers keys in the project has that right from the project."""
    users = {
        "data": [agents.disks],
        "secrets": [agents.secrets],
        "logs": [agents.buckets, agents.logs],
        "backup": [agents.buckets],
    }
    return policy({USE: [service_account(user) for user in users[purpose]]})
