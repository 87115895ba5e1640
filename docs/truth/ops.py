"""Sections 1 to 3: unusual ops, spellings of a ReLU, loops and branches, between two convolutions.

The reconstruction is compared with ``tf.GradientTape`` on the plain function. Under a rule, every ReLU of that function
has the gradient of the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnvis_widgets import load, reconstruct

from .oracle import IMAGE, KERNEL, LAST, RULES, SCALE, Relu, difference, said, slope, under

HALF = tf.Variable(0.5)

Function = Callable[[tf.Tensor, Relu], tf.Tensor]
"""(maps, what a ReLU is) -> maps."""


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        group: of the table.
        name: of the row.
        function: between two convolutions.
        spelling: how the network spells a ReLU; by default the op of that name.
        deconvnet: the function of the oracle under that rule, where it is another one.
    """

    group: str
    name: str
    function: Function
    spelling: Relu = tf.nn.relu
    deconvnet: Function | None = None


@tf.custom_gradient
def _straight_through(x: tf.Tensor) -> Any:
    return tf.cast(x > 0, x.dtype), lambda signal: signal


@tf.custom_gradient
def _clipped_gradient(x: tf.Tensor) -> Any:
    return tf.identity(x), lambda signal: tf.clip_by_value(signal, -0.05, 0.05) * x


@tf.custom_gradient
def _by_a_variable(x: tf.Tensor) -> Any:
    def back(signal: tf.Tensor, variables: Any = None) -> Any:
        return signal * HALF, [tf.reduce_sum(signal * x)]

    return x * HALF**2, back


def _layer_norm(x: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-3) * SCALE


def _group_norm(x: tf.Tensor) -> tf.Tensor:
    groups = tf.reshape(x, [-1, 8, 8, 2, 2])
    mean, variance = tf.nn.moments(groups, [1, 2, 4], keepdims=True)
    return tf.reshape((groups - mean) * tf.math.rsqrt(variance + 1e-3), [-1, 8, 8, 4])


def _lrn_by_hand(x: tf.Tensor) -> tf.Tensor:
    squares = tf.pad(x * x, [[0, 0], [0, 0], [0, 0], [1, 1]])
    return x / (2 + 0.5 * (squares[..., :-2] + squares[..., 1:-1] + squares[..., 2:])) ** 0.75


