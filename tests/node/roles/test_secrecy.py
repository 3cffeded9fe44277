"""No password is seen where somebody else could read it."""

import json

import pytest

from node.roles.ysql import Node
from ybfort.node.roles.passwords import DAY
from ybfort.node.system import Failure


def test_a_password_is_nowhere_but_in_its_secret(node: Node) -> None:
    told: list[str] = []
    with node.server.logged() as log:
        told.append(node.run().message)
        node.machine.ahead += 31 * DAY
        told.append(node.run().message)
        assert node.works(node.secret("orders_api"))
        logged = log()
    passwords = [json.loads(value)["password"] for values in node.secrets.values.values() for value in values]
    assert len(passwords) == 2 * 4
    assert "ALTER ROLE" in logged
    assert "connection authorized: user=orders_api_login_b" in logged
    for password in passwords:
        assert password not in logged
        assert password not in "".join(told)
        assert password not in str(node.machine.commands)  # arguments and environment
        assert password not in "".join(path.read_text() for path in node.machine.path("/var/lib").rglob("*.json"))


def test_nothing_that_opens_anything_stands_in_an_argument(node: Node) -> None:
    node.run()
    for command, environment in node.machine.commands:
        assert "SCRAM" not in str(command)
        assert "ALTER" not in str(command)
        assert not environment.keys() & {"PGPASSWORD", "PGPASSFILE"}


def test_a_message_about_a_refused_statement_does_not_show_its_verifier(node: Node) -> None:
    def drop(statement: str) -> None:
        if statement.startswith('ALTER ROLE "orders_api_login_a" LOGIN PASSWORD'):
            node.server.sql("DROP ROLE orders_api_login_a")

    node.machine.meanwhile = drop
    with pytest.raises(Failure) as told:
        node.run()
    message = 'postgres: ALTER ROLE "orders_api_login_a" LOGIN …: role "orders_api_login_a" does not exist (42704)'
    assert str(told.value) == message
