"""`ybfort pin`: the exact bytes that nodes will run, and not another character changed."""

import difflib
import gzip
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli_project import ANSWERS, GCP_ANSWERS, Ybfort
from ybfort.cli.template import UNPINNED, stack_file
from ybfort.plan.cluster import names_of
from ybfort.spec.file import read_file, read_text

NAME = "yugabyte-2025.2.9.0-b12-linux-x86_64.tar.gz"
IMAGE = "ami-0fedcba9876543210"
CONTENT = gzip.compress(os.urandom(100_000), mtime=0)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def archive(project: Path) -> Path:
    path = project / NAME
    path.write_bytes(CONTENT)
    return path


def changed(before: str, after: str) -> list[str]:
    difference = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line.replace(" ", "") for line in difference if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_version_hash_and_image_are_written_and_nothing_else_changes(
    ybfort: Ybfort, stack: Path, archive: Path
) -> None:
    before = stack.read_text()
    assert ybfort("pin", "orders-prod", "--archive", archive, "--image", IMAGE).code == 0
    assert changed(before, stack.read_text()) == [
        "-version:2025.2.8.0-b60",
        f"-sha256:{ANSWERS.sha256}",
        "+version:2025.2.9.0-b12",
        f"+sha256:{SHA256}",
        f"-eu-west-1:{ANSWERS.image}",
        f"+eu-west-1:{IMAGE}",
    ]


def test_old_and_new_values_and_the_way_to_the_nodes_are_told(ybfort: Ybfort, stack: Path, archive: Path) -> None:
    said = ybfort("pin", "orders-prod", "--archive", archive.name, "--image", IMAGE).out
    assert "release.version: 2025.2.9.0-b12 (was 2025.2.8.0-b60)" in said
    assert f"release.sha256: {SHA256} (was {ANSWERS.sha256})" in said
    assert f"images.eu-west-1: {IMAGE} (was {ANSWERS.image})" in said
    assert (
        f"aws s3 cp {NAME} s3://orders-prod-artifacts-123456789012-eu-west-1/releases/{NAME} --region eu-west-1" in said
    )


def test_a_cluster_on_gcp_is_pinned_to_gcps_images_and_fed_by_its_own_command(
    ybfort: Ybfort, stack: Path, archive: Path
) -> None:
    stack.write_text(stack_file(replace(GCP_ANSWERS, image=UNPINNED, sha256=UNPINNED)))
    image = GCP_ANSWERS.image.replace("v20261110", "v20261201")
    answer = ybfort("pin", "orders-prod", "--archive", archive.name, "--image", image)
    assert answer.code == 0, answer.err
    assert read_text(stack.read_text(), "test").images == {"europe-west1": image}
    bucket = names_of(read_file(stack)).bucket("artifacts")
    assert f"  gcloud storage cp {NAME} gs://{bucket}/releases/{NAME}\n" in answer.out


def test_an_image_of_the_other_cloud_is_refused(ybfort: Ybfort, stack: Path) -> None:
    for answers, image, says in (
        (GCP_ANSWERS, IMAGE, "Write an image by its full name"),
        (ANSWERS, GCP_ANSWERS.image, "Write an image id"),
    ):
        stack.write_text(stack_file(answers))
        answer = ybfort("pin", "orders-prod", "--image", image)
        assert answer.code == 2
        assert says in " ".join(answer.err.split())
        assert stack.read_text() == stack_file(answers)


def test_pinning_twice_changes_nothing(ybfort: Ybfort, stack: Path, archive: Path) -> None:
    ybfort("pin", "orders-prod", "--archive", archive, "--image", IMAGE)
    before = stack.stat()
    answer = ybfort("pin", "orders-prod", "--archive", archive, "--image", IMAGE)
    assert answer.code == 0
    assert answer.out.count("is pinned to this already") == 3
    assert stack.stat().st_mtime_ns == before.st_mtime_ns
    assert stack.stat().st_ino == before.st_ino


def test_what_init_left_unpinned_is_pinned_in_two_steps(ybfort: Ybfort, stack: Path, archive: Path) -> None:
    stack.write_text(stack_file(replace(ANSWERS, image=UNPINNED, sha256=UNPINNED)))
    assert ybfort("pin", "orders-prod", "--archive", archive).code == 0
    assert ybfort("check", "orders-prod").code == 1
    assert ybfort("pin", "orders-prod", "--image", IMAGE).code == 0
    assert ybfort("check", "orders-prod").code == 0


