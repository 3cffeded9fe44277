"""The authority: short-lived, hardware-held, protected; or the user's own; or none."""

from collections.abc import Callable
from typing import Any

from specs import prod_plan
from ybfort.aws.certificates import Certificates
from ybfort.testing.graph import Graph

AUTHORITY = "aws:acmpca/certificateAuthority:CertificateAuthority"
EXISTING = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/" + "a" * 36


def certificates(**changes: Any) -> Callable[[], object]:
    return lambda: Certificates("orders", prod_plan(**changes))


def test_a_managed_authority_signs_for_days_with_a_strong_key(record: Callable[..., Graph]) -> None:
    authority = record(certificates()).one(AUTHORITY)
    assert authority.protect
    assert authority.props["usageMode"] == "SHORT_LIVED_CERTIFICATE"
    assert authority.props["permanentDeletionTimeInDays"] == 30
    configuration = authority.props["certificateAuthorityConfiguration"]
    assert (configuration["keyAlgorithm"], configuration["signingAlgorithm"]) == ("EC_prime256v1", "SHA256WITHECDSA")


def test_nodes_find_it_by_its_tag(record: Callable[..., Graph]) -> None:
    assert record(certificates()).one(AUTHORITY).props["tags"]["ybfort:cluster"] == "orders-prod"


def test_with_an_authority_of_the_users_none_is_made(record: Callable[..., Graph]) -> None:
    graph = record(certificates(certificates={"existing_authority": EXISTING}))
    assert not [resource for resource in graph.resources if resource.type.startswith("aws:acmpca/")]


def test_where_certificates_are_brought_there_is_none(record: Callable[..., Graph]) -> None:
    graph = record(certificates(certificates={"brought_by": ["arn:aws:iam::123456789012:role/pki"]}))
    assert not [resource for resource in graph.resources if resource.type.startswith("aws:acmpca/")]
    (made,) = graph.of("ybfort:aws:Certificates")
    assert made.outputs["authorityArn"] == "brought"


def test_its_protection_can_be_lifted_by_name(record: Callable[..., Graph]) -> None:
    assert not record(certificates(protection={"lifted_for": ["certificates"]})).one(AUTHORITY).protect
