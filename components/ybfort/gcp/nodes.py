"""The nodes, one after the other: so they are made, and so they are changed."""

from collections.abc import Sequence
from typing import cast

import pulumi

from ybfort.chain import one_after_the_other
from ybfort.gcp.node import Node, Surroundings
from ybfort.plan import nodes


class Nodes(pulumi.ComponentResource):
    """The nodes in the order in which they change.

    :ivar instance_ids: ids of the machines by node, known when all are there
    """

    instance_ids: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, around: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Nodes", name, {}, opts)

        def declare(
            planned: nodes.Node, before: Sequence[pulumi.Resource]
        ) -> tuple[pulumi.CustomResource, pulumi.Resource]:
            node = Node(name, planned, around, before, pulumi.ResourceOptions(parent=self))
            return node.instance, node.membership

        # An output takes in what it awaits and the outputs in it, which its type does not say.
        chained = cast("dict[str, str]", one_after_the_other(around.plan.nodes, declare))
        self.instance_ids = pulumi.Output.from_input(chained)
        self.register_outputs({"instanceIds": self.instance_ids})
