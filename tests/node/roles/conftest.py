"""One server for all tests of a process, and a node for each test, unless it leaves things as it found them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from node.roles.ysql import API, OWNER, WEEKLY, Node, Server, Store
from ybfort.sandbox.nodes.postgres import programs

NUMBERS = count()
NEW_NAMES = r"""
SELECT format('ALTER ROLE %I NOLOGIN PASSWORD NULL VALID UNTIL ''infinity''', rolname),
  format('COMMENT ON ROLE %I IS NULL', rolname) FROM pg_roles WHERE rolname ~ '_login_[ab]$' \gexec
"""


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if programs() is None:
        pytest.skip("cannot run here: there is no PostgreSQL 15 on this machine")
    # A short name, since those of sockets must be; and nobody, who runs PostgreSQL for root, can look into it.
    folder = Path(tempfile.mkdtemp(prefix="ybfort-"))
    folder.chmod(0o755)
    server = Server(folder)
    yield server
    server.postgres.stop()
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here has to outlive a power cut."""
    monkeypatch.setattr(os, "fsync", id)


@pytest.fixture
def node(server: Server) -> Node:
    """A new node with a new database."""
    server.kept = None
    return _new(server)


@pytest.fixture
def settled(server: Server) -> Node:
    """A node whose database is as declared, for tests that leave it like that."""
    return _kept(server, "settled")


@pytest.fixture
def weekly(server: Server) -> Node:
    """One role that logs in, with a password a week; its names are as new, for tests that change nothing but those."""
    node = _kept(server, "weekly", roles=[OWNER, API], passwords=WEEKLY)
    server.sql(NEW_NAMES)
    node.secrets = Store(node.machine)
    node.machine.ahead, node.machine.meanwhile = 0, str
    node.declare(roles=[OWNER, API], passwords=WEEKLY)
    node.run()
    return node


def _kept(server: Server, name: str, **declared: Any) -> Node:
    """The same node in one test after the other: to make a database takes longer than anything else here."""
    if server.kept is None or server.kept[0] != name:
        node = _new(server)
        node.declare(**declared)
        node.run()
        server.kept = (name, node)
    return server.kept[1]


def _new(server: Server) -> Node:
    server.kept = None
    server.reset()
    node = Node(server.folder / f"node-{next(NUMBERS)}", server)
    node.declare()
    return node
