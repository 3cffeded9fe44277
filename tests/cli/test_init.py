"""`ybfort init`: a stack file that needs nothing but its pins."""

import io
from pathlib import Path

import pytest

from cli_project import Ybfort
from ybfort.cli.clouds import CLOUDS
from ybfort.spec import SpecError
from ybfort.spec.file import read_text

GIVEN = ("--account", "123456789012", "--region", "eu-west-1", "--email", "dba@example.com")
ON_GCP = ("--cloud", "gcp", "--account", "orders-prod-4711", "--region", "europe-west1", "--email", "dba@example.com")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def pinned(path: Path, cloud: str = "aws") -> str:
    """The file's text as `pin` would leave it."""
    text = path.read_text()
    assert text.count(": unpinned\n") == 2
    return text.replace("sha256: unpinned", f"sha256: {'5' * 63}a").replace("unpinned", CLOUDS[cloud].some_image)


def test_with_all_options_it_asks_nothing_and_only_pins_are_missing(ybfort: Ybfort, project: Path) -> None:
    answer = ybfort("init", "shop-prod", *GIVEN, "--client", "shop-api=10.8.0.0/16")
    assert answer.code == 0
    path = project / "stacks" / "Pulumi.shop-prod.yaml"
    spec = read_text(pinned(path), "test")
    assert (spec.name, spec.environment, spec.account) == ("shop", "prod", "123456789012")
    assert [zone.name for zone in spec.region.zones] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert spec.clients[0].name == "shop-api"
    assert {role.name for role in spec.roles if role.login} == {"shop_app", "shop_migrations", "shop_reports", "dba"}


def test_a_cluster_on_gcp_is_told_in_gcps_words(ybfort: Ybfort, project: Path) -> None:
    reader = "shop-api@orders-prod-4711.iam.gserviceaccount.com"
    assert ybfort("init", "shop-prod", *ON_GCP, "--reader", reader).code == 0
    path = project / "stacks" / "Pulumi.shop-prod.yaml"
    spec = read_text(pinned(path, "gcp"), "test")
    assert (spec.cloud, spec.account, spec.nodes.machine) == ("gcp", "orders-prod-4711", "c3-standard-22")
    assert [zone.name for zone in spec.region.zones] == ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
    assert [role.readers for role in spec.roles if role.readers] == [(reader,)]
    text = path.read_text()
    assert 'pulumi:disable-default-providers: ["gcp"]' in text
    for word in ("AWS", "Amazon", "IAM role", "IMDS", "security_groups", "volume", "trail", "a1"):
        assert word not in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("region", "letters"),
    [("europe-west1", "bcd"), ("us-east1", "bcd"), ("europe-west4", "abc"), ("us-central1", "abc")],
)
def test_zones_are_those_that_the_region_has(ybfort: Ybfort, project: Path, region: str, letters: str) -> None:
    for name, count in (("shop-prod", 3), ("shop-dev", 1)):
        assert ybfort("init", name, *ON_GCP, "--region", region).code == 0
        spec = read_text(pinned(project / "stacks" / f"Pulumi.{name}.yaml", "gcp"), "test")
        assert [zone.name for zone in spec.region.zones] == [f"{region}-{letter}" for letter in letters[:count]]


