"""Secrets pasted into a stack file are refused wherever they stand, and never repeated."""

import time

import pytest

from spec_fields import AWS, Path, Sample, dotted, every_cloud
from specs import spec_data
from ybfort.spec import SpecError, read_value
from ybfort.spec.file import read_text

SECRETS = {
    "AWS access key": "AKIAIOSFODNN7EXAMPLE",
    "AWS session key": "ASIAIOSFODNN7EXAMPLE",
    "AWS secret key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "Google API key": "AIza" + "a1B2-" * 7,
    "Google access token": "ya29." + "a1B2_" * 8,
    "Google client secret": "GOCSPX-a1B2c3",
    "private key": "-----BEGIN EC PRIVATE KEY-----",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "fine-grained GitHub token": "github_pat_" + "a1B2" * 9,
    "Pulumi token": "pul-" + "0123456789" * 4,
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "SCRAM verifier": "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy",
    "URL with a password": "postgres://alice:hunter2@db.orders-prod.internal",
    "connection string": "host=db password=hunter2",
    "assignment": "PWD: hunter2",
}
HARMLESS = {
    "an ARN": "arn:aws:iam::123456789012:role/Team/OrdersApiReader0123456789abcdefXyz",
    "a commit": "0123456789abcdef0123456789abcdef01234567",
    "a date": "2026-02-03T04:05:06Z",
    "words": "token ring and secret garden",
}


def message(data: object) -> str:
    with pytest.raises(SpecError) as error:
        read_value(data, "test")
    return str(error.value)


@every_cloud
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_refused_and_not_repeated_in_any_field(sample: Sample, secret: str) -> None:
    for path in sample.texts():
        told = message(sample.put(path, secret))
        assert f"{dotted(path)}: looks like a secret" in told
        assert secret not in told
        assert "hunter2" not in told


@every_cloud
def test_secrets_are_not_repeated_where_they_have_the_wrong_type_or_place(sample: Sample) -> None:
    for path in sample.paths():
        for value in (list(SECRETS.values()), dict.fromkeys(SECRETS.values(), 1), {"x": {"y": [*SECRETS.values()]}}):
            told = message(sample.put(path, value))
            assert "looks like a secret" in told
            assert not any(secret in told for secret in SECRETS.values())


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_not_repeated_as_a_key(secret: str) -> None:
    for told in (message({**AWS.full, secret: "x"}), message(spec_data(tags={secret: "x"}))):
        assert "looks like a secret" in told
        assert secret not in told


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "masterPassword",
        "db_passwd",
        "secret",
        "client_secret",
        "apiToken",
        "privateKey",
        "private_key",
        "aws_access_key",
        "credentials",
        "secure",
    ],
)
def test_a_key_that_is_a_secrets_name_is_refused_whatever_it_holds(key: str) -> None:
    for data in (spec_data(**{key: "hunter2"}), spec_data(tags={key: "hunter2"})):
        told = message(data)
        assert "looks like a secret" in told
        assert "hunter2" not in told


@pytest.mark.parametrize("path", [("passwords",), ("roles", 1, "password_generation")])
def test_our_own_keys_about_passwords_are_no_secrets_unless_one_stands_there(path: Path) -> None:
    assert read_value(AWS.put(path, AWS.full["passwords"] if path == ("passwords",) else 3), "test")
    told = message(AWS.put(path, "hunter2"))
    assert f"{dotted(path)}: looks like a secret" in told
    assert "hunter2" not in told


def test_a_password_below_our_own_key_is_not_repeated() -> None:
    told = message(AWS.put(("passwords",), {"orders_api": "hunter2"}))
    assert "passwords.orders_api: is no known key" in told
    assert "hunter2" not in told


def test_an_encrypted_value_of_pulumi_has_no_place_in_the_cluster_either() -> None:
    assert "looks like a secret" in message({"secure": "v1:abcdefgh:ijklmnop=="})


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_plain_secret_beside_the_cluster_is_refused(secret: str) -> None:
    with pytest.raises(SpecError) as error:
        read_text(f"config:\n  aws:secretKey: '{secret}'\n  ybfort:cluster: {{}}\n", "test")
    assert "line 2, config.aws:secretKey: looks like a secret" in str(error.value)
    assert secret not in str(error.value)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_yamls_own_messages_do_not_repeat_a_secret(secret: str) -> None:
    for text in (f"a: '{secret}'\na: x\n", f"'{secret}': 1\n'{secret}': 2\n", f"a: !{secret.split()[0]} x\n"):
        with pytest.raises(SpecError) as error:
            read_text(text, "test")
        assert secret not in str(error.value)


def test_yamls_message_about_a_key_that_stands_twice_does_not_repeat_its_values() -> None:
    with pytest.raises(SpecError) as error:
        read_text("app:pass: hunter2\napp:pass: correct-horse\n", "test")
    assert 'line 2, is not valid YAML: found duplicate key "app:pass".' in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "correct-horse" not in str(error.value)


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_only_resembles_a_secret_is_let_pass(text: str) -> None:
    assert read_value(spec_data(tags={"note": text}), "test").tags == {"note": text}


@pytest.mark.parametrize(
    "unit", ["eyJ-", "eyJaaaaaaaaaaa.", "://a:", "password ", "password=", "AKIA", "ghp_", "aA1/", "-----BEGI", " "]
)
def test_half_matches_without_end_cost_no_time(unit: str) -> None:
    start = time.process_time()
    message(spec_data(name=unit * (200_000 // len(unit))))
    assert time.process_time() - start < 2


def test_the_path_of_a_secret_stays_readable() -> None:
    path: Path = ("roles", 1, "readers", 0)
    assert message(AWS.put(path, SECRETS["AWS access key"])).count(dotted(path)) == 1
