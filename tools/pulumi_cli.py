#!/usr/bin/env python3
"""Print the folder of a Pulumi CLI that fits this project, and get one first where there is none.

Standard output carries the folder and nothing else; progress and complaints go to standard error. In this order:

1. a `pulumi` on PATH that is new enough and has its Python language host;
2. this project's cache (`cache.py`);
3. the official release archive;
4. a build from the Go modules that `tools/go` pins, checked against its go.sum files. It brings an older Python
   language host, which runs programs but not policy packs: the current one cannot be had as a Go module.
"""

import hashlib
import http.client
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from cache import Problem, chosen, filling, of_the_user, say

# The version that is fetched or built, and the oldest that is taken from PATH: nothing older has been tried, and an
# older engine drops what it does not know (resource hooks, say) without a word. Pulumi.yaml requires the same.
VERSION = "3.259.0"
RELEASES = "https://get.pulumi.com/releases/sdk"
GO_FILES = Path(__file__).resolve().parent / "go"

EXECUTOR = "pulumi-language-python-exec"
NEEDED = ("pulumi", "pulumi-language-python", EXECUTOR)

CONNECT_SECONDS = 5  # a host that is filtered away must not hold up the build
READ_SECONDS = 60
VERSION_SECONDS = 20
HEARTBEAT_SECONDS = 30  # between two lines that say that the build goes on
LOG_LINES = 15  # of a failed build

# No -mod=mod: the build may not change what is pinned. -trimpath keeps this machine's paths out of the programs.
GO_FLAGS = "-mod=readonly -buildvcs=false -trimpath"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program that is built from a pinned Go module."""

    name: str
    module: str
    version: str
    package: str
    tags: str

    @property
    def pins(self) -> Path:
        """The folder with the go.mod and go.sum of this program."""
        return GO_FILES / self.name


PROGRAMS = (
    Program(
        name="pulumi",
        module="github.com/pulumi/pulumi/pkg/v3",
        version=VERSION,
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        tags="osusergo,grpcnotrace",
    ),
    Program(
        name="pulumi-language-python",
        module="github.com/pulumi/pulumi/sdk/v3",
        version="3.79.0",  # the newest in which the host is a package of a module that has versions
        package="github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
        tags="",
    ),
)


def main() -> int:
    """Print the folder; return the exit status."""
    try:
        print(on_path() or in_cache(cache()) or fetched(cache()))
    except Problem as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


# ------------------------------------------------------------------------------------------------------------- on PATH


def on_path() -> Path | None:
    """The first folder of PATH whose `pulumi` fits."""
    for entry in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        program = Path(entry or ".", "pulumi").absolute()
        if os.access(program, os.X_OK) and program.is_file():
            reason = unfit(program)
            if reason is None:
                return program.parent
            say(f"{program} {reason}: not used")
    return None


def unfit(program: Path) -> str | None:
    """Why this `pulumi` cannot be used; None if it can."""
    try:
        answer = subprocess.run(
            [program, "version"],
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "1"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "does not run"
    version = numbers(answer.stdout)
    if answer.returncode != 0 or version is None:
        return "does not say its version"
    if version < (numbers(VERSION) or ()):
        return f"is {answer.stdout.strip()}, older than v{VERSION}"
    host = "pulumi-language-python"
    # An installed `pulumi` may be a link into the folder that holds its language hosts.
    if not any((folder / host).is_file() for folder in (program.parent, program.resolve().parent)):
        return None if shutil.which(host) else f"has no {host} beside it or on PATH"
    return None


def numbers(version: str) -> tuple[int, ...] | None:
    """The three numbers of `v3.259.0` or `go1.26.8`."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(number or 0) for number in found.groups()) if found else None


# --------------------------------------------------------------------------------------------------------------- cache


def cache() -> Path:
    """The folder that keeps the CLI."""
    return chosen() or of_the_user("the Pulumi CLI")


def release_slot() -> str:
    """The name in the cache of what comes from the official archive."""
    return f"pulumi-v{VERSION}-release-{system()}"


def build_slot() -> str:
    """The name in the cache of what is built: other pins or other flags, another name."""
    digest = hashlib.sha256(f"{GO_FLAGS} {PROGRAMS!r}".encode())
    for program in PROGRAMS:
        for name in ("go.mod", "go.sum"):
            digest.update((program.pins / name).read_bytes())
    return f"pulumi-v{VERSION}-build-{digest.hexdigest()[:16]}-{system()}"


