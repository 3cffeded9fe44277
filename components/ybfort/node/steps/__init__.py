"""The steps of a run, a file each; `ORDER` is the order in which they are taken."""

from __future__ import annotations

from ybfort.node.step import Step
from ybfort.node.steps.agent import agent
from ybfort.node.steps.certificates import certificates
from ybfort.node.steps.config import config
from ybfort.node.steps.disk import disk
from ybfort.node.steps.finalization import finalization
from ybfort.node.steps.health import health
from ybfort.node.steps.operating_system import operating_system
from ybfort.node.steps.placement import placement
from ybfort.node.steps.release import release
from ybfort.node.steps.report import report
from ybfort.node.steps.roles import roles
from ybfort.node.steps.servers import servers
from ybfort.node.steps.ycql import ycql

ORDER: dict[str, Step] = {
    "config": config,
    "agent": agent,
    "disk": disk,
    "system": operating_system,
    "release": release,
    "certificates": certificates,
    "servers": servers,
    "placement": placement,
    "ycql": ycql,
    "roles": roles,
    "finalization": finalization,
}
LAST: dict[str, Step] = {"health": health, "report": report}  # also when one of the others failed
