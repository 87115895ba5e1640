"""The same ops as TensorFlow graphs, for the engine to read."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
import tensorflow as tf

from . import (
    Activation,
    Add,
    Affine,
    AveragePool,
    BatchNormalization,
    Chain,
    Concat,
    Convolution,
    Dense,
    Depthwise,
    GlobalAverage,
    LocalResponseNormalization,
    MaxPool,
    Multiply,
    Op,
    Pad,
    Reshape,
    Resize,
    Towers,
    TransposedConvolution,
    Windows,
)

v1 = tf.compat.v1
ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "silu": tf.nn.silu,
    "gelu": lambda x: tf.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True),
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3) * (1 / 6),
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "softplus": tf.nn.softplus,
}


def graph_of(
    function: Callable[[tf.Tensor], tf.Tensor],
    shape: tuple[int, ...],
    dtype: tf.DType = tf.float64,
    channels_first: bool = False,
) -> tf.Graph:
    """A graph from the placeholder 'image' (``shape``, channels last, without batch) to the op 'out'."""
    fed = (shape[-1], *shape[:-1]) if channels_first else shape
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(dtype, (None, *fed), name="image")
        tf.identity(function(image), name="out")
    return graph


@singledispatch
def spell(op: Op, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    """``op`` applied to ``x``; ``first`` keeps the channels in front of the spatial axes."""
    raise NotImplementedError(type(op).__name__)


def _constant(values: Any, like: tf.Tensor) -> tf.Tensor:
    return tf.constant(np.asarray(values), like.dtype)


def _placed(values: tuple[int, ...], first: bool) -> list[int]:
    return [1, 1, *values] if first else [1, *values, 1]


def _format(windows: Windows, first: bool) -> str:
    axes = {1: "W", 2: "HW", 3: "DHW"}[len(windows.size)]
    return f"NC{axes}" if first else f"N{axes}C"


def _padding(windows: Windows, first: bool) -> Any:
    if isinstance(windows.padding, str):
        return windows.padding
    sides = [list(margin) for margin in windows.padding]
    return [[0, 0], [0, 0], *sides] if first else [[0, 0], *sides, [0, 0]]


@spell.register
def _(op: Convolution, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    windows = op.windows
    function = {1: tf.nn.conv1d, 2: tf.nn.conv2d, 3: tf.nn.conv3d}[len(windows.size)]
    return function(
        x,
        _constant(op.kernel, x),
        _placed(windows.steps, first),
        _padding(windows, first),
        _format(windows, first),
        dilations=_placed(windows.gaps, first),
    )


@spell.register
def _(op: TransposedConvolution, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    windows, kernel = op.convolution.windows, op.convolution.kernel
    rank, channels = len(windows.size), kernel.shape[-2]
    function = {1: tf.nn.conv1d_transpose, 2: tf.nn.conv2d_transpose, 3: tf.nn.conv3d_transpose}[rank]
    shape = [tf.shape(x)[0], *([channels, *op.lengths] if first else [*op.lengths, channels])]
    strides, padding = _placed(windows.steps, first), _padding(windows, first)
    return function(x, _constant(kernel, x), tf.stack(shape), strides, padding, _format(windows, first))


@spell.register
def _(op: Depthwise, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    windows = op.windows
    kernel, strides, padding = _constant(op.kernel, x), _placed(windows.steps, first), _padding(windows, first)
    return tf.nn.depthwise_conv2d(x, kernel, strides, padding, _format(windows, first), windows.gaps)


@spell.register
def _(op: MaxPool, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    function = {1: tf.nn.max_pool1d, 2: tf.nn.max_pool2d, 3: tf.nn.max_pool3d}[len(op.windows.size)]
    return _pooled(function, op.windows, x, first)


@spell.register
def _(op: AveragePool, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    function = {1: tf.nn.avg_pool1d, 2: tf.nn.avg_pool2d, 3: tf.nn.avg_pool3d}[len(op.windows.size)]
    return _pooled(function, op.windows, x, first)


def _pooled(function: Callable[..., tf.Tensor], windows: Windows, x: tf.Tensor, first: bool) -> tf.Tensor:
    return function(x, windows.size, windows.steps, _padding(windows, first), _format(windows, first))


@spell.register
def _(op: GlobalAverage, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    axes = range(2, x.shape.rank) if first else range(1, x.shape.rank - 1)
    return tf.reduce_mean(x, list(axes), keepdims=op.kept)


@spell.register
def _(op: Dense, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    return tf.matmul(x, _constant(op.weights, x))


@spell.register
def _(op: Affine, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    scaled = x if np.isscalar(op.scale) and op.scale == 1 else x * _per_channel(op.scale, x, first)
    if np.isscalar(op.shift):
        return scaled + _constant(op.shift, x)
    return tf.nn.bias_add(scaled, _constant(op.shift, x), data_format="NCHW" if first else "NHWC")


def _per_channel(values: np.ndarray | float, x: tf.Tensor, first: bool) -> tf.Tensor:
    constant = _constant(values, x)
    return tf.reshape(constant, [-1] + [1] * (x.shape.rank - 2)) if first and np.ndim(values) else constant


@spell.register
def _(op: BatchNormalization, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    """The fused op, which reads float32 only."""
    values = [_constant(each, x) for each in (op.gamma, op.beta, op.mean, op.variance)]
    layout = "NCHW" if first else "NHWC"
    return v1.nn.fused_batch_norm(x, *values, epsilon=op.epsilon, is_training=False, data_format=layout)[0]


@spell.register
def _(op: LocalResponseNormalization, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    return tf.nn.local_response_normalization(x, op.radius, op.bias, op.alpha, op.beta)


@spell.register
def _(op: Pad, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    around = [[0, 0], [0, 0], *op.margins] if first else [[0, 0], *op.margins, [0, 0]]
    return tf.pad(x, around, mode=op.mode)


@spell.register
def _(op: Resize, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    """The op gives float32 for bilinear whatever it is given."""
    return tf.cast(tf.image.resize(x, op.lengths, method=op.method), x.dtype)


@spell.register
def _(op: Reshape, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    ordered = tf.transpose(x, [0, *op.order]) if op.order else x
    return tf.reshape(ordered, [-1, *op.shape])


@spell.register
def _(op: Activation, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    if op.name == "leaky_relu":
        return tf.nn.leaky_relu(x, op.slope)
    if op.name == "prelu":  # as Keras computes it
        return tf.nn.relu(x) + -_per_channel(op.slope, x, first) * tf.nn.relu(-x)
    return ACTIVATIONS[op.name](x)


@spell.register
def _(op: Chain, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    for each in op.ops:
        x = spell(each, x, first)
    return x


@spell.register
def _(op: Add, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    return sum((spell(each, x, first) for each in op.branches[1:]), start=spell(op.branches[0], x, first))


@spell.register
def _(op: Multiply, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    return spell(op.left, x, first) * spell(op.right, x, first)


@spell.register
def _(op: Concat, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    return tf.concat([spell(each, x, first) for each in op.branches], 1 if first else -1)


@spell.register
def _(op: Towers, x: tf.Tensor, first: bool = False) -> tf.Tensor:
    axis = 1 if first else -1
    parts = tf.split(x, len(op.branches), axis)
    return tf.concat([spell(each, part, first) for each, part in zip(op.branches, parts, strict=True)], axis)
