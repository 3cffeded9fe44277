"""What the command line says and asks in the words of each cloud."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ybfort.spec.aws import words as aws
from ybfort.spec.gcp import words as gcp


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One cloud. Comments of the stack file are whole sentences, in lines without their `#`."""

    # ------------------------------------------------------------------------------------- kinds of value, examples
    account: Any  # the kinds of value in `ybfort.spec`
    region: Any
    image: Any
    account_called: str
    account_question: str
    region_question: str
    some_image: str  # of the right shape, to check the rest of a file with
    machines: Mapping[str, str]  # by environment
    least_throughput: int  # MiB/s, that the disk has anyway
    zone: Callable[[str, str], str]  # by region and letter
    letters: Callable[[str], str]  # of three zones that a region has

    # -------------------------------------------------------------------------------------------------- the stack file
    provider: str
    account_line: str
    machine: str
    disk: str  # what a node's data is on
    part: str  # of the network, that a zone has
    images: str
    clients: str  # how machines are known by more than their range
    readers: str
    owner: str  # who may do everything in the account
    alerts: str
    audit: str
    guardrails: str
    tags: str

    # ----------------------------------------------------------------------------------------------------- object store
    scheme: str
    upload: str  # the command that brings a file there


# These regions have zones b, c and d (Compute Engine: regions and zones).
_WITHOUT_ZONE_A = ("europe-west1", "us-east1")

CLOUDS: Mapping[str, Cloud] = {
    "aws": Cloud(
        account=aws.AccountId,
        region=aws.RegionName,
        image=aws.ImageId,
        account_called="account",
        account_question="AWS account (12 digits)",
        region_question="AWS region (such as eu-west-1)",
        some_image="ami-0123456789abcdef0",
        machines={"prod": "m7i.4xlarge", "dev": "m7i.xlarge"},
        least_throughput=125,
        zone=lambda region, letter: f"{region}{letter}",
        letters=lambda _: "a,b,c",
        provider="""\
The cluster has a provider of its own, which refuses every account but the one below. Without the default provider
no resource can slip in with whatever credentials happen to be around.""",
        account_line="account: {} # in quotes: it is text and may begin with a zero",
        machine="",
        disk="volume",
        part="subnet",
        images="Amazon Linux 2023",
        clients="""\
Machines with a security group of their own are admitted by that, in place of the whole range:
- {name: orders-api, cidrs: [10.8.0.0/16], security_groups: [sg-0123456789abcdef0]}""",
        readers="`readers` are the IAM roles that may read its password; they must exist.",
        owner="the account's root",
        alerts="Each address gets one mail to confirm. An alarm that nobody hears is none.",
        audit="Without `existing_trail` the cluster records the calls to its own keys, secrets and buckets.",
        guardrails="""\
For the whole account and region: new volumes are encrypted, nothing can be made public, IMDSv2 is the default,
and changes to rights, keys and networks raise alarms. One stack of an account may own these; let it say true.""",
        tags="On every resource. A policy of your organisation may ask for some.",
        scheme="s3",
        upload="aws s3 cp {file} {target} --region {region}",
    ),
    "gcp": Cloud(
        account=gcp.ProjectId,
        region=gcp.RegionName,
        image=gcp.ImageName,
        account_called="project",
        account_question="GCP project (its id, such as orders-prod-4711)",
        region_question="GCP region (such as europe-west1)",
        some_image="projects/rocky-linux-cloud/global/images/rocky-linux-9-optimized-gcp-v20261110",
        machines={"prod": "c3-standard-22", "dev": "c3-standard-4"},
        least_throughput=140,
        zone=lambda region, letter: f"{region}-{letter}",
        letters=lambda region: "b,c,d" if region in _WITHOUT_ZONE_A else "a,b,c",
        provider="""\
The cluster has a provider of its own, for the project below and no other. Without the default provider no resource
can slip in with whatever credentials happen to be around.""",
        account_line="account: {} # the project's id",
        machine="c3-standard, c3d-standard and c4d-standard encrypt their memory, too (Confidential VM).",
        disk="disk",
        part="part of the subnetwork",
        images="Rocky Linux 9 or AlmaLinux 9",
        clients="""\
In an `existing_network` machines with a service account of their own are admitted by that, in place of the range:
- {name: orders-api, cidrs: [10.8.0.0/16], service_accounts: [orders-api@orders-4711.iam.gserviceaccount.com]}""",
        readers="`readers` are existing service accounts that may read its password.",
        owner="the project's owner",
        alerts="Each address gets every alarm. An alarm that nobody hears is none.",
        audit="Who reads and who changes what is recorded, in the whole project, and kept so long.",
        guardrails="""\
For the whole project: organisation policies forbid public addresses and buckets, keys of service accounts and
machines that are not shielded, and logins go by OS Login. One stack of a project may own these; let it say true.""",
        tags="Labels on every resource. A policy of your organisation may ask for some.",
        scheme="gs",
        upload="gcloud storage cp {file} {target}",
    ),
}
