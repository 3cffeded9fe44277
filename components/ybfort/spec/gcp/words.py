"""The kinds of value that GCP alone has."""

from typing import Annotated

from ybfort.spec.words import Word

_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_REGION = r"(?:africa|asia|australia|europe|me|northamerica|southamerica|us)-[a-z]{4,10}\d{1,2}"
_NAME = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"

ProjectId = Annotated[str, Word(_PROJECT, "the id of a project, not its number: `orders-prod-4711`")]
RegionName = Annotated[str, Word(_REGION, "a region: `europe-west1`")]
# The letter is the node's home: names and addresses hang on it.
ZoneName = Annotated[str, Word(rf"{_REGION}-[a-h]", "a zone of the region with its letter: `europe-west1-b`")]
MachineType = Annotated[
    str, Word(r"[a-z][a-z0-9]{1,3}-[a-z]{3,10}-\d{1,3}", "a predefined machine type: `c3-standard-22`")
]
# By its own name: a family is another image tomorrow.
ImageName = Annotated[
    str,
    Word(
        rf"projects/{_PROJECT}/global/images/{_NAME}",
        "an image by its full name: `projects/rocky-linux-cloud/global/images/rocky-linux-9-…` (`ybfort pin` does)",
    ),
]
NetworkName = Annotated[
    str,
    Word(
        rf"projects/{_PROJECT}/global/networks/{_NAME}",
        "a VPC network by its full name: `projects/shared-net-1/global/networks/prod`",
    ),
]
SubnetworkName = Annotated[
    str,
    Word(
        rf"projects/{_PROJECT}/regions/{_REGION}/subnetworks/{_NAME}",
        "a subnetwork by its full name: `projects/shared-net-1/regions/europe-west1/subnetworks/databases`",
    ),
]
CaPoolName = Annotated[
    str,
    Word(
        rf"projects/{_PROJECT}/locations/{_REGION}/caPools/[A-Za-z0-9_-]{{1,63}}",
        "a CA pool by its full name: `projects/pki-4711/locations/europe-west1/caPools/databases`",
    ),
]
ServiceAccount = Annotated[
    str,
    Word(
        rf"[a-z][a-z0-9-]{{4,28}}[a-z0-9]@{_PROJECT}\.iam\.gserviceaccount\.com",
        "the address of a service account: `orders-api@orders-prod-4711.iam.gserviceaccount.com`",
    ),
]
MOST_SERVICE_ACCOUNTS = 50  # of one secret, readers or writers
LabelKey = Annotated[
    str,
    Word(
        r"(?!ybfort|goog)[a-z][a-z0-9_-]{0,62}",
        "up to 63 lower-case letters, digits, `_` and `-`, a letter first; `ybfort…` and `goog…` are taken",
    ),
]
LabelValue = Annotated[str, Word(r"[a-z0-9_-]{0,63}", "up to 63 lower-case letters, digits, `_` and `-`")]
