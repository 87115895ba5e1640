"""Gradients of dilated and grouped convolutions on CPUs for which TensorFlow has no kernel for them.

It has one only where it computes with oneDNN, which it does of itself on CPUs with AVX-512 alone. Elsewhere such a
network runs forward, and fails on the way back. A dilated kernel is a larger one with zeros in between, and groups
are convolutions beside each other: both have gradients everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import tensorflow as tf

from ..graph.graphdef import NodeDef
from ..tensorflow_internals import computes_with_onednn

PORTABLE = "Cnnvis/Portable"
"""The ``_gradient_op_type`` of convolutions that use this gradient; it is the true one, not that of a rule."""

_BACK = {"Conv2D": tf.raw_ops.Conv2DBackpropInput, "Conv3D": tf.raw_ops.Conv3DBackpropInputV2}


@cache
def has_kernels() -> bool:
    """Whether TensorFlow has those kernels here: those of oneDNN, or those for graphics cards.

    To try one would print a warning of TensorFlow's into the reader's notebook.
    """
    return computes_with_onednn() or bool(tf.config.list_physical_devices("GPU"))


def has_groups(op: tf.Operation) -> bool:
    """Whether an op is a convolution, channels last, whose kernel takes fewer channels than enter."""
    if op.type != "Conv2D":
        return False
    entered, kernel = (each.shape for each in op.inputs)
    return entered.rank is not None and kernel.rank is not None and entered[-1] != kernel[-2]


def make_portable(nodes: Iterable[NodeDef]) -> None:
    """Give convolutions, channels last, a gradient that runs on this CPU, where TensorFlow's own may not."""
    if not has_kernels():
        for node in nodes:
            if node.op in _BACK and "_gradient_op_type" not in node.attr:
                node.attr["_gradient_op_type"].s = PORTABLE.encode()


def spread(kernel: tf.Tensor, dilations: Iterable[int]) -> tf.Tensor:
    """A kernel (sizes, entering, leaving) with zeros between its taps, to be used without dilation."""
    for axis, dilation in enumerate(dilations):
        if dilation > 1:
            taps = kernel.shape[axis]
            margins = [[0, 0]] * (kernel.shape.rank + 1)
            margins[axis + 1] = [0, dilation - 1]
            sizes = kernel.shape.as_list()
            sizes[axis] = taps * dilation
            filled = tf.reshape(tf.pad(tf.expand_dims(kernel, axis + 1), margins), sizes)
            kernel = tf.gather(filled, range((taps - 1) * dilation + 1), axis=axis)
    return kernel


@tf.RegisterGradient(PORTABLE)
def _gradient(op: tf.Operation, values: tf.Tensor) -> list[tf.Tensor | None]:
    """With respect to what enters the convolution; its weights are constants of the network."""
    entered, kernel = op.inputs
    dilations, groups = op.get_attr("dilations"), entered.shape[-1] // kernel.shape[-2]
    options = {key: op.get_attr(key) for key in ("strides", "explicit_paddings") if key in op.node_def.attr}
    kernel = spread(kernel, dilations[1:-1])
    sizes, parts = tf.shape(entered), [(values, kernel)]
    if groups > 1:
        sizes = tf.concat([sizes[:-1], [kernel.shape[-2]]], 0)
        parts = list(zip(tf.split(values, groups, -1), tf.split(kernel, groups, -1), strict=True))
    sent = [
        _BACK[op.type](
            input_sizes=sizes, filter=own, out_backprop=part, padding=op.get_attr("padding").decode(), **options
        )
        for part, own in parts
    ]
    return [tf.concat(sent, -1) if groups > 1 else sent[0], None]
