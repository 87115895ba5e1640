"""Pullbacks of convolutions.

A convolution of stride s sends signals back as one of stride 1: it computes the s x s phases of the result as
channels, and ``depth_to_space`` lays them out. The kernels for that depend on no signal, so they are computed once
for an image. A narrow signal needs one kernel only: the product of its windows with that kernel saves a fifth of the
multiplications from the third block of VGG16 down.

TensorFlow has gradient kernels for groups and dilations only with oneDNN, which it uses by default on CPUs with
AVX-512, and on GPUs. Without them a dilated kernel is spread to a larger one with zeros, and groups are convolutions
side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tensorflow as tf

from ..devices import device_policy
from .signals import Patches, Signal, Signals, fitted, placed, require_whole, window_below
from .windows import Axis, NotSupported, geometry, has_channels_last

_LARGEST_WINDOW = 25  # taps; narrow signals through larger windows take more memory than they save time
_INPUT_GRADIENTS = {
    "Conv2D": tf.raw_ops.Conv2DBackpropInput,
    "DepthwiseConv2dNative": tf.raw_ops.DepthwiseConv2dNativeBackpropInput,
    "Conv3D": tf.raw_ops.Conv3DBackpropInputV2,
}
_PLACING = ("strides", "padding", "dilations", "explicit_paddings")


def convolution(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """Conv2D: the transposed convolution, group by group where there is no kernel for all of them at once."""
    kernel = op.inputs[1]
    axes = geometry(op, kernel.shape[:-2])
    bare, lengths, place = window_below(signal, op, axes)
    parts = 1 if _has_gradient(op, signal) else op.inputs[0].shape[-1] // kernel.shape[-2]
    sent = [
        _of_one_kernel(op, values, part, bare, [*lengths, op.inputs[0].shape[-1] // parts], place.field is not None)
        for values, part in zip(tf.split(signal.values, parts, -1), tf.split(kernel, parts, -1), strict=True)
    ]
    return placed(sent[0] if parts == 1 else tf.concat(sent, -1), place, op, axes, patches)


def _has_gradient(op: tf.Operation, signal: Signal) -> bool:
    """Whether TensorFlow can send a signal back through groups: not in double precision or with explicit padding."""
    margins = signal.field is None and op.get_attr("padding") == b"EXPLICIT"
    return has_kernels() and signal.values.dtype != tf.float64 and not margins


def _of_one_kernel(
    op: tf.Operation, values: tf.Tensor, kernel: tf.Tensor, axes: tuple[Axis, ...], below: list[int], patch: bool
) -> tf.Tensor:
    """The signal below one kernel; ``below`` is (height, width, channels) there, with groups if the kernel has fewer.

    ``patch`` tells that the values are patches.
    """
    *lengths, channels = below
    regular = all(_simple(axis) for axis in axes) and len({axis.stride for axis in axes}) == 1
    if regular and kernel.shape[-2] == channels and not _is_for_eigen(axes, channels):
        return _by_phases(values, kernel, axes, lengths)
    return _input_gradient(op, values, kernel, below, patch)


def _is_for_eigen(axes: tuple[Axis, ...], channels: int) -> bool:
    """Whether TensorFlow's own input gradient is faster than a convolution: without oneDNN, for an image's channels.

    Eigen multiplies first and places the products after, which for 3 channels takes a fifth to a half of the time.
    """
    return channels <= 4 and not has_kernels() and all(axis.stride == axis.dilation == 1 for axis in axes)


def _simple(axis: Axis) -> bool:
    return max(axis.before, axis.after) < axis.reach and (axis.dilation == 1 or axis.stride == 1)


def _by_phases(values: tf.Tensor, kernel: tf.Tensor, axes: tuple[Axis, ...], lengths: list[int]) -> tf.Tensor:
    """The input gradient of a two-dimensional convolution, as a convolution of stride 1."""
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


def _input_gradient(op: tf.Operation, values: tf.Tensor, kernel: tf.Tensor, below: list[int], patch: bool) -> tf.Tensor:
    """TensorFlow's own input gradient, for all signals; ``below`` is the shape of one image below the op."""
    options = {key: op.get_attr(key) for key in _PLACING if key in op.node_def.attr}
    options["padding"] = "VALID" if patch else options["padding"].decode()
    if patch:
        options.pop("explicit_paddings", None)
    if op.type != "DepthwiseConv2dNative":
        kernel = spread(kernel, options.pop("dilations")[1:-1])
    return _INPUT_GRADIENTS[op.type](
        input_sizes=tf.stack([tf.shape(values)[0], *below]),
        filter=tf.cast(kernel, values.dtype),
        out_backprop=values,
        **options,
    )


