"""What a recording tells of a program, and what it refuses, as the engine would."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.resource import exists_resource

from ybfort.testing.graph import UNKNOWN, Asset, Graph, Lookup, Reference, Secret
from ybfort.testing.recorder import RecordingError

Record = Callable[..., Graph]
Options = pulumi.ResourceOptions

DISK, HOUSE, ROOM = "cloud:store/disk:Disk", "shop:index:House", "shop:index:Room"
DISK_URN = f"urn:pulumi:test::ybfort::{DISK}::d"
ACCOUNT = "cloud:index/getAccount:getAccount"
INPUTS = ("size", "label", "key_id", "source", "parts")
OUTPUTS = ("arn", "disk_id", "mount_targets", "attached", "iops", "limits", "note", "tags_all")


@pulumi.output_type
class Limits(dict[str, Any]):
    def __init__(self, *, max_iops: int) -> None:
        pulumi.set(self, "max_iops", max_iops)

    @property
    @pulumi.getter(name="maxIops")
    def max_iops(self) -> int:
        return pulumi.get(self, "max_iops")


class Disk(pulumi.CustomResource):
    """A resource as a provider's SDK has it: snake_case here, camelCase on the wire."""

    def __init__(self, name: str, opts: Options | None = None, **inputs: Any) -> None:
        super().__init__(DISK, name, {**dict.fromkeys(INPUTS + OUTPUTS), **inputs}, opts)

    @property
    @pulumi.getter
    def arn(self) -> pulumi.Output[str]:
        return pulumi.get(self, "arn")

    @property
    @pulumi.getter(name="diskId")
    def disk_id(self) -> pulumi.Output[str]:
        return pulumi.get(self, "disk_id")

    @property
    @pulumi.getter
    def size(self) -> pulumi.Output[int]:
        return pulumi.get(self, "size")

    @property
    @pulumi.getter
    def label(self) -> pulumi.Output[str | None]:
        return pulumi.get(self, "label")

    @property
    @pulumi.getter(name="mountTargets")
    def mount_targets(self) -> pulumi.Output[list[str]]:
        return pulumi.get(self, "mount_targets")

    @property
    @pulumi.getter
    def attached(self) -> pulumi.Output[bool]:
        return pulumi.get(self, "attached")

    @property
    @pulumi.getter
    def iops(self) -> pulumi.Output[int]:
        return pulumi.get(self, "iops")

    @property
    @pulumi.getter
    def limits(self) -> pulumi.Output[Limits]:
        return pulumi.get(self, "limits")

    @property
    @pulumi.getter
    def note(self) -> pulumi.Output[str | None]:
        return pulumi.get(self, "note")

    @property
    @pulumi.getter(name="tagsAll")
    def tags_all(self) -> pulumi.Output[dict[str, str]]:
        return pulumi.get(self, "tags_all")

    def translate_input_property(self, prop: str) -> str:
        return {"key_id": "keyId"}.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return {"diskId": "disk_id", "mountTargets": "mount_targets", "tagsAll": "tags_all"}.get(prop, prop)


class Room(pulumi.ComponentResource):
    def __init__(self, name: str, opts: Options | None = None) -> None:
        super().__init__(ROOM, name, {}, opts)
        self.disk = Disk(f"{name}-disk", Options(parent=self), size=10)
        self.register_outputs({"arn": self.disk.arn, "size": self.disk.size})


class House(pulumi.ComponentResource):
    def __init__(self, name: str, opts: Options | None = None) -> None:
        super().__init__(HOUSE, name, {"rooms": 1}, opts)
        self.room = Room(f"{name}-room", Options(parent=self))
        self.register_outputs({})


class Disks:
    """What an SDK registers, so that a reference becomes an object again."""

    def version(self) -> None:
        return None

    def construct(self, name: str, _type: str, urn: str) -> Disk:
        return Disk(name, Options(urn=urn))


pulumi.runtime.register_resource_module("cloud", "store/disk", cast(Any, Disks()))


