"""Passwords change by themselves and on demand, and nobody is refused who still has the one before."""

import json

import pytest

from node.roles.ysql import ADMIN, API, BUSY, OWNER, ROLES, WEEKLY, Node, role
from ybfort.node.roles.passwords import DAY, HOUR
from ybfort.node.roles.renewal import Secret
from ybfort.node.step import Outcome, Result
from ybfort.node.steps.roles import LOCK, roles
from ybfort.node.system import Failure

SECRET = "ybfort/orders-prod/roles/orders_api"


def leak(node: Node, **passwords: int) -> None:
    """Somebody asks for another password."""
    generation = {**API, "password_generation": 2}
    node.declare(roles=[OWNER, generation], passwords={**WEEKLY, **passwords})


def test_a_password_is_the_current_one_for_as_long_as_declared(weekly: Node) -> None:
    first = weekly.secret("orders_api")
    weekly.machine.ahead += 7 * DAY - HOUR
    assert weekly.run().result is Result.DONE
    assert weekly.secret("orders_api") == first
    weekly.machine.ahead += HOUR
    outcome = weekly.run()
    assert (outcome.result, outcome.message) == (Result.CHANGED, "passwords renewed: 1.")
    second = weekly.secret("orders_api")
    assert (first.username, second.username) == ("orders_api_login_a", "orders_api_login_b")
    assert first.password != second.password
    assert weekly.works(second)


def test_the_one_before_works_until_its_time_has_ended(weekly: Node) -> None:
    first = weekly.secret("orders_api")
    leak(weekly)
    weekly.run()
    assert weekly.works(first)
    weekly.machine.ahead += 23 * HOUR
    assert weekly.run().result is Result.DONE
    assert weekly.works(first)
    weekly.machine.ahead += 2 * HOUR
    outcome = weekly.run()
    assert (outcome.result, outcome.message) == (Result.CHANGED, "old names closed: 1.")
    assert not weekly.works(first)
    assert weekly.works(weekly.secret("orders_api"))
    assert weekly.run().result is Result.DONE


def test_the_database_itself_ends_that_time(node: Node) -> None:
    """For the agent it is two hours earlier, so the time has ended for the database alone, and without another run."""
    node.declare(roles=[OWNER, API], passwords=WEEKLY)
    node.machine.ahead = -2 * HOUR
    node.run()
    first = node.secret("orders_api")
    leak(node, overlap_hours=1)
    node.run()
    assert not node.works(first)
    assert node.works(node.secret("orders_api"))
    state = "SELECT rolcanlogin, rolvaliduntil < now() FROM pg_authid WHERE rolname = 'orders_api_login_a'"
    assert node.server.sql(state) == "t|t"
    leak(node, overlap_hours=3)
    node.run()
    assert node.works(first)


def test_no_overlap_cuts_it_off_in_the_same_run(weekly: Node) -> None:
    first = weekly.secret("orders_api")
    leak(weekly, overlap_hours=0)
    weekly.run()
    assert not weekly.works(first)
    assert weekly.works(weekly.secret("orders_api"))


def test_a_name_that_somebody_closed_meanwhile_loses_its_password_too(weekly: Node) -> None:
    leak(weekly)
    weekly.run()
    weekly.server.sql("ALTER ROLE orders_api_login_a NOLOGIN")
    weekly.machine.ahead += 25 * HOUR
    weekly.run()
    assert weekly.server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'orders_api_login_a'") == ""


def test_names_take_turns(weekly: Node) -> None:
    used: list[str] = []
    for _ in range(4):
        weekly.machine.ahead += 7 * DAY
        weekly.run()
        used.append(weekly.secret("orders_api").username[-1])
        assert weekly.works(weekly.secret("orders_api"))
    assert used == ["b", "a", "b", "a"]


def test_a_password_that_is_asked_for_waits_for_a_name_and_says_so(weekly: Node) -> None:
    weekly.machine.ahead += 7 * DAY
    weekly.run()
    second = weekly.secret("orders_api")
    leak(weekly)
    outcome = weekly.run()
    told = "orders_api gets the password that was asked for when the time of orders_api_login_a has ended"
    assert (outcome.result, outcome.message) == (Result.CHANGED, f"{told}.")
    assert weekly.secret("orders_api") == second
    weekly.machine.ahead += 25 * HOUR
    weekly.run()
    assert weekly.secret("orders_api").username == "orders_api_login_a"
    assert weekly.works(second)


