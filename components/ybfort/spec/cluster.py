"""The whole of what a user may ask for: the value of `ybfort:cluster` in a stack file."""

from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import Field, ModelWrapValidatorHandler, TypeAdapter, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ybfort.spec.clients import Client, Endpoint
from ybfort.spec.database import Database, Keyspace, Passwords, Role
from ybfort.spec.nodes import Nodes, Release
from ybfort.spec.operations import Account, Alerts, Audit, Backup, Certificates, Protection
from ybfort.spec.region import Region
from ybfort.spec.rules import RULES, Rule, wrong
from ybfort.spec.words import ClusterName, Count, Section


class ClusterSpec(Section):
    """A YugabyteDB cluster. Each cloud has a model of its own, which says the same more narrowly and adds its own."""

    RULES: ClassVar[tuple[Rule, ...]] = RULES

    name: ClusterName
    """The cluster's name. With the environment it names every resource, so it cannot change later."""
    environment: Literal["dev", "prod"]
    """`dev` may cost less; it is never less secure."""
    cloud: str
    """The cloud to build on."""
    account: str
    """The account that the cluster belongs to."""
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    """Where the cluster lives; one entry today."""
    replication_factor: Annotated[Count, Field(ge=1, le=7)] = 3
    """Copies of the data, and number of masters: 3, 5 or 7 (1 in dev). It cannot change later."""
    fault_tolerance: Literal["zone", "node"] = "zone"
    """What the cluster survives: the loss of a `zone` (takes exactly as many zones as copies) or only of a `node`."""
    nodes: Nodes
    """What every node is made of."""
    release: Release
    """The YugabyteDB release."""
    images: dict[str, str]
    """The machine image of each region, pinned."""
    clients: Annotated[tuple[Client, ...], Field(max_length=50)] = ()
    """Who may connect."""
    endpoint: Endpoint = Endpoint()
    """How the endpoint can be reached."""
    databases: Annotated[tuple[Database, ...], Field(max_length=100)] = ()
    """The YSQL databases."""
    keyspaces: Annotated[tuple[Keyspace, ...], Field(max_length=100)] = ()
    """The YCQL keyspaces, if a client uses YCQL."""
    roles: Annotated[tuple[Role, ...], Field(max_length=2_000)] = ()
    """The database roles."""
    passwords: Passwords = Passwords()
    """How often passwords change."""
    certificates: Certificates = Certificates()
    """Who signs the nodes' certificates."""
    backup: Backup = Backup()
    """How backups are kept."""
    alerts: Alerts
    """Who is told when something is wrong."""
    audit: Audit = Audit()
    """How the record of what was done is kept."""
    account_settings: Account = Account()
    """Settings of the whole account."""
    tags: Annotated[dict[str, str], Field(max_length=30, default_factory=dict[str, str])]
    """What every resource is marked with."""
    protection: Protection = Protection()
    """What has lost its protection from deletion."""

    @property
    def region(self) -> Region:
        """The one region."""
        return self.regions[0]

    @model_validator(mode="wrap")
    @classmethod
    def _hold_the_rules(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Run the rules between sections as well when some section is wrong, so that one error tells everything."""
        errors: list[InitErrorDetails] = []
        spec = None
        try:
            spec = validate(data)
            sections = {field: getattr(spec, field) for field in cls.model_fields}
        except ValidationError as invalid:
            errors = [_again(error) for error in invalid.errors(include_url=False)]
            sections = cls._valid_sections(data, {error["loc"][0] for error in invalid.errors() if error["loc"]})
        for path, says in wrong(cls.RULES, sections):
            error = PydanticCustomError("rule", "{says}", {"says": says})
            errors.append(InitErrorDetails(type=error, loc=path, input=_at(data, path)))
        if errors or spec is None:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return spec

    @classmethod
    def _valid_sections(cls, data: Any, invalid: set[str | int]) -> dict[str, Any]:
        given = cast("dict[str, Any]", data if isinstance(data, dict) else {})
        valid: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            if name in invalid:
                continue
            if name in given:
                kind: Any = Annotated[cast("Any", field.annotation), field]
                valid[name] = TypeAdapter[Any](kind).validate_python(given[name])
            elif not field.is_required():
                valid[name] = field.get_default(call_default_factory=True, validated_data={})
        return valid


def _again(error: Any) -> InitErrorDetails:
    """An error that pydantic has reported, in the form in which it can be raised once more."""
    type_: str | PydanticCustomError = error["type"]
    context = error.get("ctx", {})
    if type_ == "rule":
        type_ = PydanticCustomError("rule", "{says}", context)
    return InitErrorDetails(type=type_, loc=error["loc"], input=error["input"], ctx=context)


def _at(data: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at `path`, or None where nothing does."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
