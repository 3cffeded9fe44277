"""The authority that signs the nodes' certificates: one of the cluster's own in CA Service, or the user's; or none, if
the user brings the certificates themselves."""

import pulumi
from pulumi_gcp import certificateauthority

from ybfort.gcp.identity import Identity
from ybfort.gcp.keys import DAY
from ybfort.gcp.plan import GcpPlan, labels

ROOT_DAYS = 3_650  # the root's own life; what it signs lives for days
KEY_ALGORITHM, NODE_KEYS = "EC_P256_SHA256", "ECDSA_P256"
TIER = "DEVOPS"  # for many certificates with short lives: there is nothing to revoke, and no list of it
# A node has certificates signed, and reads those of the authority itself.
NODES = {"request": "roles/privateca.certificateRequester", "read": "roles/privateca.poolReader"}
BROUGHT = "brought"  # in place of a pool's name


class Certificates(pulumi.ComponentResource):
    """The certificate authority. Its key never leaves Google's hardware; the keys that it signs never leave the nodes.

    :ivar authority: name of the pool with the authority; `brought` if there is none
    """

    authority: pulumi.Output[str]

    def __init__(
        self, name: str, plan: GcpPlan, identity: Identity, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ybfort:gcp:Certificates", name, {}, opts)
        wanted = plan.spec.certificates
        given = BROUGHT if wanted.brought_by else wanted.existing_authority
        self.authority = pulumi.Output.from_input(given) if given else self._authority(name, plan)
        if not wanted.brought_by:
            for part, role in NODES.items():
                certificateauthority.CaPoolIamMember(
                    f"{name}-{part}",
                    ca_pool=self.authority,
                    role=role,
                    member=identity.member,
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[identity.account]),
                )
        self.register_outputs({"authority": self.authority})

    def _authority(self, name: str, plan: GcpPlan) -> pulumi.Output[str]:
        """A root in a pool of its own, whose policy lets it sign for nodes of this cluster and for nothing else."""
        names = plan.names
        pool = certificateauthority.CaPool(
            f"{name}-authority",
            name=names.of("authority"),
            location=names.region,
            tier=TIER,
            publishing_options={"publish_ca_cert": False, "publish_crl": False},
            issuance_policy=issuance_policy(plan),
            labels=labels(plan),
            # It can be deleted when it is empty, and a deleted authority stays in it, restorable, for 30 days.
            opts=pulumi.ResourceOptions(parent=self, protect=plan.protected("certificates"), retain_on_delete=True),
        )
        root = certificateauthority.Authority(
            f"{name}-root",
            certificate_authority_id=names.of("root"),
            pool=pool.name,
            location=names.region,
            type="SELF_SIGNED",
            desired_state="ENABLED",
            key_spec={"algorithm": KEY_ALGORITHM},
            lifetime=f"{ROOT_DAYS * DAY}s",
            config={
                "subject_config": {"subject": {"common_name": f"{names.prefix} nodes", "organization": "ybfort"}},
                "x509_config": {
                    "ca_options": {"is_ca": True, "zero_max_issuer_path_length": True},
                    "key_usage": {"base_key_usage": {"cert_sign": True, "crl_sign": True}, "extended_key_usage": {}},
                },
            },
            deletion_protection=plan.protected("certificates"),
            # Nodes renew for as long as there is an authority, so some certificate is always good.
            ignore_active_certificates_on_deletion=True,
            skip_grace_period=False,
            labels=labels(plan),
            opts=pulumi.ResourceOptions(parent=self, protect=plan.protected("certificates")),
        )
        # The name is known before the root is there; what uses it waits for the root.
        return root.pool.apply(lambda pool: f"projects/{names.account}/locations/{names.region}/caPools/{pool}")


def issuance_policy(plan: GcpPlan) -> certificateauthority.CaPoolIssuancePolicyArgsDict:
    """What the pool signs, whatever a request asks for: a node's certificate, for names of this cluster."""
    return {
        "maximum_lifetime": f"{plan.spec.certificates.lifetime_days * DAY}s",
        "allowed_issuance_modes": {"allow_csr_based_issuance": True, "allow_config_based_issuance": False},
        "allowed_key_types": [{"elliptic_curve": {"signature_algorithm": NODE_KEYS}}],
        "identity_constraints": {
            "allow_subject_passthrough": True,
            "allow_subject_alt_names_passthrough": True,
            "cel_expression": {
                "title": f"Names of {plan.names.prefix}",
                # Without a name among the alternatives a client would look at the common name, which is any.
                "expression": "subject_alt_names.exists(san, san.type == DNS) && subject_alt_names.all(san, "
                f'san.type == IP_ADDRESS || (san.type == DNS && san.value.endsWith(".{plan.names.domain}")))',
            },
        },
        "baseline_values": {
            "ca_options": {"non_ca": True},
            "key_usage": {
                "base_key_usage": {"digital_signature": True},
                "extended_key_usage": {"client_auth": True, "server_auth": True},
            },
        },
    }
