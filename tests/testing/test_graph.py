"""A graph is plain data: what rules may rely on, and how it reads in a file."""

import copy
import json
import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ybfort.testing.graph import (
    UNKNOWN,
    UNKNOWN_TEXTS,
    Archive,
    Asset,
    Graph,
    Reference,
    Resource,
    Secret,
    decode,
    encode,
)

KEY, ALIAS = "aws:kms/key:Key", "aws:kms/alias:Alias"
SIGNATURE = "4dabf18193072939515e22adb298388d"


def resource(type_: str, name: str, **more: Any) -> Resource:
    return Resource(urn=f"urn:pulumi:test::ybfort::{type_}::{name}", type=type_, name=name, **more)


DATA = resource(KEY, "data", props={"enableKeyRotation": True})
LOGS = resource(KEY, "logs")
NAMED = resource(ALIAS, "named", dependencies=(DATA.urn, LOGS.urn), property_dependencies={"targetKeyId": (DATA.urn,)})


class TestUnknown:
    @pytest.mark.parametrize(
        "judge",
        [
            bool,
            operator.not_,
            len,
            list,
            lambda value: value > 3,
            lambda value: value["key"],
            lambda value: "0.0.0.0/0" in value,
            lambda value: value or "default",
        ],
    )
    def test_cannot_be_judged_by_accident(self, judge: Callable[[Any], Any]) -> None:
        with pytest.raises(TypeError):
            judge(UNKNOWN)

    def test_is_compared_like_any_value(self) -> None:
        assert [UNKNOWN] == [UNKNOWN]
        assert UNKNOWN != ""
        assert UNKNOWN in ["a", UNKNOWN]
        assert repr([UNKNOWN]) == "[UNKNOWN]"

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
    def test_is_one_also_when_copied(self, copied: Callable[[Any], Any]) -> None:
        assert copied(UNKNOWN) is UNKNOWN


class TestSecret:
    def test_cannot_be_judged_by_accident(self) -> None:
        with pytest.raises(TypeError, match="judge its `value`"):
            bool(Secret(False))

    def test_shows_itself_nowhere(self) -> None:
        assert "hunter2" not in f"{Secret('hunter2')!r} {Secret('hunter2')} {[Secret('hunter2')]}"


class TestGraph:
    def test_does_not_care_in_which_order_resources_came(self) -> None:
        assert Graph((NAMED, LOGS, DATA)) == Graph((DATA, NAMED, LOGS))
        assert [one.name for one in Graph((NAMED, LOGS, DATA)).resources] == ["named", "data", "logs"]

    def test_finds_resources_by_type_and_name(self) -> None:
        graph = Graph((DATA, LOGS, NAMED))
        assert graph.of(KEY) == (DATA, LOGS)
        assert graph.one(ALIAS) is graph.one(ALIAS, "named") is NAMED
        assert graph[LOGS.urn] is LOGS

    @pytest.mark.parametrize(
        ("wanted", "told"),
        [
            (("aws:kms/keys:Key",), f"no aws:kms/keys:Key; near: {KEY}"),
            ((KEY, "date"), f"no {KEY} named 'date'; near: data"),
            ((KEY, "zzz"), f"no {KEY} named 'zzz'; near: data, logs"),
            ((KEY,), f"2 resources are {KEY}:\n  {DATA.urn}\n  {LOGS.urn}"),
        ],
    )
    def test_names_what_there_is_when_there_is_not_exactly_one(self, wanted: tuple[str, ...], told: str) -> None:
        with pytest.raises(LookupError) as error:
            Graph((DATA, LOGS, NAMED)).one(*wanted)
        assert str(error.value) == told

    def test_says_so_when_it_is_empty(self) -> None:
        with pytest.raises(LookupError, match="the program registers nothing"):
            Graph(()).one(KEY)

    def test_finds_a_urn_or_one_that_is_near(self) -> None:
        with pytest.raises(LookupError, match="::data, "):
            Graph((DATA, LOGS))[DATA.urn + "s"]

    def test_knows_the_children_of_a_resource(self) -> None:
        child = resource(ALIAS, "child", parent=DATA.urn)
        grandchild = resource(ALIAS, "grandchild", parent=child.urn)
        assert Graph((grandchild, child, DATA, LOGS)).children(DATA) == (child,)

    def test_has_resources_that_fit_into_a_set(self) -> None:
        assert len({DATA, LOGS, copy.deepcopy(DATA)}) == 2


