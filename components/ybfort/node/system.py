"""The machine under the agent. Steps touch it through this class alone, so that a test can stand in for it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")  # nothing from a path that somebody else could have set
COMMAND_SECONDS = 60.0
WEB_SECONDS = 10.0
MEGABYTE = 1024 * 1024
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL, frontend/backend protocol: message formats


class Failure(Exception):
    """Something did not work; the text tells an operator what, and what to do about it."""


class Busy(Failure):
    """Another process holds the lock."""


@dataclass(frozen=True)
class Output:
    """What a program said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last thing it said, which with most programs is the reason of its failure."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code} and no message"


class System:
    """Files and programs of a machine whose root directory is `root`; the programs are that root's own.

    Everything that changes a file is atomic: a process that is killed leaves the old content or the new one.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def path(self, absolute: str) -> Path:
        """Where a path of the machine really is."""
        return self.root / absolute.lstrip("/")

    # ------------------------------------------------------------------------------------------------------- programs

    def run(
        self,
        *command: str,
        seconds: float = COMMAND_SECONDS,
        environment: dict[str, str] | None = None,
        text: str = "",
    ) -> Output:
        """Run a program without a shell, with `text` as its input.

        :raises Failure: if it is not there, or not done in time (it is killed then, with all its children)
        """
        with self.start(*command, environment=environment) as process:
            try:
                out, err = process.communicate(text, timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise Failure(f"{command[0]} was not done after {seconds:g} seconds and was killed.") from None
        return Output(process.returncode, out, err)

    def start(self, *command: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a program that one talks to. It is the leader of a process group of its own.

        :raises Failure: if it is not there
        """
        return subprocess.Popen(
            [self.program(command[0]), *command[1:]],
            env={**os.environ, "PATH": ":".join(PROGRAMS), "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def lines(self, *command: str) -> Generator[str, None, None]:
        """What a program prints, line by line. Whoever stops reading ends the program.

        :raises Failure: if it is not there
        """
        with self.start(*command) as process:
            try:
                yield from process.stdout or ()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def program(self, name: str) -> str:
        """Where a program is: an absolute path of the machine, or a name that is looked for in its usual places.

        :raises Failure: if it is not there
        """
        places = [self.path(name)] if name.startswith("/") else [self.path(folder) / name for folder in PROGRAMS]
        for place in places:
            if os.access(place, os.X_OK):
                return str(place)
        raise Failure(f"{name} is not on this machine. Take a stock image of a supported system.")

    def must(self, *command: str, seconds: float = COMMAND_SECONDS) -> str:
        """What a program prints.

        :raises Failure: if it fails
        """
        output = self.run(*command, seconds=seconds)
        if output.code:
            raise Failure(f"{' '.join(command)}: {output.last_line}")
        return output.out

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def now(self) -> float:
        """The time: seconds since 1970."""
        return time.time()

    def get(self, address: str, port: int, path: str, *, seconds: float = WEB_SECONDS) -> tuple[int, str]:
        """Status and text that a web server of this cluster answers with. No proxy is asked.

        :raises Failure: if it does not answer
        """
        connection = http.client.HTTPConnection(address, port, timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as problem:
            raise Failure(f"http://{address}:{port}{path}: {problem or type(problem).__name__}.") from None
        finally:
            connection.close()

    def shown_certificate(self, address: str, port: int) -> bytes:
        """The certificate (DER) that a PostgreSQL server shows; it is for the caller to say whether it is the right
        one.

        :raises Failure: if the server cannot be reached, or offers no TLS
        """
        import ssl  # here: it is slow to import, and few runs need it

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with socket.create_connection((address, port), WEB_SECONDS) as plain:
                plain.sendall(SSL_REQUEST)
                if plain.recv(1) != b"S":
                    raise Failure(f"{address}:{port} offers no TLS.")
                with context.wrap_socket(plain) as secure:
                    return secure.getpeercert(binary_form=True) or b""
        except OSError as problem:
            raise Failure(f"{address}:{port} shows no certificate: {problem}.") from None

    # ---------------------------------------------------------------------------------------------------------- files

    def read(self, path: str) -> str | None:
        """A file's text; None if there is no such file."""
        try:
            return self.path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def sha256(self, path: str) -> str | None:
        """The SHA-256 of a file in hex digits; None if there is no such file."""
        digest = hashlib.sha256()
        try:
            with self.path(path).open("rb") as file:
                for part in iter(lambda: file.read(MEGABYTE), b""):
                    digest.update(part)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    def write(self, path: str, content: bytes, mode: int = 0o644) -> bool:
        """Make a file have this content and mode, for good and not just in memory; says whether that was a change."""
        target = self.path(path)
        with contextlib.suppress(FileNotFoundError):
            if target.read_bytes() == content and target.stat().st_mode & 0o7777 == mode:
                return False
        draft = target.with_name(f".{target.name}.draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        self._sync_folder(target.parent)
        return True

    def remove(self, path: str) -> bool:
        """Make a file be gone; says whether that was a change."""
        target = self.path(path)
        if not target.exists():
            return False
        target.unlink()
        self._sync_folder(target.parent)
        return True

    def remove_tree(self, path: str) -> None:
        """Make a directory be gone, with all that is in it."""
        target = self.path(path)
        if target.exists():
            shutil.rmtree(target)
            self._sync_folder(target.parent)

    def directory(self, path: str, mode: int, uid: int | None = None, gid: int | None = None) -> bool:
        """Make a directory exist with this mode and owner (the agent's own by default); says if that was a change."""
        target = self.path(path)
        wanted = (os.geteuid() if uid is None else uid, os.getegid() if gid is None else gid)
        changed = not target.is_dir()
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self.owner(target) != wanted:
            self.chown(target, *wanted)
            changed = True
        if target.stat().st_mode & 0o7777 != mode:
            target.chmod(mode)
            changed = True
        return changed

    def link(self, path: str, target: str) -> bool:
        """Make a symbolic link point to `target`, at once; says whether that was a change."""
        link = self.path(path)
        if link.is_symlink() and str(link.readlink()) == target:
            return False
        draft = link.with_name(f".{link.name}.draft")
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(link)
        self._sync_folder(link.parent)
        return True

    def ids_of(self, user: str) -> tuple[int, int]:
        """The numbers of a user and its group.

        :raises Failure: if this machine does not know the user
        """
        for line in (self.read("/etc/passwd") or "").splitlines():
            name, _, uid, gid, *_ = [*line.split(":"), "", "", ""]
            if name == user:
                return int(uid), int(gid)
        raise Failure(f"There is no user {user} on this machine.")

    def used_percent(self, path: str) -> float:
        """How full the file system of a path is for those who are not root."""
        found = os.statvfs(self.path(path))
        return 100 * (1 - found.f_bavail / found.f_blocks)

    def owner(self, target: Path) -> tuple[int, int]:
        """The user and the group that own a file."""
        found = target.stat()
        return found.st_uid, found.st_gid

    def chown(self, target: Path, uid: int, gid: int) -> None:
        """Give a file to a user and a group."""
        os.chown(target, uid, gid)

    @staticmethod
    def _sync_folder(folder: Path) -> None:
        """A new name is on the disk only when its folder is."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # ---------------------------------------------------------------------------------------------------------- disks

    def bytes_at(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a disk; fewer if it ends."""
        with self.path(path).open("rb") as disk:
            disk.seek(offset)
            return disk.read(length)

    def zero(self, path: str, offset: int, length: int) -> None:
        """Overwrite bytes of a disk with zeros, and wait until they are on it."""
        with self.path(path).open("r+b") as disk:
            disk.seek(offset)
            disk.write(bytes(length))
            disk.flush()
            os.fsync(disk.fileno())

    # ----------------------------------------------------------------------------------------------------------- lock

    @contextlib.contextmanager
    def lock(self, path: str, *, wait: bool) -> Generator[None, None, None]:
        """Hold the lock of that name. The kernel lets go of it when the process ends, however it ends.

        :raises Busy: if another process holds it and `wait` is not set
        """
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise Busy("Another run is at work on this machine.") from None
            yield
