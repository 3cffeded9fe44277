"""A project's own program, with the config of one of its stacks, as `pulumi preview` would run it."""

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from ybfort.testing.config import ConfigError
from ybfort.testing.graph import Graph, Secret
from ybfort.testing.recorder import RecordingError

RecordStack = Callable[..., Graph]

PROJECT = """
name: shop
runtime: python
main: stacks/
stackConfigDir: stacks
"""
PROGRAM = """
import pulumi
config = pulumi.Config()
pulumi.export("size", config.get("size"))
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    def write(**files: str) -> Path:
        """Files by their names, with `__` for what a keyword cannot hold."""
        contents = {"Pulumi.yaml": PROJECT, "stacks/Pulumi.dev.yaml": "config: {}", "stacks/__main__.py": PROGRAM}
        names = {"project": "Pulumi.yaml", "stack": "stacks/Pulumi.dev.yaml", "program": "stacks/__main__.py"}
        for name, text in {
            **contents,
            **{names.get(name, f"stacks/{name}.py"): text for name, text in files.items()},
        }.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(dedent(text))
        return tmp_path

    return write


CONFIG = """
config:
  text: "yes"
  shop:number: 1.50
  shop:whole: 3.0
  shop:on: true
  shop:nothing:
  shop:day: 2026-01-01
  shop:lines: |
    a
    b
  shop:list: [1, two, 3.0]
  shop:map: {x: 1.5, day: 2026-01-01, none: null, "yes": yes, e: 1e3, ä: ö}
  aws:region: eu-west-1
