"""Verifiers are PostgreSQL's own to the last byte, and it lets in whoever has the password."""

import base64
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from node.roles.ysql import Server
from ybfort.node.roles.scram import ALPHABET, LENGTH, VERIFIER, fingerprint, opens, password, verifier

PASSWORDS = st.text(ALPHABET, min_size=1, max_size=64)
SALTS = st.binary(min_size=1, max_size=32)


def test_postgresql_makes_the_same_verifier(server: Server) -> None:
    @settings(max_examples=1)
    @given(st.lists(PASSWORDS, min_size=40, max_size=40))
    def check(passwords: list[str]) -> None:
        asked = "".join(
            f"ALTER ROLE made PASSWORD '{one}'; SELECT rolpassword FROM pg_authid WHERE rolname = 'made';"
            for one in passwords
        )
        for one, theirs in zip(passwords, server.sql(f"CREATE ROLE made; {asked} DROP ROLE made").split(), strict=True):
            found = VERIFIER.fullmatch(theirs)
            assert found is not None
            assert verifier(one, base64.b64decode(found[1])) == theirs
            assert opens(one, theirs)

    check()


def test_a_verifier_of_ours_is_taken_as_one_and_opens(server: Server) -> None:
    made = password()
    known = verifier(made)
    server.sql(f"CREATE ROLE made LOGIN PASSWORD '{known}'; GRANT CONNECT ON DATABASE postgres TO made")
    try:
        assert server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'made'") == known
        assert server.client("made", made, "postgres").returncode == 0
        assert server.client("made", made[:-1], "postgres").returncode == 2
    finally:
        server.sql("DROP OWNED BY made; DROP ROLE made")


@given(PASSWORDS, SALTS, PASSWORDS)
@settings(max_examples=25)
def test_a_password_opens_its_own_verifier_and_no_other(one: str, salt: bytes, other: str) -> None:
    known = verifier(one, salt)
    assert opens(one, known)
    assert opens(other, known) == (one == other)


def test_verifiers_of_one_password_differ() -> None:
    one, other = verifier("same"), verifier("same")
    assert one != other
    assert fingerprint(one) != fingerprint(other)
    assert len(fingerprint(one)) == len(fingerprint(None)) == 16


def test_nothing_else_is_opened() -> None:
    theirs = verifier("known")
    for wrong in (None, "", "md5" + "0" * 32, theirs + " ", theirs.replace("4096", "2000000000")):
        assert not opens("known", wrong)


def test_passwords_are_long_random_and_need_no_quoting() -> None:
    made = {password() for _ in range(200)}
    assert len(made) == 200
    assert {len(one) for one in made} == {LENGTH}
    assert set("".join(made)) == set(string.ascii_letters + string.digits)