class TestTheProtocol:
    @pytest.mark.parametrize("text", sorted(UNKNOWN_TEXTS))
    def test_writes_unknown_in_seven_ways(self, text: str) -> None:
        assert decode({"ids": [text]}) == {"ids": [UNKNOWN]}

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ({SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": {"n": 1.0}}, Secret({"n": 1})),
            ({SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": "a"}, "a"),
            ({SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "dependencies": ["urn"]}, UNKNOWN),
            ({SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "secret": True}, Secret(UNKNOWN)),
            ({SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u", "id": "i"}, Reference(urn="u", id="i")),
            ({SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u", "id": ""}, Reference(urn="u", id=UNKNOWN)),
            ({SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u"}, Reference(urn="u")),
            ({SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "a"}, Asset(text="a")),
            (
                {
                    SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7",
                    "assets": {"a": {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "p"}},
                },
                Archive(assets={"a": Asset(path="p")}),
            ),
            ({SIGNATURE: "something of the future", "value": 1.0}, {SIGNATURE: "something of the future", "value": 1}),
        ],
    )
    def test_signs_what_json_has_no_word_for(self, written: Any, meant: Any) -> None:
        assert decode(written) == meant

    @pytest.mark.parametrize(
        ("number", "read"),
        [(2.0, 2), (2.5, 2.5), (-0.0, 0), (1e300, 1e300), (float("inf"), float("inf")), (True, True)],
    )
    def test_has_floats_only_and_we_whole_numbers(self, number: float, read: float) -> None:
        assert repr(decode(number)) == repr(read)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.just(UNKNOWN) | st.builds(Asset, text=st.text()),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.text(), inner) | st.builds(Secret, inner | st.just(UNKNOWN))
            ),
            max_leaves=20,
        )
    )
    def test_loses_nothing_on_the_way_there_and_back(self, value: Any) -> None:
        assert decode(json.loads(json.dumps(encode(value)))) == value


class TestInventory:
    def test_shows_what_is_set_and_names_resources_without_stack_and_project(self) -> None:
        assert Graph((NAMED, DATA), {"key": UNKNOWN}).inventory() == {
            "resources": {
                "aws:kms/alias:Alias::named": {
                    "edges": {"targetKeyId": ["aws:kms/key:Key::data"]},
                    "depends_on": ["aws:kms/key:Key::logs"],
                },
                "aws:kms/key:Key::data": {"props": {"enableKeyRotation": True}},
            },
            "outputs": {"key": "<unknown>"},
        }

    @pytest.mark.parametrize(
        ("option", "shown"),
        [
            ({"protect": True}, {"protect": True}),
            ({"protect": False}, {"protect": False}),
            ({"parent": DATA.urn}, {"parent": "aws:kms/key:Key::data"}),
            ({"provider": DATA.urn}, {"provider": "aws:kms/key:Key::data"}),
            ({"providers": {"aws": DATA.urn}}, {"providers": {"aws": "aws:kms/key:Key::data"}}),
            ({"replace_with": (LOGS.urn, DATA.urn)}, {"replace_with": [f"{KEY}::data", f"{KEY}::logs"]}),
            ({"deleted_with": DATA.urn}, {"deleted_with": "aws:kms/key:Key::data"}),
            ({"hooks": {"before_delete": ("gate",)}}, {"hooks": {"before_delete": ["gate"]}}),
            ({"ignore_changes": ("tags",)}, {"ignore_changes": ["tags"]}),
            ({"aliases": ({"name": "old"},)}, {"aliases": [{"name": "old"}]}),
            ({"read_id": "vpc-1"}, {"read_id": "vpc-1"}),
            ({"remote": True}, {"remote": True}),
            ({"outputs": {"arn": UNKNOWN}}, {"outputs": {"arn": "<unknown>"}}),
            ({"version": "7.51.1", "source": "/home/me/__main__.py:3"}, {}),
        ],
    )
    def test_shows_an_option_that_is_set(self, option: dict[str, Any], shown: dict[str, Any]) -> None:
        assert Graph((resource(KEY, "data", **option),)).inventory()["resources"] == {f"{KEY}::data": shown}

    def test_hides_what_the_engine_hides_in_diffs(self) -> None:
        hidden = resource(KEY, "data", props={"content": "long", "key": "a"}, hide_diffs=("content",))
        shown = Graph((hidden,)).inventory()["resources"][f"{KEY}::data"]["props"]
        assert shown == {"content": "<hidden>", "key": "a"}

    def test_has_no_secret_in_it(self) -> None:
        props = {"a": Secret("hunter2"), "b": [{"c": Secret({"d": "hunter2"})}]}
        inventory = Graph((resource(KEY, "data", props=props),), {"e": Secret("hunter2")}).inventory()
        assert "hunter2" not in json.dumps(inventory)
        assert inventory["outputs"] == {"e": "<secret>"}

    def test_unfolds_documents(self) -> None:
        policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}'
        props = {"policy": policy, "text": "{not json", "number": "1", "asset": Asset(text="[1]")}
        shown = Graph((resource(KEY, "data", props=props),)).inventory()["resources"][f"{KEY}::data"]["props"]
        assert shown == {
            "policy": {"<json>": {"Statement": [{"Effect": "Deny"}], "Version": "2012-10-17"}},
            "text": "{not json",
            "number": "1",
            "asset": {"<asset>": {"text": {"<json>": [1]}}},
        }
        assert list(shown) == sorted(shown)
