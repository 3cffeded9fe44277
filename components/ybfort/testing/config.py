"""A project's and a stack's files, read as the engine reads them, without the engine."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ybfort.testing.graph import Plain, decode


class ConfigError(ValueError):
    """A project or stack file that cannot be used; the message names the file and what to write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What `Pulumi.yaml` says."""

    folder: Path
    name: str
    main: Path  # a folder with a `__main__.py`, or a Python file
    stack_files: Path
    config: Mapping[str, Plain]  # key -> its declaration, or its value

    def stack_file(self, stack: str) -> Path:
        return self.stack_files / f"Pulumi.{stack}.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class StackConfig:
    """What `Pulumi.<stack>.yaml` says, over the project's defaults."""

    values: Mapping[str, str]
    encrypted: frozenset[str]  # keys whose value only the stack's secrets provider can read


def read_project(folder: Path) -> Project:
    """What `Pulumi.yaml` of a folder says.

    :raises ConfigError: if there is none, or it has no name
    """
    folder = folder.resolve()
    file = folder / "Pulumi.yaml"
    content = _read(file)
    name, config = content.get("name"), content.get("config")
    if not isinstance(name, str):
        raise ConfigError(f"{file} has no `name`: write the project's name")
    # Once `config` could be the folder of the stack files, which is `stackConfigDir` today.
    stack_files = content.get("stackConfigDir") or (config if isinstance(config, str) else ".")
    return Project(
        folder=folder,
        name=name,
        main=(folder / str(content.get("main", "."))).resolve(),
        stack_files=folder / str(stack_files),
        config=config if isinstance(config, dict) else {},
    )


def read_stack(project: Project, stack: str) -> StackConfig:
    """The config that the engine gives to the stack's program: the stack's file over the project's defaults.

    :raises ConfigError: if there is no such file
    """
    file = project.stack_file(stack)
    config = _read(file).get("config")
    if not isinstance(config, dict | None):
        raise ConfigError(f"{file}: `config` must be a map of keys to values")
    own = {key(name, project.name): value for name, value in (config or {}).items()}
    values = {**_defaults(project), **own}
    encrypted = frozenset(name for name, value in own.items() if _is_encrypted(value))
    return StackConfig(
        values={name: text(value) for name, value in values.items() if name not in encrypted}, encrypted=encrypted
    )


def required(project: Project) -> frozenset[str]:
    """The keys that the project declares without a default."""
    return frozenset(key(name, project.name) for name, said in project.config.items() if _is_open(name, said))


def key(name: str, project: str) -> str:
    """A config key with its namespace; the project's own may be left out."""
    return name if ":" in name else f"{project}:{name}"


def text(value: Any) -> str:
    """A config value as a program gets it: the engine passes text only, structured values as JSON."""
    value = decode(value)  # the engine's 2.0 is 2
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime.date():
            return _moment(value)
        case _:
            return json.dumps(value, default=_moment, separators=(",", ":"), ensure_ascii=False)


def _defaults(project: Project) -> dict[str, Plain]:
    """`aws:region: x` is a value; a key of the project is a declaration with a default, or a value, too."""
    values: dict[str, Plain] = {}
    for name, said in project.config.items():
        if not isinstance(said, dict):
            values[key(name, project.name)] = said
        elif "value" in said or "default" in said:
            values[key(name, project.name)] = said.get("value", said.get("default"))
    return values


def _is_open(name: str, said: Plain) -> bool:
    return ":" not in name and isinstance(said, dict) and not {"value", "default"} & said.keys()


def _is_encrypted(value: Plain) -> bool:
    """Encrypted as a whole, or somewhere inside: then the engine treats all of it as secret."""
    match value:
        case {"secure": str()} if len(value) == 1:
            return True
        case dict():
            return any(map(_is_encrypted, value.values()))
        case list():
            return any(map(_is_encrypted, value))
        case _:
            return False


def _moment(value: Any) -> str:
    """A date is a moment to the engine, and it writes that as Go does."""
    return f"{value:%Y-%m-%d %H:%M:%S} +0000 UTC"


def _read(file: Path) -> dict[str, Plain]:
    yaml: Any = YAML(typ="safe", pure=True)  # the one in C stumbles over `{aws:region: x}`
    try:
        content: Plain = yaml.load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {error}") from None
    if not isinstance(content, dict | None):
        raise ConfigError(f"{file} must be a map of keys to values")
    return content or {}