STYLES = {
    "flow": lambda text: text.replace(
        f"release:\n      version: 2025.2.8.0-b60\n      sha256: {ANSWERS.sha256}",
        f"release: {{version: 2025.2.8.0-b60, sha256: {ANSWERS.sha256}}} # why",
    ),
    "quotes": lambda text: text.replace("2025.2.8.0-b60", "'2025.2.8.0-b60'  # long-term").replace(
        ANSWERS.image, f'"{ANSWERS.image}"'
    ),
    "missing key": lambda text: text.replace("      version: 2025.2.8.0-b60\n", ""),
    "missing key in flow": lambda text: text.replace(
        f"release:\n      version: 2025.2.8.0-b60\n      sha256: {ANSWERS.sha256}", "release: {sha256: x}"
    ),
    "empty value": lambda text: text.replace(f"sha256: {ANSWERS.sha256}", "sha256:"),
    "empty value at the end": lambda text: text.replace(f"eu-west-1: {ANSWERS.image}", "eu-west-1: # later"),
    "empty quotes": lambda text: text.replace(f"sha256: {ANSWERS.sha256}", 'sha256: ""'),
    "Windows lines": lambda text: text.replace("\n", "\r\n"),
    "byte order mark": lambda text: "\ufeff" + text,
    "other keys": lambda text: text + "  app:size: 3\nencryptionsalt: v1:abc=\n",
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_any_style_of_yaml_is_kept(ybfort: Ybfort, stack: Path, archive: Path, style: object) -> None:
    assert callable(style)
    before = style(stack.read_text())
    stack.write_bytes(before.encode())
    answer = ybfort("pin", "orders-prod", "--archive", archive, "--image", IMAGE)
    assert answer.code == 0, answer.err
    after = stack.read_bytes().decode()
    spec = read_text(after, "test")
    assert (spec.release.version, spec.release.sha256, spec.images["eu-west-1"]) == ("2025.2.9.0-b12", SHA256, IMAGE)
    assert len(changed(before, after)) <= 6
    assert (before[0] == "\ufeff", before.count("\r")) == (after[0] == "\ufeff", after.count("\r"))
    assert before.count("#") == after.count("#")


def test_a_hash_that_yaml_would_read_as_a_number_is_quoted(
    ybfort: Ybfort, stack: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for digits in ("1" * 64, "1" * 30 + "e" + "1" * 33):
        monkeypatch.setattr("ybfort.cli.pin._sha256", lambda _, digits=digits: digits)
        assert ybfort("pin", "orders-prod", "--archive", archive).code == 0
        assert read_text(stack.read_text(), "test").release.sha256 == digits


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("yugabyte-2025.2.9.0-b12-el8-aarch64.tar.gz", 1, "is for aarch64, and m7i.4xlarge is x86_64"),
        ("yugabyte-2024.2.1.0-b9-linux-x86_64.tar.gz", 1, "is of series 2024.2"),
        ("yugabyte.tar.gz", 2, "is not named as published"),
        ("yugabyte-2025.2-b12-linux-x86_64.tar.gz", 2, "Write a full version with its build"),
    ],
)
def test_an_archive_that_cannot_run_here_is_refused_before_it_is_read(
    ybfort: Ybfort, stack: Path, project: Path, name: str, code: int, says: str
) -> None:
    before = stack.read_text()
    (project / name).write_bytes(b"not even gzip")
    answer = ybfort("pin", "orders-prod", "--archive", name)
    assert answer.code == code
    assert says in " ".join(answer.err.split())
    assert stack.read_text() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<html>Not found</html>", "is no whole gzip archive"),
        (CONTENT[:-1], "ends too early"),
        (CONTENT[:5_000], "ends too early"),
        (CONTENT[:10], "ends too early"),
        (CONTENT[:500] + b"xxxx" + CONTENT[504:], "is no whole gzip archive"),
        (gzip.compress(b""), "is empty"),
    ],
    ids=["empty", "HTML", "last byte missing", "half", "header only", "damaged", "nothing in it"],
)
def test_a_broken_download_is_refused(ybfort: Ybfort, stack: Path, archive: Path, content: bytes, says: str) -> None:
    before = stack.read_text()
    archive.write_bytes(content)
    answer = ybfort("pin", "orders-prod", "--archive", archive)
    assert answer.code == 1
    assert says in answer.err
    assert "Download the release again" in answer.err
    assert stack.read_text() == before