def test_a_password_that_is_asked_for_at_once_comes_at_once(weekly: Node) -> None:
    weekly.machine.ahead += 7 * DAY
    weekly.run()
    second = weekly.secret("orders_api")
    leak(weekly, overlap_hours=0)
    weekly.run()
    assert weekly.secret("orders_api").username == "orders_api_login_a"
    assert not weekly.works(second)
    assert weekly.works(weekly.secret("orders_api"))


def test_a_clock_that_was_set_back_confuses_nobody(weekly: Node) -> None:
    leak(weekly, overlap_hours=0)
    weekly.machine.ahead = 300 * DAY
    weekly.run()
    weekly.declare(roles=[OWNER, {**API, "password_generation": 3}], passwords=WEEKLY)
    weekly.machine.ahead = 0
    weekly.run()
    assert weekly.secret("orders_api").username == "orders_api_login_a"
    assert weekly.works(weekly.secret("orders_api"))
    outcome = weekly.run()
    assert (outcome.result, outcome.message) == (Result.DONE, "Roles are as declared.")


# ---------------------------------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    "spoil",
    [
        "ALTER ROLE {} PASSWORD 'known'",
        "ALTER ROLE {} PASSWORD NULL",
        "ALTER ROLE {} NOLOGIN",
        "ALTER ROLE {} VALID UNTIL '2020-01-01'",
    ],
)
def test_the_secret_opens_the_database_again_whatever_was_done_to_the_name(weekly: Node, spoil: str) -> None:
    held = weekly.secret("orders_api")
    weekly.server.sql(spoil.format(held.username))
    assert not weekly.works(held)
    weekly.run()
    assert weekly.secret("orders_api") == held
    assert weekly.works(held)
    assert not weekly.works(Secret(held.username, "known"))
    assert weekly.run().result is Result.DONE


def test_an_application_cannot_keep_a_password_of_its_own(weekly: Node) -> None:
    held = weekly.secret("orders_api")
    told = weekly.client("orders_api", "orders", "RESET ROLE; ALTER ROLE CURRENT_USER PASSWORD 'known'")
    assert told.returncode == 0, told.stderr
    weekly.run()
    assert not weekly.works(Secret(held.username, "known"))
    assert weekly.works(held)


def test_a_spoilt_name_whose_secret_is_lost_gets_a_new_password(weekly: Node) -> None:
    held = weekly.secret("orders_api")
    weekly.server.sql(f"ALTER ROLE {held.username} PASSWORD 'known'")
    weekly.secrets.values[SECRET].append("nothing of ours")
    weekly.run()
    assert weekly.works(weekly.secret("orders_api"))


def test_a_spoilt_name_waits_if_there_is_nothing_to_mend_it_with(weekly: Node) -> None:
    weekly.machine.ahead += 7 * DAY
    weekly.run()
    weekly.server.sql("ALTER ROLE orders_api_login_b PASSWORD 'known'")
    weekly.secrets.values[SECRET].append("nothing of ours")
    with pytest.raises(Failure, match="orders_api gets a new one when the time of orders_api_login_a has ended"):
        weekly.run()
    weekly.machine.ahead += 25 * HOUR
    weekly.run()
    assert weekly.works(weekly.secret("orders_api"))


def test_somebody_else_s_pair_in_the_secret_does_not_become_the_role_s(node: Node) -> None:
    node.declare(roles=[OWNER, API], passwords=WEEKLY)
    node.run()
    node.server.sql("CREATE ROLE bob LOGIN PASSWORD 'known'")
    node.secrets.values[SECRET].append(json.dumps({"username": "bob", "password": "known"}))
    node.machine.ahead += 7 * DAY
    node.run()
    assert node.secret("orders_api").username == "orders_api_login_b"
    assert node.works(node.secret("orders_api"))


@pytest.mark.parametrize("comment", ["NULL", "'ybfort: in use since yesterday'"])
def test_a_lost_mark_is_made_again_from_the_secret(weekly: Node, comment: str) -> None:
    weekly.machine.ahead += 7 * DAY
    weekly.run()
    held = weekly.secret("orders_api")
    for name in ("orders_api_login_a", "orders_api_login_b"):
        weekly.server.sql(f"COMMENT ON ROLE {name} IS {comment}")
    weekly.run()
    assert weekly.secret("orders_api") == held
    assert weekly.works(held)


def test_a_name_that_was_opened_by_hand_is_soon_closed_again(weekly: Node) -> None:
    weekly.server.sql("ALTER ROLE orders_api_login_b LOGIN PASSWORD 'known'")
    weekly.run()
    assert not weekly.works(Secret("orders_api_login_b", "known"))
    assert weekly.works(weekly.secret("orders_api"))


