"""Pullbacks of pools.

A max pool whose windows do not overlap sends a signal back by repeating it and multiplying by the mask of recorded
maxima, which is computed once for an image.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .signals import Patches, Signal, fitted, placed, require_whole, stored, window_below
from .windows import Axis, geometry


def max_pool(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """MaxPool, MaxPool3D: each window sends its signal to the place of its maximum, the first of equal ones."""
    repeated = op.type == "MaxPool" and _is_unpooled_by_repeating(op)
    if not repeated:
        signal = signal.widened(op.outputs[0].shape[-1])
    axes = geometry(op, op.get_attr("ksize")[1:-1])
    bare, lengths, place = window_below(signal, op, axes)
    if op.get_attr("ksize")[-1] != 1 or op.type != "MaxPool":
        require_whole(op, signal)
        return Signal(_max_pool_gradient(op, op.inputs[0], op.outputs[0], signal.values))
    if repeated:
        mask = _max_pool_gradient(op, op.inputs[0], op.outputs[0], tf.ones_like(op.outputs[0]))
        mask = stored(tf.cast(mask, signal.values.dtype), place, patches)
        values = _repeated(signal.values, axes[0].stride)
        values = fitted(values, [axis.before for axis in bare], lengths) * mask
        return place.with_values(values)
    if signal.field is None and op.get_attr("padding") != b"EXPLICIT":
        return Signal(_to_recorded_maxima(op, signal.values))
    below = stored(op.inputs[0], place, patches, outside=op.inputs[0].dtype.min)
    above = stored(op.outputs[0], signal, patches)
    values = _max_pool_gradient(op, below, above, signal.values, "VALID" if signal.field is not None else None)
    return placed(values, place, op, axes, patches)


def _is_unpooled_by_repeating(op: tf.Operation) -> bool:
    """Whether the windows of a max pool over images do not overlap."""
    height, width, channels = op.get_attr("ksize")[1:]
    strides = op.get_attr("strides")[1:-1]
    return channels == 1 and strides[0] == strides[1] >= max(height, width)


def _to_recorded_maxima(op: tf.Operation, values: tf.Tensor) -> tf.Tensor:
    """Add up the signals of overlapping windows at their maxima; six times faster than to search for these again."""
    padding = op.get_attr("padding").decode()
    options = {"ksize": op.get_attr("ksize"), "strides": op.get_attr("strides"), "padding": padding}
    _, places = tf.raw_ops.MaxPoolWithArgmax(input=op.inputs[0], **options)
    count = tf.shape(values)[0]
    result = tf.raw_ops.MaxPoolGradWithArgmax(
        input=tf.zeros(tf.concat([[count], tf.shape(op.inputs[0])[1:]], 0), op.inputs[0].dtype),
        grad=tf.cast(values, op.inputs[0].dtype),
        argmax=tf.tile(places, [count, 1, 1, 1]),
        **options,
    )
    return tf.cast(result, values.dtype)


def _repeated(values: tf.Tensor, times: int) -> tf.Tensor:
    """Repeat every element along height and width. Resizing an image does so fastest, but not in float64."""
    if values.dtype == tf.float64:
        return tf.repeat(tf.repeat(values, times, 1), times, 2)
    return tf.raw_ops.ResizeNearestNeighbor(images=values, size=[times * side for side in values.shape[1:3]])


def _max_pool_gradient(
    op: tf.Operation, below: tf.Tensor, above: tf.Tensor, values: tf.Tensor, padding: str | None = None
) -> tf.Tensor:
    """TensorFlow's own gradient of a max pool from the maps ``below`` to the maps ``above``, for all signals."""
    gradient = {"MaxPool": tf.raw_ops.MaxPoolGrad, "MaxPool3D": tf.raw_ops.MaxPool3DGrad}[op.type]
    options = {"explicit_paddings": op.get_attr("explicit_paddings")} if "explicit_paddings" in op.node_def.attr else {}
    if padding is not None:
        options = {}
    below, above = (_as_many(each, values) for each in (below, above))
    dtype = values.dtype
    if dtype == tf.bfloat16:
        values = tf.cast(values, below.dtype)
    result = gradient(
        orig_input=below,
        orig_output=above,
        grad=values,
        ksize=op.get_attr("ksize"),
        strides=op.get_attr("strides"),
        padding=padding or op.get_attr("padding").decode(),
        **options,
    )
    return tf.cast(result, dtype)


def _as_many(tensor: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Repeat a tensor of the forward pass once for each signal."""
    if tensor.shape[0] == values.shape[0] and tensor.shape[0] is not None:
        return tensor
    times = tf.shape(values)[0] // tf.shape(tensor)[0]
    return tf.tile(tensor, [times, *[1] * (tensor.shape.rank - 1)])


def average_pool(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """AvgPool, AvgPool3D: each window spreads its signal evenly over its elements; padding does not count."""
    kernel = op.get_attr("ksize")[1:-1]
    axes = geometry(op, kernel)
    _, lengths, place = window_below(signal, op, axes)
    gradient = tf.raw_ops.AvgPoolGrad if op.type == "AvgPool" else tf.raw_ops.AvgPool3DGrad
    values, padding = signal.values, op.get_attr("padding").decode()
    if signal.field is not None:
        counts = [_counts(axis, length) for axis, length in zip(axes, op.inputs[0].shape[1:3], strict=True)]
        shares = np.prod(kernel) / (counts[0][:, None] * counts[1])
        if (shares != 1).any():
            channels = op.inputs[0].shape[-1]
            spread = tf.constant(np.repeat(shares[None, :, :, None], channels, -1), values.dtype)
            values = values * stored(spread, signal, patches)
        padding = "VALID"
    values = gradient(
        orig_input_shape=tf.stack([tf.shape(values)[0], *lengths, op.inputs[0].shape[-1]]),
        grad=values,
        ksize=op.get_attr("ksize"),
        strides=op.get_attr("strides"),
        padding=padding,
    )
    return placed(values, place, op, axes, patches)


def _counts(axis: Axis, length: int) -> np.ndarray:
    """The number of elements of the map in each window, int (units,)."""
    units = (length + axis.before + axis.after - axis.reach) // axis.stride + 1
    begins = np.arange(units) * axis.stride - axis.before
    return np.minimum(begins + axis.kernel, length) - np.maximum(begins, 0)
