"""Backward steps of every op known to the engine, for several signals over a forward pass of batch 1.

A step takes the op, the signals at its outputs (``None`` where nothing comes back) and the patches (``None`` for
whole maps); it gives the signals for its inputs. Signals have their number in front, tensors of the forward pass
have 1 there, so products of the two broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from . import arrangement as map_steps
from . import convolutions as window_steps
from .signals import Patches, Signal, UnknownOpError, static, stored, true_gradient

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
    ("MirrorPad",): map_steps.mirrored,
    ("StridedSlice",): map_steps.sliced,
    ("Reshape", "ExpandDims", "Squeeze"): map_steps.reshaped,
    ("Transpose",): map_steps.transposed,
    ("Mean", "Sum", "Max", "Min"): map_steps.reduced,
    ("Softmax",): map_steps.softmax,
    ("MatMul",): map_steps.product,
    ("ResizeNearestNeighbor",): map_steps.resized_nearest,
    ("ResizeBilinear",): map_steps.resized_bilinear,
    ("DepthToSpace",): map_steps.depth_to_space,
    ("SpaceToDepth",): map_steps.space_to_depth,
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
    slope = tf.cast(true_gradient(op, tf.ones_like(op.outputs[0])), signal.values.dtype)
    return signal.with_values(signal.values * stored(slope, signal, patches))


@_step("Identity", "BiasAdd", "BiasAddV1", "Snapshot", "PreventGradient", "CheckNumerics")
def _as_it_is(_: tf.Operation, signal: Signal, __: Patches | None) -> Signal:
    return signal


@_step("Neg")
def _negated(_: tf.Operation, signal: Signal, __: Patches | None) -> Signal:
    return signal.with_values(-signal.values)


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
        _require_in_place(slope, op.outputs[0], signal)
        values = values * stored(tf.cast(slope, values.dtype), signal, patches)
    elif slope != 1:
        values = values * slope
    spread = [
        signal.axis(axis)
        for axis in range(1, entered.shape.rank)
        if entered.shape[axis] == 1 and op.outputs[0].shape[axis] != 1
    ]
    if not spread:
        return signal.with_values(values)
    if signal.field is not None and set(spread) & {1, 2}:
        return None if entered.shape[0] == 1 else _unknown("an operand spread over the map")
    return signal.with_values(tf.reduce_sum(values, spread, keepdims=True))


def _require_in_place(slope: tf.Tensor, result: tf.Tensor, signal: Signal) -> None:
    """Patches are cut from whole maps; what spreads along one of their axes only cannot be cut."""
    if signal.field is not None and slope.shape.rank == 4:
        (_, *own, _), (_, *whole, _) = signal.turned(slope.shape), signal.turned(result.shape)
        if own not in ([1, 1], whole):
            raise UnknownOpError("an operand spread along one axis of the map")


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
    factor = op.inputs[1] * tf.math.rsqrt(op.inputs[4] + op.get_attr("epsilon"))
    factor = tf.cast(factor, signal.values.dtype)
    return signal.with_values(signal.values * stored(factor, signal, patches))


@_step("LRN")
def _local_response_normalization(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """With n = bias + alpha * (sum of squares nearby): R / n^b - 2 alpha b x * (sum nearby of R x / n^(b + 1))."""
    if signal.first:
        raise UnknownOpError("a normalisation along the rows of maps")
    entered, radius, alpha, beta = op.inputs[0], *(op.get_attr(key) for key in ("depth_radius", "alpha", "beta"))
    apart = np.subtract.outer(*[np.arange(entered.shape[-1])] * 2)
    near = tf.constant(np.abs(apart) <= radius, entered.dtype)
    norm = op.get_attr("bias") + alpha * tf.tensordot(entered * entered, near, 1)
    direct, inward, outward = norm**-beta, entered * norm ** (-beta - 1), 2 * alpha * beta * entered
    direct, inward, outward = (
        stored(tf.cast(each, signal.values.dtype), signal, patches) for each in (direct, inward, outward)
    )
    nearby = tf.tensordot(signal.values * inward, tf.cast(near, signal.values.dtype), 1)
    return signal.with_values(signal.values * direct - outward * nearby)


# ---- channels and borders


def _concatenation(op: tf.Operation, signals: Signals, _: Patches | None) -> Signals:
    signal, parts = _first(signals), op.inputs[:-1]
    axis = static(op.inputs[-1]) % op.outputs[0].shape.rank
    if axis == 0 or (signal.field is not None and signal.axis(axis) != op.outputs[0].shape.rank - 1):
        raise UnknownOpError("a concatenation over images or places")
    sizes = [part.shape[axis] for part in parts]
    if None in sizes:
        raise UnknownOpError("a concatenation of unknown sizes")
    return [*(signal.with_values(values) for values in tf.split(signal.values, sizes, signal.axis(axis))), None]


def _splitting(image: int, axis_at: int) -> Step:
    def step(op: tf.Operation, signals: Signals, _: Patches | None) -> Signals:
        rank = op.inputs[image].shape.rank
        axis = static(op.inputs[axis_at]) % rank
        present = next(signal for signal in signals if signal is not None)
        fields = {signal.field for signal in signals if signal is not None}
        if axis == 0 or len(fields) > 1 or (present.field is not None and present.axis(axis) != rank - 1):
            raise UnknownOpError(op.type)
        parts = [
            _zeros(present, output.shape[axis], present.axis(axis)) if signal is None else signal.values
            for signal, output in zip(signals, op.outputs, strict=True)
        ]
        result: list[Signal | None] = [None] * len(op.inputs)
        result[image] = present.with_values(tf.concat(parts, present.axis(axis)))
        return result

    return step


def _zeros(like: Signal, count: int, axis: int) -> tf.Tensor:
    shape = tf.unstack(tf.shape(like.values))
    shape[axis] = count
    return tf.zeros(tf.stack(shape), like.values.dtype)


STEPS["ConcatV2"] = _concatenation
STEPS["Split"] = _splitting(1, 0)
STEPS["SplitV"] = _splitting(0, 2)


@_step("Pad", "PadV2")
def _padding(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    margins = np.asarray(static(op.inputs[1], whole=True))
    lengths = op.inputs[0].shape
    if margins[0].any() or (margins < 0).any() or None in lengths[1:]:
        raise UnknownOpError("padding of images, or of an unknown size")
    if signal.field is None:
        kept = [slice(before, before + length) for (before, _), length in zip(margins[1:], lengths[1:], strict=True)]
        window = (slice(None), *kept)
        return Signal(signal.values[window])
    (_, *places, channels), (_, *sizes, _) = signal.turned(margins), signal.turned(lengths)
    if channels.any() or patches is None:
        raise UnknownOpError("padding of channels")
    axes = tuple(window_steps.Axis(1, 1, 1, int(a), int(b)) for a, b in places)
    return patches.within(Signal(signal.values, signal.field.below(axes), first=signal.first), sizes)
