"""The authority that signs the nodes' certificates: one of the cluster's own in AWS Private CA, or the user's; or none,
if the user brings the certificates themselves."""

import pulumi
from pulumi_aws import acmpca

from ybfort.aws.plan import AwsPlan

ROOT_YEARS = 10  # the root's own life; what it signs lives for days
KEY_ALGORITHM, SIGNING_ALGORITHM = "EC_prime256v1", "SHA256WITHECDSA"
ROOT_TEMPLATE = "arn:aws:acm-pca:::template/RootCACertificate/V1"
DELETION_DAYS = 30  # the longest that AWS Private CA keeps a deleted authority restorable
BROUGHT = "brought"  # in place of an authority's ARN


class Certificates(pulumi.ComponentResource):
    """The certificate authority. Its key never leaves AWS's hardware; the keys that it signs never leave the nodes.

    :ivar authority_arn: ARN of the authority; `brought` if there is none
    """

    authority_arn: pulumi.Output[str]

    def __init__(self, name: str, plan: AwsPlan, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:aws:Certificates", name, {}, opts)
        wanted = plan.spec.certificates
        given = BROUGHT if wanted.brought_by else wanted.existing_authority
        self.authority_arn = pulumi.Output.from_input(given) if given else self._authority(name, plan)
        self.register_outputs({"authorityArn": self.authority_arn})

    def _authority(self, name: str, plan: AwsPlan) -> pulumi.Output[str]:
        """A root in short-lived mode: it signs for 7 days at most, so there is nothing to revoke and no list of it."""
        mine = pulumi.ResourceOptions(parent=self)
        guarded = pulumi.ResourceOptions(parent=self, protect=plan.protected("certificates"))
        authority = acmpca.CertificateAuthority(
            f"{name}-authority",
            type="ROOT",
            usage_mode="SHORT_LIVED_CERTIFICATE",
            enabled=True,
            key_storage_security_standard="FIPS_140_2_LEVEL_3_OR_HIGHER",
            permanent_deletion_time_in_days=DELETION_DAYS,
            certificate_authority_configuration={
                "key_algorithm": KEY_ALGORITHM,
                "signing_algorithm": SIGNING_ALGORITHM,
                "subject": {"common_name": f"{plan.names.prefix} nodes", "organization": "ybfort"},
            },
            tags=plan.tags(plan.names.of("authority")),
            opts=guarded,
        )
        root = acmpca.Certificate(
            f"{name}-root",
            certificate_authority_arn=authority.arn,
            certificate_signing_request=authority.certificate_signing_request,
            signing_algorithm=SIGNING_ALGORITHM,
            template_arn=ROOT_TEMPLATE,
            validity={"type": "YEARS", "value": str(ROOT_YEARS)},
            opts=guarded,
        )
        acmpca.CertificateAuthorityCertificate(
            f"{name}-root",
            certificate_authority_arn=authority.arn,
            certificate=root.certificate,
            certificate_chain=root.certificate_chain,
            opts=mine,
        )
        return authority.arn
