"""What AWS makes of a resource, as tables: ids, ARNs, computed outputs, what replaces, what must be unique.

The SDK's documentation names only some of the properties that replace a resource. The tables name the others. Those of
instances, volume attachments and documents were compared with the real provider's source; the rest is common knowledge
of AWS and not proven. A type that is not here has an id and an ARN of the usual kind; what the documentation says
replaces it, and its name and its region.
"""

from collections.abc import Mapping
from dataclasses import replace

from ybfort.sandbox.facts import Facts, Protection, Scope, Site, Unique
from ybfort.sandbox.values import Values

EXAMPLE_ACCOUNT = "123456789012"  # AWS's own, for examples; where the provider names no account
ALWAYS_REPLACES = frozenset({"region", "namePrefix"})

_PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


def partition(region: str) -> tuple[str, str]:
    """The partition that a region belongs to, and its domain."""
    special = (names for prefix, names in _PARTITIONS.items() if region.startswith(prefix))
    return next(special, ("aws", "amazonaws.com"))


def place(site: Site, values: Values) -> Site:
    """The provider's region, or the one that the resource names itself."""
    region = values.get("region")
    return replace(site, region=region) if isinstance(region, str) else site


def facts(type_: str) -> Facts:
    """What is known of a type, such as `ec2.Instance`."""
    return TYPES.get(type_) or Facts(
        outputs={"arn": "arn:{partition}:{service}:{region}:{account}:{kind}/{id}"},
        unsaid="simulated-{hex:.8}",
        replaced_by=frozenset({"name"}),
    )


def names(site: Site, inputs: Values) -> Values:
    """Names for the tables' templates that are not inputs as they stand."""
    partition_, domain = partition(site.region)
    family = {"network": "net", "gateway": "gwy"}.get(str(inputs.get("loadBalancerType")), "app")
    return {
        "partition": partition_,
        "domain": domain,
        "family": family,
        "path_name": str(inputs.get("name", "")).strip("/"),
        "target_key": str(inputs.get("targetKeyId", "")).rpartition("/")[2],
    }


def named(type_: str, logical: str, suffix: str) -> tuple[str, str]:
    """The property that holds a resource's physical name, and that name where the program gives none."""
    match type_:
        case "s3.Bucket":
            return "bucket", f"{logical}-{suffix}".lower()
        case "kms.Alias":
            return "name", f"alias/{logical}-{suffix}"
        case _:
            return "name", f"{logical}-{suffix}"


def _arn(service: str, tail: str, *, region: str = "{region}", account: str = "{account}") -> str:
    return f"arn:{{partition}}:{service}:{region}:{account}:{tail}"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _unique(by: str, error: str, scope: Scope = "region", error_elsewhere: str = "") -> tuple[Unique, ...]:
    return (Unique(by=tuple(by.split()), scope=scope, error=error, error_elsewhere=error_elsewhere),)


def _of_bucket(extra: str = "") -> Facts:
    """A setting of a bucket: known by the bucket's name, one a bucket."""
    return Facts(id="{bucket}", replaced_by=_names(f"bucket {extra}"))


def _certificate(name: str) -> str:
    """Shaped like a certificate; its content says what it is."""
    words = f"Simulated {name}; it certifies nothing."
    return f"-----BEGIN {name}-----\n{words.encode().hex()}{{hex}}\n-----END {name}-----\n"


_RULE = Facts(
    id="sgr-{hex:.17}",
    outputs={"arn": _arn("ec2", "security-group-rule/{id}"), "securityGroupRuleId": "{id}"},
    replaced_by=_names("securityGroupId"),
)
_OBJECT = Facts(
    id="{bucket}/{key}",
    outputs={
        "arn": _arn("s3", "{bucket}/{key}", region="", account=""),
        "etag": "{hex:.32}",
        "versionId": "{hex:.32}",
    },
    replaced_by=_names("bucket key"),
)
_INSTANCE_REPLACED_BY = """
    ami associatePublicIpAddress availabilityZone cpuOptions ebsBlockDevices ebsOptimized enclaveOptions
    ephemeralBlockDevices hibernation hostId instanceMarketOptions ipv6AddressCount ipv6Addresses keyName
    launchTemplate.id launchTemplate.name networkInterfaces placementGroup placementPartitionNumber
    primaryNetworkInterface privateDnsNameOptions privateIp rootBlockDevice.encrypted rootBlockDevice.kmsKeyId
    secondaryNetworkInterfaces securityGroups subnetId tenancy"""

