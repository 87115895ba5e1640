"""Backward steps of every op known to the engine, for several signals over a forward pass of batch 1.

A step takes the op, the signals at its outputs (``None`` where nothing comes back) and the patches (``None`` for
whole maps); it gives the signals for its inputs. Signals have their number in front, tensors of the forward pass
have 1 there, so products of the two broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

from . import window_steps
from .signals import Patches, Signal, UnknownOpError, stored

Signals = Sequence[Signal | None]
Step = Callable[[tf.Operation, Signals, Patches | None], Signals]
STEPS: dict[str, Step] = {}

One = Callable[[tf.Operation, Signal, "Patches | None"], "Signal | None"]


def _step(*ops: str) -> Callable[[One], One]:
    """For ops of one output that send a signal to their first input only."""

    def decorate(function: One) -> One:
        for op in ops:
            STEPS[op] = lambda op, signals, patches: [
                function(op, _first(signals), patches),
                *[None] * (len(op.inputs) - 1),
            ]
        return function

    return decorate


def _first(signals: Signals) -> Signal:
    if signals[0] is None:
        raise UnknownOpError("a signal at a second output")
    return signals[0]


for _names, _function in {
    ("Conv2D",): window_steps.convolution,
    ("DepthwiseConv2dNative",): window_steps.depthwise_convolution,
    ("Conv3D",): window_steps.volume_convolution,
    ("Conv2DBackpropInput", "Conv3DBackpropInputV2"): window_steps.transposed_convolution,
    ("MaxPool", "MaxPool3D"): window_steps.max_pool,
    ("AvgPool", "AvgPool3D"): window_steps.average_pool,
}.items():
    _step(*_names)(_function)
# the image of a transposed convolution is its third input
for _name in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):
    STEPS[_name] = lambda op, signals, patches: [
        None,
        None,
        window_steps.transposed_convolution(op, _first(signals), patches),
    ]


# ---- elementwise


def _true_gradient(op: tf.Operation, values: tf.Tensor) -> tf.Tensor:
    """TensorFlow's own gradient of an op, over the forward pass."""
    result = gradient_registry.lookup(op.type)(op, values)
    return result[0] if isinstance(result, list | tuple) else result


