"""Pullbacks of ops that move, join, resize or sum up places and channels.

Most take signals of whole maps only. Patches pass through joins and splits of channels, constant padding, a reshape
that changes nothing, and a transpose between the two layouts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from .elementwise import signal_of
from .signals import Patches, Signal, Signals, require_whole, static, true_gradient
from .windows import Axis, NotSupported

# ---- channels


def concatenation(op: tf.Operation, signals: Signals, _: Patches | None) -> Signals:
    """ConcatV2: each input takes its part of the signal."""
    signal, parts = signal_of(signals), op.inputs[:-1]
    axis = static(op.inputs[-1]) % op.outputs[0].shape.rank
    if axis == 0 or (signal.field is not None and signal.axis(axis) != op.outputs[0].shape.rank - 1):
        raise NotSupported(f"{op.name}, which joins images, or places of patches")
    sizes = [part.shape[axis] for part in parts]
    if None in sizes:
        raise NotSupported(f"{op.name}, which joins tensors of unknown size")
    return [*(signal.with_values(values) for values in tf.split(signal.values, sizes, signal.axis(axis))), None]


def narrow_concatenation(op: tf.Operation, signal: Signal) -> Signals | None:
    """ConcatV2 of channels, for narrow signals: the part with the channel takes it, the others zeros."""
    *parts, axis = op.inputs
    value = tf.get_static_value(axis)
    if value is None or value % 4 != 3:
        return None
    sent: list[Signal | None] = []
    first = 0
    for part in parts:
        channels = signal.channels - first  # type: ignore[operator]
        inside = tf.cast((channels >= 0) & (channels < part.shape[-1]), signal.values.dtype)
        kept = tf.clip_by_value(channels, 0, part.shape[-1] - 1)
        sent.append(Signal(signal.values * inside[:, None, None, None], None, kept))
        first += part.shape[-1]
    return [*sent, None]


def split(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Split, whose inputs are an axis and a tensor."""
    return [None, _joined(op, signals, op.inputs[1], op.inputs[0])]


