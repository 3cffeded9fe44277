"""What GCP makes of a resource, as tables: ids, computed outputs, what replaces, what must be unique.

The SDK's documentation hardly ever says what replaces a resource, so the tables do; they were compared with the real
provider's source (`ForceNew` in hashicorp/terraform-provider-google), as were ids and refusals. A type that is not here
has an id of the usual kind; its name, its project and its place replace it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from ybfort.sandbox.facts import Consent, Facts, Protection, Site, Unique, born
from ybfort.sandbox.values import Value, Values

ALWAYS_REPLACES = frozenset({"project", "region", "zone", "location"})
ATTRIBUTION = {"goog-pulumi-provisioned": "true"}  # the label that the provider adds unless it is told not to

# Most types know it: a resource that is kept says PREVENT.
_DELETION_POLICY = Protection(
    by="deletionPolicy",
    value="PREVENT",
    error='cannot destroy {id} without setting deletion_policy="DELETE" and running `terraform apply`',
)


def place(site: Site, values: Values) -> Site:
    """The provider's place, or what the resource names itself: a zone or a location tells the region."""
    project, zone = values.get("project"), values.get("zone") or _zone_in(values.get("instance"))
    region = values.get("region") or (str(zone).rpartition("-")[0] if zone else values.get("location"))
    return replace(
        site,
        account=_last(project) if project else site.account,
        region=_last(region).lower() if region else site.region,
        zone=_last(zone) if zone else site.zone,
    )


def facts(type_: str) -> Facts:
    """What is known of a type, such as `compute.Instance`."""
    known = TYPES.get(type_) or Facts(
        id="projects/{project}/{kind}s/{name}",
        unsaid="simulated-{hex:.8}",
        replaced_by=frozenset({"name"}),
        taken=_TAKEN,
    )
    return replace(known, protections=(_DELETION_POLICY, *known.protections))


def number(project: str) -> str:
    """The number of a project; service agents are named by it."""
    return str(born(f"project {project}")["digits"])[-12:].replace("0", "1")


def names(site: Site, inputs: Values) -> Values:
    """Names for the tables' templates that are not inputs as they stand. Of every input that names another resource
    `{instance_}` is the last step, as `a1` of `projects/orders/zones/europe-west1-b/instances/a1`."""
    condition, service = inputs.get("condition"), str(inputs.get("service"))
    title = condition.get("title") if isinstance(condition, Mapping) else None
    return {
        **{f"{name}_": _last(value) for name, value in inputs.items() if isinstance(value, str)},
        "project": site.account,
        "number": number(site.account),
        "zone": site.zone,
        "agent": f"service-{number(site.account)}@gcp-sa-{service.split('.')[0]}.iam.gserviceaccount.com",
        "under": f"/{title}" if title else "",  # a binding with a condition is another than that without
    }


def named(type_: str, logical: str, suffix: str) -> tuple[str, str]:
    """The property that holds a resource's physical name, and that name where the program gives none."""
    return _NAMED.get(type_, "name"), f"{logical}-{suffix}".lower()


_NAMED = {
    "projects.IAMCustomRole": "roleId",
    "secretmanager.Secret": "secretId",
    "serviceaccount.Account": "accountId",
}
_TAKEN = "googleapi: Error 409: The resource '{id}' already exists, alreadyExists"
_CREATED = "2026-01-01T00:00:00Z"
_CERTIFICATE = (
    "-----BEGIN CERTIFICATE-----\n"
    + b"Simulated CERTIFICATE; it certifies nothing.".hex()
    + "{hex}\n-----END CERTIFICATE-----\n"
)


def _last(value: Value) -> str:
    return str(value).rpartition("/")[2]


def _zone_in(link: Value) -> str | None:
    """Zonal things can be named by a link that tells their zone."""
    found = re.search(r"/zones/([^/]+)/", link) if isinstance(link, str) else None
    return found[1] if found else None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _unique(by: str, error: str) -> tuple[Unique, ...]:
    return (Unique(by=tuple(by.split()), scope="account", error=f"googleapi: Error 400: {error}"),)


