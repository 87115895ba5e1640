"""Finds composite activations: activation functions that a frozen graph spells as several ops.

A PReLU, for instance, is two ReLUs, a negation and a product. To replace the backward pass of each inner ReLU would
give neither the rule nor the gradient. So the group counts as one activation function: its output node is the layer,
and rules leave its inner ops alone. Groups are found by patterns, since nothing in the graph names them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import tensorflow as tf

from .graphdef import NodeDef, Value, data_inputs, node_of, tensor_of

Pattern = str | float | tuple
"""A part of a graph.

'x' is the input of the activation function, a key of ``_CONSTANTS`` a constant, a number that constant, and a tuple
(op, inputs ...) a node; 'a|b' means one of two ops. Other strings are names in ``_ALTERNATIVES``.
"""

_UNCHANGED = {"Identity", "Cast", "Reshape", "ExpandDims"}  # ops that leave the value of a constant
_HALF_PRECISION = 2.0**-9  # the relative rounding of bfloat16, the coarser one
_COMMUTATIVE = {"Add", "AddV2", "Mul", "Maximum", "Minimum"}
_ADD, _SELECT, _ABOVE = "Add|AddV2", "Select|SelectV2", "Greater|GreaterEqual"
_HALF_X = ("Mul", 0.5, "x")
_ERF = (_ADD, 1.0, ("Erf", "x/√2"))
_TANH = (_ADD, 1.0, ("Tanh", ("Mul", 0.7978845608, (_ADD, "x", ("Mul", 0.044715, "x³")))))
_X_PLUS_3 = (_ADD, 3.0, "x")  # with other constants it is an ordinary ReLU6 of a bias, to which rules apply
_POSITIVE, _NEGATIVE = ("Maximum", "x", 0.0), ("Minimum", "x", 0.0)

_CONSTANTS: dict[str, Callable[[np.ndarray], bool]] = {
    "ceiling": lambda values: bool((values > 0).all()),
    "slope": lambda values: bool(((values > 0) & (values < 1)).all()),
    "gain": lambda values: values.size == 1 and bool((values > 0).all()),
}
"""Constants of which the value matters: what must hold for it. 'c' is any constant."""


def _clipped(entered: Pattern, ceiling: Pattern) -> tuple[Pattern, ...]:
    """All spellings of a value that is cut off at 0 and at a ceiling."""
    rectified = ("Relu", entered)
    return (
        ("Maximum", ("Minimum", rectified, ceiling), 0.0),  # as Keras spells it; first, as the next but one fits too
        ("ClipByValue", rectified, 0.0, ceiling),
        ("Maximum", ("Minimum", entered, ceiling), 0.0),
        ("ClipByValue", entered, 0.0, ceiling),
        ("Minimum", rectified, ceiling),
        ("Minimum", ("Maximum", entered, 0.0), ceiling),
    )


PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "relu6": _clipped("x", 6.0),
    "hard_sigmoid": ("gate/6", *_clipped((_ADD, 0.5, "gain * x"), 1.0)),
    "clipped_relu": _clipped("x", "ceiling"),
    # after those above, which can end in the same op: the first pattern that fits a node wins
    "relu": (
        _POSITIVE,
        ("Mul|MulNoNan", "x", "x > 0"),
        (_SELECT, (_ABOVE, "x", 0.0), "x", "zero"),
        (_SELECT, "not x > 0", "zero", "x"),
        ("Sub", "x", _NEGATIVE),
        ("Neg", ("Minimum", ("Neg", "x"), 0.0)),
        ("Mul", 0.5, (_ADD, "x", ("Abs", "x"))),
    ),
    "thresholded_relu": (
        ("Mul", "x", ("Cast", (_ABOVE, "x", "c"))),
        (_SELECT, (_ABOVE, "x", "c"), "x", "zero"),
    ),
    "prelu": (
        (_ADD, ("Relu", "x"), ("Mul", "c", ("Relu", ("Neg", "x")))),
        (_ADD, ("Relu", "x"), ("Mul", "c", ("Neg", ("Relu", ("Neg", "x"))))),
        ("Sub", ("Relu", "x"), ("Mul", "c", ("Relu", ("Neg", "x")))),
        (_ADD, _POSITIVE, ("Mul", "c", _NEGATIVE)),
        (_ADD, ("Relu", "x"), ("Mul", ("Mul", "c", ("Sub", "x", ("Abs", "x"))), "c")),
        (_ADD, ("Relu", "x"), ("Mul", "c", _NEGATIVE)),
    ),
    "leaky_relu": (
        ("Maximum", "x", ("Mul", "slope", "x")),
        (_SELECT, (_ABOVE, "x", 0.0), "x", ("Mul", "c", "x")),
        (_SELECT, "not x > 0", ("Mul", "c", "x"), "x"),
    ),
    "clipped_leaky_relu": (("Sub", "clipped x", ("Mul", "c", ("Relu", ("Neg", "x")))),),
    "celu": (
        (_ADD, "relu(x)", "bend"),
        (_ADD, "relu(x)", ("Mul", "c", "bend")),
        ("Sub", (_ADD, "relu(x)", ("Exp", "min(x, 0)/c")), 1.0),
    ),
    "softplus": ((_ADD, "relu(x)", ("Log1p", ("Exp", ("Neg", ("Abs", "x"))))),),
    "squareplus": (("RealDiv", (_ADD, "x", "√(x² + c)"), 2.0), ("Mul", 0.5, (_ADD, "x", "√(x² + c)"))),
    "silu": (("Mul", "x", ("Sigmoid", "x")), ("Mul", "x", ("Sigmoid", ("Mul", "c", "x")))),
    "gelu": (
        ("Mul", _HALF_X, ("Erfc", ("Mul", 0.7071067812, ("Neg", "x")))),
        ("Mul", _HALF_X, _ERF),
        ("Mul", 0.5, ("Mul", "x", _ERF)),
        ("Mul", _HALF_X, _TANH),
        ("Mul", 0.5, ("Mul", "x", _TANH)),
    ),
    "hard_swish": (
        ("Mul", "x", "gate/6"),
        ("Mul", "x/6", "gate"),
        ("Mul", 1 / 6, ("Mul", "x", "gate")),
        ("RealDiv", ("Mul", "x", "gate"), 6.0),
    ),
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
_X_6_PLUS_HALF = (_ADD, 0.5, "x/6")
_ALTERNATIVES: dict[str, tuple[Pattern, ...]] = {
    "max(x)": (("Max", "x", "c"), ("StopGradient", ("Max", "x", "c"))),
    "x/√2": (("Mul", 0.7071067812, "x"), ("RealDiv", "x", 1.4142135624)),
    "x/6": (("Mul", 1 / 6, "x"), ("RealDiv", "x", 6.0)),
    "x³": (("Pow", "x", 3.0), ("Mul", "x", ("Square", "x")), ("Mul", "x", ("Mul", "x", "x"))),
    "x > 0": (("Cast", (_ABOVE, "x", 0.0)), ("StopGradient", ("Cast", (_ABOVE, "x", 0.0)))),
    "not x > 0": (("Less|LessEqual", "x", 0.0), ("LogicalNot", (_ABOVE, "x", 0.0))),
    "zero": (0.0, ("ZerosLike", "x")),
    "gain * x": (("Mul", "gain", "x"), ("RealDiv", "x", "gain")),
    "clipped x": (("Relu6", "x"), *_clipped("x", "ceiling")),
    "gate": (("Relu6", _X_PLUS_3), *_clipped(_X_PLUS_3, 6.0)),
    "gate/6": (("Mul", 1 / 6, "gate"), ("RealDiv", "gate", 6.0), *_clipped(_X_6_PLUS_HALF, 1.0)),
    "relu(x)": (("Relu", "x"), _POSITIVE),
    "min(x, 0)": (_NEGATIVE, ("Neg", ("Relu", ("Neg", "x")))),
    "min(x, 0)/c": ("min(x, 0)", ("RealDiv", "min(x, 0)", "c"), ("Mul", "c", "min(x, 0)")),
    "bend": (("Expm1", "min(x, 0)/c"), ("Sub", ("Exp", "min(x, 0)/c"), 1.0)),
    "√(x² + c)": (("Sqrt", (_ADD, "c", ("Square", "x"))), ("Sqrt", (_ADD, "c", ("Mul", "x", "x")))),
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


@dataclass(frozen=True)
class _Graph:
    """What patterns are compared with: nodes by name, those that depend on an input, and the values of weights."""

    nodes: Mapping[str, NodeDef]
    varying: Collection[str]
    weights: Mapping[str, Value]

    def constant(self, name: str) -> np.ndarray | None:
        """The value of a node that is a constant or a weight, perhaps of another type or shape; else ``None``."""
        node = self.nodes.get(name)
        while node is not None and node.op in _UNCHANGED:
            node = self.nodes.get(node_of(node.input[0]))
        if node is not None and node.op == "Const":
            return np.asarray(tf.make_ndarray(node.attr["value"].tensor), float)
        return np.asarray(self.weights[node.name], float) if node is not None and node.name in self.weights else None


def find_composite_activations(
    nodes: Mapping[str, NodeDef], varying: set[str], weights: Mapping[str, Value]
) -> dict[str, CompositeActivation]:
    """Find all composite activations of a graph.

    Where one pattern lies within another, the larger one wins: the gate of a hard swish is also a hard sigmoid.

    Args:
        nodes: by name.
        varying: the names of the nodes that depend on an input.
        weights: values of the nodes that are weights, by name.

    Returns:
        The composite activations by output node.
    """
    graph = _Graph(nodes, varying, weights)
    matches: dict[str, CompositeActivation] = {}
    for node in (node for node in nodes.values() if node.op != "Identity"):
        composite = _composite_at(node, graph)
        if composite is not None:
            matches[node.name] = composite
    inside = inner_nodes(matches)
    return {name: composite for name, composite in matches.items() if name not in inside}


def inner_nodes(composites: Mapping[str, CompositeActivation]) -> set[str]:
    """Return the names of all nodes inside composite activations, without their output nodes."""
    return {name for composite in composites.values() for name in composite.inner - {composite.output}}


def _composite_at(node: NodeDef, graph: _Graph) -> CompositeActivation | None:
    """Return the composite activation that ends at a node, by the first pattern that fits."""
    for kind, pattern in _patterns_by_last_op().get(node.op, ()):
        match = next(_match(pattern, tensor_of(node.name), graph, {}), None)
        if match is not None:
            inner = frozenset(name for key, name in match.items() if key != "x")
            return CompositeActivation(kind, node.name, match["x"], inner)
    return None


@cache
def _patterns_by_last_op() -> dict[str, list[tuple[str, Pattern]]]:
    """Return the patterns that can end in each op, in their order: the other ones need not be tried at a node."""
    by_op: dict[str, list[tuple[str, Pattern]]] = {}
    for kind, patterns in PATTERNS.items():
        for pattern in patterns:
            for op in _last_ops(pattern):
                by_op.setdefault(op, []).append((kind, pattern))
    return by_op


def _last_ops(pattern: Pattern) -> set[str]:
    """Return the ops of the nodes at which a pattern can end."""
    if isinstance(pattern, tuple):
        return set(pattern[0].split("|"))
    alternatives = _ALTERNATIVES[pattern] if isinstance(pattern, str) else ()
    return {op for alternative in alternatives for op in _last_ops(alternative)}


def _match(pattern: Pattern, tensor: str, graph: _Graph, bound: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield all ways in which the graph that computes ``tensor`` fits: 'x' -> its tensor, 'node NAME' -> NAME."""
    tensor = _behind_identities(tensor, graph.nodes)
    name = node_of(tensor)
    node = graph.nodes.get(name)
    if pattern == "x":
        if name in graph.varying and bound.get("x", tensor) == tensor:
            yield bound | {"x": tensor}
    elif pattern == "c" or isinstance(pattern, float) or pattern in _CONSTANTS:
        if name not in graph.varying and _is_constant(pattern, name, graph):
            yield bound
    elif isinstance(pattern, str):
        for alternative in _ALTERNATIVES[pattern]:
            yield from _match(alternative, tensor, graph, bound)
    elif node is not None and node.op in pattern[0].split("|") and name in graph.varying:
        inputs = data_inputs(node)
        if len(inputs) != len(pattern) - 1:
            return
        orders = [inputs, inputs[::-1]] if node.op in _COMMUTATIVE else [inputs]
        for order in orders:
            yield from _match_all(pattern[1:], order, graph, bound | {f"node {name}": name})


