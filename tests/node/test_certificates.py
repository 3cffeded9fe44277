"""The node's certificate over its life, and a change of the authority that nobody notices."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from certificates import authority, pair
from simulated_fleet import SimulatedFleet
from simulated_machine import (
    AUTHORITY,
    HOME,
    Killed,
    SimulatedCloud,
    SimulatedMachine,
    context,
    declared,
    invented,
)
from specs import prod_plan
from ybfort.node.certificate import LINK, SETS, Source
from ybfort.node.cloud import CloudFailure
from ybfort.node.config import checked
from ybfort.node.step import Outcome, Result
from ybfort.node.steps.certificates import Keep, Move, Narrow, Sign, Widen, certificates, decide
from ybfort.node.system import Failure, Output
from ybfort.node.x509 import fingerprint, split

DAY = 86_400
OTHER = AUTHORITY.replace("11111111", "99999999")
ADDRESS = "10.40.1.1"
SECRET = "ybfort/orders-dev/certificates/a1"
NAMES = ("a1.orders-dev.internal", "db.orders-dev.internal")


@pytest.fixture
def run(machine: SimulatedMachine, cloud: SimulatedCloud) -> Callable[..., Outcome]:
    """A run of the step, of a machine on which the steps before it are done."""
    machine.path("/etc/yugabyte").mkdir()
    machine.call("systemd-sysusers", _sysusers(machine))

    def run(cluster: str | None = None, ids: str | None = None) -> Outcome:
        machine.context = context(machine, cloud)  # type: ignore[attr-defined]
        machine.context.accepted = checked(cluster or declared(), ids or invented(), HOME)  # type: ignore[attr-defined]
        return certificates(machine.context)  # type: ignore[attr-defined]

    return run


def _sysusers(machine: SimulatedMachine) -> str:
    file = machine.path("/etc/sysusers.conf")
    file.write_text('u yugabyte 420 "YugabyteDB"\n')
    return str(file)


def served(machine: SimulatedMachine) -> str:
    """What the servers are given as their certificate."""
    return (machine.path(LINK) / f"node.{ADDRESS}.crt").read_text()


class TestLife:
    def test_a_new_node_gets_one(self, run: Callable[..., Outcome], machine: SimulatedMachine) -> None:
        outcome = run()
        assert outcome == Outcome(Result.CHANGED, "A new certificate was signed, until 2027-01-22T08:00:00Z.")
        assert run() == Outcome(Result.DONE, "The certificate is good, until 2027-01-22T08:00:00Z.")
        told = machine.context.report.certificate  # type: ignore[attr-defined]
        assert told == {
            "signed_by": AUTHORITY,
            "not_after": "2027-01-22T08:00:00Z",
            "days_left": 7.0,
            "trusts": [fingerprint(authority(AUTHORITY).pem)],
        }

    def test_files_are_named_and_owned_as_the_database_wants_them(
        self, run: Callable[..., Outcome], machine: SimulatedMachine
    ) -> None:
        run()
        folder = machine.path(LINK).resolve()
        assert {path.name for path in folder.iterdir()} == {
            "ca.crt", "loaded", f"node.{ADDRESS}.crt", f"node.{ADDRESS}.key", "request.csr", "source.json"
        }  # fmt: skip
        key = folder / f"node.{ADDRESS}.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o400
        assert machine.owner(key) == (420, 420)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750
        assert machine.owner(folder)[1] == 420

    def test_it_is_renewed_at_two_thirds_of_its_life_and_not_before(
        self, run: Callable[..., Outcome], machine: SimulatedMachine
    ) -> None:
        run()
        first = served(machine)
        machine.clock.slept = 7 * DAY * 2 / 3 - 1
        assert run().result is Result.DONE
        machine.clock.slept += 2
        assert "A new certificate was signed" in run().message
        assert served(machine) != first
        assert run().result is Result.DONE
        assert len(list(machine.path(SETS).iterdir())) == 1  # the old key is gone

    def test_every_certificate_has_a_key_of_its_own(
        self, run: Callable[..., Outcome], machine: SimulatedMachine
    ) -> None:
        run()
        first = machine.read(f"{LINK}/node.{ADDRESS}.key")
        machine.clock.slept = 5 * DAY
        run()
        assert machine.read(f"{LINK}/node.{ADDRESS}.key") != first

    def test_the_old_key_goes_even_if_the_run_that_replaced_it_is_killed(
        self, run: Callable[..., Outcome], machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run()
        remove = machine.remove_tree

        def killed(path: str) -> None:
            if path == f"{SETS}/1":
                raise Killed
            remove(path)

        machine.clock.slept = 5 * DAY
        with monkeypatch.context() as moment:
            moment.setattr(machine, "remove_tree", killed)
            with pytest.raises(Killed):
                run()
        run()
        assert [path.name for path in machine.path(SETS).iterdir()] == ["2"]

    def test_one_that_cannot_be_renewed_serves_to_its_end(
        self,
        run: Callable[..., Outcome],
        machine: SimulatedMachine,
        cloud: SimulatedCloud,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        run()

        def refused(*_: Any) -> None:
            raise CloudFailure("throttled")

        monkeypatch.setattr(cloud, "sign", refused)
        machine.clock.slept = 5 * DAY
        outcome = run()
        assert outcome.result is Result.INCOMPLETE
        assert outcome.message.endswith("The next one cannot be had: throttled")
        machine.clock.slept = 8 * DAY
        with pytest.raises(Failure, match="throttled"):
            run()

    def test_one_that_would_not_serve_is_never_given_to_the_servers(
        self,
        run: Callable[..., Outcome],
        machine: SimulatedMachine,
        cloud: SimulatedCloud,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        run()
        first, sign = served(machine), cloud.sign
        machine.clock.slept = 5 * DAY
        stranger = authority("a stranger")

        def signed_by_a_stranger(name: str, request: Path, days: int) -> Any:
            good = sign(name, request, days)
            return type(good)(good.certificate, stranger.pem)

        monkeypatch.setattr(cloud, "sign", signed_by_a_stranger)
        assert "does not serve" in run().message
        assert served(machine) == first


class TestLoading:
    @pytest.fixture
    def running(self, run: Callable[..., Outcome], machine: SimulatedMachine, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A node whose servers run with its first certificate, and whose next one is due."""
        run()
        told: list[str] = []
        monkeypatch.setattr(machine, "running", lambda server: {"yb-master": 1001, "yb-tserver": 1002}.get(server))
        release = machine._of_the_release

        def told_to(name: str, *arguments: str) -> Any:
            told.append(" ".join([name, *arguments]))
            return release(name, *arguments)

        monkeypatch.setattr(machine, "_of_the_release", told_to)
        machine.clock.slept = 5 * DAY
        return told

    def test_the_running_servers_read_it_again_and_are_not_restarted(
        self, run: Callable[..., Outcome], machine: SimulatedMachine, running: list[str]
    ) -> None:
        assert "yb-master has loaded it; yb-tserver has loaded it" in run().message
        shown = f"--certs_dir_name {LINK} --client_node_name {ADDRESS}"
        assert running == [
            f"yb-ts-cli {shown} --server_address {ADDRESS}:{port} reload_certificates" for port in (7100, 9100)
        ]
        assert not any("restart" in command for command in machine.commands)

    def test_a_server_that_does_not_is_told_again(
        self,
        run: Callable[..., Outcome],
        machine: SimulatedMachine,
        running: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        good = machine.shown_certificate
        monkeypatch.setattr(machine, "shown_certificate", lambda *_: b"the old one")
        outcome = run()
        assert outcome.result is Result.INCOMPLETE
        assert "YSQL at 10.40.1.1:5433 still shows the old certificate" in outcome.message
        monkeypatch.setattr(machine, "shown_certificate", good)
        assert "yb-tserver has loaded it" in run().message
        assert run().result is Result.DONE

    def test_one_that_runs_with_a_certificate_that_has_ended_is_restarted(
        self,
        run: Callable[..., Outcome],
        machine: SimulatedMachine,
        running: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It lets nobody in, not even the tool that would tell it."""
        monkeypatch.setattr(machine, "_of_the_release", lambda *_: Output(1, "", "certificate has expired"))
        for name in ("start_server", "stop_server"):
            monkeypatch.setattr(machine, name, lambda *_: None)
        machine.state.loaded = {f"yb-{name}.service": "ExecStart=x\n" for name in ("master", "tserver")}
        machine.state.mounted = ["/mnt/data"]
        assert "Not all servers use it yet" in run().message
        assert not any("restart" in command for command in machine.commands)
        machine.clock.slept = 8 * DAY
        run()
        restarted = [command for command in machine.commands if "restart" in command]
        assert restarted == ["systemctl restart yb-master.service", "systemctl restart yb-tserver.service"]


class TestBrought:
    """Certificates of the user's own."""

    def cluster(self) -> str:
        told = json.loads(declared())
        told["nodes"][0]["certificate_secret"] = SECRET
        return json.dumps(told)

    def bring(self, cloud: SimulatedCloud, *, by: str = "the bank", **changes: Any) -> tuple[str, str]:
        own = authority(by)
        key, certificate = pair(
            **{"address": ADDRESS, "names": NAMES, "now": cloud.machine.now(), "days": 90, "by": own, **changes}
        )
        cloud.write_secret(SECRET, json.dumps({"private_key": key, "certificate": certificate, "ca": own.pem}))
        return key, certificate

    def test_they_are_used(self, run: Callable[..., Outcome], machine: SimulatedMachine, cloud: SimulatedCloud) -> None:
        key, certificate = self.bring(cloud)
        assert "The certificate that was brought is here" in run(self.cluster()).message
        assert served(machine) == certificate
        assert machine.read(f"{LINK}/node.{ADDRESS}.key") == key
        assert run(self.cluster()).result is Result.DONE

    def test_a_new_one_is_taken_up_when_it_is_there(
        self, run: Callable[..., Outcome], machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        self.bring(cloud)
        run(self.cluster())
        _, certificate = self.bring(cloud)
        assert run(self.cluster()).result is Result.DONE  # it is looked for every five minutes
        machine.clock.slept += 301
        assert run(self.cluster()).result is Result.CHANGED
        assert served(machine) == certificate

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (None, f"The secret {SECRET} is empty. Put private_key, certificate and ca into it, as JSON"),
            ("", "is not JSON"),
            ("{}", "private_key is missing. certificate is missing. ca is missing."),
            (json.dumps({"private_key": "x", "certificate": "y", "ca": 1}), "private_key is not in PEM format."),
        ],
    )
    def test_what_is_none_is_refused_with_every_problem(
        self, run: Callable[..., Outcome], cloud: SimulatedCloud, value: str | None, problem: str
    ) -> None:
        if value is not None:
            cloud.write_secret(SECRET, value)
        with pytest.raises(Failure) as refused:
            run(self.cluster())
        assert problem in str(refused.value)

    def test_a_refusal_does_not_repeat_the_private_key(
        self, run: Callable[..., Outcome], cloud: SimulatedCloud
    ) -> None:
        key, _ = self.bring(cloud)
        broken = {"private_key": key.replace("-----", "#"), "certificate": "x", "ca": "y"}
        cloud.write_secret(SECRET, json.dumps(broken))
        with pytest.raises(Failure) as refused:
            run(self.cluster())
        assert key.splitlines()[1][:20] not in str(refused.value)

    def test_one_for_another_node_is_refused_and_the_old_one_stays(
        self, run: Callable[..., Outcome], machine: SimulatedMachine, cloud: SimulatedCloud
    ) -> None:
        _, certificate = self.bring(cloud)
        run(self.cluster())
        self.bring(cloud, address="10.40.3.1")
        machine.clock.slept += 301
        assert "IP address mismatch" in run(self.cluster()).message
        assert served(machine) == certificate


class TestAnotherAuthority:
    """Nobody is signed by an authority that somebody does not trust yet, and nobody stops trusting one that signs."""

    OLD, NEW = "old", "new"

    def node(self, signed_by: str, *trusts: str, added: str = "") -> tuple[Source, tuple[str, ...]]:
        return Source(signed_by, (f"{signed_by} root",), {added: [f"{added} root"]} if added else {}), trusts

    def move(self, source: Source, trusts: tuple[str, ...], others: list[Any], *, renew: bool = False) -> Move:
        nodes = {
            f"{letter}1": {"signed_by": other.signed_by, "trusts": list(trusted)}
            for letter, (other, trusted) in zip("bcd", others, strict=False)
        }
        return decide(source, trusts, self.NEW, nodes, renew=renew)

    def test_first_everybody_trusts_both(self) -> None:
        begin = self.node("old", "old root")
        assert self.move(*begin, [begin, begin]) == Widen("new")

    def test_then_everybody_is_signed_by_the_new_one(self) -> None:
        wide, begin = self.node("old", "old root", "new root", added="new"), self.node("old", "old root")
        assert self.move(*wide, [wide, begin]) == Keep("c1 must trust the new authority first.")
        assert self.move(*wide, [wide, wide]) == Sign("new")

    def test_then_everybody_trusts_the_new_one_alone(self) -> None:
        wide, signed = (
            self.node("old", "old root", "new root", added="new"),
            self.node("new", "old root", "new root"),
        )
        assert self.move(*signed, [wide, signed]) == Keep("b1 must be signed by the new authority first.")
        assert self.move(*signed, [signed, signed]) == Narrow()
        assert self.move(*self.node("new", "new root"), []) == Keep()

    def test_a_certificate_that_ends_meanwhile_is_renewed_by_the_old_one(self) -> None:
        wide, begin = self.node("old", "old root", "new root", added="new"), self.node("old", "old root")
        assert self.move(*wide, [begin], renew=True) == Sign("old")

    def test_what_is_left_of_an_earlier_change_is_not_taken_for_the_new_one(self) -> None:
        left_over = self.node("old", "older root", "old root")
        assert self.move(*left_over, [left_over]) == Widen("new")

    @pytest.mark.parametrize("seed", range(6))
    def test_a_whole_cluster_changes_and_nobody_is_ever_refused(self, tmp_path: Path, seed: int) -> None:
        fleet, chance = SimulatedFleet(tmp_path, prod_plan(databases=[], roles=[])), Random(seed)
        try:
            fleet.settle()
            for machine in fleet.machines.values():
                machine.pauses = lambda: chance.choice((0.0, 0.0, 0.5, 20.0))
            seen: list[tuple[set[str], ...]] = []

            def everybody_trusts_everybody() -> None:
                bundles = [split(machine.read(f"{LINK}/ca.crt") or "") for machine in fleet.machines.values()]
                trusted = [{fingerprint(one) for one in bundle} for bundle in bundles]
                signers = {fingerprint(authority(name).pem) for name in self._signers(fleet)}
                assert all(signers <= trusts for trusts in trusted)
                seen.append(tuple(trusted))

            fleet.watch = everybody_trusts_everybody
            fleet.ids = {"certificate_authority": OTHER}
            fleet.declare()
            fleet.settle(240)
            assert set(self._signers(fleet)) == {OTHER}
            assert all(trusts == {fingerprint(authority(OTHER).pem)} for trusts in seen[-1])
            # Servers forget an authority only when they start: each was restarted, in its turn.
            servers = [f"{server} {node}" for server in ("yb-master", "yb-tserver") for node in fleet.machines]
            assert sorted(fleet.stopped) == sorted(servers)
            assert fleet.universe.violations == []
        finally:
            fleet.clock.end()

    def _signers(self, fleet: SimulatedFleet) -> list[str]:
        return [
            json.loads(machine.read(f"{LINK}/source.json") or "")["signed_by"] for machine in fleet.machines.values()
        ]
