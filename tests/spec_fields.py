"""The fields of a stack file, found in the models, so that a new field meets every test of the old ones."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

import gcp_specs
import specs
from ybfort.spec.aws.cluster import AwsSpec
from ybfort.spec.cluster import ClusterSpec
from ybfort.spec.gcp.cluster import GcpSpec

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Sample:
    """A cluster with every section of a cloud's stack file in it, and its fields."""

    model: type[ClusterSpec]
    full: dict[str, Any]
    brought: dict[str, Any]
    """The same with what excludes something of the full one."""

    def fields(self) -> Iterator[tuple[Path, Any]]:
        """Every field's path, the first entry standing for all entries of a list, and the type of its value."""
        return self._fields(self.model, ())

    def _fields(self, model: type[BaseModel], path: Path) -> Iterator[tuple[Path, Any]]:
        for name, field in model.model_fields.items():
            yield from self._within(field.annotation, (*path, name))

    def _within(self, kind: Any, path: Path) -> Iterator[tuple[Path, Any]]:
        arguments = [argument for argument in get_args(kind) if argument not in (NoneType, Ellipsis)]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield path, kind
            yield from self._fields(kind, path)
        elif get_origin(kind) is tuple:
            yield path, kind
            entry = 1 if path == ("roles",) else 0  # the first role has neither grants nor readers
            yield from self._within(arguments[0], (*path, entry))
        elif get_origin(kind) is dict:
            yield path, kind
            yield from self._within(arguments[1], (*path, next(iter(self.value(path)))))
        elif get_origin(kind) is Annotated or (arguments and get_origin(kind) is not Literal):
            yield from self._within(arguments[0], path)
        else:
            yield path, kind

    def paths(self) -> list[Path]:
        return [path for path, _ in self.fields()]

    def texts(self) -> list[Path]:
        """The paths of all values that are text of some kind."""
        return [path for path in self.paths() if isinstance(self.value(path), str)]

    def scalars(self) -> list[Path]:
        """The paths of all values that are neither lists nor mappings."""
        return [path for path in self.paths() if not isinstance(self.value(path), list | dict)]

    def keys(self) -> list[Path]:
        """The paths of all mappings whose keys the user chooses."""
        return [path for path, kind in self.fields() if get_origin(kind) is dict]

    def sections(self) -> Iterator[type[BaseModel]]:
        yield self.model
        for _, kind in self.fields():
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield kind

    def value(self, path: Path) -> Any:
        """What stands at this place."""
        return at(self._with(path), path)

    def put(self, path: Path, new: Any) -> dict[str, Any]:
        """The cluster with another value at one place."""
        data = self._with(path)
        at(data, path[:-1])[path[-1]] = new
        return data

    def _with(self, path: Path) -> dict[str, Any]:
        """A copy of the cluster that has something at this place."""
        return copy.deepcopy(self.brought if path[:2] == ("certificates", "brought_by") else self.full)


AWS = Sample(AwsSpec, specs.FULL, specs.BROUGHT)
GCP = Sample(GcpSpec, gcp_specs.FULL, gcp_specs.BROUGHT)
SAMPLES = {"aws": AWS, "gcp": GCP}

every_cloud = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())


def every(things: Callable[[Sample], Iterable[Any]]) -> list[Any]:
    """The parameters of a test that runs for every one of these things of every cloud."""
    return [
        pytest.param(sample, thing, id=f"{cloud}-{dotted(thing) if isinstance(thing, tuple) else thing.__name__}")
        for cloud, sample in SAMPLES.items()
        for thing in things(sample)
    ]


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def dotted(path: Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
