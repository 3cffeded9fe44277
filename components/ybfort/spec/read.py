"""The cluster that plain data describes, as Pulumi hands it to a program or a stack file holds it."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ybfort.spec.cluster import ClusterSpec
from ybfort.spec.problems import MOST_PROBLEMS, Problem, SpecError, problems, secrets


def read_value(value: Any, source: str) -> ClusterSpec:
    """The cluster that the plain data `value` describes.

    :raises SpecError: with every problem in it
    """
    found = list(islice(secrets(value), MOST_PROBLEMS))
    if not isinstance(value, Mapping):
        raise SpecError(source, [Problem(path="", says="must be a mapping that begins with `name: …`.")])
    try:
        spec = ClusterSpec.model_validate(value)
    except ValidationError as invalid:
        told = {problem.path for problem in found}
        found += [problem for problem in problems(invalid, ClusterSpec) if problem.path not in told]
        raise SpecError(source, found) from None
    if found:
        raise SpecError(source, found)
    return spec


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