def disk(opts: Options | None = None, **inputs: Any) -> Callable[[], None]:
    return lambda: Disk("d", opts, **inputs) and None


def boom(_value: object) -> None:
    raise AssertionError("looked and disliked it")


class TestResources:
    def test_urns_are_the_engines_at_every_depth(self, record: Record) -> None:
        urns = [resource.urn for resource in record(lambda: House("h"), project="p", stack="s").resources]
        assert urns == [
            "urn:pulumi:s::p::shop:index:House$shop:index:Room$cloud:store/disk:Disk::h-room-disk",
            "urn:pulumi:s::p::shop:index:House$shop:index:Room::h-room",
            "urn:pulumi:s::p::shop:index:House::h",
        ]

    def test_hang_below_their_parents_and_not_below_the_stack(self, record: Record) -> None:
        graph = record(lambda: House("h"))
        house, room = graph.one(HOUSE), graph.one(ROOM)
        assert (house.parent, house.custom, room.parent) == (None, False, house.urn)
        assert graph.children(room) == (graph.one(DISK),)

    def test_may_share_a_name_below_parents_of_different_types(self, record: Record) -> None:
        def program() -> None:
            for opts in (None, Options(parent=House("h")), Options(parent=Room("r"))):
                Disk("same", opts)

        assert len([resource for resource in record(program).of(DISK) if resource.name == "same"]) == 3

    def test_have_camel_case_names_whole_numbers_and_nothing_that_was_not_set(self, record: Record) -> None:
        assert record(disk(size=10, key_id="k", parts=[{"a": 1.5}, 2])).one(DISK).props == {
            "size": 10,
            "keyId": "k",
            "parts": [{"a": 1.5}, 2],
        }

    def test_keep_files_and_references_apart_from_text(self, record: Record) -> None:
        def program() -> None:
            Disk("d", source=pulumi.StringAsset("hello"), parts=[Disk("other")])

        props = record(program).one(DISK, "d").props
        assert props["source"] == Asset(text="hello")
        assert props["parts"] == [Reference(urn=DISK_URN.replace("::d", "::other"), id=UNKNOWN)]

    def test_know_the_line_that_made_them(self, record: Record) -> None:
        assert f"{record(lambda: Disk('d')).one(DISK).source}".startswith(f"{__file__}:")

    def test_bring_their_options(self, record: Record) -> None:
        def program() -> None:
            provider = pulumi.ProviderResource("cloud", "here", {"region": "eu"})
            first = Disk("first")
            gate = pulumi.ResourceHook("gate", boom)
            options = Options(
                provider=provider,
                depends_on=[first],
                protect=True,
                delete_before_replace=False,
                retain_on_delete=True,
                ignore_changes=["key_id"],
                replace_on_changes=["size"],
                additional_secret_outputs=["arn"],
                hide_diffs=["label"],
                deleted_with=first,
                replace_with=[first],
                replacement_trigger=3,
                aliases=[pulumi.Alias(name="old"), "urn:pulumi:a::b::c::d"],
                custom_timeouts=pulumi.CustomTimeouts(create="5m"),
                hooks=pulumi.ResourceHookBinding(before_delete=[gate], after_create=[gate]),
                import_="disk-7",
                version="1.2.3",
            )
            Disk("d", options)

        graph = record(program)
        d, first = graph.one(DISK, "d"), graph.one(DISK, "first").urn
        assert d.provider == graph.one("pulumi:providers:cloud", "here").urn
        assert d.dependencies == d.replace_with == (first,)
        assert (d.protect, d.delete_before_replace, d.retain_on_delete) == (True, False, True)
        assert (d.ignore_changes, d.replace_on_changes) == (("keyId",), ("size",))
        assert (d.additional_secret_outputs, d.hide_diffs, d.deleted_with) == (("arn",), ("label",), first)
        assert (d.replacement_trigger, d.custom_timeouts) == (3, {"create": "5m"})
        assert d.aliases == ({"name": "old"}, "urn:pulumi:a::b::c::d")
        assert d.hooks == {"before_delete": ("gate",), "after_create": ("gate",)}
        assert (d.import_id, d.version) == ("disk-7", "1.2.3")
        assert graph.hooks == ("gate",)

    def test_say_nothing_of_options_that_were_not_given(self, record: Record) -> None:
        d = record(disk()).one(DISK)
        assert (d.protect, d.delete_before_replace, d.retain_on_delete, d.read_id, d.provider) == (None,) * 5

    def test_of_a_component_tell_its_inputs_and_its_outputs(self, record: Record) -> None:
        graph = record(lambda: House("h"))
        assert graph.one(HOUSE).props == {"rooms": 1}
        assert graph.one(ROOM).outputs == {"arn": UNKNOWN, "size": 10}
        assert graph.one(DISK).outputs is None

    def test_that_are_looked_up_have_an_id_and_no_more(self, record: Record) -> None:
        def program() -> None:
            found = Disk("found", Options(id="disk-9"))
            Disk("d", key_id=found.id, label=found.arn)

        graph = record(program)
        assert graph.one(DISK, "found").read_id == "disk-9"
        assert graph.one(DISK, "d").props == {"keyId": "disk-9", "label": UNKNOWN}
        graph = record(program, outputs={DISK: {"id": "another", "arn": "arn:9"}})
        assert graph.one(DISK, "d").props == {"keyId": "disk-9", "label": "arn:9"}

    def test_passed_whole_to_a_component_come_back_whole(self, record: Record) -> None:
        class Shelf(pulumi.ComponentResource):
            disk: pulumi.Output[Disk]

            def __init__(self) -> None:
                super().__init__("shop:index:Shelf", "s", {"disk": Disk("d", size=3)})

        def shelf() -> None:
            pulumi.export("size", Shelf().disk.apply(lambda disk: disk.size))

        graph = record(shelf)
        assert graph.one("shop:index:Shelf").props == {"disk": Reference(urn=DISK_URN, id=UNKNOWN)}
        assert graph.outputs == {"size": 3}


