"""A stack file, `Pulumi.<stack>.yaml`, read without Pulumi."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.events import AliasEvent

from ybfort.spec.cluster import ClusterSpec
from ybfort.spec.problems import NO_SECRETS, SECRETS, Problem, SpecError, dotted, secrets
from ybfort.spec.read import read_value

KEY = "ybfort:cluster"
# A cluster with 2,000 roles has 300 KB and 40,000 values. What is larger is no stack file, and costs seconds to read.
LARGEST_FILE = 1 << 20
MOST_VALUES = 100_000
DEEPEST = 30  # levels of nesting; the deepest field of a stack file stands at 9


def read_file(path: Path) -> ClusterSpec:
    """The cluster of a stack file, `Pulumi.<stack>.yaml`.

    :raises SpecError: with every problem in it, each with its line
    """
    return read_text(text_of(path), str(path))


def read_text(text: str, source: str) -> ClusterSpec:
    """The cluster of a stack file whose text is given; `source` names it in messages.

    :raises SpecError: with every problem in it, each with its line
    """
    root, document = parse(text, source)
    config = _mapping(_mapping(document).get("config"))
    if KEY not in config:
        says = f"has no `{KEY}` under `config`. `ybfort init` writes a whole file to begin with."
        raise SpecError(source, [Problem(path="", says=says)])
    # Other keys may hold secrets that Pulumi has encrypted, under any name; plain ones are known by their shape.
    beside = {key: value for key, value in config.items() if key != KEY}
    found = list(secrets(beside, ("config",), by_key=False))
    try:
        spec = read_value(config[KEY], source)
    except SpecError as error:
        found += error.problems
    else:
        if not found:
            return spec
    lines = _lines(root)
    placed = [replace(problem, line=_line(problem.path, lines)) if problem.path else problem for problem in found]
    raise SpecError(source, sorted(placed, key=lambda problem: (not problem.path, problem.line or 0)))


def _mapping(value: Any) -> Mapping[Any, Any]:
    """The value if it is a mapping, else an empty one."""
    return cast("Mapping[Any, Any]", value) if isinstance(value, Mapping) else {}


def text_of(path: Path) -> str:
    """The text of a stack file.

    :raises SpecError: when it cannot be read, or can be no stack file
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)  # never more: a device has no size and no end
        if len(content) > LARGEST_FILE:
            says = f"is larger than {LARGEST_FILE:,} bytes, the most that a stack file may have. Is it another file?"
            raise SpecError(str(path), [Problem(path="", says=says)])
        return content.decode("utf-8")
    except OSError as error:
        raise SpecError(str(path), [Problem(path="", says=f"cannot be read: {error.strerror}.")]) from None
    except UnicodeDecodeError as error:
        says = f"is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        raise SpecError(str(path), [Problem(path="", says=says)]) from None


def parse(text: str, source: str) -> tuple[Any, Any]:
    """The YAML document: its root node, which knows where everything stands (None if there is nothing), and its value.

    :raises SpecError: when it is no YAML, or such as no stack file needs
    """
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Composer, yaml.Constructor = _Composer, _Constructor
    try:
        root = yaml.compose(text)
        return root, yaml.constructor.construct_document(root) if root else None
    except YAMLError as error:
        raise SpecError(source, [_invalid(error)]) from None


class _Refused(YAMLError):
    """YAML that is well-formed and has no business in a stack file."""

    def __init__(self, says: str, mark: Any) -> None:
        super().__init__(says)
        self.says, self.problem_mark = says, mark


class _Composer(Composer):
    """Stops at what makes a small file expand without end, and at tags, which turn text into other things."""

    depth = values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        above: Any = super()
        event = self._next()
        mark, tag = event.start_mark, getattr(event, "ctag", None)
        self.depth += 1
        self.values += 1
        if isinstance(event, AliasEvent):
            says = "uses an alias (`*…`). Write the value out: a reviewer reads every value where it counts."
        elif tag:
            says = "uses a YAML tag (`!…`). Write the value without it, text in quotes."
        elif self.depth > DEEPEST:
            says = f"is nested more than {DEEPEST} levels deep. Is it another file?"
        elif self.values > MOST_VALUES:
            says = f"has more than {MOST_VALUES:,} values. Is it another file?"
        else:
            node = above.compose_node(parent, index)
            self.depth -= 1
            return node
        raise _Refused(says, mark)

    def _next(self) -> Any:
        return cast("Any", self.parser.peek_event())  # pyright: ignore[reportUnknownMemberType] ruamel has no types


class _Constructor(SafeConstructor):
    """Reads a date or number that cannot be (2026-02-30, 5,000 digits) as nothing, which no field accepts."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        above: Any = super()
        try:
            return above.construct_object(node, deep)
        except (ValueError, OverflowError):
            return None


def _invalid(error: YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else None
    if isinstance(error, _Refused):
        return Problem(path="", says=error.says, line=line)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    if isinstance(error, DuplicateKeyError):
        what = what.partition(" with value ")[0]  # the values may be what nobody should see
    says = NO_SECRETS if SECRETS.search(what) else f"is not valid YAML: {what}."
    return Problem(path="", says=says, line=line)


def _lines(root: Any) -> dict[str, int]:
    """The line of every path, in the cluster and in the keys beside it."""
    lines: dict[str, int] = {}

    def walk(node: Any, path: tuple[str | int, ...]) -> None:
        lines[dotted(path)] = node.start_mark.line + 1
        if node.id == "mapping":
            for key, value in node.value:
                if key.id == "scalar":
                    walk(value, (*path, key.value))
                    lines[dotted((*path, key.value))] = key.start_mark.line + 1
        elif node.id == "sequence":
            for index, value in enumerate(node.value):
                walk(value, (*path, index))

    config = next(value for section, value in root.value if section.value == "config")
    for key, value in config.value:
        if key.id == "scalar":
            walk(value, () if key.value == KEY else ("config", key.value))
    return lines


def _line(path: str, lines: Mapping[str, int]) -> int | None:
    """The line of what stands at `path`; what is missing is missing in the section above."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path)
