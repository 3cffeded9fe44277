"""What a user may ask for: the models of a stack file, how it is read, and how every problem in it is told at once."""

from ybfort.spec.cluster import ClusterSpec
from ybfort.spec.problems import Problem, SpecError
from ybfort.spec.read import read_value

__all__ = ["ClusterSpec", "Problem", "SpecError", "read_value"]
