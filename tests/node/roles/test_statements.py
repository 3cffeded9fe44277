"""What is proven without a database: login profiles, which PostgreSQL does not have. Also quoting, for any text."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from node.roles.ysql import Server
from ybfort.node.roles.found import Found, FoundRole, Profiles
from ybfort.node.roles.passwords import Mark, mark_of
from ybfort.node.roles.sql import literal, name
from ybfort.node.roles.statements import locked, profile_statements
from ybfort.node.roles.wanted import Login, Wanted, WantedRole

NAMES = ("api_login_a", "api_login_b")
WANTED = Wanted(
    roles={"api": WantedRole("api"), **{one: WantedRole(one, login_of="api") for one in NAMES}},
    databases={},
    logins=(Login("api", NAMES, "secret", 1, "orders", {}),),
)
FOUND = Found(roles={}, groups={}, settings={}, databases={}, profiles=None)
OURS = {"profile": "ybfort_logins", "locked": False}


def profiles(*names: str, **roles: dict[str, object]) -> Found:
    return replace(FOUND, profiles=Profiles(frozenset(names), roles))


def test_login_names_are_locked_after_wrong_passwords() -> None:
    assert list(profile_statements(WANTED, profiles())) == [
        'CREATE PROFILE "ybfort_logins" LIMIT FAILED_LOGIN_ATTEMPTS 10',
        'ALTER ROLE "api_login_a" PROFILE "ybfort_logins"',
        'ALTER ROLE "api_login_b" PROFILE "ybfort_logins"',
    ]


def test_a_profile_that_a_killed_run_has_made_is_not_made_again() -> None:
    assert list(profile_statements(WANTED, profiles("ybfort_logins"))) == [
        'ALTER ROLE "api_login_a" PROFILE "ybfort_logins"',
        'ALTER ROLE "api_login_b" PROFILE "ybfort_logins"',
    ]


def test_a_name_that_was_locked_is_opened_and_told() -> None:
    now = profiles("ybfort_logins", api_login_a={**OURS, "locked": True}, api_login_b=OURS)
    assert list(profile_statements(WANTED, now)) == ['ALTER ROLE "api_login_a" ACCOUNT UNLOCK']
    assert locked(WANTED, now) == ["api_login_a"]


def test_another_profile_is_replaced() -> None:
    now = profiles("ybfort_logins", "lax", api_login_a={"profile": "lax", "locked": False}, api_login_b=OURS)
    assert list(profile_statements(WANTED, now)) == ['ALTER ROLE "api_login_a" PROFILE "ybfort_logins"']


def test_profiles_that_are_right_take_no_statement() -> None:
    assert list(profile_statements(WANTED, profiles("ybfort_logins", api_login_a=OURS, api_login_b=OURS))) == []


def test_where_there_are_no_profiles_there_are_no_statements() -> None:
    assert list(profile_statements(WANTED, FOUND)) == []
    assert locked(WANTED, FOUND) == []
    assert list(profile_statements(replace(WANTED, roles={}), profiles())) == []


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def test_quoting_changes_no_text(server: Server) -> None:
    @given(st.lists(TEXTS, min_size=30, max_size=30))
    def check(texts: list[str]) -> None:
        asked = ", ".join(f"({literal(text)}, '\\x{text.encode().hex()}')" for text in texts)
        assert server.sql(f"SELECT bool_and(t = convert_from(h::bytea, 'UTF8')) FROM (VALUES {asked}) v(t, h)") == "t"

    check()


@given(TEXTS)
def test_an_identifier_ends_where_it_is_meant_to(text: str) -> None:
    quoted = name(text)
    assert quoted[0] == quoted[-1] == '"'
    assert '"' not in quoted[1:-1].replace('""', "")
    assert quoted[1:-1].replace('""', '"') == text


@given(st.integers(0, 4_000_000_000), st.integers(1, 1_000_000), st.binary(min_size=8, max_size=8).map(bytes.hex))
def test_a_mark_is_read_as_it_was_written(since: int, generation: int, verifier: str) -> None:
    mark = Mark(float(since), generation, verifier)
    role = FoundRole("one", False, False, False, True, False, False, True, -1, None, None, mark.text)
    assert mark_of(role) == mark


@given(TEXTS)
def test_no_other_comment_is_a_mark(text: str) -> None:
    role = FoundRole("one", False, False, False, True, False, False, True, -1, None, None, text)
    assert mark_of(role) is None
    whole = Mark(0.0, 1, "0" * 16).text
    assert mark_of(replace(role, comment=whole + text)) is None or not text
    assert mark_of(replace(role, comment=whole.replace("1970-01-01", "1970-13-41"))) is None
