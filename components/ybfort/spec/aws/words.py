"""The kinds of value that AWS alone has."""

from typing import Annotated

from ybfort.spec.words import Word

AccountId = Annotated[str, Word(r"\d{12}", 'the 12 digits of the account in quotes: "123456789012"')]
RegionName = Annotated[
    str,
    Word(
        r"(?:af|ap|ca|eu|il|me|mx|sa|us)-[a-z]{1,12}-\d",
        "a region of the commercial AWS partition: `eu-west-1` (China and GovCloud are not supported)",
    ),
]
# The letter is the node's home: names and addresses hang on it, so local zones (us-west-2-lax-1a) do not fit.
ZoneName = Annotated[str, Word(r"[a-z]{2}-[a-z]{1,12}-\d[a-h]", "a zone of the region with its letter: `eu-west-1a`")]
MachineType = Annotated[str, Word(r"[a-z][a-z0-9-]{0,15}\.[a-z0-9-]{1,15}", "an EC2 instance type: `m7i.4xlarge`")]
ImageId = Annotated[
    str, Word(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})", "an image id: `ami-0123456789abcdef0` (`ybfort pin` does)")
]
VpcId = Annotated[str, Word(r"vpc-[0-9a-f]{8,17}", "the id of a VPC: `vpc-0123456789abcdef0`")]
SubnetId = Annotated[str, Word(r"subnet-[0-9a-f]{8,17}", "the id of a subnet: `subnet-0123456789abcdef0`")]
SecurityGroupId = Annotated[str, Word(r"sg-[0-9a-f]{8,17}", "the id of a security group: `sg-0123456789abcdef0`")]
PrefixListId = Annotated[str, Word(r"pl-[0-9a-f]{8,17}", "the id of a prefix list: `pl-6da54004`")]
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
