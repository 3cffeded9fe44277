"""The stacks that come with the project are what `init` writes, and their schema is the one that `schema` prints."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from cli_project import ANSWERS, GCP_ANSWERS, Ybfort
from spec_fields import Sample, every_cloud
from ybfort.cli.schema import document
from ybfort.cli.template import Answers, stack_file
from ybfort.plan.cluster import plan
from ybfort.spec.file import KEY, read_file

STACKS = Path(__file__).parents[2] / "stacks"
CLOUDS = {"aws": replace(ANSWERS, example=True), "gcp": replace(GCP_ANSWERS, example=True)}
PROD: dict[str, Any] = {
    "emails": ("dba@example.com", "on-call@example.com"),
    "clients": (("orders-api", "10.8.0.0/16"), ("analytics", "10.9.0.0/20")),
}
DEV: dict[str, Any] = {"environment": "dev", "cidr": "10.41.0.0/20"}
SHIPPED = {
    "aws-prod": replace(CLOUDS["aws"], **PROD, reader="arn:aws:iam::123456789012:role/orders-api"),
    "aws-dev": replace(CLOUDS["aws"], **DEV, zones=("eu-west-1a",), machine="m7i.xlarge"),
    "gcp-prod": replace(CLOUDS["gcp"], **PROD, reader="orders-api@orders-prod-4711.iam.gserviceaccount.com"),
    "gcp-dev": replace(
        CLOUDS["gcp"], **DEV, account="orders-dev-4711", zones=("europe-west1-b",), machine="c3-standard-4"
    ),
}


def path_of(stack: str) -> Path:
    return STACKS / f"Pulumi.{stack}.yaml"


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(("stack", "answers"), SHIPPED.items(), ids=SHIPPED.keys())
def test_a_shipped_stack_is_what_init_writes(stack: str, answers: Answers) -> None:
    assert path_of(stack).read_text() == stack_file(answers)


@pytest.mark.parametrize("stack", SHIPPED)
def test_a_shipped_stack_is_good_and_fits_the_screen(stack: str) -> None:
    assert plan(read_file(path_of(stack))).nodes
    assert max(map(len, path_of(stack).read_text().splitlines())) <= 120


@pytest.mark.parametrize("stack", SHIPPED)
def test_a_shipped_stack_says_that_its_values_are_examples(stack: str) -> None:
    assert "An example: account, ranges, addresses, image and SHA-256 are made up." in path_of(stack).read_text()


@pytest.mark.parametrize("stack", SHIPPED)
def test_a_shipped_stack_names_its_schema_first_and_fits_it(stack: str) -> None:
    text = path_of(stack).read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=cluster.schema.json"
    jsonschema.validate(load(text), document())


@pytest.mark.parametrize("stack", SHIPPED)
def test_no_resource_can_come_from_a_default_provider(stack: str) -> None:
    config = load(path_of(stack).read_text())["config"]
    assert config["pulumi:disable-default-providers"] == [config[KEY]["cloud"]]
    assert set(config) == {"pulumi:disable-default-providers", KEY}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_prod_shows_every_kind_of_role_and_dev_is_smaller(cloud: str) -> None:
    prod, dev = read_file(path_of(f"{cloud}-prod")), read_file(path_of(f"{cloud}-dev"))
    assert {grant.access for role in prod.roles for grant in role.grants} == {"read_only", "read_write", "owner"}
    assert any(role.admin for role in prod.roles)
    assert (prod.backup.lock, dev.backup.lock) == ("compliance", "governance")
    assert (prod.replication_factor, dev.replication_factor) == (3, 1)
    assert (dev.certificates, dev.audit, dev.protection) == (prod.certificates, prod.audit, prod.protection)
    assert prod.passwords.rotation_days == dev.passwords.rotation_days <= 90
    assert not prod.account_settings.guardrails, "two example stacks in one account would both own it"


def test_the_committed_schema_is_current(ybfort: Ybfort) -> None:
    assert (STACKS / "cluster.schema.json").read_text() == ybfort("schema").out, (
        "mend with: ybfort schema > stacks/cluster.schema.json"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(document())


@every_cloud
def test_the_schema_lets_other_keys_stand_beside_the_cluster(sample: Sample) -> None:
    whole = {"encryptionsalt": "v1:x", "config": {"app:size": 3, KEY: sample.full}}
    jsonschema.validate(whole, document())


@every_cloud
def test_the_schema_refuses_what_check_refuses(sample: Sample) -> None:
    for whole in ({}, {"config": {}}, {"config": {KEY: {}}}, {"config": {KEY: {**sample.full, "x": 1}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(whole, document())


@every_cloud
def test_the_schema_knows_the_pattern_of_every_text(sample: Sample) -> None:
    for path, kind in sample.fields():
        if kind is str:
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({"config": {KEY: sample.put(path, "'; DROP TABLE x; --")}}, document())


def test_the_schema_explains_every_field() -> None:
    schema = document()
    for name, section in schema["$defs"].items():
        for field, about in section["properties"].items():
            assert about.get("description"), f"{name}.{field}"
    assert json.dumps(schema)
