"""The nodes, one after the other: so they are made, and so they are changed."""

from typing import cast

import pulumi

from ybfort.gcp.node import Node, Surroundings


class Nodes(pulumi.ComponentResource):
    """The nodes in the order in which they change.

    :ivar instance_ids: ids of the machines by node, known when all are there
    """

    instance_ids: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, around: Surroundings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ybfort:gcp:Nodes", name, {}, opts)
        # An output takes in what it awaits and the outputs in it, which its type does not say.
        self.instance_ids = pulumi.Output.from_input(cast("dict[str, str]", self._chain(name, around)))
        self.register_outputs({"instanceIds": self.instance_ids})

    async def _chain(self, name: str, around: Surroundings) -> dict[str, pulumi.Output[str]]:
        """Each node is declared when the engine has done with the one before it.

        The dependencies between the machines alone give the same order, and are there for the way back. But the SDK
        looks at everything that is still to come each time that something has come, and walks along all dependencies of
        a dependency in search of a circle. With all nodes declared at once, 300 of them took minutes to preview. So
        each waits for the one before it here, and names it by its URN, behind which there is nothing to walk.
        """
        ids: dict[str, pulumi.Output[str]] = {}
        before: list[pulumi.Resource] = []
        for planned in around.plan.nodes:
            node = Node(name, planned, around, before, pulumi.ResourceOptions(parent=self))
            urns = [await part.urn.future() for part in (node.instance, node.membership)]
            before = [pulumi.resource.DependencyResource(urn) for urn in urns if urn]
            ids[planned.name] = node.instance.id
        return ids
