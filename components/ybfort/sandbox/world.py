"""The simulated cloud's memory: a folder that all stacks of one sandbox share.

    <account>/<region>/<type>/<id>.json   one resource
    objects/<bucket>/<key>                what is in the buckets
    parameters/<name>                     parameters that no resource made
    invokes/<function>.json               answers to look-ups that the simulation does not know
    log                                   what was done, in order: `create ec2.Instance orders-a1`

Tests and users may put files there; a resource's file that is edited is drift, which `pulumi refresh` finds.
Files hold secrets in plain text, so the folder belongs to its owner alone.
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from ybfort.sandbox.facts import Scope, Site
from ybfort.sandbox.values import Value, Values

COUNTS = "counts.json"
LONGEST_NAME = 200  # characters of a file name, with room below the 255 bytes that file systems allow


class WorldError(Exception):
    """The world has no such thing, or a file of it is broken."""


@dataclass(kw_only=True)
class Resource:
    """A resource that exists in the simulated cloud."""

    type: str
    """Short: `ec2.Instance`."""
    id: str
    account: str
    region: str
    urn: str
    seed: str
    """What its made-up values come from; it stays the same over the resource's life."""
    inputs: Values
    outputs: Values


class World:
    """The folder, read anew at every look: several plugins and people's editors share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Generator[None]:
        """One change at a time, over all processes. The operating system takes the lock back from one that dies."""
        with (self.root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def find(self, site: Site, type_: str, id_: str) -> Resource | None:
        path = self._path(site.account, site.region, type_, id_)
        return _read_resource(path) if path.exists() else None

    def resources(self, site: Site, type_: str, scope: Scope) -> Iterator[Resource]:
        """All of one type: in the region, the account or the whole world."""
        account = "*" if scope == "world" else site.account
        region = site.region if scope == "region" else "*"
        for path in sorted(self.root.glob(f"{account}/{region}/{type_}/*.json")):
            yield _read_resource(path)

    def put(self, resource: Resource) -> None:
        path = self._path(resource.account, resource.region, resource.type, resource.id)
        write(path, json.dumps(asdict(resource), indent=2) + "\n")

    def remove(self, resource: Resource) -> None:
        self._path(resource.account, resource.region, resource.type, resource.id).unlink(missing_ok=True)

    def log(self, operation: str, type_: str, name: str) -> None:
        with (self.root / "log").open("a") as file:
            file.write(f"{operation} {type_} {name}\n")

    def count(self, what: str) -> int:
        """Count one more of these, from 1. Call under the lock."""
        counts = self._counts()
        counts[what] = counts.get(what, 0) + 1
        write(self.root / COUNTS, json.dumps(counts, indent=2, sort_keys=True) + "\n")
        return counts[what]

    def peek(self, what: str) -> int:
        """How many of these have been counted."""
        return self._counts().get(what, 0)

    def prepared_answer(self, token: str, arguments: Mapping[str, Value]) -> Values | None:
        """The answer that a file gives to a look-up: the file's map, or of its list the first whose `args` all agree.

        :raises WorldError: if the file is not of that form
        """
        path = self.answer_file(token)
        if not path.is_file():
            return None
        try:
            content = cast("Value", json.loads(path.read_text()))
            if isinstance(content, Mapping):
                return dict(content)
            for entry in cast("list[Mapping[str, Values]]", content):
                if all(arguments.get(name) == value for name, value in entry["args"].items()):
                    return entry["return"]
        except (ValueError, TypeError, KeyError, AttributeError):
            form = '{...}, or [{"args": {...}, "return": {...}}, ...]'
            raise WorldError(f"{path} is not an answer to {token}. Write {form}.") from None
        return None

    def answer_file(self, token: str) -> Path:
        """`aws:ec2/getAmi:getAmi` is answered by `invokes/aws.ec2.getAmi.json`."""
        package, module, name = token.split(":")
        return self.root / "invokes" / f"{package}.{module.split('/')[0]}.{name}.json"

    def text(self, folder: str, *names: str) -> str:
        """The text of a file that somebody put into the world.

        :raises WorldError: if there is none
        """
        path = self.place(folder, *names)
        if not path.is_file():
            raise WorldError(f"{path} does not exist")
        return path.read_text()

    def place(self, folder: str, *names: str) -> Path:
        """Where a file of that name belongs; never outside the folder, whatever the name.

        :raises WorldError: for a name that points elsewhere
        """
        home = self.root / folder
        path = home.joinpath(*(name.strip("/") for name in names))
        if ".." in path.parts or not path.is_relative_to(home):
            raise WorldError(f"{'/'.join(names)} is no name for a file")
        return path

    def _counts(self) -> dict[str, int]:
        path = self.root / COUNTS
        return cast("dict[str, int]", json.loads(path.read_text())) if path.exists() else {}

    def _path(self, account: str, region: str, type_: str, id_: str) -> Path:
        name = quote(id_, safe="")
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(id_.encode()).hexdigest()[:16]}"
        return self.root / account / region / type_ / f"{name}.json"


def write(path: Path, text: str) -> None:
    """Write the whole file or nothing: a reader never sees half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(temporary).replace(path)


def _read_resource(path: Path) -> Resource:
    try:
        fields: dict[str, Any] = json.loads(path.read_text())
        return Resource(**fields)
    except (ValueError, TypeError) as error:
        raise WorldError(f"{path} is not a resource of the simulated cloud: {error}. Mend or delete it.") from None
