"""Let the cluster keep a copy of everything in each zone. YugabyteDB knows where its servers stand, and makes nothing
of it until it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ybfort.node.config import TSERVER, Config
from ybfort.node.database import Database, View
from ybfort.node.step import Context, Outcome, Result


def placement(context: Context) -> Outcome:
    """Bring the placement of copies to what is declared; the node whose master leads does it."""
    config, database = context.config, Database(context.system, context.config)
    view = database.leading()
    if view.leader != context.identity.node:
        return elsewhere(view)
    zones = sorted({node["zone"] for node in config.nodes})
    copies = config.cluster["replication_factor"]
    if len(zones) > copies:  # no zone has to have one
        return Outcome(Result.DONE, f"Any {copies} of {len(zones)} zones have a copy.")
    wanted = {_place(config, zone): 1 for zone in zones}
    if _placed(view.placement) == wanted and view.placement.get("num_replicas") == copies:
        return Outcome(Result.DONE, f"{copies} copies, one at least in {', '.join(zones)}.")
    database.admin("modify_placement_info", ",".join(wanted), str(copies))
    return Outcome(Result.CHANGED, f"{copies} copies are kept, one at least in {', '.join(zones)}.")


def elsewhere(view: View) -> Outcome:
    """How a step ends that concerns all nodes, on those that do not do it."""
    return Outcome(Result.DONE, f"{view.leader}, whose master leads, does this.")


def _place(config: Config, zone: str) -> str:
    flags = config.flags(TSERVER)
    return f"{flags['placement_cloud']}.{flags['placement_region']}.{zone}"


def _placed(placement: Mapping[str, Any]) -> dict[str, int]:
    blocks = placement.get("placement_blocks", [])
    return {".".join(_cloud_info(block["cloud_info"])): block["min_num_replicas"] for block in blocks}


def _cloud_info(told: Mapping[str, str]) -> tuple[str, str, str]:
    return told["placement_cloud"], told["placement_region"], told["placement_zone"]
