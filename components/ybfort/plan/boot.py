"""What a machine is told when it is made: a short script that knows who the node is and where its agent lies.

It never changes. AWS replaces or restarts a machine whose user data changes, and GCP runs its startup script at every
start; so what may change is in `cluster.json` and in the agent. Each cloud has a script of its own, `boot.sh`.
"""

import re
import shlex
from pathlib import Path

PATTERNS = {
    "cluster": r"[a-z][a-z0-9-]{0,62}",
    "node": r"[a-z][1-9]\d?",
    "region": r"[a-z]+(?:-[a-z]+)+-?\d{1,2}",
    "account": r"[a-z0-9][a-z0-9-]{4,28}[a-z0-9]",
    "bucket": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
}


def boot_script(template: Path, *, cluster: str, node: str, region: str, account: str, bucket: str) -> str:
    """The script for one node.

    :raises ValueError: if a value is not what its name says; a value that passes means nothing to a shell
    """
    script = template.read_text(encoding="utf-8")
    values = {"cluster": cluster, "node": node, "region": region, "account": account, "bucket": bucket}
    for name, value in values.items():
        if not re.fullmatch(PATTERNS[name], value, re.ASCII):
            raise ValueError(f"{name} {value!r} cannot be in a boot script. Write one that matches {PATTERNS[name]}.")
        script = script.replace(f"@{name}@", shlex.quote(value))
    return script
