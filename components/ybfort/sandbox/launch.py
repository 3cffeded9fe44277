"""Run any command with the real Pulumi engine against simulated clouds: no credentials, no network, nothing created.

Everything is in one folder, `state`:

    project/   the project as the command sees it: links to the user's files, and copies of those that Pulumi writes to
    backend/   Pulumi's state
    home/      Pulumi's own folder; among its plugins those that answer for the simulated clouds
    world/     the simulated clouds

Pulumi writes to stack files (a salt at `stack init`, values at `config set`), so the command gets copies, made anew at
each run. The sandbox's own salt takes the place of the user's: the keys of real secrets are out of reach here.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, cast

from ruamel.yaml import YAML, YAMLError

from ybfort.sandbox.faults import FaultsError, read_faults
from ybfort.sandbox.plugin import FAULTS
from ybfort.sandbox.world import write

PACKAGES = ("aws", "gcp")  # the clouds that are simulated

NOT_FOUND = 127  # what a shell answers for a command that does not exist
WRONG_INPUT = 2

# Any salt does: it protects nothing but simulated secrets. This one belongs to this passphrase, so that Pulumi has no
# reason to write a new one.
PASSPHRASE = "simulation"  # noqa: S105
SALT = "encryptionsalt: v1:8HDMSgtAIA4=:v1:zQw85AabffDGDKB+:AxWBSJyIfuRCOCeLTIPWfa6LX7zfCw==\n"
_KEYS_OF_SECRETS = re.compile(r"^(?:encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)

_CREDENTIALS = ("AWS_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "ARM_", "AZURE_")
_PULUMI_SETTINGS = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_API",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_DEBUG_PROVIDERS",
)
_NOT_LINKED = frozenset({".git", "__pycache__"})


class SandboxError(Exception):
    """The command cannot be run; the text says why and what to do."""

    def __init__(self, says: str, exit_code: int = WRONG_INPUT) -> None:
        super().__init__(says)
        self.exit_code = exit_code


def run(command: Sequence[str], *, project: Path, state: Path | None = None, faults: Path | None = None) -> int:
    """Run a command in the sandbox and return its exit code. What goes wrong before is told on standard error.

    :param project: the folder with Pulumi.yaml
    :param state: the sandbox's folder, `.sandbox` in the project unless given
    :param faults: a file that says which operations fail (see `ybfort.sandbox.faults`)
    """
    sandbox = Sandbox(project.resolve(), (state or project / ".sandbox").resolve(), faults and faults.resolve())
    try:
        sandbox.prepare()
    except SandboxError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    place = shlex.quote(str(sandbox.state))
    print(f"SIMULATION: no real cloud is touched. To begin anew: rm -r {place}", file=sys.stderr, flush=True)
    return sandbox.run(command)


@dataclass(frozen=True)
class Sandbox:
    """One sandbox of one project. Paths are absolute."""

    project: Path
    state: Path
    faults: Path | None = None

    @property
    def world(self) -> Path:
        return self.state / "world"

    @property
    def folder(self) -> Path:
        """Where commands run: the project, as far as they can see."""
        return self.state / "project"

    def prepare(self) -> None:
        """Bring the folder up to date with the project. It can be done at any time, also while a command runs.

        :raises SandboxError: if the project or the faults file is wrong, or there is no `pulumi`
        """
        name, stack_folder = self._project_file()
        if self.faults:
            try:
                read_faults(self.faults)
            except FaultsError as error:
                raise SandboxError(str(error)) from None
        for folder in ("backend", "home", "world"):
            (self.state / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        write(self.state / ".gitignore", "*\n")
        for package in PACKAGES:
            self._plugin(package)
        opened = {stack_folder, *stack_folder.parents} - {self.project, *self.project.parents}
        self._mirror(self.project, self.folder, opened, stack_folder)
        self._begin_stacks(name, stack_folder)

    def run(self, command: Sequence[str]) -> int:
        """Run the command; Ctrl-C and the like reach it."""
        environment = self.environment()
        program = shutil.which(command[0], path=environment["PATH"]) if command else None
        if program is None:
            print(f"{command[0] if command else 'The command'} was not found on PATH.", file=sys.stderr)
            return NOT_FOUND
        with subprocess.Popen([program, *command[1:]], cwd=self.folder, env=environment) as process:
            return _wait(process)

    def environment(self) -> dict[str, str]:
        """The environment of a command: this one without credentials, with the sandbox's Pulumi settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_CREDENTIALS) and name not in _PULUMI_SETTINGS
        }
        programs = (str(Path(sys.executable).parent), kept.get("PATH", os.defpath))
        return kept | {
            "PATH": os.pathsep.join(programs),
            "PWD": str(self.folder),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_BACKEND_URL": f"file://{self.state / 'backend'}",
            "PULUMI_HOME": str(self.state / "home"),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "1",  # a real pulumi-resource-aws on PATH
            # No library finds real credentials in the home folder or in a machine's metadata either.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CLOUDSDK_CONFIG": str(self.state / "home" / "gcloud"),
            "NO_GCE_CHECK": "true",
            **({FAULTS: str(self.faults)} if self.faults else {}),
        }

    def _project_file(self) -> tuple[str, Path]:
        """The project's name and the folder of its stack files."""
        path = self.project / "Pulumi.yaml"
        try:
            yaml: Any = YAML(typ="safe", pure=True)
            content: object = yaml.load(path.read_text())
        except OSError as error:
            raise SandboxError(f"{path}: cannot be read: {error.strerror}. A sandbox needs a Pulumi project.") from None
        except YAMLError as error:
            raise SandboxError(f"{path}: is not YAML: {error}") from None
        settings = cast("dict[str, object]", content) if isinstance(content, dict) else {}
        name, stacks = settings.get("name"), settings.get("stackConfigDir", ".")
        if not isinstance(name, str) or not isinstance(stacks, str):
            raise SandboxError(f"{path}: name and stackConfigDir must be texts, and name must be there.")
        return name, (self.project / stacks).resolve()

    def _plugin(self, package: str) -> None:
        """Put the plugin where Pulumi finds it as installed, at the version that the SDK asks for: on PATH it would be
        found, too, with a warning at every run."""
        called = f"resource-{package}-v{version(f'pulumi-{package}')}"
        path = self.state / "home" / "plugins" / called / f"pulumi-resource-{package}"
        # -P: the plugin starts in the user's folder, whose modules must not stand in for the standard library's.
        arguments = (sys.executable, "-P", "-m", f"ybfort.sandbox.{package}_provider", str(self.world))
        write(path, f'#!/bin/sh\nexec {shlex.join(arguments)} "$@"\n')
        path.chmod(0o700)

    def _mirror(self, source: Path, target: Path, opened: set[Path], stack_folder: Path) -> None:
        """Links to all that is in the source; copies of what Pulumi writes to; what has gone from the source goes."""
        if target.is_symlink():  # from a time when Pulumi.yaml kept stack files elsewhere: never write through it
            target.unlink()
        target.mkdir(exist_ok=True)
        kept = {entry.name for entry in source.iterdir() if entry.name not in _NOT_LINKED and entry != self.state}
        for name in sorted(kept):
            entry, place = source / name, target / name
            if entry in opened:
                self._mirror(entry, place, opened, stack_folder)
            elif _is_stack_file(entry, stack_folder):
                write(place, _with_salt(entry.read_text()))
            elif entry == self.project / "Pulumi.yaml":
                write(place, entry.read_text())
            elif not place.is_symlink() or place.readlink() != entry:
                _link(place, entry)
        for place in target.iterdir():
            if place.name not in kept and (place.is_symlink() or _is_stack_file(source / place.name, stack_folder)):
                place.unlink()

    def _begin_stacks(self, project: str, stack_folder: Path) -> None:
        """Make the stacks that have a stack file and no state yet."""
        for file in sorted(stack_folder.glob("Pulumi.*.yaml")):
            stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
            state = self.state / "backend" / ".pulumi" / "stacks" / project / f"{stack}.json"
            if state.exists():
                continue
            environment = self.environment()
            pulumi = shutil.which("pulumi", path=environment["PATH"])
            if pulumi is None:
                raise SandboxError(
                    'pulumi is not on PATH. In this repository: export PATH="$(python tools/pulumi_cli.py):$PATH"',
                    NOT_FOUND,
                )
            made = subprocess.run(
                [pulumi, "stack", "init", stack, "--no-select", "--non-interactive"],
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode and not state.exists():  # another sandbox command may have made it meanwhile
                raise SandboxError(f"pulumi stack init {stack}: {made.stderr.strip()}", made.returncode)


def _is_stack_file(path: Path, stack_folder: Path) -> bool:
    return path.parent == stack_folder and path.match("Pulumi.*.yaml")


def _with_salt(stack_file: str) -> str:
    text = _KEYS_OF_SECRETS.sub("", stack_file)
    return text + ("" if text.endswith("\n") or not text else "\n") + SALT


def _link(place: Path, to: Path) -> None:
    """Whole at every moment, whatever stood there before."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    new = place.with_name(f".new-{os.getpid()}-{place.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(to)
    new.replace(place)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The exit code of the process, as a shell would give it; signals that come meanwhile are passed on."""

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        # A terminal sends Ctrl-C to the child itself; a second one would make Pulumi end at once and leave a lock.
        if number != signal.SIGINT or not sys.stdin.isatty():
            process.send_signal(number)

    before: Mapping[int, object] = {
        number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, cast("signal.Handlers", handler))
    return code if code >= 0 else 128 - code