def _lrn(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.local_response_normalization(x, 1, 2.0, 0.5, 0.75)


@tf.custom_gradient
def _skipped_lrn(x: tf.Tensor) -> Any:
    """LRN as a deconvnet sees it on the way back."""
    return _lrn(x), lambda signal: signal


def _dynamic_kernel(x: tf.Tensor) -> tf.Tensor:
    """Each image is convolved with a kernel that is computed from it."""
    weights = tf.nn.softmax(tf.reduce_mean(x, [1, 2]))
    mixed = tf.einsum("nk,kl->nl", weights, tf.constant(np.eye(4, dtype=np.float32)[::-1] + 0.1))
    return x * mixed[:, None, None, :]


def _own_kernel(x: tf.Tensor) -> tf.Tensor:
    """Each image is convolved with taps that are computed from it."""
    mixed = tf.reshape(LAST, [18, 4]) / 2

    def convolved(one: tf.Tensor) -> tf.Tensor:
        kernel = tf.reshape(mixed @ tf.reshape(tf.reduce_mean(one, [0, 1]), [4, 1]), [3, 3, 2, 1])
        return tf.nn.conv2d(tf.reshape(one, [4, 8, 8, 1]) * tf.ones([2]), kernel, 1, "SAME")

    return tf.reshape(tf.map_fn(convolved, x), [-1, 8, 8, 4])


def _attention(x: tf.Tensor) -> tf.Tensor:
    tokens = tf.reshape(x, [-1, 64, 4])
    return tf.reshape(tf.nn.softmax(tokens @ tf.transpose(tokens, [0, 2, 1])) @ tokens, [-1, 8, 8, 4])


def _plain(function: Callable[[tf.Tensor], tf.Tensor]) -> Function:
    """A function without a ReLU of its own, behind a ReLU."""
    return lambda x, relu: function(relu(x))


def _loop(x: tf.Tensor, relu: Relu) -> tf.Tensor:
    for _ in tf.range(3):
        x = relu(x * SCALE - 0.1)
    return x


def _nested(x: tf.Tensor, relu: Relu) -> tf.Tensor:
    for outer in tf.range(2):
        for _ in tf.range(2):
            x = relu(x * SCALE - 0.05)
        if outer > 0:
            x = relu(x - 0.02)
    return x


def _inner_branch(x: tf.Tensor, relu: Relu) -> tf.Tensor:
    @tf.function
    def inner(y: tf.Tensor) -> tf.Tensor:
        return 2 * relu(y) if HALF > 0 else relu(-y)

    return inner(x) + inner(-x)


def _branch(x: tf.Tensor, relu: Relu) -> tf.Tensor:
    return relu(x - 0.1) if tf.shape(x)[1] > 3 else 2 * relu(-x)


def _recurrent(x: tf.Tensor, relu: Relu) -> tf.Tensor:
    """A cell over the rows of the maps, with its states in a list, as those of Keras."""
    rows = tf.transpose(x, [1, 0, 2, 3])
    states, state = tf.TensorArray(tf.float32, size=8), tf.zeros_like(rows[0])
    for index in tf.range(8):
        state = relu(0.5 * state + rows[index])
        states = states.write(index, state)
    return tf.transpose(states.stack(), [1, 0, 2, 3])


UNKNOWN = {
    "square": tf.square,
    "power": lambda x: (x + 0.1) ** 1.7,
    "square root": lambda x: tf.sqrt(x + 0.1),
    "arc tangent": tf.atan,
    "sine": tf.sin,
    "softsign": tf.nn.softsign,
    "squareplus": keras.activations.squareplus,
    "maxout": lambda x: tf.maximum(x[..., ::-1], x * SCALE),
    "sort": lambda x: tf.sort(x, -1),
    "LayerNorm": _layer_norm,
    "GroupNorm": _group_norm,
    "LRN by hand": _lrn_by_hand,
    "dynamic kernel": _dynamic_kernel,
    "a kernel for each image": _own_kernel,
    "attention": _attention,
    "digamma, an op without a row": lambda x: tf.math.digamma(x + 1),
}
CUSTOM = {
    "straight-through step": _straight_through,
    "gradient from its input": _clipped_gradient,
    "gradient by a variable": _by_a_variable,
    "stop_gradient trick": lambda x: x + tf.stop_gradient(tf.round(x) - x),
    "fake quantization": lambda x: tf.quantization.fake_quant_with_min_max_args(x, 0, 0.7),
    "quantize and dequantize": lambda x: tf.quantization.quantize_and_dequantize_v2(x, 0, 0.7, range_given=True),
    "recompute_grad": tf.recompute_grad(lambda x: tf.sin(3 * x)),
}
SPELLINGS = {
    "relu": tf.nn.relu,
    "maximum(x, 0)": lambda x: tf.maximum(x, 0.0),
    "x * cast(x > 0)": lambda x: x * tf.cast(x > 0, x.dtype),
    "where(x > 0, x, 0)": lambda x: tf.where(x > 0, x, tf.zeros_like(x)),
    "where(x < 0, 0, x)": lambda x: tf.where(x < 0, 0.0, x),
    "x - min(x, 0)": lambda x: x - tf.minimum(x, 0.0),
    "x * stop_gradient(cast(x > 0))": lambda x: x * tf.stop_gradient(tf.cast(x > 0, x.dtype)),
    "(x + |x|) / 2": lambda x: 0.5 * (x + tf.abs(x)),
    "ReLU6": tf.nn.relu6,
    "ReLU(max_value=1)": keras.layers.ReLU(1.0),
    "clip(x, 0, 1)": lambda x: tf.clip_by_value(x, 0.0, 1.0),
    "leaky ReLU": lambda x: tf.nn.leaky_relu(x, 0.2),
    "max(x, 0.2 x)": lambda x: tf.maximum(x, 0.2 * x),
}
NO_RELU = {
    "l2_normalize": lambda x: tf.math.l2_normalize(x, -1),
    "x / maximum(norm, 1e-9)": lambda x: x / tf.maximum(tf.norm(x + 0.1, axis=-1, keepdims=True), 1e-9),
    "hard swish": lambda x: x * tf.nn.relu6(x + 3) / 6,
    "hard swish, clip": lambda x: x * tf.clip_by_value(x + 3, 0.0, 6.0) / 6,
    "hard swish, min and max": lambda x: x * (tf.minimum(tf.maximum(x + 3, 0.0), 6.0) * (1 / 6)),
    "max(x, 1e-6), a guard": lambda x: tf.math.log(tf.maximum(x, 1e-6) + 1),
    "hard sigmoid gate": lambda x: x * tf.clip_by_value(0.2 * x + 0.5, 0, 1),
    "CELU": lambda x: keras.activations.celu(x - 0.2),
    "thresholded ReLU": lambda x: x * tf.cast(x > 0.2, x.dtype),
}
INSIDE = {
    "while loop": _loop,
    "loop in a loop, branch in it": _nested,
    "branch": _branch,
    "branch in a function": _inner_branch,
    "recurrent cell": _recurrent,
}

CASES = [
    *(Case("1. not linear", name, _plain(function)) for name, function in UNKNOWN.items()),
    Case("1. not linear", "LRN", _plain(_lrn), deconvnet=_plain(_skipped_lrn)),
    *(Case("1. custom gradients", name, _plain(function)) for name, function in CUSTOM.items()),
    *(Case("2. spellings of a ReLU", name, lambda x, relu: relu(x), spelling) for name, spelling in SPELLINGS.items()),
    *(Case("2. no ReLU", name, lambda x, relu, function=function: function(x)) for name, function in NO_RELU.items()),
    *(Case("3. loops and branches", name, function) for name, function in INSIDE.items()),
]


def _network(case: Case, relu: Relu) -> Callable[[tf.Tensor], tf.Tensor]:
    def call(image: tf.Tensor) -> tf.Tensor:
        maps = case.function(tf.nn.conv2d(image, KERNEL, 1, "SAME"), relu)
        return tf.nn.conv2d(maps, LAST, 1, "SAME")

    return call


def oracle(case: Case, rule: str) -> np.ndarray:
    """The gradient of the sum of the first channel, by a tape, under a rule."""
    if rule == "deconvnet" and case.deconvnet is not None:
        case = replace(case, function=case.deconvnet)
    call = _network(case, under(rule, case.spelling))
    return slope(lambda image: tf.reduce_sum(call(image)[..., 0]), IMAGE)


def compared(case: Case) -> list[str]:
    """The worst difference under each rule, as a share of the largest value, and what the badge says under 'guided'."""
    network = load(tf.function(_network(case, case.spelling)), IMAGE)
    layer = network.select("c")[-1]
    cells = []
    for rule in RULES:
        found = reconstruct(network, None, layer, channels=[0], rule=rule, seed="ones").images[0, 0]
        cells.append(difference(found, oracle(case, rule)))
    return [*cells, said(network.coverage("guided", layer)), said(network.coverage("gradient", layer))]
