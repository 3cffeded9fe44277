"""What the audit trail is watched for: a table after section 2 of the CIS Google Cloud Foundation Benchmark.

Left out is Cloud SQL (2.11), which is no part of a cluster. Added are what AWS's benchmark watches and this one does
not: keys, and what becomes of the record.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailEvents:
    """Events of one kind. Kinds of the same alarm raise it together."""

    cis: str | None  # number in the benchmark
    what: str
    alarm: str
    filter: str


def _any_of(calls: str, *, resource: str, means: str = ":") -> str:
    """The filter of these calls. The benchmark's checkers want the names in the benchmark's order."""
    names = " OR ".join(f'protoPayload.methodName{means}"{call}"' for call in calls.split())
    return f'resource.type="{resource}" AND ({names})'


RIGHTS, RECORD, KEYS, BUCKETS, NETWORK = (
    "rights-changed",
    "record-changed",
    "keys-lost",
    "buckets-changed",
    "network-changed",
)

# What a reader of the alarm's mail is told, by alarm.
SAYS = {
    RIGHTS: "Owners of the project or custom roles were changed.",
    RECORD: "What is recorded, or where it is kept, was changed.",
    KEYS: "A version of a key was disabled or ordered destroyed.",
    BUCKETS: "Rights on a bucket were changed.",
    NETWORK: "Firewall rules, routes or networks were changed.",
}

_DELTA = "protoPayload.serviceData.policyDelta"
_OWNER = f'{_DELTA}.bindingDeltas.role="roles/owner"'

WATCHED = (
    TrailEvents(
        cis="2.4",
        what="project-owners",
        alarm=RIGHTS,
        filter='(protoPayload.serviceName="cloudresourcemanager.googleapis.com") '
        "AND (ProjectOwnership OR projectOwnerInvitee) "
        f'OR ({_DELTA}.bindingDeltas.action="REMOVE" AND {_OWNER}) '
        f'OR ({_DELTA}.bindingDeltas.action="ADD" AND {_OWNER})',
    ),
    TrailEvents(
        cis="2.5",
        what="audit-config",
        alarm=RECORD,
        filter=f'protoPayload.methodName="SetIamPolicy" AND {_DELTA}.auditConfigDeltas:*',
    ),
    TrailEvents(
        cis="2.6",
        what="custom-roles",
        alarm=RIGHTS,
        filter=_any_of(
            "google.iam.admin.v1.CreateRole google.iam.admin.v1.DeleteRole google.iam.admin.v1.UpdateRole",
            resource="iam_role",
            means="=",
        ),
    ),
    TrailEvents(
        cis="2.7",
        what="firewall-rules",
        alarm=NETWORK,
        filter=_any_of(
            "compute.firewalls.patch compute.firewalls.insert compute.firewalls.delete", resource="gce_firewall_rule"
        ),
    ),
    TrailEvents(
        cis="2.8",
        what="routes",
        alarm=NETWORK,
        filter=_any_of("compute.routes.delete compute.routes.insert", resource="gce_route"),
    ),
    TrailEvents(
        cis="2.9",
        what="networks",
        alarm=NETWORK,
        filter=_any_of(
            "compute.networks.insert compute.networks.patch compute.networks.delete compute.networks.removePeering "
            "compute.networks.addPeering",
            resource="gce_network",
        ),
    ),
    TrailEvents(
        cis="2.10",
        what="bucket-rights",
        alarm=BUCKETS,
        filter='resource.type="gcs_bucket" AND protoPayload.methodName="storage.setIamPermissions"',
    ),
    TrailEvents(
        cis=None,
        what="keys",
        alarm=KEYS,
        filter=_any_of("DestroyCryptoKeyVersion UpdateCryptoKeyVersion", resource="cloudkms_cryptokeyversion"),
    ),
    TrailEvents(
        cis=None,
        what="record",
        alarm=RECORD,
        filter='protoPayload.serviceName="logging.googleapis.com" AND '
        'protoPayload.methodName=~"ConfigServiceV2\\.(Update|Delete)(Sink|Bucket)"',
    ),
)
