"""The cluster that plain data describes, as Pulumi hands it to a program or a stack file holds it."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from ybfort.spec.aws.cluster import AwsSpec
from ybfort.spec.cluster import ClusterSpec
from ybfort.spec.gcp.cluster import GcpSpec
from ybfort.spec.problems import MOST_PROBLEMS, Problem, SpecError, problems, secrets

CLOUDS: dict[str, type[ClusterSpec]] = {"aws": AwsSpec, "gcp": GcpSpec}


def read_value(value: Any, source: str) -> ClusterSpec:
    """The cluster that the plain data `value` describes.

    :raises SpecError: with every problem in it
    """
    found = list(islice(secrets(value), MOST_PROBLEMS))
    if not isinstance(value, Mapping):
        raise SpecError(source, [Problem(path="", says="must be a mapping that begins with `name: …`.")])
    model = model_of(cast("Mapping[Any, Any]", value))
    try:
        spec = model.model_validate(value)
    except ValidationError as invalid:
        told = {problem.path for problem in found}
        found += [_of_any_cloud(problem) for problem in problems(invalid, model) if problem.path not in told]
        raise SpecError(source, found) from None
    if found:
        raise SpecError(source, found)
    return spec


def model_of(value: Mapping[Any, Any]) -> type[ClusterSpec]:
    """The model of the cloud that a cluster names; of the first one, by which the rest is judged, if it names none."""
    cloud = value.get("cloud")
    return CLOUDS[cloud] if isinstance(cloud, str) and cloud in CLOUDS else AwsSpec


def _of_any_cloud(problem: Problem) -> Problem:
    """A cloud's model knows no cloud beside its own: who named none of them is told all."""
    if problem.path != "cloud" or problem.says.startswith("is missing"):
        return problem
    return replace(problem, says=f"is none of the possible values. Write {' or '.join(map(repr, CLOUDS))}.")


def read_word(kind: Any, text: str) -> str:
    """`text`, if it is a value of this kind (see `ybfort.spec.words`): what somebody gave outside a stack file.

    :raises ValueError: with what is wrong and what to write
    """
    try:
        TypeAdapter[Any](kind).validate_python(text)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        raise ValueError(str(first.get("ctx", {}).get("error") or f"is wrong: {first['msg']}.")) from None
    return text
