"""Computes the values with which variables start, for a graph that comes without the session or checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from math import prod

import tensorflow as tf

from ...errors import ModelError, TrustError, VariableError
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import GraphDef, NodeDef, Value, ancestors, clean, copy_of, node_of, tensor_of
from ..graph.shapes import static_shapes
from ..ops.allowed import ALLOWED, PURE
from .soundness import require_room
from .trust import listed_ops, warn_of_trust

VARIABLES = ("VarHandleOp", "VariableV2", "Variable")
"""The ops that hold a variable."""

_UNKNOWN = {"Placeholder", "PartitionedCall", "StatefulPartitionedCall", *VARIABLES}


def initial_values(graph_def: GraphDef, names: Sequence[str], *, trusted: bool) -> dict[str, Value]:
    """Return the initial values of variables that start as constants, as pretrained weights often do.

    They are computed by pure ops alone; see ``ops.allowed``.

    Args:
        graph_def: of the whole model.
        names: of the variables.
        trusted: whether ops that do more may take part.

    Raises:
        VariableError: a variable starts at random or nowhere.
        TrustError: what computes a value does more than compute.
        ModelError: a value does not fit into memory, or cannot be computed.
    """
    nodes = {node.name: node for node in graph_def.node}
    assigned: dict[str, str] = {}
    for node in graph_def.node:
        if node.op in ("Assign", "AssignVariableOp") and len(node.input) > 1:
            assigned.setdefault(node_of(node.input[0]), node.input[1])
    taken = [assigned[name] for name in names if name in assigned]
    others = [nodes[name] for name in ancestors(nodes, map(node_of, taken)) if nodes[name].op not in ALLOWED]
    if others and not trusted:
        raise TrustError(
            f"Expected variables that start with values that are only computed. Received: {listed_ops(others)} on the "
            "way to one. If you know who made this model, and trust them, pass trusted=True; or pass the session that "
            "holds the values, or the path of the checkpoint."
        )
    if others:
        warn_of_trust(f"runs {listed_ops(others)} to find initial values")
    known = [name for name in names if name in assigned and _is_constant(nodes, assigned[name], trusted)]
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        raise VariableError(
            f"Expected variables with values. Received: a graph without its session, and {len(unknown)} of "
            f"{len(names)} variables start at random or nowhere: {listed}. "
            "Pass the session that holds the values, or the path of the checkpoint."
        )
    warnings.warn(
        f"The graph came without a session: its {len(known)} variables are shown with their constant initial "
        "values. Pass the session to see the current ones.",
        stacklevel=2,
    )
    return _evaluate(graph_def, [assigned[name] for name in known], known)


def _is_constant(nodes: Mapping[str, NodeDef], reference: str, trusted: bool) -> bool:
    ops = {nodes[name].op for name in ancestors(nodes, [node_of(reference)])}
    if any(op in _UNKNOWN or "Random" in op or "TruncatedNormal" in op for op in ops):
        return False
    return trusted or ops <= PURE


def _evaluate(graph_def: GraphDef, references: list[str], names: list[str]) -> dict[str, Value]:
    nodes = {node.name: node for node in graph_def.node}
    needed = ancestors(nodes, [node_of(reference) for reference in references])
    part = clean(copy_of(graph_def, [nodes[name] for name in needed]))
    _require_room(part)
    tensors = [tensor_of(reference) for reference in references]
    try:
        function = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(part, return_elements=tensors, name=""), signature=[]
        )
        return dict(zip(names, function(), strict=True))
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise ModelError(f"Expected initial values that can be computed. Received: {error}") from error


def _require_room(part: GraphDef) -> None:
    """Look at the size of everything that is computed on the way, before anything is."""
    shapes = static_shapes(FrozenGraph(part, {}, {}, {}, {}))
    sizes = {}
    for tensor, (dtype, shape) in shapes.items():
        if shape is None or None in shape:
            continue
        sizes[tensor] = prod(size or 0 for size in shape) * (dtype.size or 8)
    largest = max(sizes, key=lambda tensor: sizes[tensor], default="")
    if largest and sizes[largest] > 2**20:
        require_room(sizes[largest], f"{largest!r}, a value on the way to a variable,")
