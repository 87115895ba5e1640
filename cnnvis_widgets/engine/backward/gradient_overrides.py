"""Gradients of ops with weights, without the gradients of the weights that nobody asks for.

TensorFlow's own derives them too, and finds out at each call what was broadcast: up to sixteen ops where one does. The
optimiser removes them again, but each takes its time to be built, and a dream shows nothing before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import cast

import tensorflow as tf

from ..graph.graphdef import NodeDef, data_inputs, node_of
from ..tensorflow_internals import gradient_function

LEAN = ("Cnnvis/Lean/0", "Cnnvis/Lean/1", "Cnnvis/Lean/Depthwise")
"""The ``_gradient_op_type`` of these ops; it is the true gradient. Of sums and products there are two, by the place of
the input that is not a weight."""

_SPREADING = "Cnnvis/Spreading"
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
        if "_gradient_op_type" in node.attr:
            continue
        if node.op in _SENT:
            varies = [node_of(each) in varying for each in data_inputs(node)]
            if sum(varies) == 1 and _SENT[node.op][varies.index(True)] is not None:
                node.attr["_gradient_op_type"].s = LEAN[varies.index(True)].encode()
        elif node.op == "DepthwiseConv2dNative" and node_of(node.input[1]) not in varying:
            node.attr["_gradient_op_type"].s = LEAN[2].encode()


def spreading() -> AbstractContextManager[None]:
    """Sums and products that are built in this context spread their second operand over their first, which alone gets a
    gradient: nothing has to find out at run time what was broadcast."""
    override = tf.compat.v1.get_default_graph().gradient_override_map(dict.fromkeys(("AddV2", "Mul"), _SPREADING))
    return cast("AbstractContextManager[None]", override)


@tf.RegisterGradient(_SPREADING)
def _spreading(op: tf.Operation, signal: tf.Tensor) -> list[tf.Tensor | None]:
    return [signal if op.type == "AddV2" else signal * op.inputs[1], None]


def _register(place: int) -> None:
    @tf.RegisterGradient(LEAN[place])
    def _gradient(op: tf.Operation, signal: tf.Tensor) -> list[tf.Tensor | None]:
        entered, weight, send = op.inputs[place], op.inputs[1 - place], _SENT[op.type][place]
        if (
            send is not None
            and entered.dtype.is_floating
            and (op.type == "BiasAdd" or keeps_size(_static(entered), _static(weight)))
        ):
            sent = send(signal, weight)
        else:
            sent = gradient_function(op.type)(op, signal)[place]
        return [sent, None] if place == 0 else [None, sent]


for _place in range(2):
    _register(_place)


@tf.RegisterGradient(LEAN[2])
def _depthwise(op: tf.Operation, signal: tf.Tensor) -> list[tf.Tensor | None]:
    entered, weight = op.inputs
    options = {key: op.get_attr(key) for key in ("strides", "explicit_paddings", "dilations")}
    texts = {key: op.get_attr(key).decode() for key in ("padding", "data_format")}
    sent = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=tf.shape(entered), filter=weight, out_backprop=signal, **options, **texts
    )
    return [sent, None]


def keeps_size(own: Sequence[int | None] | None, other: Sequence[int | None] | None) -> bool:
    """Whether a tensor of a static shape surely keeps its size when another is spread over it."""
    if own is None or other is None or len(other) > len(own):
        return False
    sides = own[len(own) - len(other) :]
    return all(size == 1 or (size is not None and size == side) for size, side in zip(other, sides, strict=True))


def _static(tensor: tf.Tensor) -> list[int | None] | None:
    return None if tensor.shape.rank is None else tensor.shape.as_list()