class TestPreview:
    def test_what_nobody_knows_stays_unknown_and_its_edge_is_kept(self, record: Record) -> None:
        def program() -> None:
            other = Disk("other")
            Disk("d", key_id=other.id, label=other.arn.apply(lambda arn: f"copy of {arn}"))

        d, other = (record(program).one(DISK, name) for name in ("d", "other"))
        assert d.props == {"keyId": UNKNOWN, "label": UNKNOWN}
        assert d.property_dependencies == {"keyId": (other.urn,), "label": (other.urn,)}
        assert d.dependencies == (other.urn,)

    def test_what_the_program_said_is_known(self, record: Record) -> None:
        def program() -> None:
            Disk("d", label=Disk("other", size=10).size.apply(lambda size: f"{size} GB"))

        assert record(program).one(DISK, "d").props == {"label": "10 GB"}

    def test_nothing_runs_on_what_is_unknown(self, record: Record) -> None:
        record(lambda: Disk("d").arn.apply(boom))

    def test_what_the_cloud_will_say_can_be_given(self, record: Record) -> None:
        def program() -> None:
            Disk("d", key_id=Disk("other").id, label=Disk("third").arn)

        graph = record(program, outputs={DISK: lambda made: {"id": f"disk-{made.name}", "arn": f"arn:{made.name}"}})
        assert graph.one(DISK, "d").props == {"keyId": "disk-other", "label": "arn:third"}


