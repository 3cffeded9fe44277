"""`record(program)`: run a Pulumi program without an engine and return what the engine would have been told.

The program runs as the language host runs it, but in a thread, an event loop and a context of its own: two recordings
in one process do not see each other, and the caller's event loop is left alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import pulumi
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from ybfort.testing import plausible
from ybfort.testing.config import key, text
from ybfort.testing.graph import STACK, Graph, Lookup, Resource, decode, encode
from ybfort.testing.requests import Request, provider_urn, read, registered, state_of, struct

Program = Callable[[], Any]  # what it returns is awaited if it can be
# The result of a provider's function, by its token; camelCase. A callable gets the arguments.
Answers = Mapping[str, Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]]
# The outputs (and `id`) of resources, by their type; camelCase. A callable gets the resource.
Outputs = Mapping[str, Mapping[str, Any] | Callable[[Resource], Mapping[str, Any]]]

GET_RESOURCE: Final = "pulumi:pulumi:getResource"  # how the SDK makes an object of a reference
STRICT_STRINGS: Final = "PULUMI_ERROR_OUTPUT_STRING"
LOG: Final = logging.getLogger("pulumi")


class RecordingError(Exception):
    """What the real engine would refuse, or what the recorder has not been told."""


def record(
    program: Program,
    *,
    project: str = "ybfort",
    stack: str = "test",
    config: Mapping[str, Any] | None = None,
    secret_config: Mapping[str, Any] | None = None,
    preview: bool = True,
    answers: Answers | None = None,
    outputs: Outputs | None = None,
    root: str | None = None,
) -> Graph:
    """Run a program and return its graph. What fails in it, also within an `apply`, is raised here.

    :param config: keys without a namespace are the project's; what is not text becomes JSON, as the engine does it
    :param secret_config: the same, for values that `pulumi config set --secret` would encrypt
    :param preview: True: what only the cloud knows stays unknown, and nothing that depends on it runs. False: it is
        made up, and every `apply` runs.
    :param answers: what the provider's functions return, by token, e.g. `aws:index/getCallerIdentity:getCallerIdentity`
    :param outputs: what the cloud will say of resources, by type, known also in a preview
    :param root: the project's folder, for programs that ask for it
    :raises RecordingError: for two resources with one URN, a function without an answer, and what else no engine takes
    """
    recorder = Recorder(project=project, stack=stack, preview=preview, answers=answers or {}, outputs=outputs or {})
    settings = {key(name, project): text(value) for name, value in {**(config or {}), **(secret_config or {})}.items()}
    secrets = [key(name, project) for name in secret_config or {}]

    async def isolated() -> None:
        pulumi.runtime.set_all_config(settings, secrets)
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                project=project,
                stack=stack,
                monitor=recorder,
                engine=Engine(LOG),
                dry_run=preview,
                organization="organization",
                root_directory=root,
            )
        )
        await pulumi.runtime.run_in_stack(recorder.observed(program))

    def run() -> None:
        with asyncio.Runner() as runner:
            # After a failure many outputs stay unread; the failure itself is raised, the rest would be noise.
            runner.get_loop().set_exception_handler(lambda _loop, _context: None)
            # A context of its own, too: from Python 3.14 on a thread may inherit its maker's, and with it a program.
            runner.run(isolated(), context=contextvars.Context())

    with strict_strings(), ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(run).result()
    return recorder.graph()


class Engine(mocks.MockEngine):
    """Where a program logs to."""

    def RequirePulumiVersion(self, _request: engine_pb2.RequirePulumiVersionRequest) -> Any:
        """No engine, no version: any will do."""
        return engine_pb2.RequirePulumiVersionResponse()


class Recorder(mocks.MockMonitor):
    """Takes the requests of a program in place of the engine's resource monitor. Called by several threads at once."""

    def __init__(self, *, project: str, stack: str, preview: bool, answers: Answers, outputs: Outputs) -> None:
        super().__init__(Refusal())
        self._prefix = f"urn:pulumi:{stack}::{project}::"
        self._preview = preview
        self._answers = answers
        self._outputs = outputs
        self._lock = threading.Lock()
        self._resources: dict[str, Resource] = {}
        self._states: dict[str, tuple[str, struct_pb2.Struct]] = {}
        self._stack_outputs: Mapping[str, Any] = {}
        self._hooks: list[str] = []
        self._lookups: list[Lookup] = []
        self._classes: dict[str, type] = {}

    def graph(self) -> Graph:
        lookups = sorted(self._lookups, key=lambda lookup: (lookup.token, repr(lookup.args)))
        return Graph(tuple(self._resources.values()), self._stack_outputs, tuple(sorted(self._hooks)), tuple(lookups))

    def observed(self, program: Program) -> Program:
        """The program, with an eye on the Python classes of its resources: only they say what the cloud computes."""

        def look(args: pulumi.ResourceTransformationArgs) -> None:
            self._classes[args.type_] = type(args.resource)

        def run() -> Any:
            pulumi.runtime.register_stack_transformation(look)
            return program()

        return program if self._preview else run

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: all the parents' types, without the stack's."""
        above = parent.split("::")[2] if parent else STACK
        return f"{self._prefix}{type_ if above == STACK else f'{above}${type_}'}::{name}"

    def RegisterResource(self, request: Request) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if request.transforms:
            raise _no_transforms(request)
        resource = registered(urn, request)
        known = self._known(resource)
        id_ = known.pop("id", "") or request.importId if request.custom else ""
        if request.custom and not self._preview:
            id_ = id_ or plausible.identifier(resource)
        state = state_of(request.object, known, request.additionalSecretOutputs)
        self._add(resource, id_, state)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=state)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        resource = read(self.make_urn(request.parent, request.type, request.name), request)
        state = state_of(request.properties, self._known(resource), request.additionalSecretOutputs)
        self._add(resource, request.id, state)
        return resource_pb2.ReadResourceResponse(urn=resource.urn, id=request.id, properties=state)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        outputs = decode(MessageToDict(request.outputs))
        with self._lock:
            if request.urn in self._resources:
                self._resources[request.urn] = replace(self._resources[request.urn], outputs=outputs)
            else:
                self._stack_outputs = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        if request.tok == GET_RESOURCE:
            answer = self._state(decode(MessageToDict(request.args))["urn"])
        else:
            answer = self._answer(request.tok, decode(MessageToDict(request.args)), request.provider)
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(answer)  # a keyword in Python
        return response

    def Call(self, request: resource_pb2.ResourceCallRequest) -> provider_pb2.CallResponse:
        response = provider_pb2.CallResponse()
        answer = self._answer(request.tok, decode(MessageToDict(request.args)), request.provider)
        getattr(response, "return").CopyFrom(answer)
        return response

    def ExistsResource(self, request: resource_pb2.ExistsResourceRequest) -> resource_pb2.ExistsResourceResponse:
        raise RecordingError(
            f"{request.type}: whether {request.id!r} exists, only a cloud can say; use a look-up function"
        )

    def RegisterResourceHook(self, request: resource_pb2.RegisterResourceHookRequest) -> empty_pb2.Empty:
        return self._hook(request.name)

    def RegisterErrorHook(self, request: resource_pb2.RegisterErrorHookRequest) -> empty_pb2.Empty:
        return self._hook(request.name)

    def RegisterStackTransform(self, request: Any) -> empty_pb2.Empty:
        raise _no_transforms(request)

    def RegisterStackInvokeTransform(self, request: Any) -> empty_pb2.Empty:
        raise _no_transforms(request)

    def _hook(self, name: str) -> empty_pb2.Empty:
        with self._lock:
            if name in self._hooks:
                raise RecordingError(f"two hooks are named {name!r}: make one and bind it to each resource")
            self._hooks.append(name)
        return empty_pb2.Empty()

    def _answer(self, token: str, args: Mapping[str, Any], provider: str) -> struct_pb2.Struct:
        with self._lock:
            self._lookups.append(Lookup(token=token, args=args, provider=provider_urn(provider)))
        if token not in self._answers:
            raise RecordingError(
                f"no answer prepared for {token}, called with {args}: give answers={{{token!r}: {{…}}}}"
            )
        answer = self._answers[token]
        return struct(encode(answer(args) if callable(answer) else answer))

    def _state(self, urn: str) -> struct_pb2.Struct:
        id_, state = self._states[urn]
        return struct({"urn": urn, "id": id_, "state": MessageToDict(state)})

    def _known(self, resource: Resource) -> dict[str, Any]:
        """What is known of a resource's outputs."""
        kind = self._classes.get(resource.type)
        made_up = plausible.computed(resource, kind) if kind and resource.custom and not self._preview else {}
        given = self._outputs.get(resource.type, {})
        return {**made_up, **(given(resource) if callable(given) else given)}

    def _add(self, resource: Resource, id_: str, state: struct_pb2.Struct) -> None:
        with self._lock:
            other = self._resources.setdefault(resource.urn, resource)
            self._states[resource.urn] = (id_, state)
        if other is not resource:
            raise RecordingError(
                f"two resources have the URN {resource.urn}: made at {other.source} and {resource.source}"
            )


class Refusal(mocks.Mocks):
    """The base class wants mocks; everything that would ask them is answered by the recorder."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise NotImplementedError


def _no_transforms(request: Any) -> RecordingError:
    whose = f"of {request.name!r}" if hasattr(request, "name") else "of the stack"
    return RecordingError(
        f"transforms {whose} run in the engine, after the program: a recording would show what they then change. "
        "Write the values where the resources are made, or use `transformations`, which run in the program."
    )


_strict_lock = threading.Lock()
_strict_uses: list[str | None] = []


@contextmanager
def strict_strings() -> Generator[None]:
    """The text of an output, where its value was meant, raises: it would become a name or a policy.

    The SDK reads it from the environment, which all threads share: the last one out restores it.
    """
    with _strict_lock:
        _strict_uses.append(os.environ.get(STRICT_STRINGS) if not _strict_uses else _strict_uses[0])
        os.environ[STRICT_STRINGS] = "true"
    try:
        yield
    finally:
        with _strict_lock:
            before = _strict_uses.pop()
            if not _strict_uses:
                os.environ.pop(STRICT_STRINGS) if before is None else os.environ.update({STRICT_STRINGS: before})
