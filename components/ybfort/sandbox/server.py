"""The plugin's side of the engine's protocol: requests to a simulation, its answers and refusals back.

The SDK's own provider server cannot be used: it drops a resource's old inputs from a diff, and shows a traceback for
every refusal.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

from ybfort.sandbox.changes import Change
from ybfort.sandbox.sdk import UnknownTypeError
from ybfort.sandbox.simulation import CloudError, Simulation, Subject
from ybfort.sandbox.values import from_struct, to_struct
from ybfort.sandbox.world import WorldError

Answer = TypeVar("Answer")
ORPHAN_SECONDS = 1.0  # how often to look whether the engine is still there
LONGEST_MESSAGE = 400 * 1024 * 1024  # bytes; the engine's own limit: a cluster's inputs can be large


def _refusing(
    method: Callable[..., Awaitable[Answer]],
) -> Callable[..., Awaitable[Answer]]:
    """What the cloud refuses, the engine shows as the resource's error: one text, no traceback."""

    @wraps(method)
    async def answer(self: "Servicer", request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Answer:
        try:
            return await method(self, request)
        except (CloudError, WorldError, UnknownTypeError) as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return answer


class Servicer(ResourceProviderServicer):
    """The requests that an engine makes of a provider of custom resources."""

    def __init__(self, simulation: Simulation, version: str) -> None:
        self.simulation, self.version = simulation, version

    @_refusing
    async def GetPluginInfo(self, _: Empty) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self.version)

    @_refusing
    async def Cancel(self, _: Empty) -> Empty:
        self.simulation.cancelled.set()
        return Empty()

    @_refusing
    async def CheckConfig(self, request: proto.CheckRequest) -> proto.CheckResponse:
        return proto.CheckResponse(inputs=request.news)

    @_refusing
    async def DiffConfig(self, request: proto.DiffRequest) -> proto.DiffResponse:
        changed = from_struct(request.old_inputs) != from_struct(request.news)
        return proto.DiffResponse(changes=_SOME if changed else _NONE)

    @_refusing
    async def Configure(self, request: proto.ConfigureRequest) -> proto.ConfigureResponse:
        self.simulation.configure(from_struct(request.args))
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_refusing
    async def Check(self, request: proto.CheckRequest) -> proto.CheckResponse:
        inputs, problems = self.simulation.check(
            Subject(request.urn), from_struct(request.olds), from_struct(request.news)
        )
        failures = [proto.CheckFailure(property=problem.path, reason=problem.says) for problem in problems]
        return proto.CheckResponse(inputs=to_struct(inputs), failures=failures)

    @_refusing
    async def Diff(self, request: proto.DiffRequest) -> proto.DiffResponse:
        diff = self.simulation.diff(
            Subject(request.urn),
            from_struct(request.old_inputs),
            from_struct(request.news),
            from_struct(request.olds),
            request.ignoreChanges,
        )
        return proto.DiffResponse(
            changes=_SOME if diff.changes else _NONE,
            diffs=sorted({_top(path) for path in diff.changes}),
            replaces=sorted({_top(path) for path in diff.replaced_by}),
            detailedDiff={
                path: _detail(change, given=_top(path) not in diff.computed) for path, change in diff.changes.items()
            },
            hasDetailedDiff=True,
            deleteBeforeReplace=diff.delete_first,
        )

    @_refusing
    async def Create(self, request: proto.CreateRequest) -> proto.CreateResponse:
        id_, outputs = await self.simulation.create(
            Subject(request.urn), from_struct(request.properties), preview=request.preview, timeout=request.timeout
        )
        return proto.CreateResponse(id=id_, properties=to_struct(outputs))

    @_refusing
    async def Update(self, request: proto.UpdateRequest) -> proto.UpdateResponse:
        outputs = await self.simulation.update(
            Subject(request.urn),
            request.id,
            from_struct(request.olds),
            from_struct(request.news),
            preview=request.preview,
            timeout=request.timeout,
        )
        return proto.UpdateResponse(properties=to_struct(outputs))

    @_refusing
    async def Delete(self, request: proto.DeleteRequest) -> Empty:
        await self.simulation.delete(
            Subject(request.urn), request.id, from_struct(request.properties), timeout=request.timeout
        )
        return Empty()

    @_refusing
    async def Read(self, request: proto.ReadRequest) -> proto.ReadResponse:
        found = await self.simulation.read(Subject(request.urn), request.id, from_struct(request.properties))
        if found is None:
            return proto.ReadResponse()
        outputs = {**found.outputs, **found.inputs}  # a hand that edits the file edits the inputs
        return proto.ReadResponse(id=found.id, properties=to_struct(outputs), inputs=to_struct(found.inputs))

    @_refusing
    async def Invoke(self, request: proto.InvokeRequest) -> proto.InvokeResponse:
        answer = await self.simulation.invoke(request.tok, from_struct(request.args))
        response = proto.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(answer))  # a keyword: it cannot be written as a name
        return response


_SOME, _NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE


def _detail(change: Change, *, given: bool) -> proto.PropertyDiff:
    kind = proto.PropertyDiff.Kind.Value(change.kind + ("_REPLACE" if change.replaces else ""))
    return proto.PropertyDiff(kind=kind, inputDiff=given)


def _top(path: str) -> str:
    return path.split(".")[0].split("[")[0]


def serve(simulation: Simulation, version: str) -> None:
    """Answer the engine until it ends this process. The port goes to standard output: so the protocol has it."""

    async def forever() -> None:
        limits = [
            ("grpc.max_receive_message_length", LONGEST_MESSAGE),
            ("grpc.max_send_message_length", LONGEST_MESSAGE),
        ]
        server = grpc.aio.server(options=limits)
        add_ResourceProviderServicer_to_server(Servicer(simulation, version), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        # An engine that was killed ends nobody; without it there is nothing to wait for.
        engine = os.getppid()
        while os.getppid() == engine:
            await asyncio.sleep(ORPHAN_SECONDS)

    try:
        asyncio.run(forever())
    except KeyboardInterrupt:  # a terminal sends Ctrl-C to the plugins, too; the engine winds up, and ends us
        return