class TestUpdate:
    def test_what_the_cloud_computes_is_made_up_by_its_type(self, record: Record) -> None:
        def program() -> None:
            d = Disk("d", size=10)
            for name in ("id", "size", *OUTPUTS):
                pulumi.export(name, getattr(d, name))
            pulumi.export("max", d.limits.max_iops)

        assert record(program, preview=False).outputs == {
            "id": "d-id",
            "size": 10,
            "arn": "arn:aws:store:us-east-1:123456789012:disk/d",
            "disk_id": "d-disk-id",
            "mount_targets": ["d-mount-targets"],
            "attached": False,
            "iops": 1,
            "limits": {"maxIops": 1},
            "max": 1,
            "tags_all": {},
        }

    def test_edges_are_the_same_as_in_a_preview(self, record: Record) -> None:
        def program() -> None:
            Disk("d", key_id=Disk("other").disk_id)

        edges = [record(program, preview=preview).one(DISK, "d").property_dependencies for preview in (True, False)]
        assert edges[0] == edges[1] == {"keyId": (DISK_URN.replace("::d", "::other"),)}

    def test_what_is_given_goes_first(self, record: Record) -> None:
        def program() -> None:
            d = Disk("d")
            pulumi.export("known", pulumi.Output.all(d.id, d.arn, d.iops))

        graph = record(program, preview=False, outputs={DISK: {"id": "disk-1", "arn": "arn:mine"}})
        assert graph.outputs["known"] == ["disk-1", "arn:mine", 1]

    @pytest.mark.parametrize("what", ["id", "arn", "iops", "limits"])
    def test_every_apply_runs_and_what_fails_in_it_fails_the_recording(self, record: Record, what: str) -> None:
        with pytest.raises(AssertionError, match="looked and disliked it"):
            record(lambda: getattr(Disk("d"), what).apply(boom), preview=False)