def depthwise_convolution(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """DepthwiseConv2dNative: TensorFlow's own input gradient."""
    axes = geometry(op, op.inputs[1].shape[:2])
    _, lengths, place = window_below(signal, op, axes)
    below = [*lengths, op.inputs[0].shape[-1]]
    values = _input_gradient(op, signal.values, op.inputs[1], below, place.field is not None)
    return placed(values, place, op, axes, patches)


def volume_convolution(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Conv3D: TensorFlow's own input gradient, for whole maps."""
    geometry(op, op.inputs[1].shape[:3])
    return Signal(_input_gradient(op, signal.values, op.inputs[1], list(op.inputs[0].shape[1:]), False))


def transposed_convolution(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Conv2DBackpropInput, Conv3DBackpropInputV2: the convolution that it transposes, for whole maps."""
    require_whole(op, signal)
    if op.get_attr("data_format").decode().startswith("NC"):
        raise NotSupported(f"{op.type} with its channels first")
    forward = tf.raw_ops.Conv2D if op.type == "Conv2DBackpropInput" else tf.raw_ops.Conv3D
    options = {key: op.get_attr(key) for key in _PLACING if key in op.node_def.attr}
    options["padding"] = options["padding"].decode()
    return Signal(forward(input=signal.values, filter=tf.cast(op.inputs[1], signal.values.dtype), **options))


# ---- narrow signals


def narrow_convolution(op: tf.Operation, signal: Signal) -> Signals | None:
    """Conv2D, for narrow signals; ``None`` for strides, groups and large windows, where it would not pay."""
    if not has_channels_last(op) or op.inputs[1].shape[2] != op.inputs[0].shape[-1]:
        return None
    kernel = op.inputs[1]
    axes = geometry(op, kernel.shape[:2])
    small = kernel.shape[0] * kernel.shape[1] <= _LARGEST_WINDOW
    if not small or not all(axis.stride == 1 and max(axis.before, axis.after) < axis.reach for axis in axes):
        return None
    return [Signal(_of_own_kernels(signal, kernel, axes, list(op.inputs[0].shape[1:3]))), None]


def _of_own_kernels(signal: Signal, kernel: tf.Tensor, axes: Sequence[Axis], lengths: Sequence[int]) -> tf.Tensor:
    """Multiply the windows of each signal with the kernel of its channel."""
    rows, columns, entering, leaving = kernel.shape
    turned = tf.reshape(tf.transpose(tf.reverse(kernel, [0, 1]), [3, 0, 1, 2]), [leaving, rows * columns, entering])
    own = tf.gather(tf.cast(turned, signal.values.dtype), signal.channels)
    margins = [[axis.reach - 1 - axis.before, axis.reach - 1 - axis.after] for axis in axes]
    windows = tf.image.extract_patches(
        tf.pad(signal.values, [[0, 0], *margins, [0, 0]]),
        [1, rows, columns, 1],
        [1, 1, 1, 1],
        [1, *(axis.dilation for axis in axes), 1],
        "VALID",
    )
    result = tf.matmul(tf.reshape(windows, [-1, lengths[0] * lengths[1], rows * columns]), own)
    return tf.reshape(result, [-1, *lengths, entering])


# ---- groups and dilations


def has_kernels() -> bool:
    """Whether TensorFlow has gradient kernels for groups and dilations here: those of oneDNN, or those for GPUs.

    Asked of the build and not tried, since TensorFlow would print a warning into the user's notebook.
    """
    return device_policy().grouped_gradients


def has_groups(op: tf.Operation) -> bool:
    """Whether an op is a grouped convolution with its channels last: its kernel takes fewer channels than enter."""
    if op.type != "Conv2D":
        return False
    entered, kernel = (each.shape for each in op.inputs)
    return entered.rank is not None and kernel.rank is not None and entered[-1] != kernel[-2]


def spread(kernel: tf.Tensor, dilations: Iterable[int]) -> tf.Tensor:
    """Put zeros between the taps of a dilated kernel (sizes, entering, leaving), so that it needs no dilation."""
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
