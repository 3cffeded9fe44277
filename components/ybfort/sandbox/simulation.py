"""A simulated provider: what the engine may ask of one, answered from the SDK, a cloud's tables and the world."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ybfort.sandbox import sdk
from ybfort.sandbox.changes import Change, Problem, covers, differences, problems, replaced_by_sdk, without_indices
from ybfort.sandbox.facts import Facts, Site, at, born, computed, filled
from ybfort.sandbox.faults import PATIENCE_SECONDS, THROTTLE_SECONDS, Fault, Operation
from ybfort.sandbox.lookups import Answers, Question
from ybfort.sandbox.values import SECRET, SIGNATURE, Value, Values, has_unknown, plain, plain_map
from ybfort.sandbox.world import Resource, World

DEFAULTS = "__defaults"  # where a provider notes which inputs it chose itself; the engine does not show it


class CloudError(Exception):
    """The simulated cloud refuses."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What the simulation needs to know of a cloud."""

    package: str
    configure: Callable[[Values], Site]
    """The provider's configuration to the place where it works. Raises CloudError."""
    facts: Callable[[str], Facts]
    place: Callable[[Site, Values], Site]
    """The provider's place and a resource's inputs or outputs to where that resource is."""
    names: Callable[[Site, Values], Values]
    """Further names for templates, from the place and a resource's inputs."""
    always_replaces: frozenset[str]
    """Properties that replace a resource of any type."""
    places: Mapping[str, str]
    """Outputs that tell the place, and what of the place they tell."""
    regional: frozenset[str]
    """Outputs of which one at least a type has that belongs to a region, and none one that belongs to the account."""
    tags: tuple[str, tuple[str, ...]]
    """The input that marks a resource, and the outputs in which the provider's default tags are merged with it."""
    named: Callable[[str, str, str], tuple[str, str]]
    """Type, logical name and suffix to the property that holds the physical name, and the name where none is given."""
    answers: Answers
    """Look-ups that the simulation answers by itself."""


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What an update would do."""

    changes: Mapping[str, Change]
    computed: frozenset[str]
    """Names of properties that are no inputs of the program's."""
    delete_first: bool

    @property
    def replaced_by(self) -> list[str]:
        return [path for path, change in self.changes.items() if change.replaces]


@dataclass(frozen=True)
class Subject:
    """A resource as the engine names it."""

    urn: str

    @property
    def token(self) -> str:
        return self.urn.split("::")[2].split("$")[-1]

    @property
    def type(self) -> str:
        """Short, as a program would write it: `ec2.Instance`."""
        _, module, name = self.token.split(":")
        return f"{module.split('/')[0]}.{name}"

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]


