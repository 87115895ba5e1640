"""Pullbacks of activation functions, of arithmetic with broadcasting, and of normalisations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from .signals import Patches, Signal, Signals, require_whole, stored, true_gradient
from .windows import NotSupported

# ---- one input


def by_slope(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """Any function of single elements: the signal times the slope, which is TensorFlow's own gradient for ones."""
    slope = tf.cast(true_gradient(op, tf.ones_like(op.outputs[0])), signal.values.dtype)
    return signal.with_values(signal.values * stored(slope, signal, patches))


def unchanged(_: tf.Operation, signal: Signal, __: Patches | None) -> Signal:
    """Identity, BiasAdd and others that hand the signal on."""
    return signal


def negation(_: tf.Operation, signal: Signal, __: Patches | None) -> Signal:
    """Neg."""
    return signal.with_values(-signal.values)


def cast(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Cast between floating-point types; signals keep their own type."""
    if not op.inputs[0].dtype.is_floating:
        raise NotSupported(f"{op.name}, a cast of integers")
    return signal


def nothing(op: tf.Operation, _: Signals, __: Patches | None) -> Signals:
    """StopGradient, Floor and others that send nothing back."""
    return [None] * len(op.inputs)


# ---- two inputs that are spread over each other


def addition(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Add, AddV2."""
    return _by_slopes(op, signals, patches, (1.0, 1.0))


def subtraction(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Sub."""
    return _by_slopes(op, signals, patches, (1.0, -1.0))


def multiplication(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Mul."""
    return _by_slopes(op, signals, patches, op.inputs[::-1])


def division(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """RealDiv."""
    x, y = op.inputs
    return _by_slopes(op, signals, patches, (1 / y, -x / (y * y)))


def maximum(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Maximum; of equal values the first takes the signal."""
    x, y = op.inputs
    return _by_slopes(op, signals, patches, (tf.cast(x >= y, x.dtype), tf.cast(x < y, x.dtype)))


def minimum(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Minimum; of equal values the first takes the signal."""
    x, y = op.inputs
    return _by_slopes(op, signals, patches, (tf.cast(x <= y, x.dtype), tf.cast(x > y, x.dtype)))


def squared_difference(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """SquaredDifference."""
    x, y = op.inputs
    return _by_slopes(op, signals, patches, (2 * (x - y), 2 * (y - x)))


def power(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Pow; where the base is not positive, the exponent gets nothing, as in TensorFlow's own gradient."""
    x, y = op.inputs
    logarithm = tf.where(x > 0, tf.math.log(tf.where(x > 0, x, tf.ones_like(x))), tf.zeros_like(x))
    return _by_slopes(op, signals, patches, (y * tf.pow(x, y - 1), op.outputs[0] * logarithm))


def selection(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Select, SelectV2: each element of the signal goes to the input that the condition chose."""
    signal, (condition, first, second) = signal_of(signals), op.inputs
    chosen = tf.cast(condition, signal.values.dtype)
    parts = [_scaled(op, first, chosen, signal, patches), _scaled(op, second, 1 - chosen, signal, patches)]
    return [None, *_not_all_lost(op, parts)]


def sum_of_many(op: tf.Operation, signals: Signals, _: Patches | None) -> Signals:
    """AddN."""
    return [signal_of(signals)] * len(op.inputs)


def signal_of(signals: Signals) -> Signal:
    """The signal at the first output of an op.

    Raises:
        NotSupported: only other outputs have one.
    """
    if signals[0] is None:
        raise NotSupported("an op whose second output leads to the layer")
    return signals[0]


def _by_slopes(
    op: tf.Operation, signals: Signals, patches: Patches | None, slopes: Sequence[tf.Tensor | float]
) -> Signals:
    """Send to each input the signal times the derivative with respect to it."""
    signal = signal_of(signals)
    return _not_all_lost(
        op, [_scaled(op, each, slope, signal, patches) for each, slope in zip(op.inputs, slopes, strict=True)]
    )


def _not_all_lost(op: tf.Operation, signals: Signals) -> Signals:
    if not any(signals):
        raise NotSupported(f"{op.name}, whose inputs have fewer axes than its output")
    return signals


def _scaled(
    op: tf.Operation, entered: tf.Tensor, slope: tf.Tensor | float, signal: Signal, patches: Patches | None
) -> Signal | None:
    """The signal times a slope, added up where the input was spread; ``None`` for an input without an image axis."""
    if entered.shape.rank != op.outputs[0].shape.rank:
        return None
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
        if entered.shape[0] == 1:
            return None
        raise NotSupported(f"patches of {op.name}, one input of which is spread over the map")
    return signal.with_values(tf.reduce_sum(values, spread, keepdims=True))


def _require_in_place(slope: tf.Tensor, result: tf.Tensor, signal: Signal) -> None:
    """Refuse patches of a slope that is spread along one axis of the map only: it cannot be cut."""
    if signal.field is not None and slope.shape.rank == 4:
        (_, *own, _), (_, *whole, _) = signal.turned(slope.shape), signal.turned(result.shape)
        if own not in ([1, 1], whole):
            raise NotSupported("patches of a product, one input of which is spread along one axis of the map")


# ---- normalisation


def batch_normalization(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """FusedBatchNorm of every version, with stored statistics: the signal times scale / sqrt(variance + epsilon)."""
    if op.get_attr("is_training"):
        raise NotSupported(f"{op.name}, a batch normalisation in training")
    factor = op.inputs[1] * tf.math.rsqrt(op.inputs[4] + op.get_attr("epsilon"))
    factor = tf.cast(factor, signal.values.dtype)
    return signal.with_values(signal.values * stored(factor, signal, patches))


def local_response_normalization(op: tf.Operation, signal: Signal, patches: Patches | None) -> Signal:
    """LRN.

    With n = bias + alpha * (sum of x^2 nearby), a signal R becomes
    R / n^beta - 2 alpha beta x * (sum nearby of R x / n^(beta + 1)).
    """
    if signal.first:
        raise NotSupported(f"patches of {op.name}, which normalises over rows")
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


def softmax(op: tf.Operation, signal: Signal, _: Patches | None) -> Signal:
    """Softmax over the last axis, s: a signal R becomes (R - sum of R s) s."""
    require_whole(op, signal)
    share = tf.cast(op.outputs[0], signal.values.dtype)
    return Signal((signal.values - tf.reduce_sum(signal.values * share, -1, keepdims=True)) * share)
