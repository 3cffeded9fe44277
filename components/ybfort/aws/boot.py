"""The user data of a node: a short script that knows who the node is and where its agent lies. It never changes.

AWS replaces or restarts a machine whose user data changes; so what may change is in `cluster.json` and in the agent.
"""

import re
import shlex
from pathlib import Path

TEMPLATE = Path(__file__).with_name("boot.sh")
PATTERNS = {
    "cluster": r"[a-z][a-z0-9-]{0,62}",
    "node": r"[a-z][1-9]\d?",
    "region": r"[a-z]{2}(?:-[a-z]+)+-\d",
    "account": r"\d{12}",
    "bucket": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
}


def boot_script(*, cluster: str, node: str, region: str, account: str, bucket: str) -> str:
    """The script for one node.

    :raises ValueError: if a value is not what its name says; a value that passes means nothing to a shell
    """
    script = TEMPLATE.read_text(encoding="utf-8")
    values = {"cluster": cluster, "node": node, "region": region, "account": account, "bucket": bucket}
    for name, value in values.items():
        if not re.fullmatch(PATTERNS[name], value, re.ASCII):
            raise ValueError(f"{name} {value!r} cannot be in a boot script. Write one that matches {PATTERNS[name]}.")
        script = script.replace(f"@{name}@", shlex.quote(value))
    return script
