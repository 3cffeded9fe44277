"""The lock on GCP: what a `destroy` meets first."""

from collections.abc import Callable
from typing import Any

from gcp_specs import gcp_plan
from gcp_stand_ins import storage
from ybfort.gcp.lock import Lock
from ybfort.testing.graph import Graph, Resource

Record = Callable[..., Graph]

OBJECT = "gcp:storage/bucketObject:BucketObject"


def lock(record: Record, **changes: Any) -> Resource:
    plan = gcp_plan(**changes)
    return record(lambda: Lock("orders", plan, storage(plan), [])).one(OBJECT)


def test_it_is_protected_and_says_how_to_lift_that(record: Record) -> None:
    made = lock(record)
    assert made.protect is True
    assert "lifted_for: [cluster]" in made.props["source"].text


def test_it_is_lifted_by_name_and_goes_with_the_cluster(record: Record) -> None:
    lifted = lock(record, protection={"lifted_for": ["cluster"]})
    assert not lifted.protect
    assert not lifted.retain_on_delete