@_step(
    "Relu",
    "Relu6",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Exp",
    "Erf",
    "Erfc",
    "Abs",
    "Square",
    "Sqrt",
    "Rsqrt",
    "Log",
    "Log1p",
    "Reciprocal",
    "Sin",
    "Cos",
)
def _by_slope(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    slope = tf.cast(_true_gradient(op, tf.ones_like(op.outputs[0])), signal.values.dtype)
    return signal.with_values(signal.values * stored(slope, signal, patches))


@_step("Identity", "BiasAdd", "BiasAddV1", "Snapshot", "PreventGradient", "CheckNumerics")
def _as_it_is(_: tf.Operation, signal: Signal, __: Patches | None) -> Signal:
    return signal


@_step("Neg")
def _negated(_: tf.Operation, signal: Signal, __: Patches | None) -> Signal:
    return Signal(-signal.values, signal.field)


@_step("Cast")
def _cast(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal | None:
    return signal if op.inputs[0].dtype.is_floating else None


ENDS = {"StopGradient", "ZerosLike", "OnesLike", "Floor", "Ceil", "Round", "Rint", "Sign"}
"""Ops that send nothing back."""

Slopes = Callable[[tf.Tensor, tf.Tensor], tuple["tf.Tensor | float", "tf.Tensor | float"]]


def _two(op_names: str, slopes: Slopes) -> None:
    """For ops of two inputs that broadcast; ``slopes`` gives the derivative with respect to each."""

    def step(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
        signal = _first(signals)
        if op.outputs[0].dtype.is_floating:
            return [
                _scaled(op, each, slope, signal, patches)
                for each, slope in zip(op.inputs, slopes(*op.inputs), strict=True)
            ]
        return [None, None]

    for name in op_names.split():
        STEPS[name] = step


def _scaled(
    op: tf.Operation, entered: tf.Tensor, slope: tf.Tensor | float, signal: Signal, patches: Patches | None
) -> Signal | None:
    if entered.shape.rank != op.outputs[0].shape.rank:
        return None  # no image axis, so a constant
    values = signal.values
    if isinstance(slope, tf.Tensor):
        values = values * stored(tf.cast(slope, values.dtype), signal, patches)
    elif slope != 1:
        values = values * slope
    spread = [
        axis for axis in range(1, entered.shape.rank) if entered.shape[axis] == 1 and op.outputs[0].shape[axis] != 1
    ]
    if not spread:
        return signal.with_values(values)
    if signal.field is not None and set(spread) & {1, 2}:
        return None if entered.shape[0] == 1 else _unknown("an operand spread over the map")
    return signal.with_values(tf.reduce_sum(values, spread, keepdims=True))


def _unknown(what: str) -> Signal:
    raise UnknownOpError(what)


_two("Add AddV2", lambda x, y: (1.0, 1.0))
_two("Sub", lambda x, y: (1.0, -1.0))
_two("Mul", lambda x, y: (y, x))
_two("RealDiv", lambda x, y: (1 / y, -x / (y * y)))
_two("Maximum", lambda x, y: (tf.cast(x >= y, x.dtype), tf.cast(x < y, x.dtype)))
_two("Minimum", lambda x, y: (tf.cast(x <= y, x.dtype), tf.cast(x > y, x.dtype)))
_two("SquaredDifference", lambda x, y: (2 * (x - y), 2 * (y - x)))
_two("Pow", lambda x, y: (y * tf.pow(x, y - 1), 0.0))


def _selection(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    signal, (condition, first, second) = _first(signals), op.inputs
    chosen = tf.cast(condition, signal.values.dtype)
    return [None, _scaled(op, first, chosen, signal, patches), _scaled(op, second, 1 - chosen, signal, patches)]


STEPS["Select"] = STEPS["SelectV2"] = _selection
STEPS["AddN"] = lambda op, signals, patches: [_first(signals)] * len(op.inputs)


# ---- normalisation


@_step("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def _batch_normalization(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    if op.get_attr("is_training"):
        raise UnknownOpError("a batch norm in training")
    first = op.get_attr("data_format").decode().startswith("NC")
    factor = op.inputs[1] * tf.math.rsqrt(op.inputs[4] + op.get_attr("epsilon"))
    if first:
        factor = tf.reshape(factor, [1, -1] + [1] * (op.inputs[0].shape.rank - 2))
    factor = tf.cast(factor, signal.values.dtype)
    return signal.with_values(signal.values * stored(factor, signal, patches))


@_step("LRN")
def _local_response_normalization(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """With n = bias + alpha * (sum of squares nearby): R / n^b - 2 alpha b x * (sum nearby of R x / n^(b + 1))."""
    entered, radius, alpha, beta = op.inputs[0], *(op.get_attr(key) for key in ("depth_radius", "alpha", "beta"))
    apart = np.subtract.outer(*[np.arange(entered.shape[-1])] * 2)
    near = tf.constant(np.abs(apart) <= radius, entered.dtype)
    norm = op.get_attr("bias") + alpha * tf.tensordot(entered * entered, near, 1)
    direct, inward, outward = norm**-beta, entered * norm ** (-beta - 1), 2 * alpha * beta * entered
    direct, inward, outward = (
        stored(tf.cast(each, signal.values.dtype), signal, patches) for each in (direct, inward, outward)
    )
    nearby = tf.tensordot(signal.values * inward, tf.cast(near, signal.values.dtype), 1)
    return Signal(signal.values * direct - outward * nearby, signal.field)


# ---- channels and borders


def _concatenation(op: tf.Operation, signals: Signals, _: Patches | None) -> Signals:
    signal, parts = _first(signals), op.inputs[:-1]
    axis = _static(op.inputs[-1]) % op.outputs[0].shape.rank
    if axis == 0 or (signal.field is not None and axis != op.outputs[0].shape.rank - 1):
        raise UnknownOpError("a concatenation over images or places")
    sizes = [part.shape[axis] for part in parts]
    if None in sizes:
        raise UnknownOpError("a concatenation of unknown sizes")
    return [*(Signal(values, signal.field) for values in tf.split(signal.values, sizes, axis)), None]


def _splitting(image: int, axis_at: int) -> Step:
    def step(op: tf.Operation, signals: Signals, _: Patches | None) -> Signals:
        rank = op.inputs[image].shape.rank
        axis = _static(op.inputs[axis_at]) % rank
        present = next(signal for signal in signals if signal is not None)
        fields = {signal.field for signal in signals if signal is not None}
        if axis == 0 or len(fields) > 1 or (present.field is not None and axis != rank - 1):
            raise UnknownOpError(op.type)
        parts = [
            _zeros(present, output, axis) if signal is None else signal.values
            for signal, output in zip(signals, op.outputs, strict=True)
        ]
        result: list[Signal | None] = [None] * len(op.inputs)
        result[image] = Signal(tf.concat(parts, axis), present.field)
        return result

    return step


def _zeros(like: Signal, output: tf.Tensor, axis: int) -> tf.Tensor:
    shape = tf.unstack(tf.shape(like.values))
    shape[axis] = output.shape[axis]
    return tf.zeros(tf.stack(shape), like.values.dtype)


STEPS["ConcatV2"] = _concatenation
STEPS["Split"] = _splitting(1, 0)
STEPS["SplitV"] = _splitting(0, 2)


@_step("Pad", "PadV2")
def _padding(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    margins = np.asarray(_static(op.inputs[1], whole=True))
    lengths = op.inputs[0].shape
    if margins[0].any() or (margins < 0).any() or None in lengths[1:]:
        raise UnknownOpError("padding of images, or of an unknown size")
    if signal.field is None:
        kept = [slice(before, before + length) for (before, _), length in zip(margins[1:], lengths[1:], strict=True)]
        window = (slice(None), *kept)
        return Signal(signal.values[window])
    if margins[-1].any() or patches is None:
        raise UnknownOpError("padding of channels")
    axes = tuple(window_steps.Axis(1, 1, 1, int(a), int(b)) for a, b in margins[1:-1])
    return patches.within(Signal(signal.values, signal.field.below(axes)), lengths[1:-1])


@_step("MirrorPad")
def _mirrored(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    return Signal(
        tf.raw_ops.MirrorPadGrad(input=signal.values, paddings=op.inputs[1], mode=op.get_attr("mode").decode())
    )


@_step("StridedSlice")
def _sliced(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
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


# ---- whole maps only


def _require_whole(op: tf.Operation, signal: Signal) -> None:
    if signal.field is not None:
        raise UnknownOpError(op.type)


def _several(tensor: tf.Tensor, signal: Signal) -> tf.Tensor:
    """The shape of a tensor of the forward pass, for as many images as there are signals."""
    return tf.concat([tf.shape(signal.values)[:1], tf.cast(tf.shape(tensor)[1:], tf.int32)], 0)


@_step("Reshape", "ExpandDims", "Squeeze")
def _reshaped(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    before, after = op.inputs[0].shape, op.outputs[0].shape
    if signal.field is not None and before != after:
        raise UnknownOpError(op.type)
    sizes = [None if None in shape[1:] else int(np.prod(shape[1:])) for shape in (before.as_list(), after.as_list())]
    if None in sizes or sizes[0] != sizes[1]:
        raise UnknownOpError("a reshape that may mix images")
    return Signal(tf.reshape(signal.values, [-1, *before[1:]]), signal.field)


@_step("Transpose")
def _transposed(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    order = list(_static(op.inputs[1], whole=True))
    if order[0] != 0:
        raise UnknownOpError("a transpose of images")
    return Signal(tf.transpose(signal.values, np.argsort(order)))


@_step("Mean", "Sum", "Max", "Min")
def _reduced(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    rank = op.inputs[0].shape.rank
    axes = sorted({int(axis) % rank for axis in np.ravel(_static(op.inputs[1], whole=True))})
    if 0 in axes:
        raise UnknownOpError("a reduction over images")
    values = signal.values
    for axis in axes if not op.get_attr("keep_dims") else ():
        values = tf.expand_dims(values, axis)
    if op.type in ("Max", "Min"):
        share = _first_extreme(-op.inputs[0] if op.type == "Min" else op.inputs[0], axes)
    else:
        share = _true_gradient(op, tf.ones_like(op.outputs[0]))
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


@_step("Softmax")
def _softmax(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    share = tf.cast(op.outputs[0], signal.values.dtype)
    return Signal((signal.values - tf.reduce_sum(signal.values * share, -1, keepdims=True)) * share)


@_step("MatMul")
def _product(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    if op.get_attr("transpose_a"):
        raise UnknownOpError("a transposed product")
    weights = tf.cast(op.inputs[1], signal.values.dtype)
    return Signal(tf.matmul(signal.values, weights, transpose_b=not op.get_attr("transpose_b")))


@_step("ResizeNearestNeighbor")
def _resized_nearest(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    options = {key: op.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    result = tf.raw_ops.ResizeNearestNeighborGrad(grads=signal.values, size=tf.shape(op.inputs[0])[1:3], **options)
    return Signal(result)


@_step("ResizeBilinear")
def _resized_bilinear(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    options = {key: op.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    original = tf.zeros(_several(op.inputs[0], signal), op.inputs[0].dtype)
    result = tf.raw_ops.ResizeBilinearGrad(grads=tf.cast(signal.values, tf.float32), original_image=original, **options)
    return Signal(tf.cast(result, signal.values.dtype))


@_step("DepthToSpace")
def _depth_to_space(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    return Signal(tf.nn.space_to_depth(signal.values, op.get_attr("block_size"), op.get_attr("data_format").decode()))


@_step("SpaceToDepth")
def _space_to_depth(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    _require_whole(op, signal)
    return Signal(tf.nn.depth_to_space(signal.values, op.get_attr("block_size"), op.get_attr("data_format").decode()))


def _static(tensor: tf.Tensor, whole: bool = False) -> Any:
    """The value of a constant of the graph."""
    value = tf.get_static_value(tensor)
    if value is None:
        raise UnknownOpError(f"an axis that is computed: {tensor.name}")
    return value if whole else int(value)
