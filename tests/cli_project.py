"""What the tests of the command line share: a good stack, and what a call answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ybfort.cli.template import Answers

ANSWERS = Answers(
    name="orders",
    environment="prod",
    cloud="aws",
    account="123456789012",
    region="eu-west-1",
    zones=("eu-west-1a", "eu-west-1b", "eu-west-1c"),
    cidr="10.40.0.0/20",
    machine="m7i.4xlarge",
    emails=("dba@example.com",),
    clients=(("orders-api", "10.8.0.0/16"),),
    image="ami-0123456789abcdef0",
    sha256="0123456789abcdef" * 4,
)
GCP_ANSWERS = replace(
    ANSWERS,
    cloud="gcp",
    account="orders-prod-4711",
    region="europe-west1",
    zones=("europe-west1-b", "europe-west1-c", "europe-west1-d"),
    machine="c3-standard-22",
    image="projects/rocky-linux-cloud/global/images/rocky-linux-9-optimized-gcp-v20261110",
)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Ybfort = Callable[..., Answer]
