"""The machine's journal: what the cloud's log has not got yet of the agent's lines and the database's."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ybfort.node.config import MASTER, STATE, TSERVER
from ybfort.node.step import Context
from ybfort.node.system import System

# The logs of the cluster, and the units whose lines go there.
UNITS = {"node": ("ybfort-converge", "ybfort-boot"), "database": (MASTER, TSERVER)}
CHATTER = re.compile(r"I\d{4} ")  # YugabyteDB's own small talk (glog: INFO); it stays in the journal

# CloudWatch Logs, PutLogEvents: a batch has 10,000 lines, 1 MiB with 26 bytes a line, and spans 24 hours at most.
MOST_LINES, MOST_BYTES, LINE_BYTES, SPAN_MS = 10_000, 1_000_000, 26, 23 * 3_600_000
LONGEST_LINE = 100_000  # characters
MOST_BATCHES = 10  # in a run; what is left goes with the next


@dataclass
class Batch:
    """Lines that go to the cloud together."""

    events: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Milliseconds since 1970, and the line."""
    size: int = 0  # bytes
    earliest: int = 0  # of the events; a clock that was set back makes this another than the first
    latest: int = 0
    cursor: str = ""  # of the last line that was looked at, whether it goes or not
    more: bool = False  # there are others that did not fit

    def fits(self, at: int, line: str) -> bool:
        """Whether there is room for one more."""
        if not self.events:
            return True
        small = len(self.events) < MOST_LINES and self.size + _size(line) <= MOST_BYTES
        times = [at, self.earliest, self.latest]
        return small and max(times) - min(times) <= SPAN_MS

    def add(self, at: int, line: str) -> None:
        self.events.append((at, line))
        self.size += _size(line)
        self.earliest, self.latest = min(self.earliest or at, at), max(self.latest, at)


def ship(context: Context) -> int:
    """Send what is new, and remember how far that was; says how many lines.

    :raises Failure: if the cloud does not take it; it is sent again then
    """
    sent = 0
    for part, units in UNITS.items():
        for _ in range(MOST_BATCHES):
            batch = _next(context.system, _file(part), units)
            if batch.events:
                context.cloud.put_log(context.config.cluster["logs"][part], context.identity.node, batch.events)
                sent += len(batch.events)
            if batch.cursor:
                context.system.write(_file(part), batch.cursor.encode(), 0o600)
            if not batch.more:
                break
    return sent


def _next(system: System, kept: str, units: tuple[str, ...]) -> Batch:
    """The lines after the last that was sent, as many as go together."""
    cursor, batch = system.read(kept), Batch()
    begin = f"--after-cursor={cursor}" if cursor else "--boot"
    named = [f"--unit={unit}.service" for unit in units]
    journal = system.lines("journalctl", "--output=json", "--no-pager", "--quiet", begin, *named)
    with contextlib.closing(journal):
        for text in journal:
            entry = json.loads(text)
            at, message = int(entry["__REALTIME_TIMESTAMP"]) // 1000, _message(entry)
            line = f"{entry.get('SYSLOG_IDENTIFIER', '-')}: {message}"
            if not batch.fits(at, line):
                batch.more = True
                break
            batch.cursor = entry["__CURSOR"]
            if not CHATTER.match(message):
                batch.add(at, line)
    return batch


def _message(entry: Mapping[str, Any]) -> str:
    """The journal has a list of bytes where a line is not UTF-8, and nothing where it is too long for it."""
    message = entry.get("MESSAGE") or "-"
    text = message if isinstance(message, str) else bytes(message).decode("utf-8", "replace")
    return text[:LONGEST_LINE]


def _size(line: str) -> int:
    return len(line.encode()) + LINE_BYTES


def _file(part: str) -> str:
    return f"{STATE}/journal-{part}"