def test_a_renamed_archive_needs_its_version(ybfort: Ybfort, stack: Path, archive: Path) -> None:
    renamed = archive.rename(archive.with_name("release.tgz"))
    assert ybfort("pin", "orders-prod", "--archive", renamed, "--version", "2025.2.9.0-b12").code == 0
    assert read_text(stack.read_text(), "test").release.version == "2025.2.9.0-b12"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "there is nothing to pin"),
        (["--version", "2025.2.9.0-b12"], "belongs to an archive"),
        (["--archive", NAME, "--version", "2025.2.9.0-b13"], "the archive's name says 2025.2.9.0-b12"),
        (["--archive", "nope.tar.gz"], "is no file"),
        (["--archive", "stacks"], "is no file"),
        (["--image", "ami-x"], "Write an image id"),
        (["--image", "ami-0123456789abcdef0 # x\n    evil: 1"], "Write an image id"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(
    ybfort: Ybfort, stack: Path, archive: Path, arguments: list[str], says: str
) -> None:
    before = stack.read_text()
    answer = ybfort("pin", "orders-prod", *arguments)
    assert answer.code == 2
    assert says in " ".join(answer.err.split())
    assert stack.read_text() == before


@pytest.mark.parametrize(
    "broken",
    [
        lambda text: text.replace("replication_factor: 3", "replication_factor: 4"),
        lambda text: text.replace("regions:", "places:"),
        lambda text: text.replace("cloud: aws", "cloud: azure"),
        lambda text: text.replace("    cloud: aws\n", ""),
        lambda text: text.replace("release:", "freight:"),
        lambda text: text.replace("ybfort:cluster:", "other:cluster:"),
        lambda text: text.replace(
            f"version: 2025.2.8.0-b60\n      sha256: {ANSWERS.sha256}", "version: [1]\n      sha256: x"
        ),
        lambda text: text + "\n[",
        lambda _: "",
        lambda _: "config: &a [*a]",
        lambda _: "[" * 5_000,
    ],
)
def test_a_file_that_is_wrong_otherwise_is_not_touched(
    ybfort: Ybfort, stack: Path, archive: Path, broken: object
) -> None:
    assert callable(broken)
    before = broken(stack.read_text())
    stack.write_text(before)
    for arguments in (["--archive", archive], ["--image", IMAGE]):
        answer = ybfort("pin", "orders-prod", *arguments)
        assert answer.code == 1
        assert "problem" in answer.err
        assert stack.read_text() == before


def test_a_link_stays_a_link_and_rights_stay(ybfort: Ybfort, stack: Path, archive: Path) -> None:
    real = stack.rename(stack.with_name("real.yaml"))
    real.chmod(0o640)
    stack.symlink_to(real)
    assert ybfort("pin", "orders-prod", "--archive", archive).code == 0
    assert stack.is_symlink()
    assert SHA256 in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    ybfort: Ybfort, stack: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = stack.read_text()
    monkeypatch.setattr("os.fsync", full)
    answer = ybfort("pin", "orders-prod", "--archive", archive)
    assert answer.code == 1
    assert "No space left on device" in answer.err
    assert stack.read_text() == before
    assert [path.name for path in stack.parent.iterdir()] == [stack.name]


def test_a_large_archive_is_read_in_pieces(project: Path, stack: Path) -> None:
    """A process that may not have 100 MB more than Python itself needs pins an archive of 100 MB."""
    path = project / NAME
    block = os.urandom(1 << 20)
    with gzip.open(path, "wb", compresslevel=0) as out:
        for _ in range(100):
            out.write(block)
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (120 << 20, 120 << 20));"
        "from ybfort.cli import main; sys.argv[0] = 'ybfort'; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", limited, "pin", "orders-prod", "--archive", path.name],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert hashlib.sha256(path.read_bytes()).hexdigest() in stack.read_text()
