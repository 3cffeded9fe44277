"""The bootstrap of the Pulumi CLI: which one is taken, what is built or fetched, and what is said when nothing works.

Nothing is really built or downloaded: a made-up `go` and a server on the loopback interface stand in.
"""

import hashlib
import http.server
import importlib
import io
import re
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tools" / "pulumi_cli.py"

# Answers as go does to the three questions that are put to it, and counts the builds.
GO = """#!/bin/sh
case "$1" in
env) echo go1.99.0 ;;
list) echo "$FAKES/module" ;;
build)
  echo "$@" >>"$FAKES/builds"
  sleep "${SLOW:-0}"
  while [ "$1" != -o ]; do shift; done
  echo program >"$2" && chmod +x "$2"
  ;;
esac
"""


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """Write a program that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def pulumi(folder: Path, version: str, *, host: bool = True) -> Path:
    """A made-up installation of Pulumi; return its folder."""
    executable(folder / "pulumi", f"#!/bin/sh\necho {version}\n")
    if host:
        executable(folder / "pulumi-language-python")
    return folder


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The bootstrap on a machine with an empty cache, a Go, no Pulumi, and no way to the release."""
    monkeypatch.syspath_prepend(SOURCE.parent)
    module = importlib.import_module("pulumi_cli")
    fakes = tmp_path / "fakes"
    executable(fakes / "bin" / "go", GO)
    executable(fakes / "module" / "python" / "cmd" / module.EXECUTOR)
    (tmp_path / "system").mkdir()
    for name in ("chmod", "seq", "sleep"):
        (tmp_path / "system" / name).symlink_to(shutil.which(name) or name)
    for name in ("HOME", "XDG_CACHE_HOME", "SLOW", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAKES", str(fakes))
    monkeypatch.setenv("PATH", f"{fakes}/bin:{tmp_path}/system")
    monkeypatch.setenv("YBFORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "RELEASES", "http://127.0.0.1:9")  # the discard port: nothing answers
    return module


@pytest.fixture
def run(cli: ModuleType, capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, str, str]]:
    """Run the bootstrap; return exit status, standard output without its line end, and standard error."""

    def go() -> tuple[int, str, str]:
        status = cli.main()
        output = capsys.readouterr()
        return status, output.out.removesuffix("\n"), output.err

    return go


def builds(tmp_path: Path) -> list[str]:
    """The arguments of every build so far."""
    record = tmp_path / "fakes" / "builds"
    return record.read_text().splitlines() if record.exists() else []


class TestPulumiOnPath:
    def test_that_is_new_enough_is_taken_and_nothing_is_built(self, cli, run, monkeypatch, tmp_path):
        own = pulumi(tmp_path / "own", f"v{cli.VERSION}")
        monkeypatch.setenv("PATH", f"{own}:{tmp_path}/system")
        assert run() == (0, str(own), "")
        assert not (tmp_path / "cache").exists()

    def test_that_is_too_old_is_passed_over_for_a_later_one(self, cli, run, monkeypatch, tmp_path):
        old, new = pulumi(tmp_path / "old", "v3.99.9"), pulumi(tmp_path / "new", "v4.0.0")
        monkeypatch.setenv("PATH", f"{old}:{new}:{tmp_path}/system")
        status, folder, complaint = run()
        assert (status, folder) == (0, str(new))
        assert f"{old}/pulumi is v3.99.9, older than v{cli.VERSION}: not used" in complaint

    def test_without_the_python_language_host_is_not_taken(self, cli, run, monkeypatch, tmp_path):
        bare = pulumi(tmp_path / "bare", "v4.0.0", host=False)
        monkeypatch.setenv("PATH", f"{bare}:{tmp_path}/fakes/bin:{tmp_path}/system")
        _, folder, complaint = run()
        assert folder.startswith(f"{tmp_path}/cache/")
        assert f"{bare}/pulumi has no pulumi-language-python beside it or on PATH: not used" in complaint

    def test_may_be_a_link_to_the_folder_with_the_language_host(self, run, monkeypatch, tmp_path):
        whole = pulumi(tmp_path / "opt", "v4.0.0")
        (tmp_path / "links").mkdir()
        (tmp_path / "links" / "pulumi").symlink_to(whole / "pulumi")
        monkeypatch.setenv("PATH", f"{tmp_path}/links:{tmp_path}/system")
        assert run()[:2] == (0, f"{tmp_path}/links")

    @pytest.mark.parametrize(
        ("script", "reason"),
        [("#!/bin/sh\nexit 127\n", "does not say its version"), ("#!/nowhere\n", "does not run")],
    )
    def test_that_does_not_work_is_not_taken(self, run, monkeypatch, tmp_path, script, reason):
        executable(tmp_path / "shim" / "pulumi", script)
        monkeypatch.setenv("PATH", f"{tmp_path}/shim:{tmp_path}/fakes/bin:{tmp_path}/system")
        _, folder, complaint = run()
        assert folder.startswith(f"{tmp_path}/cache/")
        assert f"{tmp_path}/shim/pulumi {reason}: not used" in complaint


class TestCache:
    def test_is_used_again_without_go_and_without_network(self, run, monkeypatch, tmp_path):
        _, built, _ = run()
        monkeypatch.setenv("PATH", f"{tmp_path}/system")
        assert run() == (0, built, "")

    def test_is_keyed_by_the_pinned_modules(self, cli, run, monkeypatch, tmp_path):
        _, before, _ = run()
        pins = tmp_path / "go"
        for program in cli.PROGRAMS:
            (pins / program.name).mkdir(parents=True)
            for name in ("go.mod", "go.sum"):
                (pins / program.name / name).write_text((program.pins / name).read_text() + "// another pin\n")
        monkeypatch.setattr(cli, "GO_FILES", pins)
        assert run()[1] != before

    def test_that_is_half_filled_is_filled_again(self, cli, run, tmp_path):
        _, built, _ = run()
        (Path(built) / "pulumi-language-python").unlink()
        assert run()[:2] == (0, built)
        assert cli.whole(Path(built))
        assert len(builds(tmp_path)) == 4

    def test_is_cleared_of_what_a_killed_run_left(self, run, tmp_path):
        left = tmp_path / "cache" / ".unfinished-killed"
        executable(left / "pulumi")
        status, folder, _ = run()
        assert (status, left.exists()) == (0, False)
        assert [path.name for path in (tmp_path / "cache").glob("*")].count(Path(folder).name) == 1

    def test_is_filled_once_by_two_runs_at_the_same_time(self, cli, monkeypatch, tmp_path, capsys):
        monkeypatch.setenv("SLOW", "0.2")
        status: list[int] = []
        runs = [threading.Thread(target=lambda: status.append(cli.main())) for _ in range(2)]
        for one in runs:
            one.start()
        for one in runs:
            one.join()
        output = capsys.readouterr()
        assert status == [0, 0]
        assert len(set(output.out.splitlines())) == 1
        assert len(builds(tmp_path)) == len(cli.PROGRAMS)
        assert "another run is getting the Pulumi CLI: waiting for it" in output.err

    def test_lies_under_the_first_of_its_three_places(self, cli, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", "/home/somebody")
        monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
        assert cli.cache() == tmp_path / "cache"
        monkeypatch.delenv("YBFORT_CACHE")
        assert cli.cache() == Path("/caches/ybfort")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cli.cache() == Path("/home/somebody/.cache/ybfort")

    def test_without_any_place_says_what_to_set(self, run, monkeypatch):
        monkeypatch.delenv("YBFORT_CACHE")
        status, folder, complaint = run()
        assert (status, folder) == (1, "")
        assert "HOME is not set" in complaint
        assert "set YBFORT_CACHE to a folder" in complaint

    def test_that_cannot_be_written_says_what_to_set(self, run, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("YBFORT_CACHE", f"{tmp_path}/file/cache")
        status, folder, complaint = run()
        assert (status, folder) == (1, "")
        assert f"cannot be kept in {tmp_path}/file/cache" in complaint
        assert "set YBFORT_CACHE to a folder that you can write" in complaint


class TestBuild:
    def test_leaves_the_three_programs_and_says_how_long_it_takes(self, cli, run, tmp_path):
        status, folder, progress = run()
        assert status == 0
        assert {path.name for path in Path(folder).iterdir()} == set(cli.NEEDED)
        assert "the release cannot be downloaded" in progress
        assert "about three minutes" in progress

    def test_sets_the_versions_that_the_programs_report(self, run, tmp_path):
        run()
        versions = [re.search(r"version\.Version=(\S+)", build) for build in builds(tmp_path)]
        assert [version and version[1] for version in versions] == ["v3.259.0", "v3.79.0"]

    def test_cannot_be_bent_by_the_callers_go_settings(self, cli, monkeypatch, tmp_path):
        for name, value in {"GOFLAGS": "-mod=mod", "GOWORK": "/some/go.work", "GOOS": "windows"}.items():
            monkeypatch.setenv(name, value)
        environment = cli.go_environment(tmp_path)
        assert "-mod=readonly" in environment["GOFLAGS"]
        assert environment["GOWORK"] == "off"
        assert "GOOS" not in environment

    def test_keeps_gos_own_files_in_the_cache_only_without_a_home(self, cli, monkeypatch, tmp_path):
        assert cli.go_environment(tmp_path)["GOPATH"] == f"{tmp_path}/go"
        monkeypatch.setenv("HOME", str(tmp_path))
        assert "GOPATH" not in cli.go_environment(tmp_path)

    def test_without_go_names_what_to_install(self, cli, run, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", f"{tmp_path}/system")
        status, folder, complaint = run()
        assert (status, folder) == (1, "")
        assert "there is no Go on PATH" in complaint
        assert f"Install the Pulumi CLI v{cli.VERSION} or newer" in complaint
        assert "or Go 1.25.11 or newer" in complaint

    @pytest.mark.parametrize(
        ("go", "reason"),
        [
            ("echo go1.21.13", "go1.21.13"),
            ("echo 'go.mod requires go >= 1.25.11 (running go 1.22.0)' >&2; exit 1", "running go 1.22.0"),
            ("exit 126", "it does not run"),
        ],
    )
    def test_with_an_old_go_names_what_to_install(self, run, tmp_path, go, reason):
        executable(tmp_path / "fakes" / "bin" / "go", f"#!/bin/sh\n{go}\n")
        status, _, complaint = run()
        assert status == 1
        assert reason in complaint
        assert "or Go 1.25.11 or newer" in complaint

    def test_that_fails_shows_the_end_of_what_go_said_and_keeps_nothing(self, run, tmp_path):
        script = GO.replace("build)", "build) seq 1 100; echo 'no such module'; exit 1 ;;\nunused)")
        executable(tmp_path / "fakes" / "bin" / "go", script)
        status, folder, complaint = run()
        assert (status, folder) == (1, "")
        assert "pulumi could not be built" in complaint
        assert "no such module" in complaint
        assert "\n1\n" not in complaint
        assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]

    def test_that_takes_long_says_that_it_goes_on(self, cli, run, monkeypatch):
        monkeypatch.setattr(cli, "HEARTBEAT_SECONDS", 0.05)
        monkeypatch.setenv("SLOW", "0.2")
        assert "pulumi: still building after" in run()[2]


class TestPins:
    def test_are_the_versions_that_are_reported(self, cli):
        for program in cli.PROGRAMS:
            assert f"{program.module} v{program.version} " in (program.pins / "go.mod").read_text()

    def test_are_what_the_project_requires(self, cli):
        assert f'requiredPulumiVersion: ">={cli.VERSION}"' in (ROOT / "Pulumi.yaml").read_text()


class TestRelease:
    @pytest.fixture
    def served(self, cli, monkeypatch) -> Iterator[dict[str, bytes]]:
        """The files of a release, by name, on a server of this machine."""
        files: dict[str, bytes] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = files.get(self.path.removeprefix("/"))
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            monkeypatch.setattr(cli, "RELEASES", f"http://127.0.0.1:{server.server_port}")
            yield files
            server.shutdown()
            thread.join()

    @pytest.fixture
    def published(self, cli, served) -> dict[str, bytes]:
        """A release with all programs, and one file that would leave the folder."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for name in (*(f"pulumi/{name}" for name in cli.NEEDED), "pulumi/../../escaped", "elsewhere/pulumi"):
                member = tarfile.TarInfo(name)
                member.size = len(b"official")
                archive.addfile(member, io.BytesIO(b"official"))
        name = f"pulumi-v{cli.VERSION}-{cli.system()}.tar.gz"
        served[name] = content.getvalue()
        digest = hashlib.sha256(served[name]).hexdigest()
        served[f"pulumi-{cli.VERSION}-checksums.txt"] = f"{'0' * 64}  another.zip\n{digest}  {name}\n".encode()
        return served

    def test_is_taken_rather_than_built(self, cli, run, published, tmp_path):
        status, folder, _ = run()
        assert status == 0
        assert {path.name for path in Path(folder).iterdir()} == set(cli.NEEDED)
        assert (Path(folder) / "pulumi").read_text() == "official"
        assert builds(tmp_path) == []
        assert not list(tmp_path.rglob("escaped"))

    def test_that_is_not_what_was_published_is_refused_and_nothing_is_kept(self, cli, run, published, tmp_path):
        published[f"pulumi-v{cli.VERSION}-{cli.system()}.tar.gz"] += b"tampered"
        status, folder, complaint = run()
        assert (status, folder) == (1, "")
        assert "is not what Pulumi published" in complaint
        assert builds(tmp_path) == []
        assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]

    def test_that_does_not_exist_for_this_system_is_built(self, cli, run, published, monkeypatch, tmp_path):
        monkeypatch.setattr(cli.platform, "machine", lambda: "riscv64")
        status, _, progress = run()
        assert status == 0
        assert "there is no release for linux-riscv64" in progress
        assert len(builds(tmp_path)) == len(cli.PROGRAMS)

    def test_that_the_server_does_not_have_is_built(self, cli, run, served, tmp_path):
        status, _, progress = run()
        assert status == 0
        assert "the release cannot be downloaded (Not Found)" in progress
        assert len(builds(tmp_path)) == len(cli.PROGRAMS)