TYPES: Mapping[str, Facts] = {
    # ----------------------------------------------------------------------------------------------------- network
    "ec2.Vpc": Facts(
        id="vpc-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "vpc/{id}"),
            "ownerId": "{account}",
            "instanceTenancy": "default",
            "mainRouteTableId": "rtb-{hex:.17}",
            "defaultRouteTableId": "rtb-{hex:.17}",
            "defaultNetworkAclId": "acl-{hex:.17}",
            "defaultSecurityGroupId": "sg-{hex:.17}",
            "dhcpOptionsId": "dopt-{hex:.17}",
        },
        replaced_by=_names("cidrBlock ipv4IpamPoolId ipv4NetmaskLength"),
    ),
    "ec2.DefaultSecurityGroup": Facts(
        id="sg-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "security-group/{id}"),
            "ownerId": "{account}",
            "name": "default",
            "description": "default VPC security group",
        },
        replaced_by=_names("vpcId"),
    ),
    "ec2.Subnet": Facts(
        id="subnet-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "subnet/{id}"),
            "ownerId": "{account}",
            "availabilityZone": "{region}a",
            "privateDnsHostnameTypeOnLaunch": "ip-name",
        },
        replaced_by=_names("availabilityZone availabilityZoneId cidrBlock ipv6Native outpostArn vpcId"),
        unique=_unique(
            "vpcId cidrBlock", "InvalidSubnet.Conflict: The CIDR '{cidrBlock}' conflicts with another subnet"
        ),
    ),
    "ec2.SubnetCidrReservation": Facts(
        id="scr-{hex:.17}",
        outputs={"ownerId": "{account}"},
        replaced_by=_names("cidrBlock description reservationType subnetId"),
    ),
    "ec2.RouteTable": Facts(
        id="rtb-{hex:.17}",
        outputs={"arn": _arn("ec2", "route-table/{id}"), "ownerId": "{account}"},
        replaced_by=_names("vpcId"),
    ),
    "ec2.RouteTableAssociation": Facts(
        id="rtbassoc-{hex:.17}",
        replaced_by=_names("gatewayId subnetId"),
        unique=_unique(
            "subnetId",
            "Resource.AlreadyAssociated: the specified association for subnet {subnetId} conflicts with an "
            "existing association",
        ),
    ),
    "ec2.NetworkAcl": Facts(
        id="acl-{hex:.17}",
        outputs={"arn": _arn("ec2", "network-acl/{id}"), "ownerId": "{account}"},
        replaced_by=_names("vpcId"),
    ),
    "ec2.NetworkAclRule": Facts(
        id="nacl-{digits:.10}",
        replaced_by=_names(
            "cidrBlock egress fromPort icmpCode icmpType ipv6CidrBlock networkAclId protocol ruleAction ruleNumber"
            " toPort"
        ),
        unique=_unique(
            "networkAclId egress ruleNumber",
            "NetworkAclEntryAlreadyExists: The network acl entry identified by {ruleNumber} already exists.",
        ),
    ),
    "ec2.NetworkAclAssociation": Facts(id="aclassoc-{hex:.17}", replaced_by=_names("networkAclId subnetId")),
    "ec2.SecurityGroup": Facts(
        id="sg-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "security-group/{id}"),
            "ownerId": "{account}",
            "description": "Managed by Pulumi",
        },
        replaced_by=_names("description name vpcId"),
        unique=_unique(
            "vpcId name",
            "InvalidGroup.Duplicate: The security group '{name}' already exists for VPC '{vpcId}'",
        ),
    ),
    "vpc.SecurityGroupIngressRule": _RULE,
    "vpc.SecurityGroupEgressRule": _RULE,
    "ec2.FlowLog": Facts(
        id="fl-{hex:.17}",
        outputs={"arn": _arn("ec2", "vpc-flow-log/{id}")},
        replaced_by=_names(
            "deliverCrossAccountRole destinationOptions eniId iamRoleArn logDestination logDestinationType logFormat"
            " maxAggregationInterval regionalNatGatewayId subnetId trafficType transitGatewayAttachmentId"
            " transitGatewayId vpcId"
        ),
    ),
    "ec2.VpcEndpoint": Facts(
        id="vpce-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "vpc-endpoint/{id}"),
            "ownerId": "{account}",
            "state": "available",
            "vpcEndpointType": "Gateway",
            "prefixListId": "pl-{hex:.8}",
            "networkInterfaceIds": ["eni-{hex:.17}"],
            "dnsEntries": [{"dnsName": "{id}-{hex:.8}.{serviceName}.vpce.{domain}", "hostedZoneId": "Z{letters:.20}"}],
        },
        replaced_by=_names(
            "resourceConfigurationArn serviceName serviceNetworkArn serviceRegion vpcEndpointType vpcId"
        ),
    ),
    "ec2.VpcEndpointService": Facts(
        id="vpce-svc-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "vpc-endpoint-service/{id}"),
            "serviceName": "com.amazonaws.vpce.{region}.{id}",
            "baseEndpointDnsNames": ["{id}.{region}.vpce.{domain}"],
            "serviceType": "Interface",
            "state": "Available",
        },
    ),
    "ec2.VpcEndpointServiceAllowedPrinciple": Facts(
        id="vpce-svc-perm-{hex:.17}", replaced_by=_names("principalArn vpcEndpointServiceId")
    ),
    "ec2.NetworkInterface": Facts(
        id="eni-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "network-interface/{id}"),
            "ownerId": "{account}",
            "privateIp": "{privateIps[0]}",
            "macAddress": "02:{hex:.2}:00:00:00:01",
            "interfaceType": "interface",
        },
        replaced_by=_names("enaSrdSpecification interfaceType subnetId"),
        unique=_unique("subnetId privateIps[0]", "InvalidIPAddress.InUse: Address {privateIps[0]} is in use."),
    ),
    # ----------------------------------------------------------------------------------------------------- machines
    "ec2.Instance": Facts(
        id="i-{hex:.17}",
        outputs={
            "arn": _arn("ec2", "instance/{id}"),
            "instanceState": "running",
            "primaryNetworkInterfaceId": "{primaryNetworkInterface[networkInterfaceId]}",
            "availabilityZone": "{region}a",
            "tenancy": "default",
        },
        replaced_by=_names(_INSTANCE_REPLACED_BY),
        replaced_where=("userDataReplaceOnChange", _names("userData userDataBase64")),
        unique=_unique(
            "primaryNetworkInterface.networkInterfaceId",
            "InvalidNetworkInterface.InUse: Interface: [{primaryNetworkInterface[networkInterfaceId]}] in use.",
        ),
        protections=(
            Protection(
                by="disableApiTermination",
                unless="forceDestroy",
                error="OperationNotPermitted: The instance '{id}' may not be terminated. Modify its"
                " 'disableApiTermination' instance attribute and try again.",
            ),
        ),
    ),
    "ec2.VolumeAttachment": Facts(
        id="vai-{digits:.10}",  # codespell:ignore vai
        replaced_by=_names("deviceName instanceId volumeId"),
        unique=_unique("volumeId", "VolumeInUse: {volumeId} is already attached to an instance"),
    ),
    "ec2.InstanceMetadataDefaults": Facts(id="{region}"),
    "ec2.ImageBlockPublicAccess": Facts(id="{region}"),
    "ebs.Volume": Facts(
        id="vol-{hex:.17}",
        outputs={"arn": _arn("ec2", "volume/{id}"), "type": "gp2"},
        replaced_by=_names(
            "availabilityZone encrypted kmsKeyId multiAttachEnabled outpostArn snapshotId volumeInitializationRate"
        ),
    ),
    "ebs.EncryptionByDefault": Facts(id="{region}"),
    "ebs.DefaultKmsKey": Facts(id="{keyArn}", replaced_by=_names("keyArn")),
    "ebs.SnapshotBlockPublicAccess": Facts(id="{region}"),
    # ------------------------------------------------------------------------------------------- keys and identity
    "kms.Key": Facts(
        id="{hex:.8}-0000-4000-8000-{digits:.12}",
        outputs={"arn": _arn("kms", "key/{id}"), "keyId": "{id}"},
        replaced_by=_names("customKeyStoreId customerMasterKeySpec keyUsage multiRegion xksKeyId"),
    ),
    "kms.Alias": Facts(
        id="{name}",
        outputs={"arn": _arn("kms", "{name}"), "targetKeyArn": _arn("kms", "key/{target_key}")},
        replaced_by=_names("name"),
        unique=_unique("name", "AlreadyExistsException: An alias with the name {name} already exists"),
    ),
    "iam.Role": Facts(
        id="{name}",
        outputs={
            "path": "/",
            "arn": _arn("iam", "role{path}{name}", region=""),
            "uniqueId": "AROA{letters:.17}",
            "createDate": "2026-01-01T00:00:00Z",
        },
        replaced_by=_names("name path"),
        unique=_unique("name", "EntityAlreadyExists: Role with name {name} already exists.", "account"),
    ),
    "iam.RolePolicy": Facts(id="{role}:{name}", replaced_by=_names("name role")),
    "iam.InstanceProfile": Facts(
        id="{name}",
        outputs={
            "path": "/",
            "arn": _arn("iam", "instance-profile{path}{name}", region=""),
            "uniqueId": "AIPA{letters:.17}",
            "createDate": "2026-01-01T00:00:00Z",
        },
        replaced_by=_names("name path"),
        unique=_unique("name", "EntityAlreadyExists: Instance Profile {name} already exists.", "account"),
    ),
    "iam.Policy": Facts(
        id="arn:{partition}:iam::{account}:policy/{name}",
        outputs={"arn": "{id}", "path": "/", "policyId": "ANPA{letters:.17}"},
        replaced_by=_names("description name path"),
        unique=_unique("name", "EntityAlreadyExists: A policy called {name} already exists.", "account"),
    ),
    "iam.RolePolicyAttachment": Facts(id="{role}/{policyArn}", replaced_by=_names("policyArn role")),
    # ------------------------------------------------------------------------------------------------------ storage
    "s3.Bucket": Facts(
        id="{bucket}",
        outputs={
            "arn": _arn("s3", "{bucket}", region="", account=""),
            "bucketDomainName": "{bucket}.s3.{domain}",
            "bucketRegionalDomainName": "{bucket}.s3.{region}.{domain}",
            "bucketRegion": "{region}",
            "hostedZoneId": "Z{letters:.13}",
        },
        replaced_by=_names("bucket bucketNamespace bucketPrefix objectLockEnabled"),
        unique=_unique(
            "bucket",
            "BucketAlreadyOwnedByYou: Your previous request to create the named bucket succeeded and you already own"
            " it.",
            "world",
            "BucketAlreadyExists: The requested bucket name is not available. The bucket namespace is shared by all"
            " users of the system. Please select a different name and try again.",
        ),
    ),
    "s3.BucketVersioning": _of_bucket("expectedBucketOwner"),
    "s3.BucketServerSideEncryptionConfiguration": _of_bucket("expectedBucketOwner"),
    "s3.BucketPublicAccessBlock": _of_bucket(),
    "s3.BucketOwnershipControls": _of_bucket(),
    "s3.BucketPolicy": _of_bucket(),
    "s3.BucketLogging": _of_bucket("expectedBucketOwner"),
    "s3.BucketLifecycleConfiguration": _of_bucket("expectedBucketOwner"),
    "s3.BucketObjectLockConfiguration": _of_bucket("expectedBucketOwner objectLockEnabled"),
    "s3.BucketObjectv2": _OBJECT,
    "s3.BucketObject": _OBJECT,
    "s3.AccountPublicAccessBlock": Facts(
        id="{account}", outputs={"accountId": "{account}"}, replaced_by=_names("accountId")
    ),
    "secretsmanager.Secret": Facts(
        id=_arn("secretsmanager", "secret:{name}-{letters:.6}"),
        outputs={"arn": "{id}"},
        replaced_by=_names("name type"),
        unique=_unique(
            "name", "ResourceExistsException: The operation failed because the secret {name} already exists."
        ),
    ),
    "secretsmanager.SecretPolicy": Facts(id="{secretArn}", replaced_by=_names("secretArn")),
    "secretsmanager.SecretVersion": Facts(
        id="{secretId}|{hex:.32}",
        outputs={"arn": "{secretId}", "secretArn": "{secretId}", "versionId": "{hex:.32}"},
        replaced_by=_names("secretId"),
    ),
    # ------------------------------------------------------------------------------------------------- certificates
    "acmpca.CertificateAuthority": Facts(
        id=_arn("acm-pca", "certificate-authority/{hex:.8}-0000-4000-8000-{digits:.12}"),
        outputs={
            "arn": "{id}",
            "certificateSigningRequest": _certificate("CERTIFICATE REQUEST"),
            "usageMode": "GENERAL_PURPOSE",
            "type": "SUBORDINATE",
        },
        replaced_by=_names("certificateAuthorityConfiguration keyStorageSecurityStandard type usageMode"),
    ),
    "acmpca.Certificate": Facts(
        id="{certificateAuthorityArn}/certificate/{hex:.32}",
        outputs={"arn": "{id}", "certificate": _certificate("CERTIFICATE")},
        replaced_by=_names(
            "apiPassthrough certificateAuthorityArn certificateSigningRequest signingAlgorithm templateArn validity"
        ),
    ),
    "acmpca.CertificateAuthorityCertificate": Facts(
        id="{certificateAuthorityArn}",
        replaced_by=_names("certificate certificateAuthorityArn certificateChain"),
    ),
    "acmpca.Policy": Facts(id="{resourceArn}", replaced_by=_names("resourceArn")),
    # ----------------------------------------------------------------------------------------- load balancer, names
    "lb.LoadBalancer": Facts(
        id=_arn("elasticloadbalancing", "loadbalancer/{family}/{name}/{hex:.16}"),
        outputs={
            "arn": "{id}",
            "arnSuffix": "{family}/{name}/{hex:.16}",
            "dnsName": "{name}-{hex:.16}.elb.{region}.{domain}",
            "zoneId": "Z{letters:.13}",
            "vpcId": "vpc-{hex:.17}",
        },
        replaced_by=_names("customerOwnedIpv4Pool internal loadBalancerType name"),
        unique=_unique("name", "DuplicateLoadBalancerName: A load balancer with the same name '{name}' exists"),
        protections=(
            Protection(
                by="enableDeletionProtection",
                error="OperationNotPermitted: Load balancer '{id}' cannot be deleted because deletion protection is"
                " enabled",
            ),
        ),
    ),
    "lb.TargetGroup": Facts(
        id=_arn("elasticloadbalancing", "targetgroup/{name}/{hex:.16}"),
        outputs={"arn": "{id}", "arnSuffix": "targetgroup/{name}/{hex:.16}"},
        replaced_by=_names("ipAddressType name port protocol protocolVersion targetType vpcId"),
        unique=_unique("name", "DuplicateTargetGroupName: A target group with the same name '{name}' exists"),
    ),
    "lb.TargetGroupAttachment": Facts(
        id="{targetGroupArn}-{digits:.20}",
        replaced_by=_names("availabilityZone port quicServerId targetGroupArn targetId"),
    ),
    "lb.Listener": Facts(
        id=_arn("elasticloadbalancing", "listener/{hex:.16}/{hex:.8}"),
        outputs={"arn": "{id}"},
        replaced_by=_names("loadBalancerArn"),
        unique=_unique(
            "loadBalancerArn port", "DuplicateListener: A listener already exists on this port for this load balancer"
        ),
    ),
    "route53.Zone": Facts(
        id="Z{letters:.20}",
        outputs={
            "zoneId": "{id}",
            "arn": _arn("route53", "hostedzone/{id}", region="", account=""),
            "nameServers": [f"ns-{number}.awsdns-00.example" for number in (0, 512, 1024, 1536)],
            "primaryNameServer": "ns-0.awsdns-00.example",
            "comment": "Managed by Pulumi",
        },
        replaced_by=_names("delegationSetId name"),
    ),
    "route53.Record": Facts(
        id="{zoneId}_{name}_{type}",
        outputs={"fqdn": "{name}"},
        replaced_by=_names("name zoneId"),
        unique=_unique(
            "zoneId name type setIdentifier",
            "InvalidChangeBatch: [Tried to create resource record set [name='{name}', type='{type}'] but it already"
            " exists]",
            "account",
        ),
    ),
    "route53.ResolverQueryLogConfig": Facts(
        id="rqlc-{hex:.17}",
        outputs={
            "arn": _arn("route53resolver", "resolver-query-log-config/{id}"),
            "ownerId": "{account}",
            "shareStatus": "NOT_SHARED",
        },
        replaced_by=_names("destinationArn name"),
    ),
    "route53.ResolverQueryLogConfigAssociation": Facts(
        id="rqlca-{hex:.17}", replaced_by=_names("resolverQueryLogConfigId resourceId")
    ),
    # ------------------------------------------------------------------------------------------- records and alarms
    "cloudwatch.LogGroup": Facts(
        id="{name}",
        outputs={"arn": _arn("logs", "log-group:{name}"), "logGroupClass": "STANDARD"},
        replaced_by=_names("logGroupClass name"),
        unique=_unique("name", "ResourceAlreadyExistsException: The specified log group already exists"),
    ),
    "cloudwatch.LogMetricFilter": Facts(id="{name}", replaced_by=_names("logGroupName name")),
    "cloudwatch.LogResourcePolicy": Facts(id="{policyName}", replaced_by=_names("policyName resourceArn")),
    "cloudwatch.MetricAlarm": Facts(
        id="{name}", outputs={"arn": _arn("cloudwatch", "alarm:{name}")}, replaced_by=_names("name")
    ),
    "cloudtrail.Trail": Facts(
        id=_arn("cloudtrail", "trail/{name}"),
        outputs={"arn": "{id}", "homeRegion": "{region}"},
        replaced_by=_names("name"),
        unique=_unique("name", "TrailAlreadyExistsException: Trail {name} already exists for customer: {account}"),
    ),
    "sns.Topic": Facts(
        id=_arn("sns", "{name}"),
        outputs={"arn": "{id}", "owner": "{account}"},
        replaced_by=_names("fifoTopic name"),
    ),
    "sns.TopicPolicy": Facts(id="{arn}", outputs={"owner": "{account}"}, replaced_by=_names("arn")),
    "sns.TopicSubscription": Facts(
        id="{topic}:{hex:.8}-0000-4000-8000-{digits:.12}",
        outputs={"arn": "{id}", "ownerId": "{account}"},
        replaced_by=_names("endpoint protocol topic"),
    ),
    "ssm.Document": Facts(
        id="{name}",
        outputs={
            "arn": _arn("ssm", "document/{name}"),
            "owner": "{account}",
            "status": "Active",
            "defaultVersion": "1",
            "latestVersion": "1",
            "documentVersion": "1",
            "hash": "{hex}",
            "hashType": "Sha256",
        },
        replaced_by=_names("name"),
        unique=_unique("name", "DocumentAlreadyExists: Document with same name {name} already exists"),
    ),
    "ssm.Parameter": Facts(
        id="{name}",
        outputs={"arn": _arn("ssm", "parameter/{path_name}"), "dataType": "text", "tier": "Standard"},
        replaced_by=_names("dataType name"),
        unique=_unique("name", "ParameterAlreadyExists: The parameter {name} already exists."),
    ),
    "ssm.ServiceSetting": Facts(
        id="{settingId}",
        outputs={"arn": _arn("ssm", "servicesetting{settingId}"), "status": "Customized"},
        replaced_by=_names("settingId"),
    ),
}
