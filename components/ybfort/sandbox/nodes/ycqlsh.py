"""The simulated `ycqlsh`, and the YCQL behind it: keyspaces, roles and rights in a file of the site.

It takes its arguments, reads its files, prints tables and complains as the real one does (github.com/yugabyte/cqlsh,
bin/ycqlsh.py), also where that is a trap: it cannot read statements from a pipe, prints the first hundred rows and no
more unless paging is off, and goes on after an error. It understands the statements that the agent sends, and no other.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ybfort.sandbox.nodes.site import Site, held, write

if TYPE_CHECKING:  # every call imports this: what takes long to import is not wanted here
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

PAGE = 100  # rows
CONNECTION_FAILED, STATEMENT_FAILED, DIED = 1, 2, 137
DEFAULT = "cassandra"  # the superuser that comes with it, and its password
SYSTEM_KEYSPACES = ("system", "system_auth", "system_schema")

NAME, TEXT = r'"((?:[^"]|"")+)"', r"'((?:[^']|'')*)'"
OPTIONS = rf"((?:(?: AND |)(?:PASSWORD = {TEXT}|(?:LOGIN|SUPERUSER) = (?:true|false)))+)"
OPTION = re.compile(rf"(PASSWORD|LOGIN|SUPERUSER) = (?:{TEXT}|(true|false))")
PERMISSION = r"(ALTER|AUTHORIZE|CREATE|DROP|MODIFY|SELECT)"


class Refused(Exception):
    """What YCQL says to a statement that it does not carry out."""


class Ycql:
    """Keyspaces and roles. A password is kept as a hash."""

    def __init__(self, file: Path) -> None:
        self._file = file
        told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self.keyspaces: list[str] = told.get("keyspaces", list(SYSTEM_KEYSPACES))
        self.roles: dict[str, dict[str, Any]] = told.get("roles", {DEFAULT: _role(DEFAULT, login=True, superuser=True)})
        self.lives_for: int | None = told.get("lives_for")  # statements until `ycqlsh` dies, for a test

    def keep(self) -> None:
        write(self._file, json.dumps({name: value for name, value in vars(self).items() if name != "_file"}).encode())

    def refuses(self, user: str, password: str) -> str | None:
        """Why a user is not let in; None if he is."""
        role = self.roles.get(user)
        if role is None or role["password"] != _hash(password):
            return f"Provided username '{user}' and/or password are incorrect"
        return None if role["login"] else f"{user} is not permitted to log in"

    def carry_out(self, user: str, statement: str) -> Sequence[Sequence[str]] | None:
        """The rows that a question is answered with, the columns' names first.

        :raises Refused: if it is not carried out
        """
        for pattern, method in STATEMENTS:
            found = pattern.fullmatch(statement)
            if found:
                if not self.roles[user]["superuser"]:
                    raise Refused(f"Unauthorized. User {user} has no permission on <all roles> or parents")
                return method(self, *(_unquoted(group) for group in found.groups()))
        raise Refused("Invalid SQL Statement. syntax error")

    # ------------------------------------------------------------------------------------------------------- questions

    def permissions_table(self) -> Iterator[Sequence[str]]:
        yield "role", "resource", "permissions"
        for name, role in self.roles.items():
            for resource, permissions in role["permissions"].items():
                yield name, resource, _list(permissions)

    def roles_table(self) -> Iterator[Sequence[str]]:
        yield "role", "can_login", "is_superuser", "member_of"
        for name, role in self.roles.items():
            yield name, str(role["login"]), str(role["superuser"]), _list(role["member_of"])

    def keyspaces_table(self) -> Iterator[Sequence[str]]:
        yield ("keyspace_name",)
        yield from ((keyspace,) for keyspace in self.keyspaces)

    # --------------------------------------------------------------------------------------------------------- changes

    def create_keyspace(self, keyspace: str) -> None:
        if keyspace not in self.keyspaces:
            self.keyspaces.append(keyspace)

    def create_role(self, name: str, options: str, *_: str) -> None:
        if name not in self.roles:
            self.roles[name] = _role("", login=False, superuser=False)
            self.alter_role(name, options)

    def alter_role(self, name: str, options: str, *_: str) -> None:
        role = self._role(name)
        for option, text, switch in OPTION.findall(options):
            role[option.lower()] = _hash(text) if option == "PASSWORD" else switch == "true"

    def grant(self, permission: str, keyspace: str, name: str) -> None:
        has = self._role(name)["permissions"].setdefault(self._resource(keyspace), [])
        if permission not in has:
            has.append(permission)

    def revoke(self, permission: str, keyspace: str, name: str) -> None:
        permissions, resource = self._role(name)["permissions"], self._resource(keyspace)
        permissions[resource] = [one for one in permissions.get(resource, []) if one != permission]
        if not permissions[resource]:
            del permissions[resource]

    def grant_role(self, group: str, name: str) -> None:
        self._role(group)
        if group not in self._role(name)["member_of"]:
            self.roles[name]["member_of"].append(group)

    def _role(self, name: str) -> dict[str, Any]:
        if name not in self.roles:
            raise Refused(f"Role Not Found. Role {name} does not exist")
        return self.roles[name]

    def _resource(self, keyspace: str) -> str:
        if keyspace not in self.keyspaces:
            raise Refused(f"Resource Not Found. Resource <keyspace {keyspace}> doesn't exist")
        return f"data/{keyspace}"


STATEMENTS: Sequence[tuple[re.Pattern[str], Any]] = [
    (re.compile(pattern), method)
    for pattern, method in (
        (r"SELECT role, resource, permissions FROM system_auth\.role_permissions", Ycql.permissions_table),
        (r"SELECT role, can_login, is_superuser, member_of FROM system_auth\.roles", Ycql.roles_table),
        (r"SELECT keyspace_name FROM system_schema\.keyspaces", Ycql.keyspaces_table),
        (rf"CREATE KEYSPACE IF NOT EXISTS {NAME}", Ycql.create_keyspace),
        (rf"CREATE ROLE IF NOT EXISTS {NAME} WITH {OPTIONS}", Ycql.create_role),
        (rf"ALTER ROLE {NAME} WITH {OPTIONS}", Ycql.alter_role),
        (rf"GRANT {PERMISSION} ON KEYSPACE {NAME} TO {NAME}", Ycql.grant),
        (rf"REVOKE {PERMISSION} ON KEYSPACE {NAME} FROM {NAME}", Ycql.revoke),
        (rf"GRANT {NAME} TO {NAME}", Ycql.grant_role),
    )
]


def main(program: Path, arguments: list[str]) -> int:
    """Do what the command line says. Exit codes: 0, 1 if there is no connection, 2 if a statement was refused."""
    options, (host, port) = _options(arguments)
    (Path(os.environ["HOME"]) / ".cassandra").mkdir(exist_ok=True)  # for its history
    try:
        with Path(options["-f"]).open("rb") as file:  # it looks how the text is encoded, and reads it after that
            file.seek(0)
            statements = file.read().decode().split(";\n")[:-1]
    except OSError as problem:
        return _fail(f"Can't open '{options['-f']}': {problem}")
    if "--ssl" not in options or "BEGIN CERTIFICATE" not in Path(os.environ["SSL_CERTFILE"]).read_text():
        return _fail(_unreachable(host, port, "ConnectionShutdown('Connection was closed')"))
    credentials = configparser.RawConfigParser()
    credentials.read(options["--cqlshrc"])
    user = credentials.get("authentication", "username")
    root, site = Path(str(program).partition("/opt/yugabyte/")[0]), Site.here()
    if not held(root / "run/yb-tserver"):
        return _fail(_unreachable(host, port, "ConnectionRefusedError(111, 'Connection refused')"))
    with site.lock("ycql"):
        ycql = Ycql(site.folder / "ycql.json")
        why = ycql.refuses(user, credentials.get("authentication", "password"))
        if why:
            said = f'Error from server: code=0100 [Bad credentials] message="{why}"'
            return _fail(_unreachable(host, port, f"AuthenticationFailed({said!r})"))
        code = _carry_out(ycql, user, statements, options["-f"])
        ycql.keep()
    return code


def _options(arguments: list[str]) -> tuple[Mapping[str, str], list[str]]:
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        options[option] = "" if option in ("--ssl", "--no-color") else rest.pop(0)
    return options, rest


def _carry_out(ycql: Ycql, user: str, statements: Sequence[str], file: str) -> int:
    code, paging = 0, True
    for number, statement in enumerate(statements, 2):
        if ycql.lives_for is not None:
            if ycql.lives_for == 0:
                return DIED
            ycql.lives_for -= 1
        if statement == "PAGING OFF":
            sys.stdout.write("Disabled Query paging.\n")
            paging = False
            continue
        try:
            table = ycql.carry_out(user, statement)
        except Refused as refused:
            told = f'InvalidRequest: Error from server: code=2200 [Invalid query] message="{refused}'
            sys.stderr.write(f'{file}:{number}:{told}\n{statement}\n^^^^^\n (ql error -12)"\n')
            code = STATEMENT_FAILED
            continue
        if table is not None:
            _print(list(table), paging=paging)
    return code


def _print(table: list[Sequence[str]], *, paging: bool) -> None:
    head, rows = table[0], table[1 : PAGE + 1 if paging else None]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["", " " + " | ".join(map(str.ljust, head, widths)).rstrip()]
    lines += ["-" + "-+-".join("-" * width for width in widths) + "-"]
    lines += [" " + " | ".join(map(str.rjust, row, widths)) for row in rows]
    sys.stdout.write("\n".join([*lines, "", f"({len(rows)} rows)", ""]))


def _role(password: str, *, login: bool, superuser: bool) -> dict[str, Any]:
    known = {"password": _hash(password), "login": login, "superuser": superuser}
    return {**known, "member_of": [], "permissions": {}}


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(repr(value) for value in values)}]"


def _unquoted(text: str | None) -> str:
    return (text or "").replace('""', '"')


def _unreachable(host: str, port: str, why: str) -> str:
    return f"Connection error: ('Unable to connect to any servers', {{'{host}:{port}': {why}}})"


def _fail(why: str) -> int:
    sys.stderr.write(why + "\n")
    return CONNECTION_FAILED
