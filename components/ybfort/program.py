"""A stack's program: from the stack's config to a cluster, and on to whatever the user adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pulumi

from ybfort.plan.cluster import plan
from ybfort.spec import ClusterSpec, Problem, SpecError, read_value
from ybfort.spec.gcp.cluster import GcpSpec

if TYPE_CHECKING:
    from ybfort.aws.cluster import Cluster as AwsCluster
    from ybfort.gcp.cluster import Cluster as GcpCluster
    from ybfort.spec.aws.cluster import AwsSpec


def run(program: Callable[[], object]) -> None:
    """Run a stack's whole program. What is wrong with the stack's config is told without a traceback.

    :raises pulumi.RunError: with every problem of the config, before a resource is registered
    """
    try:
        program()
    except SpecError as error:
        raise pulumi.RunError(str(error)) from None


def cluster() -> AwsCluster | GcpCluster:
    """The cluster that the stack's config asks for, in the account that it names; its outputs become the stack's.

    :raises SpecError: with every problem of the config
    """
    source = f"ybfort:cluster of stack {pulumi.get_stack()}"
    value = pulumi.Config("ybfort").get_object("cluster")
    if value is None:
        raise SpecError(source, [Problem(path="", says="is missing. `ybfort init` writes a stack file to begin with.")])
    made = _made(read_value(value, source))
    for name, output in made.outputs.items():
        pulumi.export(name, output)
    return made


def _made(spec: ClusterSpec) -> AwsCluster | GcpCluster:
    """A stack imports its own cloud only: each costs seconds."""
    if isinstance(spec, GcpSpec):
        from ybfort.gcp.cluster import Cluster, provider

        planned = plan(spec)
        return Cluster(planned.names.prefix, planned, pulumi.ResourceOptions(provider=provider(planned)))
    from ybfort.aws.cluster import Cluster, provider

    planned = plan(cast("AwsSpec", spec))
    return Cluster(planned.names.prefix, planned, pulumi.ResourceOptions(provider=provider(planned)))
