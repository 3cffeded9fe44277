"""The life of a production cluster: what `make demo` shows. The Pulumi engine and the nodes' agent are real, AWS and
the database simulated; for its SQL a real PostgreSQL 15 stands in.

Everything happens in build/demo, on copies; the stack files of the project stay as they are.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from ybfort.sandbox.launch import Sandbox
from ybfort.sandbox.nodes import postgres
from ybfort.sandbox.nodes.fleet import Fleet

PROJECT = Path(__file__).parents[1]
DEMO = PROJECT / "build" / "demo"
STACK = "aws-prod"
FILE = DEMO / "stacks" / f"Pulumi.{STACK}.yaml"
MACHINE, LARGER_MACHINE = "m7i.4xlarge", "m7i.8xlarge"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # how the engine writes a text that nobody knows yet


def main() -> None:
    """Every act in turn; the first that does not go as it should ends the demo with exit code 1."""
    begun = perf_counter()
    say("A production YugabyteDB cluster. Pulumi's engine, plans and state are real, and so is the agent on the nodes;")
    say("AWS and the database's servers are simulated.")
    sandbox = prepare()
    preview(sandbox)
    create(sandbox)
    nothing_to_do(sandbox)
    roll(sandbox)
    refuse_to_destroy(sandbox)
    boot_the_nodes(sandbox)
    where_to_look()
    say(f"\nDone in {perf_counter() - begun:.0f} s. Nothing real was touched.")


def prepare() -> Sandbox:
    """A project of its own, with the stacks of this one."""
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    shutil.copy(PROJECT / "Pulumi.yaml", DEMO)
    shutil.copytree(PROJECT / "stacks", DEMO / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
    (DEMO / ".venv").symlink_to(PROJECT / ".venv")  # the environment that Pulumi.yaml names
    sandbox = Sandbox(DEMO, DEMO / ".sandbox")
    sandbox.prepare()
    return sandbox


def preview(sandbox: Sandbox) -> None:
    """What a reviewer sees before anything exists."""
    act(1, f"Preview {STACK}", "what a reviewer reads before anything exists")
    steps = changes(sandbox)
    parts = Counter(part(step["urn"]) for step in steps)
    for name, count in sorted(parts.items()):
        say(f"   {name:<13}{count:>4} {'resource' if count == 1 else 'resources'}")
    say(f"   {'all':<13}{len(steps):>4} to create\n")
    written = documents(steps)
    hidden = sum(UNKNOWN in text for text in written)
    say(
        f"   {len(written)} policies, scripts and configurations, {len(written) - hidden} of them readable text already"
    )
    say(f"   ({hidden} hold ids that only the cloud can make). One tells the nodes who may log in, and from where:\n")
    config = next(text for text in written if '"ysql_hba_conf_csv"' in text)
    for line in json.loads(config)["flags"]["yb-tserver"]["ysql_hba_conf_csv"].split(","):
        say(f"      {line}")


def create(sandbox: Sandbox) -> None:
    """The cluster."""
    act(2, "Create it", "pulumi up")
    total = len(changes(sandbox))
    done = 0
    for line in up(sandbox):
        if " created " in line:
            done += 1
            progress(f"{done} of {total} resources created", milestone=done == total or done % 50 == 0)
    say("")
    outputs = json.loads(pulumi(sandbox, "stack", "output", "-s", STACK, "--json").stdout)
    say(f"   clients connect to {outputs['endpoint']['host']}:{outputs['endpoint']['ports']['ysql']} and verify it")
    for name, node in sorted(outputs["nodes"].items()):
        say(f"   node {name}: {node['host']}, {node['address']}")
    say(f"   passwords will be in {len(outputs['secrets'])} secrets; none is in Pulumi's state")


def nothing_to_do(sandbox: Sandbox) -> None:
    """A program that changes by itself would be found here."""
    act(3, "Preview again", "an unchanged program changes nothing")
    expect(not changes(sandbox), "the second preview wants to change something")
    say("   0 changes")


def roll(sandbox: Sandbox) -> None:
    """A change to every node."""
    act(4, f"Change the machine type, {MACHINE} to {LARGER_MACHINE}", "node by node")
    FILE.write_text(FILE.read_text().replace(MACHINE, LARGER_MACHINE))
    sandbox.prepare()
    before = len(operations(sandbox))
    for line in up(sandbox):
        if "ec2:Instance" in line:
            say(f"   {' '.join(line.split())}")
    touched = {line.split()[1] for line in operations(sandbox)[before:]}
    expect(touched == {"ec2.Instance"}, f"more was touched than machines: {touched}")
    say("   Volumes and addresses were not touched.")


def refuse_to_destroy(sandbox: Sandbox) -> None:
    """The mistake that nobody wants to make, in its worst form: nobody even looks at a preview."""
    act(5, "Destroy it without a preview", "refused, because data is protected")
    before = len(operations(sandbox))
    attempt = pulumi(sandbox, "destroy", "-s", STACK, "--yes", "--skip-preview", "--non-interactive", check=False)
    expect(attempt.returncode != 0 and len(operations(sandbox)) == before, "something was deleted")
    said = (attempt.stdout + attempt.stderr).splitlines()
    refusal = next(line.partition("error: ")[2] for line in said if "cannot be deleted" in line)
    name = re.sub("urn:[^ ]*::", "", refusal)
    say(f"   error: {name} because it is protected")
    say("   nothing was deleted")
    kept = Counter(part(one["urn"]) for one in resources(sandbox) if one.get("protect"))
    say(f"   protected: {', '.join(f'{count} in {name}' for name, count in sorted(kept.items()))}")
    say("   To let go of a part, name it under `protection` in the stack file and have that reviewed.")


def boot_the_nodes(sandbox: Sandbox) -> None:
    """What happens on the machines, with the documents and the agent that Pulumi stored for them."""
    act(6, "Boot its nodes", "the agent is real, on three machines that are folders here")
    if postgres.programs() is None or sys.platform != "linux":
        say("   not shown: this needs Linux and PostgreSQL 15 (packages postgresql-15 or postgresql15-server)")
        return
    stored = {one["outputs"]["key"]: one["outputs"] for one in resources(sandbox) if "BucketObjectv2" in one["type"]}
    cluster = json.loads(stored["config/cluster.json"]["content"])
    ids = {node["name"]: json.loads(stored[f"config/ids/{node['name']}.json"]["content"]) for node in cluster["nodes"]}
    agent = base64.b64decode(stored[cluster["agent"]["key"]]["contentBase64"])
    # A short name for sockets, and a folder that the user who runs PostgreSQL can look into.
    with tempfile.TemporaryDirectory(prefix="ybfort-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        fleet = Fleet(Path(folder), cluster, ids, agent)
        try:
            lines = fleet.run()["a1"].stdout.splitlines()
            fleet.settle()
            say("   What a1 wrote into its journal, from a blank disk on:\n")
            for line in lines:
                say(f"      {line[:110]}{'…' * (len(line) > 110)}")
            use_the_database(fleet)
            expect(not fleet.violations(), f"what must never happen did: {fleet.violations()}")
        finally:
            fleet.end()


def use_the_database(fleet: Fleet) -> None:
    """As an application does, and as an attacker might."""
    role = next(one for one in fleet.cluster["roles"] if one["name"].endswith("_app"))
    secret = json.loads(fleet.cloud.secret(role["secret"])[-1])
    say(f"\n   {role['secret']} has a password that only its readers get:")
    shown = {**secret, "password": f"{secret['password'][:3]}… ({len(secret['password'])} characters)"}
    say(f"      {json.dumps(shown, ensure_ascii=False)}\n")
    for sslmode, means in (("verify-full", "over TLS, the server verified"), ("disable", "in plain text")):
        done = log_in(fleet, secret, sslmode)
        answer = done.stdout.strip() or done.stderr.strip().splitlines()[-1].rpartition("FATAL: ")[2].strip()
        say(f"   a login {means}: {answer}")
        expect((done.returncode == 0) == (sslmode == "verify-full"), done.stdout + done.stderr)
    undeclared = sum(len(fleet.status(node)["undeclared"]) for node in fleet.nodes)
    say(f"   {len(fleet.cluster['roles'])} roles are as declared; undeclared things in the database: {undeclared}")
    say("   no password or key was in an argument, a log, a status or a bucket")


def log_in(fleet: Fleet, secret: dict[str, Any], sslmode: str) -> subprocess.CompletedProcess[str]:
    """One statement by psql, through the endpoint's name."""
    authority = fleet.cloud.authority(next(iter(fleet.ids.values()))["certificate_authority"]) / "ca.crt"
    where = f"host={secret['host']} hostaddr={fleet.ysql()} port={secret['port']} dbname={secret['dbname']}"
    who = f"user={secret['username']} sslmode={sslmode} sslrootcert={authority}"
    ask = "SELECT format('%s, as %s', session_user, current_user)"
    return subprocess.run(
        [f"{postgres.programs()}/psql", "-XAtc", ask, f"{where} {who}"],
        env={"PGPASSWORD": secret["password"], "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


def where_to_look() -> None:
    """What a newcomer does next."""
    say("\nNext")
    say('   source .venv/bin/activate; export PATH="$(python tools/pulumi_cli.py):$PATH"     then:')
    say("   ybfort plan aws-prod                       all of it as text: addresses, traffic, logins, flags, roles")
    say("   ybfort sandbox -- pulumi up -s aws-dev     a cluster of your own in the simulation")
    say("   stacks/Pulumi.aws-prod.yaml                the stack file that asked for all this")
    say("   README.md                                  a first real deployment, what it costs, what is not proven")


def changes(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The steps of a preview that do something."""
    digest = json.loads(pulumi(sandbox, "preview", "-s", STACK, "--json", "--non-interactive").stdout)
    return [step for step in digest["steps"] if step["op"] != "same"]


def up(sandbox: Sandbox) -> Iterator[str]:
    """The engine's lines as it works."""
    command = ["pulumi", "up", "-s", STACK, "--yes", "--skip-preview", "--non-interactive", "--color", "never"]
    environment = sandbox.environment()
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=sandbox.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            yield line
    expect(process.returncode == 0, "".join(lines[-40:]))


def pulumi(sandbox: Sandbox, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One command of the engine, to its end."""
    done = subprocess.run(
        ["pulumi", *arguments],
        cwd=sandbox.folder,
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    expect(not check or done.returncode == 0, done.stdout + done.stderr)
    return done


def resources(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What the engine's state holds."""
    return json.loads(pulumi(sandbox, "stack", "export", "-s", STACK).stdout)["deployment"]["resources"]


def operations(sandbox: Sandbox) -> list[str]:
    """What the simulated AWS was asked to do, in order: `update Instance orders-prod-a1`."""
    return (sandbox.world / "log").read_text().splitlines()


def part(urn: str) -> str:
    """The part of the cluster that a resource belongs to, by its component."""
    types = urn.split("::")[2].split("$")
    ours = [type_.rpartition(":")[2].lower() for type_ in types if type_.startswith("ybfort:aws:")]
    return ours[1] if len(ours) > 1 else "stack"


def documents(steps: list[dict[str, Any]]) -> list[str]:
    """What the resources say in texts of their own: policies, scripts, configurations."""
    keys = ("assumeRolePolicy", "content", "policy", "userData")
    inputs = [step["newState"].get("inputs", {}) for step in steps]
    return [one[key] for one in inputs for key in keys if key in one]


def act(number: int, what: str, why: str) -> None:
    say(f"\n{number}  {what}: {why}\n")


def say(text: str) -> None:
    print(text, flush=True)


def progress(text: str, *, milestone: bool) -> None:
    """One line that moves on a terminal, and lines now and then elsewhere."""
    if sys.stdout.isatty():
        print(f"\r   {text}", end="", flush=True)
    elif milestone:
        say(f"   {text}")


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"\nThe demo did not go as it should: {otherwise}")


if __name__ == "__main__":
    main()