def _compute(
    kind: str,
    replaced_by: str,
    unique: tuple[Unique, ...] = (),
    protections: tuple[Protection, ...] = (),
    consent: Consent | None = None,
    **outputs: Value,
) -> Facts:
    """A resource of Compute Engine: known by its name, in a zone, in a region or in the whole project."""
    return Facts(
        id=f"projects/{{project}}/{kind}/{{name}}",
        outputs={
            "selfLink": "https://www.googleapis.com/compute/v1/{id}",
            "creationTimestamp": _CREATED,
            "fingerprint": "{hex:.12}",
            "labelFingerprint": "{hex:.12}",
            **outputs,
        },
        replaced_by=_words(f"name {replaced_by}"),
        taken=_TAKEN,
        unique=unique,
        protections=protections,
        consent=consent,
    )


def _policy(resource: str, named_by: str) -> Facts:
    """All roles of all members on a resource at once."""
    return Facts(id=resource, outputs={"etag": "{hex:.12}"}, replaced_by=_words(named_by))


def _grant(resource: str, named_by: str) -> Facts:
    """A role of a member on a resource. Who grants it twice has it once, and loses it with the first that goes."""
    return Facts(
        id=f"{resource}/{{role}}/{{member}}{{under}}",
        outputs={"etag": "{hex:.12}"},
        replaced_by=_words(f"{named_by} role member condition"),
    )


_BOOT_DISK = """
    deviceName diskEncryptionKeyRaw diskEncryptionKeyRsa diskEncryptionServiceAccount forceAttach guestOsFeatures
    kmsKeySelfLink mode source initializeParams.architecture initializeParams.enableConfidentialCompute
    initializeParams.image initializeParams.provisionedIops initializeParams.provisionedThroughput
    initializeParams.resourceManagerTags initializeParams.resourcePolicies initializeParams.snapshot
    initializeParams.sourceImageEncryptionKey initializeParams.sourceSnapshotEncryptionKey initializeParams.storagePool
    initializeParams.type"""
_INSTANCE_REPLACED_BY = """
    advancedMachineFeatures.enableUefiNetworking confidentialInstanceConfig guestAccelerators hostname
    instanceEncryptionKey keyRevocationActionType networkInterfaces.ipv6AccessConfigs
    networkInterfaces.networkAttachment networkInterfaces.networkIp networkInterfaces.nicType
    networkInterfaces.queueCount networkInterfaces.vlan networkPerformanceConfig params reservationAffinity
    scheduling.localSsdRecoveryTimeout scheduling.maxRunDuration scheduling.onInstanceStopAction scheduling.preemptible
    scheduling.provisioningModel scheduling.terminationTime scratchDisks workloadIdentityConfig
    """ + " ".join(f"bootDisk.{one}" for one in _BOOT_DISK.split())
_STOPPED_FOR = """
    advancedMachineFeatures enableDisplay machineType minCpuPlatform networkInterfaces.network
    networkInterfaces.subnetwork networkInterfaces.subnetworkProject scheduling.nodeAffinities serviceAccount
    shieldedInstanceConfig"""
_DISK_REPLACED_BY = """
    architecture asyncPrimaryDisk description diskEncryptionKey enableConfidentialCompute guestOsFeatures image licenses
    params physicalBlockSizeBytes snapshot sourceDisk sourceImageEncryptionKey sourceInstantSnapshot
    sourceSnapshotEncryptionKey sourceStorageObject storagePool type"""

