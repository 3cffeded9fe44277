"""Physical names: chosen here and never by the cloud, so that every ARN and policy is readable in a preview."""

from dataclasses import dataclass

PURPOSES = ("data", "secrets", "logs", "backup")  # one key each
BUCKETS = ("artifacts", "status", "backup", "logs")


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Names of one cluster. `prefix` has 25 characters at most, which leaves every name within its service's limit:
    buckets end at 63 characters, IAM roles at 64, load balancers and target groups at 32."""

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
        return f"/ybfort/{self.prefix}/{part}"

    @property
    def every_secret(self) -> str:
        """What fits the name of each of the cluster's secrets, as a policy says it."""
        return f"ybfort/{self.prefix}/*"

    def secret(self, role: str) -> str:
        """The secret of a database role."""
        return f"ybfort/{self.prefix}/roles/{role}"

    @property
    def ycql_superuser(self) -> str:
        """The secret with the password of YCQL's superuser."""
        return f"ybfort/{self.prefix}/ycql"

    def certificate(self, node: str) -> str:
        """The secret that a node's certificate comes in, if the user brings it."""
        return f"ybfort/{self.prefix}/certificates/{node}"
