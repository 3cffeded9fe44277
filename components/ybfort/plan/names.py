"""Physical names: chosen here and never by the cloud, so that every ARN and policy is readable in a preview."""

import hashlib
from dataclasses import dataclass

PURPOSES = ("data", "secrets", "logs", "backup")  # one key each
BUCKETS = ("artifacts", "status", "backup", "logs")


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Names of one cluster. `prefix` has 25 characters at most, which leaves every name within its service's limit:
    buckets end at 63 characters, IAM roles at 64, load balancers and target groups at 32, service accounts at 30."""

    prefix: str  # orders-prod
    account: str
    region: str

    @property
    def domain(self) -> str:
        """The private zone. `.internal` is set aside for private use and can never be delegated (ICANN, 2024)."""
        return f"{self.prefix}.internal"

    @property
    def endpoint(self) -> str:
        """The one name that clients use."""
        return f"db.{self.domain}"

    def of(self, part: str) -> str:
        return f"{self.prefix}-{part}"

    def bucket(self, purpose: str) -> str:
        """Bucket names are the world's, so account and region keep them apart."""
        return f"{self.prefix}-{purpose}-{self.account}-{self.region}"

    def log_group(self, part: str) -> str:
        return f"/{self._path(part)}"

    @property
    def every_secret(self) -> str:
        """What fits the name of each of the cluster's secrets, as a policy says it."""
        return self._path("*")

    def secret(self, role: str) -> str:
        """The secret of a database role."""
        return self._path("roles", role)

    @property
    def ycql_superuser(self) -> str:
        """The secret with the password of YCQL's superuser."""
        return self._path("ycql")

    def certificate(self, node: str) -> str:
        """The secret that a node's certificate comes in, if the user brings it."""
        return self._path("certificates", node)

    def _path(self, *parts: str) -> str:
        return "/".join(["ybfort", self.prefix, *parts])


@dataclass(frozen=True, kw_only=True, slots=True)
class GcpNames(Names):
    """Names on GCP, where those of secrets have no slashes, and project and region are too long for a bucket's name."""

    def bucket(self, purpose: str) -> str:
        digest = hashlib.sha256(f"{self.account}/{self.region}".encode()).hexdigest()
        return f"{self.prefix}-{purpose}-{digest[:12]}"

    def log_group(self, part: str) -> str:
        return self._path(part)

    def _path(self, *parts: str) -> str:
        return "-".join(["ybfort", self.prefix, *parts])
