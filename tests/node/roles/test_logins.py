"""Who is let in, and who is not: tried over the network by clients that look closely at whom they talk to."""

import subprocess

import pytest

from node.roles.ysql import ADMIN, API, OWNER, ROLES, Node, role
from ybfort.plan.hba import SUPERUSERS
from ybfort.sandbox.nodes.postgres import programs

LOG_IN = [each for each in ROLES if each["name"] != OWNER["name"]]


@pytest.mark.parametrize(
    ("name", "database"),
    [("orders_api", "orders"), ("orders_report", "orders"), ("orders_migrations", "orders"), ("alice", "yugabyte")],
)
def test_a_role_logs_in_with_its_password(settled: Node, name: str, database: str) -> None:
    told = settled.client(name, database, "\\conninfo")
    assert "SSL connection (protocol: TLSv1.3" in told.stdout, told.stderr


def test_a_secret_says_where_to_connect(settled: Node) -> None:
    value = settled.secrets.values["ybfort/orders-prod/roles/orders_api"][-1]
    assert '"host": "db.orders-prod.internal", "port": 5433, "dbname": "orders"' in value
    assert '"dbname": "yugabyte"' in settled.secrets.values["ybfort/orders-prod/roles/alice"][-1]


def test_a_client_may_bind_its_login_to_the_connection(settled: Node) -> None:
    assert settled.client("orders_api", "orders", channelbinding="require").returncode == 0


def test_the_role_itself_does_not_log_in(settled: Node) -> None:
    assert "password authentication failed" in settled.server.client("orders_owner", "x", "orders").stderr
    told = settled.server.sql(
        "SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolname !~ '_login_[ab]$' ORDER BY 1"
    )
    assert told.split() == ["postgres", "yugabyte"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"sslmode": "disable"}, "no encryption"),
        ({"sslrootcert": "strange.crt"}, "certificate verify failed"),
        ({"host": "db.other.internal"}, 'does not match host name "db.other.internal"'),
        ({"sslmaxprotocolversion": "TLSv1.1", "sslminprotocolversion": "TLSv1"}, "SSL error"),
    ],
    ids=["no TLS", "another authority", "another name", "old TLS"],
)
def test_refused_is(settled: Node, options: dict[str, str], why: str) -> None:
    options = {name: value.replace("strange", f"{settled.server.folder}/strange") for name, value in options.items()}
    told = settled.client("orders_api", "orders", **options)
    assert told.returncode == 2
    assert why in told.stderr


@pytest.mark.parametrize("superuser", SUPERUSERS)
def test_no_superuser_comes_over_the_network(node: Node, superuser: str) -> None:
    node.run()
    node.server.sql(f"ALTER ROLE {superuser} PASSWORD 'known'")
    told = node.server.client(superuser, "known", "postgres")
    assert f'pg_hba.conf rejects connection for host "127.0.0.1", user "{superuser}"' in told.stderr


@pytest.mark.parametrize("superuser", SUPERUSERS)
def test_the_default_passwords_are_gone(settled: Node, superuser: str) -> None:
    known = "SELECT rolname FROM pg_authid WHERE rolsuper AND rolpassword IS NOT NULL"
    assert settled.server.sql(known) == ""
    assert "rejects connection" in settled.server.client(superuser, superuser, "postgres").stderr


def test_default_passwords_that_were_set_again_are_taken_away(node: Node) -> None:
    node.run()
    node.server.sql("ALTER ROLE postgres PASSWORD 'postgres'")
    node.run()
    assert node.changes == ['ALTER ROLE "postgres" PASSWORD NULL']


def test_a_role_gets_into_no_database_that_it_has_no_grant_on(node: Node) -> None:
    stock = {"name": "stock", "owner": "stock_owner"}
    node.declare(
        databases=[{"name": "orders", "owner": "orders_owner"}, stock],
        roles=[*ROLES, role("stock_owner", login=False)],
    )
    node.run()
    node.server.sql("CREATE DATABASE undeclared")
    node.server.sql("REVOKE ALL ON DATABASE undeclared FROM PUBLIC")
    for database in ("postgres", "yugabyte", "system_platform", "template1", "stock", "undeclared"):
        told = node.client("orders_api", database)
        assert told.returncode == 2
        assert f'permission denied for database "{database}"' in told.stderr


def test_passwords_that_are_kept_in_another_way_open_nothing(node: Node) -> None:
    node.run()
    node.server.sql(
        "SET password_encryption = md5; CREATE ROLE old LOGIN PASSWORD 'known'; GRANT CONNECT ON DATABASE orders TO old"
    )
    assert node.server.sql("SELECT rolpassword LIKE 'md5%' FROM pg_authid WHERE rolname = 'old'") == "t"
    assert "password authentication failed" in node.server.client("old", "known", "orders").stderr


