"""A run may be killed between any two things that it does, and the next one goes on: nobody is ever refused."""

from typing import Any

import pytest

from node.roles.ysql import API, OWNER, REPORT, Node
from ybfort.node.roles.passwords import DAY, HOUR
from ybfort.node.step import Result

STATE = """
SELECT rolname, rolcanlogin, rolpassword IS NOT NULL, rolconnlimit, rolcreatedb, rolvaliduntil = 'infinity',
  shobj_description(oid, 'pg_authid') IS NOT NULL FROM pg_authid WHERE rolname !~ '^pg_';
SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members WHERE roleid::regrole::text !~ '^pg_';
SELECT setrole::regrole, setdatabase <> 0, setconfig FROM pg_db_role_setting;
SELECT datname, datdba::regrole, datacl::text FROM pg_database;
"""
INSIDE = """
SELECT defaclrole::regrole, defaclobjtype, defaclacl::text FROM pg_default_acl;
SELECT nspname, nspowner::regrole, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_';
SELECT extname FROM pg_extension;
"""


def state(node: Node) -> list[str]:
    """All that a run has to do with, but for passwords and times."""
    return sorted([*node.server.sql(STATE).splitlines(), *node.server.sql(INSIDE, "orders").splitlines()])


def run_killed_again_and_again(node: Node) -> int:
    """Runs that have no more than one effect each, or as few as it takes to get on; how many of them were killed."""
    deaths, effects, last = 0, 1, ""
    while node.run_until(effects):
        deaths += 1
        assert deaths < 200, "it does not get on"
        effects, last = effects + (last == _last(node)), _last(node)
    return deaths


def _last(node: Node) -> str:
    """How far a run has come: its last change, without the verifier in it."""
    return node.changes[-1].partition("'")[0] if node.changes else ""


def test_a_first_run_that_is_killed_everywhere_ends_like_one_that_was_not(node: Node) -> None:
    node.run()
    whole, effects = state(node), len(node.changes)
    node.server.reset()
    node.secrets.values.clear()
    assert run_killed_again_and_again(node) >= effects
    assert node.run().result is Result.DONE
    assert state(node) == whole
    for each in ("orders_api", "orders_report", "orders_migrations"):
        assert node.works(node.secret(each))


@pytest.mark.parametrize(
    ("roles", "overlap", "points"),
    [([API, REPORT], 24, 8), ([API], 0, 5)],
    ids=["two roles with an overlap", "one role without"],
)
def test_a_change_of_passwords_that_is_killed_anywhere_refuses_nobody(
    node: Node, roles: list[dict[str, Any]], overlap: int, points: int
) -> None:
    names = [each["name"] for each in roles]
    node.declare(roles=[OWNER, *roles], passwords={"rotation_days": 7, "overlap_hours": overlap})
    node.run()
    for moment in range(points + 1):
        before = {name: node.secret(name) for name in names}
        node.machine.ahead += 7 * DAY
        assert node.run_until(moment) == (moment < points)
        for name in names:
            assert node.works(node.secret(name)), f"killed at {moment}"
            if overlap:
                assert node.works(before[name]), f"killed at {moment}"
        node.run()
        for name in names:
            assert node.secret(name) != before[name], f"killed at {moment}"
            assert node.works(node.secret(name)), f"killed at {moment}"
            assert node.works(before[name]) == bool(overlap), f"killed at {moment}"
        node.machine.ahead += overlap * HOUR
        node.run()
        assert node.run().result is Result.DONE


def test_an_end_that_is_killed_anywhere_is_made_up_for(node: Node) -> None:
    node.declare(roles=[OWNER, API], passwords={"rotation_days": 7, "overlap_hours": 24})
    node.run()
    node.machine.ahead += 7 * DAY
    before = node.secret("orders_api")
    node.run()
    node.machine.ahead += 25 * HOUR
    assert run_killed_again_and_again(node) == 1
    assert node.run().result is Result.DONE
    assert not node.works(before)
    assert node.works(node.secret("orders_api"))


@pytest.mark.parametrize("spoil", ["ALTER ROLE {} PASSWORD 'known'", "ALTER ROLE {} NOLOGIN"])
def test_mending_that_is_killed_anywhere_is_made_up_for(node: Node, spoil: str) -> None:
    node.declare(roles=[OWNER, API])
    node.run()
    held = node.secret("orders_api")
    node.server.sql(spoil.format(held.username))
    assert run_killed_again_and_again(node) == 2
    assert node.run().result is Result.DONE
    assert node.secret("orders_api") == held
    assert node.works(held)
