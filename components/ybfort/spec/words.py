"""The kinds of value a stack file may hold: what each must look like, and the sentence that says what to write."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

PRIVATE = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # RFC 1918


class Section(BaseModel):
    """A part of the stack file: nothing unknown in it, nothing changed after it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Word:
    """Text that must match `pattern` as a whole; `write` says what to write instead.

    Every text of a stack file ends in SQL, a shell script, an ARN, a path or a rendered flag. The patterns admit
    nothing that means something there, so quoting is a second line of defence and never the first.
    """

    pattern: str
    write: str

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(f"is not allowed here. Write {self.write}.")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.StringSchema(type="str", strict=True)  # else bytes would do as well
        return core_schema.no_info_after_validator_function(self.check, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _range(text: Any) -> IPv4Network:
    """A range written as text; IPv4Network itself would also read numbers and pairs as one."""
    if isinstance(text, IPv4Network):
        return text
    try:
        if isinstance(text, str) and "/" in text:
            return IPv4Network(text)
    except ValueError:
        pass
    raise ValueError("is not an IPv4 range with its first address and its size. Write one such as 10.40.0.0/20.")


def _private(network: IPv4Network) -> IPv4Network:
    """Refuse any range that an address outside RFC 1918 could belong to."""
    if not any(network.subnet_of(range_) for range_ in PRIVATE):
        raise ValueError(
            "is not private: a cluster has no public way in. "
            "Give a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
        )
    return network


PrivateNetwork = Annotated[IPv4Network, BeforeValidator(_range), AfterValidator(_private)]
Count = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]

# 20 characters: the longest physical name made of it is a bucket's, and AWS ends those at 63 (see plan/names.py).
ClusterName = Annotated[
    str,
    Word(r"[a-z](?:[a-z0-9]|-(?!-)){0,18}[a-z0-9]", "2 to 20 lower-case letters, digits and single hyphens: `orders`"),
]
ClientName = Annotated[str, Word(r"[a-z][a-z0-9-]{0,30}", "up to 31 lower-case letters, digits and hyphens")]
# 48 characters: PostgreSQL ends a name at 63, and the group roles of a database are named `<database>_read_write`.
SqlName = Annotated[
    str, Word(r"[a-z][a-z0-9_]{0,47}", "up to 48 lower-case letters, digits and underscores, a letter first")
]
AwsAccount = Annotated[str, Word(r"\d{12}", 'the 12 digits of the account in quotes: "123456789012"')]
AwsRegion = Annotated[
    str,
    Word(
        r"(?:af|ap|ca|eu|il|me|mx|sa|us)-[a-z]{1,12}-\d",
        "a region of the commercial AWS partition: `eu-west-1` (China and GovCloud are not supported)",
    ),
]
# The letter is the node's home: names and addresses hang on it, so local zones (us-west-2-lax-1a) do not fit.
AwsZone = Annotated[str, Word(r"[a-z]{2}-[a-z]{1,12}-\d[a-h]", "a zone of the region with its letter: `eu-west-1a`")]
Machine = Annotated[str, Word(r"[a-z][a-z0-9-]{0,15}\.[a-z0-9-]{1,15}", "an EC2 instance type: `m7i.4xlarge`")]
Ami = Annotated[
    str, Word(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})", "an image id: `ami-0123456789abcdef0` (`ybfort pin` does)")
]
Sha256 = Annotated[str, Word(r"[0-9a-f]{64}", "the archive's SHA-256 in 64 lower-case hex digits (`ybfort pin` does)")]
ReleaseVersion = Annotated[
    str, Word(r"\d{4}\.\d{1,2}\.\d{1,3}\.\d{1,3}-b\d{1,4}", "a full version with its build: `2025.2.8.0-b60`")
]
Vpc = Annotated[str, Word(r"vpc-[0-9a-f]{8,17}", "the id of a VPC: `vpc-0123456789abcdef0`")]
Subnet = Annotated[str, Word(r"subnet-[0-9a-f]{8,17}", "the id of a subnet: `subnet-0123456789abcdef0`")]
SecurityGroup = Annotated[str, Word(r"sg-[0-9a-f]{8,17}", "the id of a security group: `sg-0123456789abcdef0`")]
PrefixList = Annotated[str, Word(r"pl-[0-9a-f]{8,17}", "the id of a prefix list: `pl-6da54004`")]
AuthorityArn = Annotated[
    str,
    Word(
        r"arn:aws:acm-pca:[a-z0-9-]{1,20}:\d{12}:certificate-authority/[0-9a-f-]{36}",
        "the ARN of an AWS Private CA authority: `arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/…`",
    ),
]
TrailArn = Annotated[
    str,
    Word(
        r"arn:aws:cloudtrail:[a-z0-9-]{1,20}:\d{12}:trail/[A-Za-z0-9._-]{3,128}",
        "the ARN of a trail: `arn:aws:cloudtrail:eu-west-1:123456789012:trail/organisation`",
    ),
]
# Of one secret, readers or writers: its policy names each twice, and Secrets Manager ends that at 20,480 characters.
MOST_IAM_ROLES = 15
IamRoleArn = Annotated[
    str,
    Word(
        r"arn:aws:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}",
        "the ARN of an IAM role: `arn:aws:iam::123456789012:role/orders-api`",
    ),
]
IamPrincipalArn = Annotated[
    str,
    Word(
        r"arn:aws:iam::\d{12}:(?:root|role/[A-Za-z0-9+=,.@_/-]{1,512})",
        "the ARN of an account or a role: `arn:aws:iam::210987654321:root`",
    ),
]
IamPolicyArn = Annotated[
    str,
    Word(
        r"arn:aws:iam::(?:\d{12}|aws):policy/[A-Za-z0-9+=,.@_/-]{1,512}",
        "the ARN of an IAM policy: `arn:aws:iam::123456789012:policy/boundary`",
    ),
]
Email = Annotated[
    str, Word(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}", "an e-mail address")
]
TagKey = Annotated[
    str,
    Word(
        r"(?!aws:|ybfort:|Name$)[A-Za-z][A-Za-z0-9_.:/-]{0,62}",
        "up to 63 letters, digits and `_ . : / -`, a letter first; `aws:`, `ybfort:` and `Name` are taken",
    ),
]
TagValue = Annotated[
    str, Word(r"[A-Za-z0-9 _.:/@+=-]{0,128}", "up to 128 letters, digits, spaces and `_ . : / @ + = -`")
]
ProtectedPart = Annotated[
    str,
    Word(
        r"[a-h][1-9]\d?|cluster|keys|backup|certificates|endpoint",
        "the name of a node (`a1`: its data volume), `cluster`, `keys`, `backup`, `certificates` or `endpoint`",
    ),
]