def test_questions_are_asked_in_the_clouds_words(
    ybfort: Ybfort, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["123456789012", "orders-prod-4711", "eu-west-1", "europe-west1", "dba@example.com", ""]
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{answer}\n" for answer in answers)))
    answer = ybfort("init", "shop-prod", "--cloud", "gcp")
    assert answer.code == 0, answer
    assert "GCP project (its id, such as orders-prod-4711)" in answer.out
    assert "'123456789012' is not allowed here. Write the id of a project, not its number" in answer.out
    assert "'eu-west-1' is not allowed here. Write a region: `europe-west1`" in answer.out


def test_it_says_what_comes_next(ybfort: Ybfort, project: Path) -> None:
    said = ybfort("init", "shop-prod", *GIVEN).out
    assert "stacks/Pulumi.shop-prod.yaml: written" in said
    assert "ybfort pin shop-prod --archive" in said
    assert "ybfort schema > stacks/cluster.schema.json" in said


def test_until_it_is_pinned_check_refuses_it_and_names_pin(ybfort: Ybfort, project: Path) -> None:
    ybfort("init", "shop-prod", *GIVEN)
    answer = ybfort("check", "shop-prod")
    assert answer.code == 1
    assert "2 problems" in answer.err
    assert answer.err.count("ybfort pin") == 2


@pytest.mark.parametrize(
    ("options", "copies", "tolerance", "nodes"),
    [
        (["--environment", "prod"], 3, "zone", [1, 1, 1]),
        (["--environment", "prod", "--zones", "a"], 3, "node", [3]),
        (["--environment", "prod", "--zones", "a,b"], 3, "node", [2, 1]),
        (["--environment", "prod", "--zones", "a, b, c, d"], 3, "node", [1, 1, 1, 1]),
        (["--environment", "dev"], 1, "zone", [1]),
        (["--environment", "dev", "--zones", "a,b,c"], 3, "zone", [1, 1, 1]),
    ],
)
def test_copies_and_nodes_follow_from_environment_and_zones(
    ybfort: Ybfort, project: Path, options: list[str], copies: int, tolerance: str, nodes: list[int]
) -> None:
    assert ybfort("init", "shop", *GIVEN, *options).code == 0
    spec = read_text(pinned(project / "stacks" / "Pulumi.shop.yaml"), "test")
    assert (spec.replication_factor, spec.fault_tolerance) == (copies, tolerance)
    assert [zone.nodes for zone in spec.region.zones] == nodes


@pytest.mark.parametrize(("zones", "may_grow"), [("a", False), ("a,b,c", False), ("a,b", True), ("a,b,c,d", True)])
def test_the_file_speaks_of_more_zones_only_where_there_can_be_more(
    ybfort: Ybfort, project: Path, zones: str, may_grow: bool
) -> None:
    assert ybfort("init", "shop-dev", *GIVEN, "--zones", zones).code == 0
    path = project / "stacks" / "Pulumi.shop-dev.yaml"
    assert ("or add a zone at the end" in path.read_text()) is may_grow
    letters = [*zones.split(","), "e"]
    last = f"          - {{name: eu-west-1{letters[-2]}, nodes: "
    grown = "".join(
        f"{line}{line.replace(f'eu-west-1{letters[-2]}', 'eu-west-1e') if line.startswith(last) else ''}"
        for line in pinned(path).splitlines(keepends=True)
    )
    if may_grow:
        assert len(read_text(grown, "test").region.zones) == len(letters)
    else:
        with pytest.raises(SpecError, match="fault_tolerance"):
            read_text(grown, "test")


def test_dev_is_as_secure_as_prod_and_costs_less(ybfort: Ybfort, project: Path) -> None:
    ybfort("init", "shop-dev", *GIVEN)
    ybfort("init", "shop-prod", *GIVEN)
    dev, prod = (read_text(pinned(project / "stacks" / f"Pulumi.shop-{end}.yaml"), "test") for end in ("dev", "prod"))
    assert dev.nodes.disk.size_gib < prod.nodes.disk.size_gib
    assert (dev.clients, dev.roles, dev.certificates) == (prod.clients, prod.roles, prod.certificates)


def test_a_file_is_never_overwritten(ybfort: Ybfort, stack: Path) -> None:
    before = stack.read_text()
    answer = ybfort("init", "orders-prod", *GIVEN)
    assert answer.code == 2
    assert "exists already" in answer.err
    assert stack.read_text() == before


def test_without_a_terminal_all_that_is_missing_is_named_at_once(ybfort: Ybfort, project: Path) -> None:
    answer = ybfort("init", "shop")
    assert answer.code == 2
    assert "give --environment, --account, --region, --email" in " ".join(answer.err.split())
    assert not (project / "stacks" / "Pulumi.shop.yaml").exists()


def test_on_a_terminal_it_asks_and_asks_again_after_a_wrong_answer(
    ybfort: Ybfort, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["12345", "123456789012", "eu-west-1", "dba@example.com", "nonsense", "shop-api=10.8.0.0/16"]
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{answer}\n" for answer in answers)))
    answer = ybfort("init", "shop-prod")
    assert answer.code == 0, answer
    assert "'12345' is not allowed here. Write the 12 digits" in answer.out
    assert "'nonsense' is not of the form name=range" in answer.out
    assert read_text(pinned(project / "stacks" / "Pulumi.shop-prod.yaml"), "test").clients[0].name == "shop-api"


@pytest.mark.parametrize(
    "options",
    [
        ["--name", "a: b\n    evil: true"],
        ["--name", '"'],
        ["--name", "O'Neil"],
        ["--name", "null"],
        ["--region", "eu-west-1\n        cidr: 0.0.0.0/0"],
        ["--region", "{}"],
        ["--zones", "a,a"],
        ["--zones", "x"],
        ["--zones", ""],
        ["--cidr", "0.0.0.0/0"],
        ["--cidr", "10.8.0.0/16", "--client", "a=10.8.0.0/24"],
        ["--machine", "m7i.4xlarge # big"],
        ["--machine", "[large]"],
        ["--email", "dba@example.com, x: y"],
        ["--email", "dba"],
        ["--account", "1"],
        ["--account", "\uff11" * 12],
        ["--reader", "*"],
        ["--reader", "arn:aws:iam::123456789012:role/x], superuser: [true"],
        ["--client", "a"],
        ["--client", "a=0.0.0.0/0"],
        ["--client", "A;B=10.8.0.0/16"],
        ["--environment", "staging"],
        ["--name", "AKIAIOSFODNN7EXAMPLE"],
    ],
)
def test_a_wrong_answer_writes_nothing(ybfort: Ybfort, project: Path, options: list[str]) -> None:
    if options == ["--zones", ""]:
        options = ["--zones", ","]
    answer = ybfort("init", "shop-prod", *GIVEN, *options)
    assert answer.code in (1, 2)
    assert answer.err
    assert "AKIA" not in answer.err
    assert sorted(path.name for path in (project / "stacks").iterdir()) == ["Pulumi.orders-prod.yaml"]


@pytest.mark.parametrize(
    "options",
    [
        ["--cloud", "azure"],
        ["--cloud", "aws"],
        ["--account", "123456789012"],
        ["--region", "eu-west-1"],
        ["--zones", "x"],
        ["--machine", "m7i.4xlarge"],
        ["--machine", "e2-medium"],
        ["--reader", "arn:aws:iam::123456789012:role/orders-api"],
        ["--reader", "allUsers"],
        ["--name", "Orders"],
    ],
)
def test_an_answer_that_does_not_fit_the_cloud_writes_nothing(
    ybfort: Ybfort, project: Path, options: list[str]
) -> None:
    answer = ybfort("init", "shop-prod", *ON_GCP, *options)
    assert answer.code in (1, 2)
    assert answer.err
    assert sorted(path.name for path in (project / "stacks").iterdir()) == ["Pulumi.orders-prod.yaml"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b", "a\nb", "$(x)", "é", "x" * 101])
def test_a_stack_name_cannot_leave_the_folder(ybfort: Ybfort, project: Path, name: str) -> None:
    answer = ybfort("init", name, *GIVEN)
    assert answer.code == 2
    assert "is no stack name" in answer.err
    assert len(list(project.rglob("*"))) == 3


def test_a_folder_that_cannot_be_written_is_told_without_a_traceback(ybfort: Ybfort, project: Path) -> None:
    (project / "Pulumi.yaml").write_text("stackConfigDir: no/such/folder\n")
    answer = ybfort("init", "shop-prod", *GIVEN)
    assert answer.code == 1
    assert "No such file or directory" in answer.err