def split_by_sizes(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """SplitV, whose inputs are a tensor, sizes and an axis."""
    return [_joined(op, signals, op.inputs[0], op.inputs[2]), None, None]


def _joined(op: tf.Operation, signals: Signals, entered: tf.Tensor, along: tf.Tensor) -> Signal:
    """Join the signals at all outputs of a split, with zeros for outputs that have none."""
    axis = static(along) % entered.shape.rank
    present = next(signal for signal in signals if signal is not None)
    fields = {signal.field for signal in signals if signal is not None}
    if axis == 0 or len(fields) > 1 or (present.field is not None and present.axis(axis) != entered.shape.rank - 1):
        raise NotSupported(f"{op.name}, which splits images, or places of patches")
    parts = [
        _zeros(present, output.shape[axis], present.axis(axis)) if signal is None else signal.values
        for signal, output in zip(signals, op.outputs, strict=True)
    ]
    return present.with_values(tf.concat(parts, present.axis(axis)))


def _zeros(like: Signal, count: int, axis: int) -> tf.Tensor:
    shape = tf.unstack(tf.shape(like.values))
    shape[axis] = count
    return tf.zeros(tf.stack(shape), like.values.dtype)


# ---- borders


def padding(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """Pad, PadV2: the signal without the border."""
    margins = np.asarray(static(op.inputs[1], whole=True))
    lengths = op.inputs[0].shape
    if margins[0].any() or (margins < 0).any() or None in lengths[1:]:
        raise NotSupported(f"{op.name}, which pads images or a tensor of unknown size")
    if signal.field is None:
        kept = [slice(before, before + length) for (before, _), length in zip(margins[1:], lengths[1:], strict=True)]
        window = (slice(None), *kept)
        return Signal(signal.values[window])
    (_, *places, channels), (_, *sizes, _) = signal.turned(margins), signal.turned(lengths)
    if channels.any() or patches is None:
        raise NotSupported(f"patches of {op.name}, which pads channels")
    axes = tuple(Axis(1, 1, 1, int(a), int(b)) for a, b in places)
    return patches.within(Signal(signal.values, signal.field.below(axes), first=signal.first), sizes)


def mirrored_padding(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """MirrorPad: TensorFlow's own gradient adds the border to the elements that it mirrors."""
    require_whole(op, signal)
    return Signal(
        tf.raw_ops.MirrorPadGrad(input=signal.values, paddings=op.inputs[1], mode=op.get_attr("mode").decode())
    )


def strided_slice(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """StridedSlice that keeps all images: TensorFlow's own gradient, for as many images as there are signals."""
    require_whole(op, signal)
    begin, end = (int(op.get_attr(key)) & 1 for key in ("begin_mask", "end_mask"))
    ellipsis = int(op.get_attr("ellipsis_mask")) & 1
    if not ((begin and end) or ellipsis):
        raise NotSupported(f"{op.name}, which takes some of the images")
    keys = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    return Signal(
        tf.raw_ops.StridedSliceGrad(
            shape=_repeated_shape(op.inputs[0], signal),
            begin=op.inputs[1],
            end=op.inputs[2],
            strides=op.inputs[3],
            dy=signal.values,
            **{key: op.get_attr(key) for key in keys},
        )
    )


def _repeated_shape(tensor: tf.Tensor, signal: Signal) -> tf.Tensor:
    """The shape of a tensor of the forward pass with as many images as there are signals."""
    return tf.concat([tf.shape(signal.values)[:1], tf.cast(tf.shape(tensor)[1:], tf.int32)], 0)


# ---- axes


def reshape(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Reshape, ExpandDims and Squeeze that keep images apart."""
    before, after = op.inputs[0].shape, op.outputs[0].shape
    if before != after:
        require_whole(op, signal)
    sizes = [None if None in shape[1:] else int(np.prod(shape[1:])) for shape in (before.as_list(), after.as_list())]
    if None in sizes or sizes[0] != sizes[1]:
        raise NotSupported(f"{op.name}, a reshape that may mix images")
    return signal if signal.field is not None else Signal(tf.reshape(signal.values, [-1, *before[1:]]))


def transpose(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Transpose that keeps images first; patches only note that their tensor has another layout now."""
    order = list(static(op.inputs[1], whole=True))
    if signal.field is not None and order == ([0, 3, 1, 2] if signal.first else [0, 2, 3, 1]):
        return replace(signal, first=not signal.first)
    require_whole(op, signal)
    if order[0] != 0:
        raise NotSupported(f"{op.name}, a transpose of images")
    return Signal(tf.transpose(signal.values, np.argsort(order)))


def depth_to_space(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """DepthToSpace: its inverse."""
    require_whole(op, signal)
    return Signal(tf.nn.space_to_depth(signal.values, op.get_attr("block_size"), op.get_attr("data_format").decode()))


def space_to_depth(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """SpaceToDepth: its inverse."""
    require_whole(op, signal)
    return Signal(tf.nn.depth_to_space(signal.values, op.get_attr("block_size"), op.get_attr("data_format").decode()))


# ---- sums and interpolation


def reduction(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Mean and Sum: shares of the signal at every place. Max and Min: the signal at the first extreme value."""
    require_whole(op, signal)
    rank = op.inputs[0].shape.rank
    axes = sorted({int(axis) % rank for axis in np.ravel(static(op.inputs[1], whole=True))})
    if 0 in axes:
        raise NotSupported(f"{op.name}, a reduction over images")
    values = signal.values
    for axis in axes if not op.get_attr("keep_dims") else ():
        values = tf.expand_dims(values, axis)
    if op.type in ("Max", "Min"):
        share = _first_extreme(-op.inputs[0] if op.type == "Min" else op.inputs[0], axes)
    else:
        share = true_gradient(op, tf.ones_like(op.outputs[0]))
    return Signal(values * tf.cast(share, values.dtype))


def _first_extreme(values: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """1 at the first of the largest values over some axes, and 0 elsewhere.

    Of equal values one takes the whole signal, as in a max pool; TensorFlow's own gradient would share it.
    """
    kept = [axis for axis in range(values.shape.rank) if axis not in axes]
    if any(values.shape[axis] is None for axis in range(1, values.shape.rank)):
        raise NotSupported(f"a reduction of {values.name}, whose size is unknown")
    order, count = [*kept, *axes], int(np.prod([values.shape[axis] for axis in axes]))
    turned = tf.transpose(values, order)
    flat = tf.reshape(turned, [-1, *(values.shape[axis] for axis in kept[1:]), count])
    first = tf.one_hot(tf.argmax(flat, -1), count, dtype=values.dtype)
    laid = tf.reshape(first, [-1, *(values.shape[axis] for axis in order[1:])])
    return tf.transpose(laid, np.argsort(order))


def matrix_product(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """MatMul with weights as its second input."""
    require_whole(op, signal)
    if op.get_attr("transpose_a"):
        raise NotSupported(f"{op.name}, a product with a transposed first matrix")
    weights = tf.cast(op.inputs[1], signal.values.dtype)
    return Signal(tf.matmul(signal.values, weights, transpose_b=not op.get_attr("transpose_b")))


def nearest_neighbour(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """ResizeNearestNeighbor: TensorFlow's own gradient."""
    require_whole(op, signal)
    options = {key: op.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    result = tf.raw_ops.ResizeNearestNeighborGrad(grads=signal.values, size=tf.shape(op.inputs[0])[1:3], **options)
    return Signal(result)


def bilinear(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """ResizeBilinear: TensorFlow's own gradient, which takes float32 only."""
    require_whole(op, signal)
    options = {key: op.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    original = tf.zeros(_repeated_shape(op.inputs[0], signal), op.inputs[0].dtype)
    result = tf.raw_ops.ResizeBilinearGrad(grads=tf.cast(signal.values, tf.float32), original_image=original, **options)
    return Signal(tf.cast(result, signal.values.dtype))
