"""Gradients of sums and products with weights, without the gradients of the weights that nobody asks for.

TensorFlow's own derives them too, and finds out at each call what was broadcast: up to sixteen ops where one does. The
optimiser removes them again, but each takes its time to be built, and a dream shows nothing before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

from .graph_surgery import NodeDef, data_inputs, node_of

LEAN = ("Cnnvis/Lean/0", "Cnnvis/Lean/1")
"""The ``_gradient_op_type`` of these ops, by the place of the input that is not a weight; it is the true gradient."""

_SENT: dict[str, tuple[Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None, ...]] = {
    "Mul": (lambda signal, weight: signal * weight,) * 2,
    "Add": (lambda signal, weight: signal,) * 2,
    "AddV2": (lambda signal, weight: signal,) * 2,
    "BiasAdd": (lambda signal, weight: signal, None),
    "Sub": (lambda signal, weight: signal, lambda signal, weight: -signal),
    "RealDiv": (lambda signal, weight: signal / weight, None),
}
"""(signal, weight) -> what goes to the other input, where that is the first and where it is the second."""


def make_lean(nodes: Iterable[NodeDef], varying: Collection[str]) -> None:
    """Give ops of which one input alone depends on what is fed this gradient, in place."""
    for node in nodes:
        if node.op in _SENT and "_gradient_op_type" not in node.attr:
            varies = [node_of(each) in varying for each in data_inputs(node)]
            if sum(varies) == 1 and _SENT[node.op][varies.index(True)] is not None:
                node.attr["_gradient_op_type"].s = LEAN[varies.index(True)].encode()


def _register(place: int) -> None:
    @tf.RegisterGradient(LEAN[place])
    def _gradient(op: tf.Operation, signal: tf.Tensor) -> list[tf.Tensor | None]:
        entered, weight, send = op.inputs[place], op.inputs[1 - place], _SENT[op.type][place]
        if send is not None and entered.dtype.is_floating and (op.type == "BiasAdd" or _keeps_size(entered, weight)):
            sent = send(signal, weight)
        else:
            sent = gradient_registry.lookup(op.type)(op, signal)[place]
        return [sent, None] if place == 0 else [None, sent]


for _place in range(len(LEAN)):
    _register(_place)


def _keeps_size(entered: tf.Tensor, weight: tf.Tensor) -> bool:
    """Whether a weight is surely spread over what enters, and not the other way round."""
    if entered.shape.rank is None or weight.shape.rank is None or weight.shape.rank > entered.shape.rank:
        return False
    own = entered.shape.as_list()[entered.shape.rank - weight.shape.rank :]
    return all(size == 1 or (size is not None and size == side) for size, side in zip(weight.shape, own, strict=True))
