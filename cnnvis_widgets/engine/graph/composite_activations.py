"""Finds composite activations: activation functions that a frozen graph spells as several ops.

A PReLU, for instance, is two ReLUs, a negation and a product. To replace the backward pass of each inner ReLU would
give neither the rule nor the gradient. So the group counts as one activation function: its output node is the layer,
and rules leave its inner ops alone. Groups are found by patterns, since nothing in the graph names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .graphdef import NodeDef, data_inputs, node_of, tensor_of

Pattern = str | float | tuple
"""A part of a graph.

'x' is the input of the activation function, 'c' any constant, a number that constant, and a tuple (op, inputs ...) a
node; 'a|b' means one of two ops. Other strings are names in ``_ALTERNATIVES``.
"""

_COMMUTATIVE = {"Add", "AddV2", "Mul", "Maximum", "Minimum"}
_ADD = "Add|AddV2"
_HALF_X = ("Mul", "c", "x")
_ERF = (_ADD, "c", ("Erf", "x/c"))
_TANH = (_ADD, "c", ("Tanh", ("Mul", "c", (_ADD, "x", ("Mul", "c", "x³")))))
_HARD_GATE = ("Relu6", (_ADD, 3.0, "x"))  # with other constants it is an ordinary ReLU6, to which rules apply
_POSITIVE, _NEGATIVE = ("Maximum", "x", 0.0), ("Minimum", "x", 0.0)

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "relu6": (
        ("Minimum", _POSITIVE, 6.0),
        ("Maximum", ("Minimum", "x", 6.0), 0.0),
        ("ClipByValue", "x", 0.0, 6.0),
    ),
    "relu": (_POSITIVE,),  # after relu6, which can end in the same op: the first pattern that fits a node wins
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
    "sigmoid": (
        ("RealDiv", 1.0, (_ADD, 1.0, ("Exp", ("Neg", "x")))),
        ("Reciprocal", (_ADD, 1.0, ("Exp", ("Neg", "x")))),
        ("Mul", 0.5, (_ADD, 1.0, ("Tanh", ("Mul", 0.5, "x")))),
        (_ADD, 0.5, ("Mul", 0.5, ("Tanh", ("Mul", 0.5, "x")))),
    ),
    "softmax": (
        ("RealDiv", ("Exp", ("Sub", "x", "max(x)")), ("Sum", ("Exp", ("Sub", "x", "max(x)")), "c")),
        ("RealDiv", ("Exp", "x"), ("Sum", ("Exp", "x"), "c")),
    ),
}
_ALTERNATIVES: dict[str, tuple[Pattern, ...]] = {
    "max(x)": (("Max", "x", "c"), ("StopGradient", ("Max", "x", "c"))),
    "x/c": (("Mul", "c", "x"), ("RealDiv", "x", "c")),
    "x³": (("Pow", "x", "c"), ("Mul", "x", ("Square", "x")), ("Mul", "x", ("Mul", "x", "x"))),
}


@dataclass(frozen=True)
class CompositeActivation:
    """An activation function that consists of several ops.

    Attributes:
        kind: a key of ``PATTERNS``.
        output: the name of its last node.
        input: the name of the tensor that enters it.
        inner: the names of all its nodes.
    """

    kind: str
    output: str
    input: str
    inner: frozenset[str]


def find_composite_activations(nodes: Mapping[str, NodeDef], varying: set[str]) -> dict[str, CompositeActivation]:
    """Find all composite activations of a graph.

    Where one pattern lies within another, the larger one wins: the gate of a hard swish is also a hard sigmoid.

    Args:
        nodes: by name.
        varying: the names of the nodes that depend on an input.

    Returns:
        The composite activations by output node.
    """
    matches: dict[str, CompositeActivation] = {}
    for node in (node for node in nodes.values() if node.op != "Identity"):
        composite = _composite_at(node, nodes, varying)
        if composite is not None:
            matches[node.name] = composite
    inside = inner_nodes(matches)
    return {name: composite for name, composite in matches.items() if name not in inside}


def inner_nodes(composites: Mapping[str, CompositeActivation]) -> set[str]:
    """Return the names of all nodes inside composite activations, without their output nodes."""
    return {name for composite in composites.values() for name in composite.inner - {composite.output}}


def _composite_at(node: NodeDef, nodes: Mapping[str, NodeDef], varying: set[str]) -> CompositeActivation | None:
    """Return the composite activation that ends at a node, by the first pattern that fits."""
    for kind, patterns in PATTERNS.items():
        for pattern in patterns:
            match = next(_match(pattern, tensor_of(node.name), nodes, varying, {}), None)
            if match is not None:
                inner = frozenset(name for key, name in match.items() if key != "x")
                return CompositeActivation(kind, node.name, match["x"], inner)
    return None


def _match(
    pattern: Pattern, tensor: str, nodes: Mapping[str, NodeDef], varying: set[str], bound: dict[str, str]
) -> Iterator[dict[str, str]]:
    """Yield all ways in which the graph that computes ``tensor`` fits: 'x' -> its tensor, 'node NAME' -> NAME."""
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
        for alternative in _ALTERNATIVES[pattern]:
            yield from _match(alternative, tensor, nodes, varying, bound)
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
    for match in _match(patterns[0], tensor_of(tensors[0]), nodes, varying, bound):
        yield from _match_all(patterns[1:], tensors[1:], nodes, varying, match)


def _is_number(node: NodeDef, number: float) -> bool:
    """Return whether a node is this constant, up to the rounding of half precision."""
    return node.op == "Const" and bool(np.all(np.isclose(tf.make_ndarray(node.attr["value"].tensor), number, 1e-3)))


def _behind_identities(tensor: str, nodes: Mapping[str, NodeDef]) -> str:
    while (node := nodes.get(node_of(tensor))) is not None and node.op == "Identity":
        tensor = tensor_of(node.input[0])
    return tensor