"""
# What the engine, version 3.259, gave a program with that config.
GIVEN = {
    "shop:text": "yes",
    "shop:number": "1.5",
    "shop:whole": "3",
    "shop:on": "true",
    "shop:nothing": "",
    "shop:day": "2026-01-01 00:00:00 +0000 UTC",
    "shop:lines": "a\nb\n",
    "shop:list": '[1,"two",3]',
    "shop:map": '{"x":1.5,"day":"2026-01-01 00:00:00 +0000 UTC","none":null,"yes":"yes","e":1000,"ä":"ö"}',
    "aws:region": "eu-west-1",
}


@pytest.mark.parametrize("key", GIVEN)
def test_config_is_the_text_that_the_engine_makes_of_it(
    project: Callable[..., Path], record_stack: RecordStack, key: str
) -> None:
    namespace, name = key.split(":")
    program = f"import pulumi; pulumi.export('got', [pulumi.Config({namespace!r}).get({name!r})])"
    assert record_stack(project(stack=CONFIG, program=program), "dev").outputs["got"] == [GIVEN[key]]


def test_the_projects_defaults_hold_until_the_stack_says_otherwise(
    project: Callable[..., Path], record_stack: RecordStack
) -> None:
    declared = """
    config:
      size: {type: integer, default: 3}
      names: {type: array, items: {type: string}, default: [a]}
      short: hello
      aws:region: {value: eu-west-1}
      aws:profile: dev
    """
    program = """
    import pulumi
    keys = ["shop:size", "shop:names", "shop:short", "aws:region", "aws:profile"]
    pulumi.export("got", [pulumi.Config(key.split(":")[0]).get(key.split(":")[1]) for key in keys])
    """
    folder = project(project=PROJECT + dedent(declared), stack="config: {shop:short: bye}", program=program)
    assert record_stack(folder, "dev").outputs["got"] == ["3", '["a"]', "bye", "eu-west-1", "dev"]


def test_a_test_may_change_config(project: Callable[..., Path], record_stack: RecordStack) -> None:
    folder = project(stack="config: {shop:size: 1}")
    assert record_stack(folder, "dev", config={"size": 2}).outputs == {"size": "2"}


def test_the_program_is_the_real_one_under_its_stacks_name(
    project: Callable[..., Path], record_stack: RecordStack
) -> None:
    program = """
    import os, sys, pulumi
    names = [pulumi.get_project(), pulumi.get_stack(), pulumi.get_root_directory(), __name__, os.getcwd(), sys.path[0]]
    pulumi.export("names", names)
    """
    folder = project(program=program)
    stacks = str(folder / "stacks")
    before = Path.cwd(), list(sys.path)
    assert record_stack(str(folder), "dev").outputs["names"] == ["shop", "dev", str(folder), "__main__", stacks, stacks]
    assert (Path.cwd(), sys.path) == before


def test_main_may_be_a_file_or_nothing(project: Callable[..., Path], record_stack: RecordStack) -> None:
    folder = project(project=PROJECT.replace("stacks/", "stacks/app.py"), app=PROGRAM.replace("size", "app"))
    assert record_stack(folder, "dev", config={"app": 1}).outputs == {"app": "1"}
    folder = project(project="name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "Pulumi.dev.yaml").write_text("config: {shop:size: 7}")
    assert record_stack(folder, "dev").outputs == {"size": "7"}


def test_two_programs_do_not_see_each_others_modules(
    project: Callable[..., Path], record_stack: RecordStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = "import pulumi, network, parts.disk; pulumi.export('cidr', network.CIDR)"
    first = project(program=program, network="CIDR = 'first'")
    (first / "stacks/parts").mkdir()
    (first / "stacks/parts/disk.py").touch()
    second = tmp_path_factory.mktemp("second")
    for file in [one for one in first.rglob("*") if one.suffix in (".py", ".yaml")]:
        (second / file.relative_to(first)).parent.mkdir(parents=True, exist_ok=True)
        (second / file.relative_to(first)).write_text(file.read_text().replace("'first'", "'second'"))
    assert [record_stack(one, "dev").outputs["cidr"] for one in (first, second)] == ["first", "second"]
    assert not {"network", "parts", "parts.disk"} & set(sys.modules)


class TestEncryptedConfig:
    STACK = "config: {shop:pin: {secure: v1:abc}, shop:db: {users: [{name: a, password: {secure: v1:def}}]}}"
    PROGRAM = "import pulumi; pulumi.export('pin', pulumi.Config().require_secret('pin'))"

    def test_needs_values_from_the_test(self, project: Callable[..., Path], record_stack: RecordStack) -> None:
        folder = project(stack=self.STACK, program=self.PROGRAM)
        with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml: encrypted, .*secret_config: shop:db, shop:pin$"):
            record_stack(folder, "dev")

    def test_stays_secret(self, project: Callable[..., Path], record_stack: RecordStack) -> None:
        folder = project(stack=self.STACK, program=self.PROGRAM)
        graph = record_stack(folder, "dev", secret_config={"pin": 1234, "db": {}})
        assert graph.outputs == {"pin": Secret("1234")}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"project": "runtime: python"}, r"Pulumi\.yaml has no `name`"),
        ({"project": "name: ["}, r"Pulumi\.yaml is not valid YAML"),
        ({"project": "[]"}, r"Pulumi\.yaml must be a map"),
        ({"stack": "config: []"}, r"Pulumi\.dev\.yaml: `config` must be a map"),
        ({"project": PROJECT.replace("stacks/", "nowhere/")}, r"Pulumi\.yaml: there is no program at .*nowhere"),
        (
            {"project": PROJECT + "config: {zone: {type: string}}"},
            r"Pulumi\.dev\.yaml: Pulumi\.yaml asks for shop:zone",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    project: Callable[..., Path], record_stack: RecordStack, files: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        record_stack(project(**files), "dev")


def test_a_stack_without_a_file_is_named(project: Callable[..., Path], record_stack: RecordStack) -> None:
    with pytest.raises(ConfigError, match=r"Pulumi\.prod\.yaml cannot be read: No such file"):
        record_stack(project(), "prod")


def test_what_the_program_looks_up_needs_an_answer(project: Callable[..., Path], record_stack: RecordStack) -> None:
    program = "import pulumi; pulumi.export('id', pulumi.runtime.invoke('cloud:index/get:get', {}).value['id'])"
    assert record_stack(project(program=program), "dev", answers={"cloud:index/get:get": {"id": "1"}}).outputs == {
        "id": "1"
    }
    with pytest.raises(RecordingError, match="cloud:index/get:get"):
        record_stack(project(program=program), "dev")