class Simulation:
    """One configured provider."""

    def __init__(self, cloud: Cloud, world: World, faults: Iterable[Fault] = ()) -> None:
        self.cloud, self.world, self.faults = cloud, world, tuple(faults)
        self.cancelled = asyncio.Event()
        self._site: Site | None = None

    # ------------------------------------------------------------------------------------------------- questions

    def configure(self, config: Values) -> None:
        self._site = self.cloud.configure(plain_map(config))

    def check(self, subject: Subject, old: Values, new: Values) -> tuple[Values, list[Problem]]:
        """The inputs as they will be used, with a name where the program gives none, and what is wrong with them."""
        try:
            known = sdk.resource_type(subject.token).inputs
        except sdk.UnknownTypeError as error:
            return new, [Problem("", str(error))]
        return self._with_name(subject, known, old, new), list(problems(known, new))

    def diff(self, subject: Subject, old: Values, new: Values, state: Values, ignored: Iterable[str] = ()) -> Diff:
        """What would change, property by property, and what of it makes a new resource.

        :param old: the inputs before
        :param state: the outputs before
        """
        known, listed = sdk.resource_type(subject.token), self._replacing(subject, new)

        def replaces(path: str) -> bool:
            return covers(listed, path) or replaced_by_sdk(known.inputs, path)

        changes = dict(differences(_without_notes(old), _without_notes(new), replaces))
        tags, merged = self.cloud.tags
        if not any(covers([tags], path) for path in changes):
            for name in set(merged) & known.outputs.keys():
                changes |= differences(state.get(name), self._tags(new), replaces, name)
        for name, here in self._here(self._place(new), known).items():
            if name in state and name not in {*old, *new}:  # then it is the provider's
                changes |= differences(state[name], here, replaces, name)
        changes = {path: change for path, change in changes.items() if not covers(_bare(ignored), path)}
        replaced = any(change.replaces for change in changes.values())
        delete_first = replaced and self._keeps_name(subject, old, new)
        return Diff(changes=changes, computed=frozenset(merged), delete_first=delete_first)

    async def read(self, subject: Subject, id_: str, state: Values) -> Resource | None:
        """What exists under the id."""
        await self._strike("read", subject.token, subject.name, 0)
        known = sdk.resource_type(subject.token)
        return self.world.find(self._home(known, self._place(state)), subject.type, id_)

    async def invoke(self, token: str, arguments: Values) -> Values:
        """Answer a look-up: from a file in the world's folder `invokes`, or as the cloud would."""
        fault = await self._strike("invoke", token, "", 0)
        answer = self._answer(token, plain_map(arguments))
        _lose(fault)
        return answer

    # ---------------------------------------------------------------------------------------------------- actions

    async def create(
        self, subject: Subject, inputs: Values, *, preview: bool = False, timeout: float = 0
    ) -> tuple[str, Values]:
        """Make the resource; in a preview, say what is known of it beforehand."""
        known, site = sdk.resource_type(subject.token), self._place(inputs)
        if preview:
            return "", {**inputs, **self._known_before(known, site, inputs)}
        fault, home = await self._strike("create", subject.token, subject.name, timeout), self._home(known, site)
        with self.world.lock():
            self._refuse_duplicate(subject, site, home, inputs)
            seed = "|".join((subject.urn, site.account, site.region, str(self.world.count(subject.urn))))
            id_, outputs = self._made(subject, known, site, inputs, seed, {})
            if (taken := self.cloud.facts(subject.type).taken) and self.world.find(home, subject.type, id_):
                raise CloudError(str(filled(taken, {**self._names(subject, site, inputs), "id": id_})))
            self.world.put(
                Resource(
                    type=subject.type,
                    id=id_,
                    account=home.account,
                    region=home.region,
                    urn=subject.urn,
                    seed=seed,
                    inputs=inputs,
                    outputs=outputs,
                )
            )
            self.world.log("create", subject.type, subject.name)
        _lose(fault)
        return id_, outputs

    async def update(
        self, subject: Subject, id_: str, state: Values, inputs: Values, *, preview: bool = False, timeout: float = 0
    ) -> Values:
        """Change the resource; in a preview, say what is known of it beforehand."""
        known, site = sdk.resource_type(subject.token), self._place(state)
        fault, home = None, self._home(known, site)
        if not preview:
            fault = await self._strike("update", subject.token, subject.name, timeout)
        with self.world.lock():
            resource = self.world.find(home, subject.type, id_)
            if resource is None:
                raise CloudError(f"{id_} does not exist. `pulumi refresh` brings the state up to date.")
            _, outputs = self._made(subject, known, site, inputs, resource.seed, resource.outputs)
            if not preview:
                self._refuse_duplicate(subject, site, home, inputs, but=id_)
                self._refuse_without_consent(subject, resource.inputs, inputs)
                self.world.put(replace(resource, urn=subject.urn, inputs=inputs, outputs=outputs))
                self.world.log("update", subject.type, subject.name)
        _lose(fault)
        return outputs

    async def delete(self, subject: Subject, id_: str, state: Values, *, timeout: float = 0) -> None:
        """Delete the resource, unless it is protected. One that is gone already is none to complain about."""
        fault = await self._strike("delete", subject.token, subject.name, timeout)
        home = self._home(sdk.resource_type(subject.token), self._place(state))
        with self.world.lock():
            resource = self.world.find(home, subject.type, id_)
            if resource is None:
                return
            facts, inputs = self.cloud.facts(subject.type), plain_map(resource.inputs)
            for guard in facts.protections:
                unset = guard.value if guard.by_default else None
                if inputs.get(guard.by, unset) == guard.value and inputs.get(guard.unless) is not True:
                    raise CloudError(str(filled(guard.error, {"id": id_})))
            if not facts.outlives:
                self.world.remove(resource)
            self.world.log("delete", subject.type, subject.name)
        _lose(fault)

    # ----------------------------------------------------------------------------------------------------- inside

    @property
    def site(self) -> Site:
        if self._site is None:
            raise CloudError("the provider has not been configured")
        return self._site

    def _place(self, values: Values) -> Site:
        """The provider's place, or what the resource says of its own."""
        known = {name: value for name, value in plain_map(values).items() if not has_unknown(value)}
        return self.cloud.place(self.site, known)

    def _home(self, known: sdk.ResourceType, site: Site) -> Site:
        """Where the world keeps a resource: some types belong to an account, not to a region."""
        return site if self.cloud.regional & known.outputs.keys() else replace(site, region="global")

    def _here(self, site: Site, known: sdk.ResourceType) -> Values:
        """What the outputs of a type tell of its place."""
        here: Values = {name: getattr(site, what) for name, what in self.cloud.places.items() if name in known.outputs}
        return {name: value for name, value in here.items() if value}

    def _replacing(self, subject: Subject, new: Values) -> frozenset[str]:
        facts = self.cloud.facts(subject.type)
        where, paths = facts.replaced_where
        conditional = paths if plain(new.get(where)) is True else frozenset[str]()
        return facts.replaced_by | self.cloud.always_replaces | conditional

    def _names(self, subject: Subject, site: Site, inputs: Values) -> Values:
        """What a template of the cloud's tables may name."""
        service, _, kind = subject.type.partition(".")
        given: Values = {name: value for name, value in plain_map(inputs).items() if value is not None}
        return {
            **given,
            "account": site.account,
            "region": site.region,
            "service": service,
            "kind": kind[0].lower() + kind[1:],
            **self.cloud.names(site, given),
        }

    def _made(
        self, subject: Subject, known: sdk.ResourceType, site: Site, inputs: Values, seed: str, before: Values
    ) -> tuple[str, Values]:
        """Id and outputs of a resource: what the program set and what the cloud computes.

        :param before: the outputs until now; what hangs on an unknown input stays as it is
        """
        facts, names = self.cloud.facts(subject.type), {**self._names(subject, site, inputs), **born(seed)}
        outputs = computed(facts, names)
        id_ = str(outputs.pop("id", f"{subject.name}-{names['hex']!s:.17}"))
        unsaid: Values = {"text": filled(facts.unsaid, names), "number": 0, "boolean": False, "list": [], "map": {}}
        return id_, {
            # An output that is absent would be unknown in every later preview.
            **{
                name: before.get(name, unsaid.get(shape.kind))
                for name, shape in known.outputs.items()
                if name not in known.inputs
            },
            **inputs,
            **self._known_before(known, site, inputs),
            **{
                name: float(str(value)) if known.outputs[name].kind == "number" else value
                for name, value in outputs.items()
                if name in known.outputs
            },
        }

    def _known_before(self, known: sdk.ResourceType, site: Site, inputs: Values) -> Values:
        """What follows from the inputs alone."""
        here = self._here(site, known)
        tags, merged = self.cloud.tags
        if has_unknown(inputs.get(tags)):
            return here
        return {**here, **{name: self._tags(inputs) for name in merged if name in known.outputs}}

    def _tags(self, inputs: Values) -> Values:
        """The provider's default tags and the resource's own; secret ones stay secret."""
        own = inputs.get(self.cloud.tags[0])
        if isinstance(own, Mapping) and own.get(SIGNATURE) == SECRET:
            inside = own.get("value")
            return {
                SIGNATURE: SECRET,
                "value": {**self.site.default_tags, **(inside if isinstance(inside, Mapping) else {})},
            }
        return {**self.site.default_tags, **(own if isinstance(own, Mapping) else {})}

    def _with_name(self, subject: Subject, known: Mapping[str, sdk.Property], old: Values, new: Values) -> Values:
        """A resource that must have a name and is given none gets its logical name and a suffix."""
        births = self.world.peek(subject.urn)
        suffix = str(born(f"{subject.urn}|{births}")["hex"])[:7]
        property_, name = self.cloud.named(subject.type, subject.name, suffix)
        if property_ not in known or known[property_].required or {property_, f"{property_}Prefix"} & new.keys():
            return new
        if property_ in _notes(old):
            name = str(old[property_])
        return {**new, property_: name, DEFAULTS: [property_]}

    def _keeps_name(self, subject: Subject, old: Values, new: Values) -> bool:
        """As the real provider does: a resource that keeps a chosen name can only be made after the old one is gone."""
        known = sdk.resource_type(subject.token).inputs
        property_, _ = self.cloud.named(subject.type, "", "")
        return (
            property_ in known
            and not known[property_].required
            and new.get(property_) is not None
            and property_ not in _notes(new)
            and plain(old.get(property_)) == plain(new.get(property_))
        )

    def _refuse_duplicate(self, subject: Subject, site: Site, home: Site, inputs: Values, but: str = "") -> None:
        mine = plain_map(inputs)
        for unique in self.cloud.facts(subject.type).unique:
            name = [at(mine, path) for path in unique.by]
            if name[0] is None:
                continue
            for other in self.world.resources(home, subject.type, unique.scope):
                if other.id != but and [at(plain_map(other.inputs), path) for path in unique.by] == name:
                    elsewhere = unique.error_elsewhere if other.account != site.account else ""
                    raise CloudError(str(filled(elsewhere or unique.error, self._names(subject, site, inputs))))

    def _refuse_without_consent(self, subject: Subject, old: Values, new: Values) -> None:
        consent = self.cloud.facts(subject.type).consent
        if consent is None or plain(new.get(consent.by)) is True:
            return
        if any(covers(consent.to, path) for path, _ in differences(old, new, lambda _: False)):
            raise CloudError(consent.error)

    def _answer(self, token: str, arguments: Values) -> Values:
        answer = self.world.prepared_answer(token, arguments)
        if answer is None and token in self.cloud.answers:
            answer = self.cloud.answers[token](Question(self.world, self.site, arguments))
        if answer is None:
            raise CloudError(
                f"the sandbox has no answer to {token}. Write one to {self.world.answer_file(token)}: the result as a"
                ' JSON map, or a list of {"args": {...}, "return": {...}}.'
            )
        return answer

    async def _strike(self, operation: Operation, token: str, name: str, timeout: float) -> Fault | None:
        """Let the faults happen that are due. Returns one that strikes after the operation is done."""
        after = None
        for number, fault in enumerate(self.faults):
            if not fault.meets(operation, token, name):
                continue
            with self.world.lock():
                call = self.world.count(f"fault {number}: {fault}")
            if fault.call not in (None, call):
                continue
            if fault.fault == "lose":
                after = fault
            elif fault.fault == "throttle":
                await self._wait(THROTTLE_SECONDS if fault.seconds is None else fault.seconds)
            else:
                if fault.fault == "hang":
                    await self._wait(fault.seconds if fault.seconds is not None else timeout or PATIENCE_SECONDS)
                raise CloudError(fault.error)
        return after

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.cancelled.wait(), seconds)
        except TimeoutError:
            return
        raise CloudError("cancelled")


def _lose(fault: Fault | None) -> None:
    if fault:
        raise CloudError(fault.error)


def _bare(ignored: Iterable[str]) -> tuple[str, ...]:
    return tuple(without_indices(path).removesuffix(".*") for path in ignored)


def _notes(inputs: Values) -> list[Value]:
    notes = inputs.get(DEFAULTS)
    return notes if isinstance(notes, list) else []


def _without_notes(inputs: Values) -> Values:
    return {name: value for name, value in inputs.items() if name != DEFAULTS}
