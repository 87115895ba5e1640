"""Gradient functions that compute the true gradient by other ops than TensorFlow's own.

TensorFlow has gradient kernels for dilated and grouped convolutions only with oneDNN, which it uses by default on CPUs
with AVX-512. Without them such a network runs forward and fails backward. A dilated kernel is a larger one with
zeros between, and groups are convolutions side by side; both have gradients everywhere.

TensorFlow's own gradient of a sum or product is also longer than a dream needs; see ``spreading``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import tensorflow as tf

from ..graph.graphdef import NodeDef
from ..ops import convolutions

_PORTABLE = "Cnnvis/Portable"
_SPREADING = "Cnnvis/Spreading"
OVERRIDES = {_PORTABLE}
"""Values of ``_gradient_op_type`` that stand for the true gradient, not for that of a rule."""

_GIVEN = {"Placeholder", "Const"}
"""The ops of kernels that are constants of the network; any other op computes its kernel."""

_CONVOLUTIONS = {"Conv2D": tf.raw_ops.Conv2D, "Conv3D": tf.raw_ops.Conv3D}
_INPUT_GRADIENTS = {"Conv2D": tf.raw_ops.Conv2DBackpropInput, "Conv3D": tf.raw_ops.Conv3DBackpropInputV2}


def make_portable(nodes: Iterable[NodeDef]) -> None:
    """Give convolutions with channels last a gradient that runs on this CPU, in place, if TensorFlow's may not."""
    if not convolutions.has_kernels():
        for node in nodes:
            if node.op in _INPUT_GRADIENTS and "_gradient_op_type" not in node.attr:
                node.attr["_gradient_op_type"].s = _PORTABLE.encode()


@tf.RegisterGradient(_PORTABLE)
def _portable(op: tf.Operation, values: tf.Tensor) -> list[tf.Tensor | None]:
    """The gradient with respect to the map, and to a kernel that is computed, perhaps from the image."""
    entered, kernel = op.inputs
    channels = entered.shape[-1]
    groups = 1 if channels is None else channels // kernel.shape[-2]  # a loop does not tell what comes out of it
    options = {key: op.get_attr(key) for key in ("strides", "explicit_paddings") if key in op.node_def.attr}
    if kernel.op.type not in _GIVEN:
        copies = [tf.identity(each) for each in op.inputs]  # apart: a kernel may be computed from the map itself
        return cast("list[tf.Tensor | None]", tf.gradients(_computed_anew(op, copies, groups, options), copies, values))
    kernel = convolutions.spread(kernel, op.get_attr("dilations")[1:-1])
    sizes, parts = tf.shape(entered), [(values, kernel)]
    if groups > 1:
        sizes = tf.concat([sizes[:-1], [kernel.shape[-2]]], 0)
        parts = list(zip(tf.split(values, groups, -1), tf.split(kernel, groups, -1), strict=True))
    sent = [
        _INPUT_GRADIENTS[op.type](
            input_sizes=sizes, filter=own, out_backprop=part, padding=op.get_attr("padding").decode(), **options
        )
        for part, own in parts
    ]
    return [tf.concat(sent, -1) if groups > 1 else sent[0], None]


def _computed_anew(op: tf.Operation, inputs: Sequence[tf.Tensor], groups: int, options: dict[str, Any]) -> tf.Tensor:
    """The output of a convolution by plain ones, of which TensorFlow has every gradient on every CPU."""
    entered, kernel = inputs
    kernel = convolutions.spread(kernel, op.get_attr("dilations")[1:-1])
    padding, convolved = op.get_attr("padding").decode(), _CONVOLUTIONS[op.type]
    if groups == 1:
        return convolved(input=entered, filter=kernel, padding=padding, **options)
    parts = zip(tf.split(entered, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([convolved(input=part, filter=own, padding=padding, **options) for part, own in parts], -1)


def with_gradient(gradient: str, *ops: str) -> AbstractContextManager[None]:
    """Return a context in which ops of some types get a registered gradient.

    ``tf.custom_gradient`` registers a new gradient whenever it is traced, and TensorFlow keeps it for good, together
    with the graph: half a megabyte for each dream of a small network. A gradient with a name is registered once.
    """
    override = tf.compat.v1.get_default_graph().gradient_override_map(dict.fromkeys(ops, gradient))
    return cast("AbstractContextManager[None]", override)


def spreading() -> AbstractContextManager[None]:
    """Return a context in which sums and products send a gradient to their first operand only.

    The second operand must broadcast to the first. TensorFlow's own gradient would build ops that find out at run time
    which operand was broadcast.
    """
    return with_gradient(_SPREADING, "AddV2", "Mul")


@tf.RegisterGradient(_SPREADING)
def _spreading(op: tf.Operation, signal: tf.Tensor) -> list[tf.Tensor | None]:
    return [signal if op.type == "AddV2" else signal * op.inputs[1], None]
