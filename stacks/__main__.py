"""A stack is one cluster. Add resources of your own in `program`, beside the cluster and with its parts:

from pulumi_aws import ec2
mine = cluster()
ec2.VpcPeeringConnection("orders", vpc_id=mine.network.vpc_id, ..., opts=ResourceOptions(parent=mine))
"""

from ybfort.program import cluster, run


def program() -> None:
    cluster()


run(program)
