"""Backward steps of convolutions and pools, for several signals over a forward pass of batch 1.

The input gradient of a convolution of stride s is written as one of stride 1: it gives all s x s phases of the
answer as channels, which ``depth_to_space`` lays out. The kernels for it depend on no signal, so they are
made once. A max pool whose windows do not overlap sends a signal back by repeating it and multiplying by the
mask of recorded maxima.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from .portable_gradient import has_kernels, spread
from .signals import Patches, Signal, UnknownOpError, stored
from .windows import Axis, axes_of, has_channels_last


def geometry(op: tf.Operation, kernel: Sequence[int]) -> tuple[Axis, ...]:
    """The windows of an op along height and width.

    Raises:
        UnknownOpError: it has its channels first, or maps of unknown size.
    """
    if not has_channels_last(op):
        raise UnknownOpError("channels first")
    axes = axes_of(op, tuple(kernel), tuple(op.inputs[0].shape[1:-1]))
    if axes is None or None in op.inputs[0].shape[1:]:
        raise UnknownOpError("a map of unknown size")
    return axes


def _below(signal: Signal, op: tf.Operation, axes: tuple[Axis, ...]) -> tuple[tuple[Axis, ...], list[int], Signal]:
    """Geometry, lengths and place of what comes out below: the map of the op, or the patch without padding."""
    if signal.field is None:
        return axes, list(op.inputs[0].shape[1:-1]), signal
    if signal.first:
        raise UnknownOpError("windows over channels")
    field = signal.field.below(axes)
    bare = tuple(Axis(axis.kernel, axis.stride, axis.dilation) for axis in axes)
    return bare, list(field.size), Signal(signal.values, field)


def _placed(
    values: tf.Tensor, place: Signal, op: tf.Operation, axes: tuple[Axis, ...], patches: Patches | None
) -> Signal:
    """The result at its place; what fell into the padding is dropped."""
    result = Signal(values, place.field)
    padded = any(axis.before or axis.after for axis in axes)
    return patches.within(result, op.inputs[0].shape[1:-1]) if padded and patches is not None else result


def convolution(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    kernel = op.inputs[1]
    axes = geometry(op, kernel.shape[:-2])
    bare, lengths, place = _below(signal, op, axes)
    parts = 1 if _has_gradient(op, signal) else op.inputs[0].shape[-1] // kernel.shape[-2]
    sent = [
        _of_one_kernel(op, values, part, bare, lengths, place.field is not None, op.inputs[0].shape[-1] // parts)
        for values, part in zip(tf.split(signal.values, parts, -1), tf.split(kernel, parts, -1), strict=True)
    ]
    return _placed(sent[0] if parts == 1 else tf.concat(sent, -1), place, op, axes, patches)


def _has_gradient(op: tf.Operation, signal: Signal) -> bool:
    """Whether there is a kernel for the gradient of groups: not in double precision, nor with margins of their own."""
    margins = signal.field is None and op.get_attr("padding") == b"EXPLICIT"
    return has_kernels() and signal.values.dtype != tf.float64 and not margins


def _of_one_kernel(
    op: tf.Operation,
    values: tf.Tensor,
    kernel: tf.Tensor,
    axes: tuple[Axis, ...],
    lengths: list[int],
    patch: bool,
    channels: int,
) -> tf.Tensor:
    """What comes back through one kernel, to as many ``channels``; grouped if the kernel takes fewer."""
    regular = all(_simple(axis) for axis in axes) and len({axis.stride for axis in axes}) == 1
    if regular and kernel.shape[-2] == channels and not _is_for_eigen(axes, channels):
        return _by_phases(values, kernel, axes, lengths)
    return _input_gradient(op, values, kernel, [*lengths, channels], patch)


def _is_for_eigen(axes: tuple[Axis, ...], channels: int) -> bool:
    """Whether TensorFlow's own input gradient takes less than a convolution: without oneDNN, to the few of a picture.

    Eigen multiplies first there and places the products after, which for 3 channels takes a fifth to a half.
    """
    return channels <= 4 and not has_kernels() and all(axis.stride == axis.dilation == 1 for axis in axes)


def _simple(axis: Axis) -> bool:
    return max(axis.before, axis.after) < axis.reach and (axis.dilation == 1 or axis.stride == 1)


def _by_phases(values: tf.Tensor, kernel: tf.Tensor, axes: tuple[Axis, ...], lengths: list[int]) -> tf.Tensor:
    """The input gradient of a two-dimensional convolution as one of stride 1."""
    stride, channels = axes[0].stride, kernel.shape[2]
    if stride == 1:
        flipped = tf.cast(tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2]), values.dtype)
        margins = [[axis.reach - 1 - axis.before, axis.reach - 1 - axis.after] for axis in axes]
        dilations = [axis.dilation for axis in axes]
        return tf.nn.conv2d(values, flipped, 1, [[0, 0], *margins, [0, 0]], dilations=dilations)
    taps = [-(-axis.kernel // stride) for axis in axes]
    if taps == [1, 1] and axes[0].kernel == axes[1].kernel == 1:  # all phases but the first are empty
        flipped = tf.cast(tf.transpose(kernel, [0, 1, 3, 2]), values.dtype)
        phases = tf.pad(tf.nn.conv2d(values, flipped, 1, "VALID"), [[0, 0]] * 3 + [[0, (stride**2 - 1) * channels]])
    else:
        filled = tf.pad(
            kernel, [[0, tap * stride - axis.kernel] for tap, axis in zip(taps, axes, strict=True)] + [[0, 0]] * 2
        )
        split = tf.reshape(filled, [taps[0], stride, taps[1], stride, channels, kernel.shape[3]])
        split = tf.reverse(tf.transpose(split, [0, 2, 5, 1, 3, 4]), [0, 1])
        split = tf.cast(tf.reshape(split, [*taps, kernel.shape[3], stride**2 * channels]), values.dtype)
        phases = tf.nn.conv2d(values, split, 1, [[0, 0], *([tap - 1] * 2 for tap in taps), [0, 0]])
    return fitted(tf.nn.depth_to_space(phases, stride), [axis.before for axis in axes], lengths)


def fitted(values: tf.Tensor, begins: Sequence[int], lengths: Sequence[int]) -> tf.Tensor:
    """Rows and columns from ``begins`` on, ``lengths`` of them, with zeros where there are none."""
    sizes = values.shape[1:-1]
    taken = [slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True)]
    if None in sizes:
        raise UnknownOpError("signals of unknown size")
    missing = [max(0, part.stop - size) for part, size in zip(taken, sizes, strict=True)]
    if any(missing):
        values = tf.pad(values, [[0, 0], *([0, each] for each in missing), [0, 0]])
    window = (slice(None), *taken)
    return values[window]


_INPUT_GRADIENTS = {
    "Conv2D": tf.raw_ops.Conv2DBackpropInput,
    "DepthwiseConv2dNative": tf.raw_ops.DepthwiseConv2dNativeBackpropInput,
    "Conv3D": tf.raw_ops.Conv3DBackpropInputV2,
}
_PLACING = ("strides", "padding", "dilations", "explicit_paddings")


def _input_gradient(op: tf.Operation, values: tf.Tensor, kernel: tf.Tensor, shape: list[int], patch: bool) -> tf.Tensor:
    """TensorFlow's own op, with as many signals as there are; ``shape`` is that of one image below."""
    options = {key: op.get_attr(key) for key in _PLACING if key in op.node_def.attr}
    options["padding"] = "VALID" if patch else options["padding"].decode()
    if patch:
        options.pop("explicit_paddings", None)
    if op.type != "DepthwiseConv2dNative":
        kernel = spread(kernel, options.pop("dilations")[1:-1])
    return _INPUT_GRADIENTS[op.type](
        input_sizes=tf.stack([tf.shape(values)[0], *shape]),
        filter=tf.cast(kernel, values.dtype),
        out_backprop=values,
        **options,
    )


