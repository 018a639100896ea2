"""Automatic differentiation, made visible: programs, PyTorch's own graphs, and what they do."""

from mlcore.autograd.errors import BackwardError, ProgramError, TensorError
from mlcore.autograd.inputs import Leaf, parse_leaf
from mlcore.autograd.parser import parse
from mlcore.autograd.program import Program
from mlcore.autograd.records import Edge, Graph, Local, Node, Saved, TensorRow
from mlcore.autograd.tracing import Trace, trace

__all__ = [
    "BackwardError",
    "Edge",
    "Graph",
    "Leaf",
    "Local",
    "Node",
    "Program",
    "ProgramError",
    "Saved",
    "TensorError",
    "TensorRow",
    "Trace",
    "parse",
    "parse_leaf",
    "trace",
]