# --------------------------------------------------------------------------------------------------- roles come and go


def test_a_role_that_is_no_longer_declared_logs_in_no_more_and_keeps_what_is_its(node: Node) -> None:
    node.declare()
    node.run()
    held, database = node.secret("alice"), "CREATE DATABASE hers"
    assert node.client("alice", "yugabyte", database).returncode == 0
    node.declare(roles=[each for each in ROLES if each is not ADMIN])
    assert node.run().result is Result.INCOMPLETE
    assert not node.works(held, "yugabyte")
    assert node.server.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hers'") == "alice"
    assert "role alice is not declared" in node.undeclared
    node.run()
    assert node.changes == []


@pytest.mark.parametrize("moment", [1, 2], ids=["the database knew it", "the secret had it"])
def test_a_name_that_was_begun_with_logs_in_no_more_either(weekly: Node, moment: int) -> None:
    """The run that gave it a password was killed, and then nobody declared the role any more."""
    weekly.machine.ahead += 7 * DAY
    assert weekly.run_until(moment)
    weekly.declare(roles=[OWNER])
    weekly.run()
    opened = "SELECT rolname FROM pg_authid WHERE rolname ~ '_login_' AND (rolcanlogin OR rolpassword IS NOT NULL)"
    assert weekly.server.sql(opened) == ""
    weekly.run()
    assert weekly.changes == []


def test_a_role_that_comes_back_gets_a_new_password(weekly: Node) -> None:
    held = weekly.secret("orders_api")
    weekly.declare(roles=[OWNER])
    weekly.run()
    weekly.declare(roles=[OWNER, API])
    weekly.run()
    assert not weekly.works(held)
    assert weekly.works(weekly.secret("orders_api"))


# ------------------------------------------------------------------------------------------------------- secrets fail


def test_a_secret_that_cannot_be_written_stops_no_other_role(node: Node) -> None:
    node.declare()
    node.run()
    before = {name: node.secret(name) for name in ("orders_api", "alice")}
    node.machine.ahead += 31 * DAY
    node.secrets.failing = {SECRET}
    with pytest.raises(Failure, match=f"^secret {SECRET}: access denied.$"):
        node.run()
    assert node.secret("orders_api") == before["orders_api"]
    assert node.works(before["orders_api"])
    assert node.secret("alice") != before["alice"]
    assert node.works(node.secret("alice"), "yugabyte")
    node.secrets.failing = set()
    node.run()
    assert node.works(node.secret("orders_api"))
    assert node.secret("orders_api") != before["orders_api"]


def test_a_store_that_does_not_answer_is_not_asked_for_every_role(node: Node) -> None:
    many = [role(f"clerk_{number}", "orders read_only") for number in range(90)]
    node.declare(roles=[OWNER, API, *many])
    node.secrets.failing = {f"ybfort/orders-prod/roles/clerk_{number}" for number in range(90)}
    node.secrets.asked.clear()
    with pytest.raises(Failure, match=r"and 35 more$"):
        node.run()
    assert len(node.secrets.asked) == 40


def test_an_answer_that_gets_lost_loses_no_password(weekly: Node) -> None:
    """The store has taken the value, and its answer does not come."""
    weekly.machine.ahead += 7 * DAY
    weekly.secrets.lost = True
    with pytest.raises(Failure, match="no answer"):
        weekly.run()
    ahead = weekly.secret("orders_api")
    assert weekly.works(ahead)
    weekly.secrets.lost = False
    weekly.run()
    assert weekly.secret("orders_api") == ahead
    assert weekly.works(ahead)


# --------------------------------------------------------------------------------------------------- two agents at once


def test_of_two_agents_one_works(weekly: Node) -> None:
    beside, seen = Node.beside(weekly), list[Outcome]()

    def other(statement: str) -> None:
        if statement.startswith("ALTER ROLE") and not seen:
            seen.append(roles(beside.begin()))

    weekly.machine.ahead += 7 * DAY
    weekly.machine.meanwhile = other
    assert weekly.run().result is Result.CHANGED
    assert seen == [BUSY]
    assert beside.changes == []
    assert weekly.works(weekly.secret("orders_api"))


def test_nobody_else_can_hold_the_lock(node: Node) -> None:
    """A lock counts in the database in which it is taken; the agent's is one that no client gets into."""
    node.declare()
    node.run()
    with node.session("alice", "yugabyte") as ask:
        assert ask(f"SELECT pg_try_advisory_lock({LOCK})") == "t"
        assert node.run().result is Result.DONE
