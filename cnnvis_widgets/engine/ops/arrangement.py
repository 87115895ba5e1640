"""Backward steps of ops that move or mix places: for signals of whole maps, so patches end here.

Each takes the op, the signal at its output and the patches; see ``steps``. Two let patches through: a reshape that
changes nothing, and a transpose between the two layouts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from .signals import Patches, Signal, UnknownOpError, static, true_gradient


def _require_whole(op: tf.Operation, signal: Signal) -> None:
    if signal.field is not None:
        raise UnknownOpError(op.type)


def _several(tensor: tf.Tensor, signal: Signal) -> tf.Tensor:
    """The shape of a tensor of the forward pass, for as many images as there are signals."""
    return tf.concat([tf.shape(signal.values)[:1], tf.cast(tf.shape(tensor)[1:], tf.int32)], 0)


def mirrored(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    return Signal(
        tf.raw_ops.MirrorPadGrad(input=signal.values, paddings=op.inputs[1], mode=op.get_attr("mode").decode())
    )


def sliced(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """The gradient of TensorFlow, told of as many images as there are signals; only where all images are kept."""
    _require_whole(op, signal)
    begin, end = (int(op.get_attr(key)) & 1 for key in ("begin_mask", "end_mask"))
    ellipsis = int(op.get_attr("ellipsis_mask")) & 1
    if not ((begin and end) or ellipsis):
        raise UnknownOpError("a slice of images")
    keys = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    return Signal(
        tf.raw_ops.StridedSliceGrad(
            shape=_several(op.inputs[0], signal),
            begin=op.inputs[1],
            end=op.inputs[2],
            strides=op.inputs[3],
            dy=signal.values,
            **{key: op.get_attr(key) for key in keys},
        )
    )


def reshaped(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    before, after = op.inputs[0].shape, op.outputs[0].shape
    if signal.field is not None and before != after:
        raise UnknownOpError(op.type)
    sizes = [None if None in shape[1:] else int(np.prod(shape[1:])) for shape in (before.as_list(), after.as_list())]
    if None in sizes or sizes[0] != sizes[1]:
        raise UnknownOpError("a reshape that may mix images")
    return signal if signal.field is not None else Signal(tf.reshape(signal.values, [-1, *before[1:]]))


def transposed(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    order = list(static(op.inputs[1], whole=True))
    if signal.field is not None and order == ([0, 3, 1, 2] if signal.first else [0, 2, 3, 1]):
        return replace(signal, first=not signal.first)
    _require_whole(op, signal)
    if order[0] != 0:
        raise UnknownOpError("a transpose of images")
    return Signal(tf.transpose(signal.values, np.argsort(order)))


def reduced(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    rank = op.inputs[0].shape.rank
    axes = sorted({int(axis) % rank for axis in np.ravel(static(op.inputs[1], whole=True))})
    if 0 in axes:
        raise UnknownOpError("a reduction over images")
    values = signal.values
    for axis in axes if not op.get_attr("keep_dims") else ():
        values = tf.expand_dims(values, axis)
    if op.type in ("Max", "Min"):
        share = _first_extreme(-op.inputs[0] if op.type == "Min" else op.inputs[0], axes)
    else:
        share = true_gradient(op, tf.ones_like(op.outputs[0]))
    return Signal(values * tf.cast(share, values.dtype))


def _first_extreme(values: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """1 at the first of the largest values over some axes: of equal ones, one takes the signal, as in a max-pool."""
    kept = [axis for axis in range(values.shape.rank) if axis not in axes]
    if any(values.shape[axis] is None for axis in range(1, values.shape.rank)):
        raise UnknownOpError("a reduction of unknown size")
    order, count = [*kept, *axes], int(np.prod([values.shape[axis] for axis in axes]))
    turned = tf.transpose(values, order)
    flat = tf.reshape(turned, [-1, *(values.shape[axis] for axis in kept[1:]), count])
    first = tf.one_hot(tf.argmax(flat, -1), count, dtype=values.dtype)
    laid = tf.reshape(first, [-1, *(values.shape[axis] for axis in order[1:])])
    return tf.transpose(laid, np.argsort(order))


def softmax(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    share = tf.cast(op.outputs[0], signal.values.dtype)
    return Signal((signal.values - tf.reduce_sum(signal.values * share, -1, keepdims=True)) * share)


def product(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    if op.get_attr("transpose_a"):
        raise UnknownOpError("a transposed product")
    weights = tf.cast(op.inputs[1], signal.values.dtype)
    return Signal(tf.matmul(signal.values, weights, transpose_b=not op.get_attr("transpose_b")))


def resized_nearest(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    options = {key: op.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    result = tf.raw_ops.ResizeNearestNeighborGrad(grads=signal.values, size=tf.shape(op.inputs[0])[1:3], **options)
    return Signal(result)


def resized_bilinear(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    options = {key: op.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    original = tf.zeros(_several(op.inputs[0], signal), op.inputs[0].dtype)
    result = tf.raw_ops.ResizeBilinearGrad(grads=tf.cast(signal.values, tf.float32), original_image=original, **options)
    return Signal(tf.cast(result, signal.values.dtype))


def depth_to_space(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    return Signal(tf.nn.space_to_depth(signal.values, op.get_attr("block_size"), op.get_attr("data_format").decode()))


def space_to_depth(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    return Signal(tf.nn.depth_to_space(signal.values, op.get_attr("block_size"), op.get_attr("data_format").decode()))
