"""`ybfort pin`: write into a stack file the exact bytes that its nodes will run."""

import gzip
import hashlib
import os
import re
import shlex
import shutil
import zlib
from collections.abc import Mapping
from io import BufferedReader, RawIOBase
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

import typer

from ybfort.cli import stack_file
from ybfort.cli.clouds import CLOUDS
from ybfort.cli.given import given
from ybfort.cli.init import SOME_SHA256
from ybfort.cli.template import UNPINNED
from ybfort.plan.cluster import names_of, release_key
from ybfort.spec import ClusterSpec, Problem, SpecError
from ybfort.spec.file import KEY, parse, read_text, text_of
from ybfort.spec.problems import dotted
from ybfort.spec.words import ReleaseVersion

# As Yugabyte publishes them: linux-x86_64 and el8-aarch64.
ARCHIVE = re.compile(r"yugabyte-(?P<version>[\d.]+-b\d+)-[a-z0-9]+-(?P<architecture>x86_64|aarch64)\.tar\.gz", re.ASCII)
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}  # by word of a name
BLOCK = 1 << 20

Place = tuple[str | int, ...]  # within the cluster: ("release", "sha256")
VERSION, SHA256 = ("release", "version"), ("release", "sha256")


def pin(
    stack: stack_file.Stack,
    archive: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The downloaded release archive.", show_default=False)
    ] = None,
    version: Annotated[
        str, typer.Option(metavar="VERSION", help="Its version, if its name does not say it.", show_default=False)
    ] = "",
    image: Annotated[
        str, typer.Option(metavar="IMAGE", help="The image, of the cluster's region.", show_default=False)
    ] = "",
) -> None:
    """Pin a stack to a release archive and a machine image.

    Computes the archive's SHA-256 and writes it, the version and the image into
    the stack file; everything else in the file stays as it is. Compare the
    archive with its publisher's checksum first.

    \b
    ybfort pin orders-prod --image ami-0123456789abcdef0 \\
        --archive yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz
    ybfort pin orders-gcp --image \\
        projects/rocky-linux-cloud/global/images/rocky-linux-9-...
    """
    if version and archive is None:
        raise typer.BadParameter("belongs to an archive: give --archive too.", param_hint="--version")
    if archive is None and not image:
        raise typer.BadParameter("there is nothing to pin: give --archive, --image, or both.")
    path = stack_file.path_of(stack)
    try:
        text = text_of(path)
        pins = _image(text, str(path), image) if image else {}
        if archive:
            pins[VERSION] = _version(archive, version)
            spec = _cluster(_put_all(text, {**pins, SHA256: SOME_SHA256}, str(path)), str(path))
            _refuse_other_architecture(archive, spec)
            pins[SHA256] = _sha256(archive)  # last: it takes seconds
        new = _put_all(text, pins, str(path))
        spec = _cluster(new, str(path))
    except SpecError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if new != text:
        _replace(path, new)
    for place, value in pins.items():
        old = _value(text, place, str(path))
        change = "is pinned to this already" if old == value else f"was {old or 'not there'}"
        typer.echo(f"{dotted(place)}: {value} ({change})")
    if archive:
        _say_where_to_bring_it(archive, spec)


def _say_where_to_bring_it(archive: Path, spec: ClusterSpec) -> None:
    names, cloud = names_of(spec), CLOUDS[spec.cloud]
    target = f"{cloud.scheme}://{names.bucket('artifacts')}/{release_key(spec)}"
    typer.echo("Bring it to the nodes, once `pulumi up` has made the bucket:")
    typer.echo(f"  {cloud.upload.format(file=shlex.quote(str(archive)), target=target, region=names.region)}")


# ------------------------------------------------------------------------------------------------ what is to be pinned


def _image(text: str, source: str, image: str) -> dict[Place, str]:
    region, cloud = _value(text, ("regions", 0, "name"), source), CLOUDS.get(str(_value(text, ("cloud",), source)))
    if region is None or cloud is None:
        read_text(text, source)  # tells what is wrong with the file: without region or cloud it is never right
        raise AssertionError("a cluster without region or cloud was read")
    return {("images", region): given(cloud.image, image, "--image")}


def _version(archive: Path, version: str) -> str:
    """The version that the archive's name says, as Yugabyte publishes it, or the one given."""
    named = ARCHIVE.fullmatch(archive.name)
    if not archive.is_file():
        raise typer.BadParameter(f"{archive} is no file.", param_hint="--archive")
    if named and version in ("", named["version"]):
        return given(ReleaseVersion, named["version"], "--archive")
    if named:
        raise typer.BadParameter(f"the archive's name says {named['version']}.", param_hint="--version")
    if version:
        return given(ReleaseVersion, version, "--version")
    raise typer.BadParameter(
        f"{archive.name} is not named as published (yugabyte-2025.2.8.0-b60-linux-x86_64.tar.gz): say its --version.",
        param_hint="--archive",
    )


