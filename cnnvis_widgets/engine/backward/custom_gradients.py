"""Custom gradients, as the frozen graph keeps them, in the backward pass."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from ..graph.custom_gradients import GRADIENT, REGISTERED, SENT, has_custom_gradient
from ..graph.graphdef import GraphDef, NodeDef

CUSTOM = "Cnnvis/Custom"
"""The value of ``_gradient_op_type`` for an IdentityN that keeps the gradient of its author."""


def is_custom(node: NodeDef) -> bool:
    """Whether the author of a model gave an op a gradient of its own."""
    return has_custom_gradient(node) or REGISTERED in node.attr


def set_custom_gradients(nodes: Iterable[NodeDef]) -> None:
    """Let ops that have a gradient of their author take it, in place, unless a rule has set another."""
    for node in nodes:
        if "_gradient_op_type" in node.attr:
            continue
        if has_custom_gradient(node):
            node.attr["_gradient_op_type"].s = CUSTOM.encode()
        elif REGISTERED in node.attr:
            node.attr["_gradient_op_type"].s = node.attr[REGISTERED].s


@tf.RegisterGradient(CUSTOM)
def _custom(op: tf.Operation, *signals: tf.Tensor) -> list[tf.Tensor | None]:
    """Import the graph of the gradient. The op's last inputs are what it takes beside the signals."""
    graph_def = GraphDef.FromString(op.node_def.attr[GRADIENT].s)
    sent = [name.decode() for name in op.node_def.attr[SENT].list.s]
    values = {f"signal_{place}:0": signal for place, signal in enumerate(signals[: len(sent)])}
    values |= {f"captured_{place}:0": value for place, value in enumerate(op.inputs[len(sent) :])}
    present = {f"{node.name}:0" for node in graph_def.node}
    results = iter(
        tf.graph_util.import_graph_def(
            graph_def,
            {name: value for name, value in values.items() if name in present},
            return_elements=[name for name in sent if name],
            name="custom_gradient",
        )
    )
    own = [next(results) if name else None for name in sent]
    return [*own, *[None] * (len(op.inputs) - len(sent))]