def system() -> str:
    """This machine in the words of Pulumi's archives, `linux-x64`."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{ {'x86_64': 'x64', 'amd64': 'x64', 'aarch64': 'arm64'}.get(machine, machine) }"


def in_cache(root: Path) -> Path | None:
    """The cached folder, if it is whole."""
    return next((root / slot for slot in (release_slot(), build_slot()) if whole(root / slot)), None)


def whole(folder: Path) -> bool:
    """Whether all programs are there and may be started."""
    return all((folder / name).is_file() and os.access(folder / name, os.X_OK) for name in NEEDED)


def fetched(root: Path) -> Path:
    """Get the CLI into the cache, unless another run does so first."""
    with filling(root, "the Pulumi CLI") as unfinished:
        if ready := in_cache(root):
            return ready
        slot = release_slot() if from_release(unfinished) else from_source(unfinished, root)
        shutil.rmtree(root / slot, ignore_errors=True)
        unfinished.replace(root / slot)
    say(f"Pulumi CLI v{VERSION} is ready in {root / slot}")
    return root / slot


# ------------------------------------------------------------------------------------------------------------- release


def from_release(folder: Path) -> bool:
    """Fill the folder from the official archive; False, with a word why, if it is not to be had here.

    The archive is checked against the list of checksums that Pulumi publishes beside it, over TLS. That finds a broken
    download; whoever can change the archive on that server can change the list too. Only the build is pinned here.
    """
    name = f"pulumi-v{VERSION}-{system()}.tar.gz"
    archive = folder / name
    say(f"no Pulumi CLI v{VERSION} or newer here yet: asking {urlsplit(RELEASES).hostname} for the release")
    try:
        # The list first, with the short timeout: it is small, and shows at once whether the host can be reached.
        with opened(f"pulumi-{VERSION}-checksums.txt", CONNECT_SECONDS) as answer:
            listed = dict(line.split()[::-1] for line in answer.read().decode().splitlines() if len(line.split()) == 2)
        if name not in listed:
            say(f"there is no release for {system()}")
            return False
        with opened(name, READ_SECONDS) as answer, archive.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        say(f"the release cannot be downloaded ({getattr(error, 'reason', None) or error})")
        return False
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != listed[name]:
        raise Problem(f"{name} is not what Pulumi published: SHA-256 {digest}, listed {listed[name]}. Nothing was kept")
    unpack(archive, folder)
    archive.unlink()
    return whole(folder)


def opened(name: str, timeout: float) -> http.client.HTTPResponse:
    """Begin the download of one file of the release."""
    address = f"{RELEASES}/{name}"
    answer: http.client.HTTPResponse = urllib.request.urlopen(address, timeout=timeout)  # noqa: S310 - never from outside
    if urlsplit(answer.url).scheme != urlsplit(RELEASES).scheme:
        raise urllib.error.URLError("it redirects away from TLS")
    return answer


def unpack(archive: Path, folder: Path) -> None:
    """Write the programs of the archive, all of them in its folder `pulumi`, and nothing else of it."""
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(member.name)
            content = members.extractfile(member) if member.isfile() and path.parts[:-1] == ("pulumi",) else None
            if content is not None:
                target = folder / path.name
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
                target.chmod(0o755)


# -------------------------------------------------------------------------------------------------------------- source


def from_source(folder: Path, root: Path) -> str:
    """Build the programs into the folder from the pinned Go modules; return their name in the cache."""
    environment = go_environment(root)
    go = usable_go(environment)
    say("building it from source instead, once: about three minutes on two cores")
    for program in PROGRAMS:
        run_go(build_command(go, program, folder), program, environment)
    host = PROGRAMS[1]
    listing = run_go([go, "list", "-m", "-f", "{{.Dir}}", host.module], host, environment)
    executor = Path(listing.splitlines()[-1], "python", "cmd", EXECUTOR)
    shutil.copyfile(executor, folder / EXECUTOR)
    (folder / EXECUTOR).chmod(0o755)
    if not whole(folder):
        raise Problem(f"the build is done, yet one of {', '.join(NEEDED)} is missing")
    return build_slot()


def build_command(go: str, program: Program, folder: Path) -> list[str]:
    """The command that builds one program. Its version is set by the linker; without that it would be empty."""
    variable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
    linker = f"-s -w -X {variable}=v{program.version}"
    return [go, "build", "-tags", program.tags, "-ldflags", linker, "-o", str(folder / program.name), program.package]


def go_environment(root: Path) -> dict[str, str]:
    """The caller's environment without what would build something else, or elsewhere."""
    unwanted = {"GOOS", "GOARCH", "GOEXPERIMENT", "GO111MODULE", "GOROOT"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment |= {"GOFLAGS": GO_FLAGS, "GOWORK": "off", "CGO_ENABLED": "0"}
    home = os.environ.get("HOME")
    if not home or not os.access(home, os.W_OK):
        environment = {"GOPATH": str(root / "go"), "GOCACHE": str(root / "go-build")} | environment
    return environment


def usable_go(environment: dict[str, str]) -> str:
    """The `go` on PATH, if it is new enough for what is pinned, or can make itself so."""
    oldest = next(
        line.split()[1] for line in (PROGRAMS[0].pins / "go.mod").read_text().splitlines() if line.startswith("go ")
    )
    advice = (
        f"Install the Pulumi CLI v{VERSION} or newer (https://www.pulumi.com/docs/install/) "
        f"or Go {oldest} or newer (https://go.dev/dl/), and try again"
    )
    go = shutil.which("go")
    if go is None:
        raise Problem(f"there is no Go on PATH to build the Pulumi CLI with. {advice}")
    # Asked inside the module: a Go that may fetch a newer toolchain answers with the version of that one.
    answer = subprocess.run(
        [go, "env", "GOVERSION"], cwd=PROGRAMS[0].pins, env=environment, capture_output=True, text=True, check=False
    )
    if (numbers(answer.stdout) or (0,)) < (numbers(oldest) or (0,)):
        found = (answer.stdout.strip() or answer.stderr.strip()).splitlines()
        raise Problem(f"{go} cannot build the Pulumi CLI ({found[-1] if found else 'it does not run'}). {advice}")
    return go


def run_go(command: list[str], program: Program, environment: dict[str, str]) -> str:
    """Run go beside the pins of a program and return what it printed; say now and then that it goes on."""
    begun = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, cwd=program.pins, env=environment, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        while True:
            try:
                status = process.wait(HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"{program.name}: still building after {time.monotonic() - begun:.0f} s")
            except KeyboardInterrupt:
                process.terminate()
                raise
        log.seek(0)
        printed = log.read()
    if status != 0:
        tail = "\n".join(printed.splitlines()[-LOG_LINES:])
        raise Problem(f"{program.name} could not be built; {' '.join(command[:2])} says:\n{tail}")
    return printed


if __name__ == "__main__":
    sys.exit(main())