def test_a_node_lets_in_nobody_but_its_own_superuser(settled: Node) -> None:
    where = ("-h", str(settled.server.folder / "ysql"), "-p", "5433", "-d", "postgres")
    for user in ("postgres", settled.secret("orders_api").username):
        told = subprocess.run(
            [f"{programs()}/psql", "-X", *where, "-U", user], capture_output=True, text=True, timeout=30
        )
        assert "pg_hba.conf rejects connection" in told.stderr
    assert settled.server.sql("SELECT current_user") == "yugabyte"


def test_the_first_line_that_matches_decides(settled: Node) -> None:
    """PostgreSQL's own reading of the list, in its order."""
    told = settled.server.sql(
        "SELECT type, database, user_name, address, netmask, auth_method, error FROM pg_hba_file_rules"
        " ORDER BY line_number"
    )
    assert told.splitlines() == [
        "local|{all}|{yugabyte}|||peer|",
        "local|{all}|{all}|||reject|",
        "host|{all}|{yugabyte}|all||reject|",
        "host|{all}|{postgres}|all||reject|",
        "hostssl|{all}|{all}|127.0.0.0|255.0.0.0|scram-sha-256|",
        "host|{all}|{all}|all||reject|",
    ]


def test_the_connection_above_the_limit_is_refused(node: Node) -> None:
    node.declare(roles=[{**each, "connection_limit": 2} if each is API else each for each in ROLES])
    node.run()
    with node.session("orders_api", "orders") as one, node.session("orders_api", "orders") as other:
        assert (one("SELECT 1"), other("SELECT 2")) == ("1", "2")
        assert "too many connections for role" in node.client("orders_api", "orders").stderr
    node.declare()
    node.run()
    assert node.server.sql("SELECT rolname FROM pg_roles WHERE rolconnlimit <> -1") == ""


# ---------------------------------------------------------------------------------------------------------------- admin


def admin(node: Node, text: str) -> "subprocess.CompletedProcess[str]":
    return node.client(ADMIN["name"], "yugabyte", text)


def test_an_admin_makes_databases(node: Node) -> None:
    node.run()
    told = admin(node, "CREATE DATABASE mine")
    assert told.returncode == 0, told.stderr
    assert node.server.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'mine'") == "alice"


def test_an_admin_sees_what_goes_on_and_ends_sessions(settled: Node) -> None:
    with settled.session("orders_api", "orders") as ask:
        ask("SELECT 'open'")
        told = admin(
            settled,
            "SELECT query, pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orders_api_login_a'",
        )
    assert told.stdout == "SELECT 'open';|t\n"


@pytest.mark.parametrize(
    "text",
    [
        "CREATE ROLE mine",
        "ALTER ROLE alice SUPERUSER",
        "ALTER ROLE alice CREATEROLE",
        "ALTER ROLE yugabyte PASSWORD 'known'",
        "GRANT pg_execute_server_program TO alice",
        "GRANT pg_write_server_files TO alice",
        "GRANT yb_db_admin TO alice",
        "GRANT yb_extension TO alice",
        "GRANT orders_owner TO alice",
        "GRANT ybfort_admin TO orders_api",
        "COMMENT ON ROLE alice_login_a IS 'ybfort: mine'",
        "SET SESSION AUTHORIZATION yugabyte",
        "SET ROLE yugabyte",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "CREATE EXTENSION file_fdw",
        "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION pg_notify()",
        "ALTER SYSTEM SET password_encryption = md5",
        "ALTER DATABASE orders OWNER TO alice",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_an_admin_does_not_become_superuser(settled: Node, text: str) -> None:
    told = admin(settled, text)
    assert told.returncode != 0
    assert any(word in told.stderr for word in ("permission denied", "must be", "must have")), told.stderr


def test_an_admin_ends_no_session_of_a_superuser(settled: Node) -> None:
    """Its own is the one of the agent, in the middle of its work."""
    with subprocess.Popen(
        [
            f"{programs()}/psql",
            "-XAtq",
            "-h",
            str(settled.server.folder / "ysql"),
            "-p",
            "5433",
            "-U",
            "yugabyte",
            "postgres",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write("SELECT pg_backend_pid();\n")
        session.stdin.flush()
        told = admin(settled, f"SELECT pg_terminate_backend({session.stdout.readline().strip()})")
        assert "must be a superuser to terminate superuser process" in told.stderr
        session.stdin.close()