class TestSecrets:
    @pytest.mark.parametrize("preview", [True, False])
    def test_stay_marked_wherever_they_go(self, record: Record, preview: bool) -> None:
        def program() -> None:
            first = Disk("first", label=pulumi.Output.secret("hunter2"))
            Disk("d", label=first.label.apply(lambda text: f"{text}!"), parts=[first.label])
            pulumi.export("told", first.label)

        graph = record(program, preview=preview)
        assert graph.one(DISK, "d").props == {"label": Secret("hunter2!"), "parts": [Secret("hunter2")]}
        assert graph.outputs == {"told": Secret("hunter2")}

    def test_are_made_of_outputs_that_are_named_so(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("arn", Disk("d", Options(additional_secret_outputs=["arn"])).arn)

        assert record(program, outputs={DISK: {"arn": "arn:mine"}}).outputs == {"arn": Secret("arn:mine")}
        assert isinstance(record(program, preview=False).outputs["arn"], Secret)

    def test_come_out_of_secret_config(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("pin", pulumi.Config().require_secret_int("pin"))

        assert record(program, secret_config={"pin": 1234}).outputs == {"pin": Secret(1234)}

    def test_in_config_are_known_as_such(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("secret", [pulumi.runtime.is_config_secret(f"ybfort:{key}") for key in ("pin", "size")])

        assert record(program, secret_config={"pin": 1234}, config={"size": 1}).outputs["secret"] == [True, False]


class TestConfig:
    def test_is_text_as_the_engine_gives_it(self, record: Record) -> None:
        def program() -> None:
            config = pulumi.Config()
            pulumi.export("all", [config.require("text"), config.require_int("n"), config.require_bool("on")])
            pulumi.export("cluster", config.require_object("cluster"))
            pulumi.export("region", pulumi.Config("aws").require("region"))

        config = {"text": "3.50", "n": 3.0, "on": True, "cluster": {"zones": ["a"]}, "aws:region": "eu-west-1"}
        assert record(program, config=config).outputs == {
            "all": ["3.50", 3, True],
            "cluster": {"zones": ["a"]},
            "region": "eu-west-1",
        }

    def test_names_project_stack_and_folder(self, record: Record) -> None:
        def program() -> None:
            names = [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.get_root_directory()]
            pulumi.export("names", names)

        names = record(program, project="p", stack="s", root="/src").outputs["names"]
        assert names == ["p", "s", "organization", "/src"]

    def test_that_is_missing_is_the_programs_own_error(self, record: Record) -> None:
        with pytest.raises(pulumi.RunError, match="ybfort:size"):
            record(lambda: pulumi.Config().require("size"))


class TestLookups:
    def lookup(self) -> None:
        pulumi.export("id", pulumi.runtime.invoke(ACCOUNT, {"name": "main"}).value["id"])

    def test_get_the_answers_that_were_prepared(self, record: Record) -> None:
        graph = record(self.lookup, answers={ACCOUNT: lambda args: {"id": f"{args['name']}-1"}})
        assert graph.outputs == {"id": "main-1"}
        assert graph.lookups == (Lookup(token=ACCOUNT, args={"name": "main"}),)

    def test_may_be_answered_with_secrets(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("answer", pulumi.runtime.invoke_output(ACCOUNT, {}))

        assert record(program, answers={ACCOUNT: {"id": Secret("s")}}).outputs == {"answer": Secret({"id": "s"})}

    def test_without_an_answer_fail_and_name_the_function(self, record: Record) -> None:
        with pytest.raises(RecordingError, match=f"no answer prepared for {ACCOUNT}, called with .*'name': 'main'"):
            record(self.lookup)

    def test_without_an_answer_cannot_be_caught(self, record: Record) -> None:
        def program() -> None:
            try:
                self.lookup()
            except Exception:
                logging.exception("never mind")

        with pytest.raises(RecordingError, match=ACCOUNT):
            record(program)

    def test_that_wait_for_a_resource_stay_unknown_in_a_preview(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("answer", pulumi.runtime.invoke_output(ACCOUNT, {"name": Disk("d").id}))

        assert record(program).outputs == {"answer": UNKNOWN}
        assert record(program, preview=False, answers={ACCOUNT: {"id": "1"}}).outputs == {"answer": {"id": "1"}}

    def test_of_methods_need_answers_too(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("answer", pulumi.runtime.call("cloud:store:Disk/grow", {"by": 3}, Disk("d")))

        answers = {"cloud:store:Disk/grow": lambda args: {"size": args["by"]}}
        assert record(program, answers=answers).outputs == {"answer": {"size": 3}}
        with pytest.raises(RecordingError, match="cloud:store:Disk/grow"):
            record(program)

    def test_of_another_stack_are_outputs_of_the_reference(self, record: Record) -> None:
        def program() -> None:
            pulumi.export("vpc", pulumi.StackReference("org/net/prod").require_output("vpc"))

        outputs = {"pulumi:pulumi:StackReference": {"outputs": {"vpc": "vpc-1"}}}
        assert record(program, outputs=outputs).outputs == {"vpc": "vpc-1"}


class TestRefusals:
    """What the engine would refuse, and what would make a recording untrue."""

    def test_two_resources_with_one_urn(self, record: Record) -> None:
        def program() -> None:
            Disk("d")
            Disk("d", size=2)

        line = program.__code__.co_firstlineno
        with pytest.raises(RecordingError) as error:
            record(program)
        assert f"two resources have the URN {DISK_URN}: " in str(error.value)
        assert f"{__file__}:{line + 1}" in str(error.value)
        assert f"{__file__}:{line + 2}" in str(error.value)

    def test_two_hooks_with_one_name(self, record: Record) -> None:
        def program() -> None:
            for _ in range(2):
                pulumi.ResourceHook("gate", boom)

        with pytest.raises(RecordingError, match="two hooks are named 'gate'"):
            record(program)

    def test_the_text_of_an_output(self, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PULUMI_ERROR_OUTPUT_STRING")
        with pytest.raises(Exception, match="Calling __str__ on an Output"):
            record(lambda: Disk("d", label=f"copy of {Disk('other').arn}"))

    def test_transforms_which_change_what_was_recorded(self, record: Record) -> None:
        with pytest.raises(RecordingError, match="transforms of 'd' run in the engine"):
            record(disk(Options(transforms=[lambda _args: None])))
        with pytest.raises(RecordingError, match="transforms of the stack"):
            record(lambda: pulumi.runtime.register_resource_transform(lambda _args: None))

    def test_a_question_for_what_exists(self, record: Record) -> None:
        with pytest.raises(RecordingError, match="whether 'disk-9' exists, only a cloud can say"):
            record(lambda: exists_resource(None, DISK, "disk-9", {}, Options()) and None)

    @pytest.mark.parametrize("preview", [True, False])
    def test_a_program_that_fails(self, record: Record, preview: bool) -> None:
        with pytest.raises(pulumi.RunError, match=r"^not like this$"):
            record(lambda: (_ for _ in ()).throw(pulumi.RunError("not like this")), preview=preview)

    def test_an_assertion_in_an_apply(self, record: Record) -> None:
        with pytest.raises(AssertionError, match="looked and disliked it"):
            record(lambda: Disk("d", size=10).size.apply(boom))


class TestPrograms:
    def test_in_one_process_do_not_see_each_other(self, record: Record) -> None:
        def program() -> None:
            Disk("d", label=pulumi.Config().get("label"))
            pulumi.export("label", pulumi.Config().get("label"))

        first, second = record(program, config={"label": "first"}, stack="one"), record(program, stack="two")
        assert [len(graph.resources) for graph in (first, second)] == [1, 1]
        assert (first.outputs, second.outputs) == ({"label": "first"}, {})
        assert "urn:pulumi:two::" in second.one(DISK).urn

    def test_are_the_same_in_whatever_order_they_register(self, record: Record) -> None:
        names = [f"d{n}" for n in range(20)]

        def program(order: list[str]) -> Callable[[], None]:
            return lambda: [Disk(name, size=1) for name in order] and None

        assert record(program(names)) == record(program(names[::-1]))

    def test_may_have_five_hundred_resources(self, record: Record) -> None:
        def program() -> None:
            first = Disk("first")
            for n in range(500):
                Disk(f"d{n}", key_id=first.id)

        assert len([resource for resource in record(program).of(DISK) if resource.dependencies]) == 500

    def test_may_be_coroutines(self, record: Record) -> None:
        async def program() -> None:
            await asyncio.sleep(0)
            Disk("d")

        assert record(program).one(DISK)

    def test_may_hand_a_coroutine_to_pulumi_run(self, record: Record) -> None:
        async def main() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"size": Disk("d", size=10).size}

        assert record(lambda: pulumi.run(main)).outputs == {"size": 10}

    def test_may_ask_for_a_version_of_pulumi_and_log(self, record: Record, caplog: pytest.LogCaptureFixture) -> None:
        def program() -> None:
            pulumi.require_pulumi_version(">=3.0.0")
            pulumi.warn("look here")

        record(program)
        assert "look here" in caplog.messages

    def test_run_beside_each_other_in_threads(self, record: Record) -> None:
        together = threading.Barrier(4, timeout=30)

        def program() -> None:
            together.wait()
            pulumi.ResourceHook("gate", boom)
            Disk(pulumi.get_stack())

        with ThreadPoolExecutor(4) as threads:
            graphs = list(threads.map(lambda stack: record(program, stack=stack), "abcd"))
        assert [graph.one(DISK).name for graph in graphs] == list("abcd")

    def test_run_within_a_running_event_loop_and_leave_it_alone(self, record: Record) -> None:
        async def caller() -> bool:
            loop = asyncio.get_running_loop()
            record(lambda: Disk("d"))
            return loop is asyncio.get_running_loop()

        assert asyncio.run(caller())

    def test_run_within_a_program(self, record: Record) -> None:
        def outer() -> None:
            inner = record(lambda: Disk("inner"), stack="inner")
            Disk("outer", label=inner.one(DISK).name)

        graph = record(outer)
        assert [resource.props for resource in graph.resources] == [{"label": "inner"}]

    def test_leave_the_environment_as_it_was(self, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PULUMI_ERROR_OUTPUT_STRING")
        before, threads = dict(os.environ), set(threading.enumerate())
        record(lambda: Disk("d"))
        assert dict(os.environ) == before
        assert set(threading.enumerate()) <= threads