TYPES: Mapping[str, Facts] = {
    # ----------------------------------------------------------------------------------------------------- network
    "compute.Network": _compute(
        "global/networks",
        "autoCreateSubnetworks description internalIpv6Range networkProfile params",
        networkId="{digits:.19}",
        numericId="{digits:.19}",
    ),
    "compute.Subnetwork": _compute(
        "regions/{region}/subnetworks",
        "description externalIpv6Prefix internalIpv6Prefix network params reservedInternalRange resolveSubnetMask",
        unique=_unique(
            "network ipCidrRange",
            "Invalid IPCidrRange: {ipCidrRange} conflicts with existing subnetwork in region '{region}'., invalid",
        ),
        subnetworkId="{digits:.15}",
    ),
    "compute.Route": _compute(
        "global/routes",
        """description destRange network nextHopGateway nextHopIlb nextHopInstance nextHopInstanceZone nextHopIp
        nextHopVpnTunnel params priority tags""",
    ),
    "compute.Firewall": _compute("global/firewalls", "direction params"),
    "compute.Address": _compute(
        "regions/{region}/addresses",
        """address addressType description ipCollection ipVersion ipv6EndpointType network networkTier prefixLength
        purpose subnetwork""",
        unique=_unique("address subnetwork", "Specified IP address is in use: {address}., invalid"),
        addressId="{digits:.19}",
    ),
    "compute.RegionHealthCheck": _compute("regions/{region}/healthChecks", "", healthCheckId="{digits:.15}"),
    "compute.HealthCheck": _compute("global/healthChecks", ""),
    "compute.RegionBackendService": _compute(
        "regions/{region}/backendServices",
        "haPolicy.fastIpMove loadBalancingScheme network params",
        generatedId="{digits:.15}",
    ),
    "compute.ForwardingRule": _compute(
        "regions/{region}/forwardingRules",
        """allPorts backendService description ipAddress ipCollection ipProtocol ipVersion isMirroringCollector
        loadBalancingScheme network networkTier noAutomateDnsZone portRange ports serviceDirectoryRegistrations
        serviceLabel sourceIpRanges subnetwork""",
        forwardingRuleId="{digits:.15}",
        baseForwardingRule="{name}",
    ),
    "compute.ServiceAttachment": _compute("regions/{region}/serviceAttachments", "domainNames"),
    "dns.ManagedZone": Facts(
        id="projects/{project}/managedZones/{name}",
        outputs={
            "managedZoneId": "{digits:.19}",
            "nameServers": ["ns-gcp-private.googledomains.com."],
            "creationTime": _CREATED,
            "description": "Managed by Pulumi",
        },
        replaced_by=_words("dnsName name visibility"),
        taken=_TAKEN,
    ),
    "dns.RecordSet": Facts(
        id="projects/{project}/managedZones/{managedZone_}/rrsets/{name}/{type}",
        replaced_by=_words("managedZone name routingPolicy.healthCheck"),
        taken="googleapi: Error 409: The resource 'entity.change.additions[{name}][{type}]' already exists,"
        " alreadyExists",
    ),
    "dns.Policy": Facts(
        id="projects/{project}/policies/{name}",
        outputs={"description": "Managed by Pulumi"},
        replaced_by=_words("dns64Config name"),
        taken=_TAKEN,
    ),
    # ----------------------------------------------------------------------------------------------------- machines
    "compute.Disk": _compute(
        "zones/{zone}/disks",
        _DISK_REPLACED_BY,
        diskId="{digits:.19}",
        type="pd-standard",
    ),
    "compute.Instance": _compute(
        "zones/{zone}/instances",
        _INSTANCE_REPLACED_BY,
        unique=_unique(
            "networkInterfaces[0].networkIp networkInterfaces[0].subnetwork",
            "Invalid value for field 'resource.networkInterfaces[0].networkIP': IP address"
            " '{networkInterfaces[0][networkIp]}' is already being used by another resource., invalid",
        ),
        # The provider looks at what is in the state: to replace a protected machine is refused, too.
        protections=(
            Protection(
                by="deletionProtection",
                error="Cannot delete instance {id}: instance Deletion Protection is enabled. Set deletion_protection to"
                ' false for this resource and run "terraform apply" before attempting to delete it.',
            ),
        ),
        consent=Consent(
            by="allowStoppingForUpdate",
            to=_words(_STOPPED_FOR),
            error="Changing the machine_type, min_cpu_platform, service_account, enable_display,"
            " shielded_instance_config, scheduling.node_affinities or network_interface.[#d].(network/subnetwork) or"
            " advanced_machine_features on a started instance requires stopping it. To acknowledge this, please set"
            " allow_stopping_for_update = true in your config.",
        ),
        instanceId="{digits:.19}",
        currentStatus="RUNNING",
        cpuPlatform="Intel Sapphire Rapids",
        metadataFingerprint="{hex:.12}",
        tagsFingerprint="{hex:.12}",
    ),
    "compute.AttachedDisk": Facts(
        id="projects/{project}/zones/{zone}/instances/{instance_}/{disk_}",
        outputs={"mode": "READ_WRITE"},
        replaced_by=_words("deviceName disk instance interface mode"),
        unique=_unique(
            "disk",
            "The disk resource '{disk}' is already being used by another instance, RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
        ),
    ),
    "compute.InstanceGroup": _compute("zones/{zone}/instanceGroups", "description network"),
    "compute.InstanceGroupMembership": Facts(
        id="{project}/{zone}/{instanceGroup_}/{instance_}",
        replaced_by=_words("instance instanceGroup"),
        taken="googleapi: Error 400: {instance_} is already a member of {instanceGroup_}, memberAlreadyExists",
    ),
    "compute.ProjectMetadataItem": Facts(
        id="{key}",
        replaced_by=_words("key"),
        taken='key "{key}" already present in metadata for project "{project}". Use `terraform import` to manage it'
        " with Terraform",
    ),
    # ------------------------------------------------------------------------------------------- keys and identity
    "kms.KeyRing": Facts(
        id="projects/{project}/locations/{location}/keyRings/{name}",
        replaced_by=_words("name"),
        taken="googleapi: Error 409: KeyRing {id} already exists.",
        outlives=True,
    ),
    "kms.CryptoKey": Facts(
        id="{keyRing}/cryptoKeys/{name}",
        outputs={"primaries": [{"name": "{id}/cryptoKeyVersions/1", "state": "ENABLED"}]},
        replaced_by=_words(
            "cryptoKeyBackend destroyScheduledDuration importOnly keyRing name purpose versionTemplate.protectionLevel"
        ),
        taken="googleapi: Error 409: CryptoKey {id} already exists.",
        outlives=True,
    ),
    "kms.CryptoKeyIAMMember": _grant("{cryptoKeyId}", "cryptoKeyId"),
    "kms.CryptoKeyIAMPolicy": _policy("{cryptoKeyId}", "cryptoKeyId"),
    "serviceaccount.Account": Facts(
        id="projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
        outputs={
            "email": "{accountId}@{project}.iam.gserviceaccount.com",
            "member": "serviceAccount:{email}",
            "name": "{id}",
            "uniqueId": "{digits:.21}",
        },
        replaced_by=_words("accountId"),
        taken="googleapi: Error 409: Service account {accountId} already exists within project projects/{project}.,"
        " alreadyExists",
    ),
    "projects.IAMMember": _grant("{project}", "project"),
    "projects.IAMAuditConfig": Facts(
        id="{project}/audit_config/{service}", outputs={"etag": "{hex:.12}"}, replaced_by=_words("service")
    ),
    "projects.IAMCustomRole": Facts(
        id="projects/{project}/roles/{roleId}",
        outputs={"name": "{id}", "stage": "GA"},
        replaced_by=_words("roleId"),
        taken="Custom project role {id} already exists and must be imported",
    ),
    "projects.ServiceIdentity": Facts(
        id="projects/{project}/services/{service}",
        outputs={"email": "{agent}", "member": "serviceAccount:{agent}"},
        replaced_by=_words("service"),
    ),
    "orgpolicy.Policy": Facts(
        id="{parent}/policies/{name_}",
        outputs={"etag": "{hex:.12}"},
        replaced_by=_words("name parent"),
        taken="googleapi: Error 409: Requested entity already exists",
    ),
    # ------------------------------------------------------------------------------------------------------ storage
    "storage.Bucket": Facts(
        id="{name}",
        outputs={
            "selfLink": "https://www.googleapis.com/storage/v1/b/{name}",
            "url": "gs://{name}",
            "projectNumber": "{number}",
            "timeCreated": _CREATED,
            "updated": _CREATED,
        },
        replaced_by=_words("customPlacementConfig.dataLocations enableObjectRetention hierarchicalNamespace name"),
        unique=(
            Unique(
                by=("name",),
                scope="world",
                error="googleapi: Error 409: Your previous request to create the named bucket succeeded and you already"
                " own it., conflict",
                error_elsewhere="googleapi: Error 409: The requested bucket name is not available. The bucket namespace"
                " is shared by all users of the system. Please select a different name and try again., conflict",
            ),
        ),
    ),
    "storage.BucketIAMMember": _grant("b/{bucket}", "bucket"),
    "storage.BucketIAMPolicy": _policy("b/{bucket}", "bucket"),
    "storage.BucketObject": Facts(
        id="{bucket}-{name}",
        outputs={
            "outputName": "{name}",
            "selfLink": "https://www.googleapis.com/storage/v1/b/{bucket}/o/{name}",
            "mediaLink": "https://storage.googleapis.com/download/storage/v1/b/{bucket}/o/{name}?alt=media",
            "md5hash": "{hex:.24}",
            "md5hexhash": "{hex:.32}",
            "crc32c": "{hex:.8}",
            "generation": "{digits:.15}",
        },
        replaced_by=_words("""bucket cacheControl contentDisposition contentEncoding contentLanguage contentType
            customerEncryption forceEmptyContentType kmsKeyName metadata name source storageClass"""),
    ),
    "secretmanager.Secret": Facts(
        id="projects/{project}/secrets/{secretId}",
        outputs={"name": "projects/{number}/secrets/{secretId}", "createTime": _CREATED},
        replaced_by=_words("replication.userManaged.replicas.location secretId tags"),
        taken="googleapi: Error 409: Secret [{id}] already exists.",
        protections=(
            Protection(
                by="deletionProtection",
                error="cannot destroy secret manager secret without setting deletion_protection=false and running"
                " `terraform apply`",
            ),
        ),
    ),
    "secretmanager.SecretIamMember": _grant("projects/{project}/secrets/{secretId_}", "secretId"),
    "secretmanager.SecretIamPolicy": _policy("projects/{project}/secrets/{secretId_}", "secretId"),
    # ------------------------------------------------------------------------------------------------- certificates
    "certificateauthority.CaPool": Facts(
        id="projects/{project}/locations/{location}/caPools/{name}",
        replaced_by=_words("name tier"),
        taken=_TAKEN,
    ),
    "certificateauthority.Authority": Facts(
        id="projects/{project}/locations/{location}/caPools/{pool_}/certificateAuthorities/{certificateAuthorityId}",
        outputs={
            "name": "{id}",
            "state": "ENABLED",
            "pemCaCertificates": [_CERTIFICATE],
            "createTime": _CREATED,
            "updateTime": _CREATED,
        },
        replaced_by=_words("certificateAuthorityId config gcsBucket keySpec lifetime pool type"),
        taken=_TAKEN,
        protections=(
            Protection(
                by="deletionProtection",
                by_default=True,
                error="cannot destroy CertificateAuthority without setting deletion_protection=false and running"
                " `terraform apply`",
            ),
        ),
    ),
    "certificateauthority.CaPoolIamMember": _grant(
        "projects/{project}/locations/{location}/caPools/{caPool_}", "caPool"
    ),
    # ------------------------------------------------------------------------------------------- records and alarms
    "logging.ProjectBucketConfig": Facts(
        id="projects/{project}/locations/{location}/buckets/{bucketId}",
        outputs={"name": "{id}", "lifecycleState": "ACTIVE"},
        replaced_by=_words("bucketId"),
        taken=_TAKEN,
    ),
    "logging.ProjectSink": Facts(
        id="projects/{project}/sinks/{name}",
        outputs={"writerIdentity": "serviceAccount:service-{number}@gcp-sa-logging.iam.gserviceaccount.com"},
        replaced_by=_words("name"),
        taken="googleapi: Error 409: Sink {name} already exists",
    ),
    "monitoring.AlertPolicy": Facts(
        id="projects/{project}/alertPolicies/{digits:.19}",
        outputs={"name": "{id}"},
    ),
    "monitoring.NotificationChannel": Facts(
        id="projects/{project}/notificationChannels/{digits:.19}",
        outputs={"name": "{id}"},
    ),
}