def _refuse_other_architecture(archive: Path, spec: ClusterSpec) -> None:
    for word, architecture in ARCHITECTURES.items():
        if word in archive.name and architecture != spec.nodes.architecture:
            says = f"{archive.name} is for {architecture}, and {spec.nodes.machine} is {spec.nodes.architecture}."
            typer.echo(f"{says} Download the other archive, or choose another machine.", err=True)
            raise typer.Exit(1)


class _Hashed(RawIOBase):
    """A file that hashes what is read of it."""

    def __init__(self, path: Path) -> None:
        self.file, self.hash = path.open("rb"), hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self.file.readinto(buffer)
        self.hash.update(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


def _sha256(archive: Path) -> str:
    """The archive's SHA-256. It is unpacked on the way, since half a download has a SHA-256 too."""
    try:
        with _Hashed(archive) as raw, gzip.GzipFile(fileobj=BufferedReader(raw, BLOCK)) as unpacked:
            size = 0
            while block := unpacked.read(BLOCK):
                size += len(block)
            if size:
                return raw.hash.hexdigest()
            says = "is empty"
    except EOFError:
        says = "ends too early"
    except (gzip.BadGzipFile, zlib.error) as error:
        says = f"is no whole gzip archive ({error})"
    typer.echo(f"{archive}: {says}. Download the release again.", err=True)
    raise typer.Exit(1)


# ------------------------------------------------------------------------------------------------------ the stack file


def _cluster(text: str, source: str) -> ClusterSpec:
    """The cluster; that something is unpinned still is not counted as wrong.

    :raises SpecError: with whatever else is
    """
    cloud = CLOUDS.get(str(_value(text, ("cloud",), source)), CLOUDS["aws"])  # who names none is told so in any case
    image = ("images", str(_value(text, ("regions", 0, "name"), source)))
    rest = {SHA256: SOME_SHA256, image: cloud.some_image}
    return read_text(
        _put_all(text, {at: pin for at, pin in rest.items() if _value(text, at, source) == UNPINNED}, source), source
    )


def _put_all(text: str, pins: Mapping[Place, str], source: str) -> str:
    for place, value in pins.items():
        text = _put(text, place, value, source)
    return text


def _put(text: str, place: Place, value: str, source: str) -> str:
    """The text with this value at this place, and not a character changed elsewhere.

    :raises SpecError: when there is no such place
    """
    section, key = _node(text, place[:-1], source), place[-1]
    if section is None or section.id != "mapping" or not section.value:
        says = f"must be a mapping that holds `{key}`. Write `{key}: {UNPINNED}` into it."
        raise SpecError(source, [Problem(path=dotted(place[:-1]), says=says)])
    written = f'"{value}"' if re.fullmatch(r"[\de]+", value) else value  # YAML would read digits as a number
    for name, node in section.value:
        if name.value == key:
            if node.id != "scalar":
                raise SpecError(source, [Problem(path=dotted(place), says="must be text. Write `unpinned`.")])
            if node.start_mark.index == node.end_mark.index:  # nothing: its place is that of what comes next
                colon = text.index(":", name.end_mark.index) + 1
                return f"{text[:colon]} {written}{text[colon:]}"
            return f"{text[: node.start_mark.index]}{written}{text[node.end_mark.index :]}"
    first = section.value[0][0].start_mark
    after = ", " if section.flow_style else f"\n{' ' * first.column}"
    return f"{text[: first.index]}{key}: {written}{after}{text[first.index :]}"


def _value(text: str, place: Place, source: str) -> str | None:
    node = _node(text, place, source)
    return node.value if node is not None and node.id == "scalar" else None


def _node(text: str, place: Place, source: str) -> Any:
    """The YAML node at this place of the cluster, or None."""
    node, _ = parse(text, source)
    for step in ("config", KEY, *place):
        if node is None or node.id == "scalar":
            return None
        if node.id == "sequence":
            node = node.value[step] if isinstance(step, int) and step < len(node.value) else None
        else:
            node = next((value for name, value in node.value if name.value == step), None)
    return node


def _replace(path: Path, text: str) -> None:
    """Write the file as a whole or not at all; a link stays a link, and rights stay what they are."""
    target = path.resolve()
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as new:
        try:
            new.write(text.encode())
            new.flush()
            os.fsync(new.fileno())
            shutil.copymode(target, new.name)
            Path(new.name).replace(target)
        except OSError:
            Path(new.name).unlink()
            raise