def _match_all(patterns: tuple, tensors: list[str], graph: _Graph, bound: dict[str, str]) -> Iterator[dict[str, str]]:
    if not patterns:
        yield bound
        return
    for match in _match(patterns[0], tensor_of(tensors[0]), graph, bound):
        yield from _match_all(patterns[1:], tensors[1:], graph, match)


def _is_constant(pattern: str | float, name: str, graph: _Graph) -> bool:
    """Return whether a node that depends on no input has the value that a pattern asks for."""
    if pattern == "c":
        return True
    values = graph.constant(name)
    if values is None or not values.size:
        return False
    return _is_number(values, pattern) if isinstance(pattern, float) else _CONSTANTS[pattern](values)


def _is_number(values: np.ndarray, number: float) -> bool:
    """Return whether a constant is this number. What half precision rounds may differ by that rounding.

    The comparison is relative: 1e-9 is not 0, and a floor of 1e-12 under a norm makes no ReLU.
    """
    if float(np.float16(number)) == number:
        return bool((values == number).all())
    return bool(np.isclose(values, number, rtol=_HALF_PRECISION, atol=0).all())


def _behind_identities(tensor: str, nodes: Mapping[str, NodeDef]) -> str:
    while (node := nodes.get(node_of(tensor))) is not None and node.op == "Identity":
        tensor = tensor_of(node.input[0])
    return tensor
