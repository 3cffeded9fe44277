"""What the trail is watched for: a table after section 4 of the CIS AWS Foundations Benchmark.

Left out are the entries about people's sign-in, AWS Config and the organisation (4.2, 4.6, 4.9, 4.15): they belong to
whoever runs the account and have nothing to do with a cluster.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailEvents:
    """Events of one kind. Kinds of the same alarm raise it together."""

    cis: str  # number in the benchmark
    what: str
    alarm: str
    pattern: str


def _any_of(calls: str, *, source: str | None = None) -> str:
    """The pattern of these API calls. The benchmark's checkers want the names in the benchmark's order."""
    names = " || ".join(f"($.eventName = {call})" for call in calls.split())
    return f"{{ ($.eventSource = {source}) && ({names}) }}" if source else f"{{ {names} }}"


DENIED, ROOT, RIGHTS, RECORD, KEYS, BUCKETS, NETWORK = (
    "denied-calls",
    "root-use",
    "rights-changed",
    "record-changed",
    "keys-lost",
    "buckets-changed",
    "network-changed",
)

# What a reader of the alarm's mail is told, by alarm.
SAYS = {
    DENIED: "Calls in the account were refused: somebody tries what they may not do.",
    ROOT: "The account's root user was used.",
    RIGHTS: "IAM policies were changed.",
    RECORD: "A trail was changed or stopped.",
    KEYS: "A customer-managed key was disabled or ordered deleted.",
    BUCKETS: "The policy of a bucket was changed.",
    NETWORK: "Security groups, network ACLs, gateways, routes or VPCs were changed.",
}

WATCHED = (
    TrailEvents(
        cis="4.1",
        what="unauthorised-calls",
        alarm=DENIED,
        pattern='{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
    ),
    TrailEvents(
        cis="4.3",
        what="root",
        alarm=ROOT,
        pattern='{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS '
        '&& $.eventType != "AwsServiceEvent" }',
    ),
    TrailEvents(
        cis="4.4",
        what="iam-policies",
        alarm=RIGHTS,
        pattern=_any_of(
            "DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy "
            "CreatePolicy DeletePolicy CreatePolicyVersion DeletePolicyVersion AttachRolePolicy "
            "DetachRolePolicy AttachUserPolicy DetachUserPolicy AttachGroupPolicy DetachGroupPolicy"
        ),
    ),
    TrailEvents(
        cis="4.5",
        what="trails",
        alarm=RECORD,
        pattern=_any_of("CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging"),
    ),
    TrailEvents(
        cis="4.7",
        what="keys",
        alarm=KEYS,
        pattern=_any_of("DisableKey ScheduleKeyDeletion", source="kms.amazonaws.com"),
    ),
    TrailEvents(
        cis="4.8",
        what="bucket-policies",
        alarm=BUCKETS,
        pattern=_any_of(
            "PutBucketAcl PutBucketPolicy PutBucketCors PutBucketLifecycle PutBucketReplication "
            "DeleteBucketPolicy DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication",
            source="s3.amazonaws.com",
        ),
    ),
    TrailEvents(
        cis="4.10",
        what="security-groups",
        alarm=NETWORK,
        pattern=_any_of(
            "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress "
            "RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup ModifySecurityGroupRules"
        ),
    ),
    TrailEvents(
        cis="4.11",
        what="network-acls",
        alarm=NETWORK,
        pattern=_any_of(
            "CreateNetworkAcl CreateNetworkAclEntry DeleteNetworkAcl DeleteNetworkAclEntry "
            "ReplaceNetworkAclEntry ReplaceNetworkAclAssociation"
        ),
    ),
    TrailEvents(
        cis="4.12",
        what="gateways",
        alarm=NETWORK,
        pattern=_any_of(
            "CreateCustomerGateway DeleteCustomerGateway AttachInternetGateway CreateInternetGateway "
            "DeleteInternetGateway DetachInternetGateway"
        ),
    ),
    TrailEvents(
        cis="4.13",
        what="routes",
        alarm=NETWORK,
        pattern=_any_of(
            "CreateRoute CreateRouteTable ReplaceRoute ReplaceRouteTableAssociation DeleteRouteTable "
            "DeleteRoute DisassociateRouteTable",
            source="ec2.amazonaws.com",
        ),
    ),
    TrailEvents(
        cis="4.14",
        what="vpcs",
        alarm=NETWORK,
        pattern=_any_of(
            "CreateVpc DeleteVpc ModifyVpcAttribute AcceptVpcPeeringConnection CreateVpcPeeringConnection "
            "DeleteVpcPeeringConnection RejectVpcPeeringConnection AttachClassicLinkVpc DetachClassicLinkVpc "
            "DisableVpcClassicLink EnableVpcClassicLink"
        ),
    ),
)
