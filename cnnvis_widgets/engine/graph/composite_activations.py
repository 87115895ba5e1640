"""Activation functions that were frozen into several ops, recognised by their shape in the graph.

A PReLU becomes two ReLUs, a negation and a product. Replacing the backward pass of its inner ReLUs one
by one would be neither the rule nor the gradient, so such a group is one unit: its output node is the
layer, and its inner ops are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .graphdef import NodeDef, data_inputs, node_of, tensor_of

Pattern = str | float | tuple
"""'x' binds the unit's input, 'c' any constant, a number that constant, a tuple (op, inputs ...) a node; 'a|b' either
op."""

_COMMUTATIVE = {"Add", "AddV2", "Mul", "Maximum", "Minimum"}
_ADD = "Add|AddV2"
_HALF_X = ("Mul", "c", "x")
_ERF = (_ADD, "c", ("Erf", "x/c"))
_TANH = (_ADD, "c", ("Tanh", ("Mul", "c", (_ADD, "x", ("Mul", "c", "x³")))))
_HARD_GATE = ("Relu6", (_ADD, 3.0, "x"))  # with other constants it is a ReLU6 that the rules are for
_POSITIVE, _NEGATIVE = ("Maximum", "x", 0.0), ("Minimum", "x", 0.0)

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "relu6": (
        ("Minimum", _POSITIVE, 6.0),
        ("Maximum", ("Minimum", "x", 6.0), 0.0),
        ("ClipByValue", "x", 0.0, 6.0),
    ),
    "relu": (_POSITIVE,),  # behind the ReLU6 that ends in the same op: of two patterns for one node the first is taken
    "prelu": (
        (_ADD, ("Relu", "x"), ("Mul", "c", ("Relu", ("Neg", "x")))),
        (_ADD, ("Relu", "x"), ("Mul", "c", ("Neg", ("Relu", ("Neg", "x"))))),
        ("Sub", ("Relu", "x"), ("Mul", "c", ("Relu", ("Neg", "x")))),
        (_ADD, _POSITIVE, ("Mul", "c", _NEGATIVE)),
        (_ADD, ("Relu", "x"), ("Mul", ("Mul", "c", ("Sub", "x", ("Abs", "x"))), "c")),
        (_ADD, ("Relu", "x"), ("Mul", "c", _NEGATIVE)),
    ),
    "leaky_relu": (
        ("Maximum", "x", ("Mul", "c", "x")),
        ("Select|SelectV2", ("Greater|GreaterEqual", "x", 0.0), "x", ("Mul", "c", "x")),
    ),
    "silu": (("Mul", "x", ("Sigmoid", "x")), ("Mul", "x", ("Sigmoid", ("Mul", "c", "x")))),
    "gelu": (
        ("Mul", _HALF_X, ("Erfc", ("Mul", "c", ("Neg", "x")))),
        ("Mul", _HALF_X, _ERF),
        ("Mul", "c", ("Mul", "x", _ERF)),
        ("Mul", _HALF_X, _TANH),
        ("Mul", "c", ("Mul", "x", _TANH)),
    ),
    "hard_swish": (
        ("Mul", "x", ("Mul", 1 / 6, _HARD_GATE)),
        ("Mul", "x", ("RealDiv", _HARD_GATE, 6.0)),
        ("Mul", 1 / 6, ("Mul", "x", _HARD_GATE)),
        ("RealDiv", ("Mul", "x", _HARD_GATE), 6.0),
    ),
    "hard_sigmoid": (("Mul", 1 / 6, _HARD_GATE), ("RealDiv", _HARD_GATE, 6.0)),
}
_SHORT: dict[str, tuple[Pattern, ...]] = {
    "x/c": (("Mul", "c", "x"), ("RealDiv", "x", "c")),
    "x³": (("Pow", "x", "c"), ("Mul", "x", ("Square", "x")), ("Mul", "x", ("Mul", "x", "x"))),
}


@dataclass(frozen=True)
class Unit:
    """An activation function made of several ops.

    ``output`` is its last node, ``input`` the tensor that enters it, ``inner`` all its nodes.
    """

    kind: str
    output: str
    input: str
    inner: frozenset[str]


def find_units(nodes: Mapping[str, NodeDef], varying: set[str]) -> dict[str, Unit]:
    """All units of a graph by output node; ``varying`` names the nodes that depend on an input.

    Where one pattern lies within another (the gate of a hard swish is a hard sigmoid), the larger wins.
    """
    found: dict[str, Unit] = {}
    for node in (each for each in nodes.values() if each.op != "Identity"):
        for kind, patterns in PATTERNS.items():
            for pattern in patterns:
                match = next(_match(pattern, tensor_of(node.name), nodes, varying, {}), None)
                if match is not None and node.name not in found:
                    inner = frozenset(name for key, name in match.items() if key != "x")
                    found[node.name] = Unit(kind, node.name, match["x"], inner)
    inside = {name for unit in found.values() for name in unit.inner - {unit.output}}
    return {name: unit for name, unit in found.items() if name not in inside}


def _match(
    pattern: Pattern, tensor: str, nodes: Mapping[str, NodeDef], varying: set[str], bound: dict[str, str]
) -> Iterator[dict[str, str]]:
    """All ways in which the graph above ``tensor`` fits; keys are 'x' and the paths of the matched nodes."""
    tensor = _behind_identities(tensor, nodes)
    name = node_of(tensor)
    if pattern == "x":
        if name in varying and bound.get("x", tensor) == tensor:
            yield bound | {"x": tensor}
    elif pattern == "c":
        if name not in varying:
            yield bound
    elif isinstance(pattern, float):
        if name in nodes and _is_number(nodes[name], pattern):
            yield bound
    elif isinstance(pattern, str):
        for each in _SHORT[pattern]:
            yield from _match(each, tensor, nodes, varying, bound)
    elif name in nodes and nodes[name].op in pattern[0].split("|") and name in varying:
        inputs = data_inputs(nodes[name])
        if len(inputs) != len(pattern) - 1:
            return
        orders = [inputs, inputs[::-1]] if nodes[name].op in _COMMUTATIVE else [inputs]
        for order in orders:
            yield from _match_all(pattern[1:], order, nodes, varying, bound | {f"node {name}": name})


def _match_all(
    patterns: tuple, tensors: list[str], nodes: Mapping[str, NodeDef], varying: set[str], bound: dict[str, str]
) -> Iterator[dict[str, str]]:
    if not patterns:
        yield bound
        return
    for each in _match(patterns[0], tensor_of(tensors[0]), nodes, varying, bound):
        yield from _match_all(patterns[1:], tensors[1:], nodes, varying, each)


def _is_number(node: NodeDef, number: float) -> bool:
    """Whether a node is that constant, up to the rounding of half precision."""
    return node.op == "Const" and bool(np.all(np.isclose(tf.make_ndarray(node.attr["value"].tensor), number, 1e-3)))


def _behind_identities(tensor: str, nodes: Mapping[str, NodeDef]) -> str:
    while (node := nodes.get(node_of(tensor))) is not None and node.op == "Identity":
        tensor = tensor_of(node.input[0])
    return tensor