def depthwise_convolution(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    axes = geometry(op, op.inputs[1].shape[:2])
    _, lengths, place = _below(signal, op, axes)
    shape = [*lengths, op.inputs[0].shape[-1]]
    values = _input_gradient(op, signal.values, op.inputs[1], shape, place.field is not None)
    return _placed(values, place, op, axes, patches)


def volume_convolution(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    geometry(op, op.inputs[1].shape[:3])
    return Signal(_input_gradient(op, signal.values, op.inputs[1], list(op.inputs[0].shape[1:]), False))


def transposed_convolution(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    if signal.field is not None or op.get_attr("data_format").decode().startswith("NC"):
        raise UnknownOpError(op.type)
    forward = tf.raw_ops.Conv2D if op.type == "Conv2DBackpropInput" else tf.raw_ops.Conv3D
    options = {key: op.get_attr(key) for key in _PLACING if key in op.node_def.attr}
    options["padding"] = options["padding"].decode()
    return Signal(forward(input=signal.values, filter=tf.cast(op.inputs[1], signal.values.dtype), **options))


# ---- pools


def max_pool(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    kernel = op.get_attr("ksize")[1:-1]
    axes = geometry(op, kernel)
    bare, lengths, place = _below(signal, op, axes)
    if op.get_attr("ksize")[-1] != 1 or op.type != "MaxPool":
        if signal.field is not None:
            raise UnknownOpError(op.type)
        return Signal(_max_pool_gradient(op, op.inputs[0], op.outputs[0], signal.values))
    if is_unpooled_by_repeating(op):
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
    return _placed(values, place, op, axes, patches)


def is_unpooled_by_repeating(op: tf.Operation) -> bool:
    """Whether the windows of a max pool over images do not overlap."""
    height, width, channels = op.get_attr("ksize")[1:]
    strides = op.get_attr("strides")[1:-1]
    return channels == 1 and strides[0] == strides[1] >= max(height, width)


def _to_recorded_maxima(op: tf.Operation, values: tf.Tensor) -> tf.Tensor:
    """Signals of overlapping windows, added up where the maxima were; six times faster than looking for them again."""
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
    """Every element as a square; the resize of images is the fastest op that does so, but knows no float64."""
    if values.dtype == tf.float64:
        return tf.repeat(tf.repeat(values, times, 1), times, 2)
    return tf.raw_ops.ResizeNearestNeighbor(images=values, size=[times * side for side in values.shape[1:3]])


def _max_pool_gradient(
    op: tf.Operation, below: tf.Tensor, above: tf.Tensor, values: tf.Tensor, padding: str | None = None
) -> tf.Tensor:
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
    """A stored tensor of batch 1, once for each signal."""
    if tensor.shape[0] == values.shape[0] and tensor.shape[0] is not None:
        return tensor
    times = tf.shape(values)[0] // tf.shape(tensor)[0]
    return tf.tile(tensor, [times, *[1] * (tensor.shape.rank - 1)])


def average_pool(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    kernel = op.get_attr("ksize")[1:-1]
    axes = geometry(op, kernel)
    _, lengths, place = _below(signal, op, axes)
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
    return _placed(values, place, op, axes, patches)


def _counts(axis: Axis, length: int) -> np.ndarray:
    """How many elements of the map each window holds; padding does not count."""
    units = (length + axis.before + axis.after - axis.reach) // axis.stride + 1
    begins = np.arange(units) * axis.stride - axis.before
    return np.minimum(begins + axis.kernel, length) - np.maximum(begins, 0)
