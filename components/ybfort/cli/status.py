"""`ybfort status`: how a cluster is, as its nodes report it."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Protocol

import typer

from ybfort.cli import stack_file
from ybfort.cli.clouds import CLOUDS
from ybfort.cli.gcloud import Gcloud
from ybfort.cli.terminal import paint, table
from ybfort.node.cloud import Listed, Missing
from ybfort.node.cloud_aws import AwsCloud
from ybfort.node.config import Identity
from ybfort.node.roles.sql import shown
from ybfort.node.status import CONVERGED, FOLDER, checked_status, key_of
from ybfort.node.system import Failure, System
from ybfort.node.together import together
from ybfort.plan.cluster import cluster_config
from ybfort.plan.cluster import plan as plan_of
from ybfort.spec import SpecError
from ybfort.spec.file import read_file

LOOK_AGAIN = 10.0  # seconds
COLOURS = {CONVERGED: "green", "failed": "red", "lost": "red", "unreadable": "red"}  # by state; yellow otherwise


def status(
    stack: stack_file.Stack,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
    wait: Annotated[
        int, typer.Option(metavar="MINUTES", min=0, max=1440, help="Wait this long for it to be healthy.")
    ] = 0,
) -> None:
    """Show how a cluster is, as its nodes report it.

    Reads what the nodes write into the cluster's status bucket, with the cloud's
    own CLI (aws or gcloud) and your own credentials. The exit code is 0 if every
    node has reported of late, follows this very stack file and has nothing left
    to do; else it is 1.

    \b
    ybfort status orders-prod
    ybfort status orders-prod --wait 30      after `pulumi up`
    ybfort status orders-prod --json | jq .problems
    """
    try:
        declared = Declared.by(cluster_config(plan_of(read_file(stack_file.path_of(stack)))))
        cluster = _fetched(declared, until=time.monotonic() + 60 * wait)
    except (SpecError, Failure) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(document(declared, cluster), indent=2, sort_keys=True))
    else:
        typer.echo("\n".join(_lines(declared, cluster)))
    if any(node.problems for node in cluster):
        raise typer.Exit(1)


@dataclass(frozen=True)
class Declared:
    """What the stack file wants: `cluster.json`."""

    sha256: str
    cluster: Mapping[str, Any]

    @classmethod
    def by(cls, config: str) -> "Declared":
        return cls(hashlib.sha256(config.encode()).hexdigest(), json.loads(config))

    @property
    def bucket(self) -> str:
        return self.cluster["buckets"]["status"]

    @property
    def place(self) -> str:
        return f"{CLOUDS[self.cluster['cloud']].scheme}://{self.bucket}"


@dataclass(frozen=True)
class Node:
    """One node and its last word."""

    name: str
    zone: str
    state: str  # what it says of itself; or silent, unreadable, lost
    age: float | None  # of its last word, in seconds; None if there is none
    told: Mapping[str, Any] | None  # docs/status.schema.json
    problems: tuple[str, ...]


# ------------------------------------------------------------------------------------------------------------- fetching


def _fetched(declared: Declared, until: float) -> list[Node]:
    """The nodes; waits for them to be without problems.

    :raises Failure: if the bucket cannot be read
    """
    said = ""
    while True:
        nodes = _look(declared)
        problems = [f"{node.name}: {problem}" for node in nodes for problem in node.problems]
        if not problems or time.monotonic() >= until:
            return nodes
        if problems[0] != said:
            said = problems[0]
            typer.echo(f"waiting: {shown(said)}", err=True)
        time.sleep(min(LOOK_AGAIN, max(0.0, until - time.monotonic())))


def _look(declared: Declared) -> list[Node]:
    names = [node["name"] for node in declared.cluster["nodes"]]
    store = STORES[declared.cluster["cloud"]](declared, {"PATH": os.environ.get("PATH", "")})
    with TemporaryDirectory(prefix="ybfort-") as folder:
        listed, now = store.list_objects(declared.bucket, FOLDER), time.time()
        told = together(partial(_text_of, store, declared.bucket, Path(folder)), names)
    ages = {name: max(0.0, now - listed[key_of(name)].at) for name in names if key_of(name) in listed}
    return [judged(declared, name, ages.get(name), text) for name, text in zip(names, told, strict=True)]


def _text_of(store: "Store", bucket: str, folder: Path, node: str) -> str | None:
    """What a node said last; None if nothing."""
    file = folder / node
    try:
        store.get_object(bucket, key_of(node), file)
    except Missing:
        return None
    return file.read_text(encoding="utf-8", errors="replace")


class Store(Protocol):
    """A cloud's buckets, as far as they are read here; of the cluster's own account and of no other."""

    def list_objects(self, bucket: str, prefix: str) -> dict[str, Listed]:
        """All objects by their key, if that begins with `prefix`."""
        ...

    def get_object(self, bucket: str, key: str, to: Path) -> None:
        """Store an object in a file.

        :raises Missing: if there is no such object
        """
        ...


def _aws(declared: Declared, environment: dict[str, str]) -> Store:
    home = {name: declared.cluster[name] for name in ("cloud", "cluster", "region", "account")}
    identity = Identity(**home, node="", bucket=declared.bucket)
    return AwsCloud(identity, Workplace(), credentials=environment, pauses=())


def _gcp(declared: Declared, environment: dict[str, str]) -> Store:
    return Gcloud(declared.cluster["account"], Workplace(), environment)


STORES: Mapping[str, Callable[[Declared, dict[str, str]], Store]] = {"aws": _aws, "gcp": _gcp}
CLIS = {"aws": "The AWS CLI (`aws`, version 2)", "gcloud": "The Google Cloud CLI (`gcloud`)"}


class Workplace(System):
    """Where the command runs: programs are those of whoever calls it."""

    def program(self, name: str) -> str:
        found = shutil.which(name)
        if found is None:
            raise Failure(f"{CLIS[name]} is not on PATH. Install it, and log in to the account.")
        return found


# -------------------------------------------------------------------------------------------------------------- judging


def judged(declared: Declared, name: str, age: float | None, text: str | None) -> Node:
    """A node by its last word, and what is not right with it.

    :param age: of the word, in seconds
    """
    zone = next(node["zone"] for node in declared.cluster["nodes"] if node["name"] == name)
    if text is None or age is None:
        why = "It has not reported yet: its journal (`ybfort-boot`, `ybfort-converge`) tells how far it is."
        return Node(name, zone, "silent", None, None, (why,))
    try:
        told = checked_status(text, declared.cluster["cluster"], name)
    except Failure as problem:
        return Node(name, zone, "unreadable", age, None, (str(problem),))
    lost = age > declared.cluster["pace"]["stale"]
    return Node(name, zone, "lost" if lost else told["state"], age, told, tuple(_problems(declared, told, age, lost)))


def _problems(declared: Declared, told: Mapping[str, Any], age: float, lost: bool) -> Iterator[str]:
    if lost:
        yield f"It has not been heard of for {_ago(age)}, and should report every few minutes."
    if told["config_sha256"] != declared.sha256:
        yield "It follows another stack file than this: `pulumi up` has not run, or it has not taken that up yet."
    if told["state"] == "working":
        yield f"It is at work{_at(told['turn'])}."
    for step in told["steps"]:
        if step["result"] in ("incomplete", "failed"):
            yield f"{step['name']}: {step['message']}"


def _at(turn: Mapping[str, Any] | None) -> str:
    if turn is None:
        return ""
    return f": {turn['server']} {'changes' if turn['acting'] else 'is about to change'}, since {turn['since']}"


# -------------------------------------------------------------------------------------------------------------- showing


def document(declared: Declared, nodes: list[Node]) -> dict[str, Any]:
    """The cluster as plain data; the text below says the same."""
    return {
        "cluster": declared.cluster["cluster"],
        "region": declared.cluster["region"],
        "config_sha256": declared.sha256,
        "healthy": not any(node.problems for node in nodes),
        "problems": [f"{node.name}: {problem}" for node in nodes for problem in node.problems],
        "nodes": {
            node.name: {"zone": node.zone, "state": node.state, "age_seconds": node.age, "status": node.told}
            for node in nodes
        },
    }


def _lines(declared: Declared, nodes: list[Node]) -> Iterator[str]:
    where = f"{declared.cluster['cluster']} in {declared.cluster['region']}"
    yield f"{where}, as its nodes report it in {declared.place}"
    yield ""
    head, *rows = table([("node", "zone", "state", "said", "servers", "release", "certificate"), *map(_row, nodes)])
    yield head
    for node, row in zip(nodes, rows, strict=True):
        yield paint(row, COLOURS.get(node.state, "yellow")) if node.problems else row
    yield ""
    for node in nodes:
        for problem in node.problems:
            yield f"  {node.name}: {shown(problem)}"
    bad = sum(bool(node.problems) for node in nodes)
    if bad:
        yield ""
        yield paint(f"Not healthy: {bad} of {len(nodes)} nodes.", "red")
    else:
        yield paint("Healthy: every node is as this stack file says.", "green")


def _row(node: Node) -> tuple[str, ...]:
    if node.told is None:
        return node.name, node.zone, node.state, f"{_ago(node.age)} ago" if node.age else "never", "", "", ""
    servers = {name.removeprefix("yb-"): one for name, one in sorted(node.told["servers"].items())}
    releases = sorted({shown(one["release"]) for one in servers.values() if one["release"]})
    certificate = node.told["certificate"]
    left = f"{certificate['days_left']:.1f} days left" if certificate else "none"
    listed = ", ".join(name if one["running"] else f"{name} (down)" for name, one in servers.items())
    return node.name, node.zone, node.state, f"{_ago(node.age or 0)} ago", listed, ", ".join(releases), left


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
