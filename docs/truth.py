"""What is true of unusual networks: ``python -m docs.truth`` writes docs/truth.md.

Each kind of op or of spelling that could make a picture wrong is put into a small network. Its reconstruction is
compared with ``tf.GradientTape`` on the plain function. Under a rule, every ReLU of that function has the gradient of
the rule. Beside the difference stands what the badge says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from cnnvis_widgets import load, reconstruct
from cnnvis_widgets.results import Coverage

PAGE = Path(__file__).with_name("truth.md")
IMAGE = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
KERNEL = tf.constant(np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32) / 3)
LAST = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 4, 2)).astype(np.float32) / 3)
SCALE = tf.constant(np.random.default_rng(3).uniform(0.5, 1.5, 4).astype(np.float32))
HALF = tf.Variable(0.5)

Function = Callable[[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]], tf.Tensor]
"""(maps, what a ReLU is) -> maps."""


def _under(rule: str, forward: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A ReLU or its relative with the gradient of a rule."""
    if rule == "gradient":
        return forward

    @tf.custom_gradient
    def ruled(x: tf.Tensor) -> Any:
        entered = tf.cast(x > 0, x.dtype) if rule == "guided" else 1.0
        return forward(x), lambda signal: tf.nn.relu(signal) * entered

    return ruled


RULES = ("gradient", "guided", "deconvnet")


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
    spelling: Callable[[tf.Tensor], tf.Tensor] = tf.nn.relu
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


def _attention(x: tf.Tensor) -> tf.Tensor:
    tokens = tf.reshape(x, [-1, 64, 4])
    return tf.reshape(tf.nn.softmax(tokens @ tf.transpose(tokens, [0, 2, 1])) @ tokens, [-1, 8, 8, 4])


def _plain(function: Callable[[tf.Tensor], tf.Tensor]) -> Function:
    """A function without a ReLU of its own, behind a ReLU."""
    return lambda x, relu: function(relu(x))


def _loop(x: tf.Tensor, relu: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    for _ in tf.range(3):
        x = relu(x * SCALE - 0.1)
    return x


def _branch(x: tf.Tensor, relu: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    return relu(x - 0.1) if tf.shape(x)[1] > 3 else 2 * relu(-x)


def _recurrent(x: tf.Tensor, relu: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
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
    "hard sigmoid gate": lambda x: x * tf.clip_by_value(0.2 * x + 0.5, 0, 1),
    "CELU": lambda x: keras.activations.celu(x - 0.2),
    "thresholded ReLU": lambda x: x * tf.cast(x > 0.2, x.dtype),
}
INSIDE = {"while loop": _loop, "branch": _branch, "recurrent cell": _recurrent}

CASES = [
    *(Case("1. not linear", name, _plain(function)) for name, function in UNKNOWN.items()),
    Case("1. not linear", "LRN", _plain(_lrn), deconvnet=_plain(_skipped_lrn)),
    *(Case("1. custom gradients", name, _plain(function)) for name, function in CUSTOM.items()),
    *(Case("2. spellings of a ReLU", name, lambda x, relu: relu(x), spelling) for name, spelling in SPELLINGS.items()),
    *(Case("2. no ReLU", name, lambda x, relu, function=function: function(x)) for name, function in NO_RELU.items()),
    *(Case("3. loops and branches", name, function) for name, function in INSIDE.items()),
]


def _network(case: Case, relu: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    def call(image: tf.Tensor) -> tf.Tensor:
        maps = case.function(tf.nn.conv2d(image, KERNEL, 1, "SAME"), relu)
        return tf.nn.conv2d(maps, LAST, 1, "SAME")

    return call


def oracle(case: Case, rule: str) -> np.ndarray:
    """The gradient of the sum of the first channel, by a tape, under a rule."""
    if rule == "deconvnet" and case.deconvnet is not None:
        case = replace(case, function=case.deconvnet)
    call = tf.function(_network(case, _under(rule, case.spelling)))
    with tf.GradientTape() as tape:
        image = tf.constant(IMAGE)
        tape.watch(image)
        value = tf.reduce_sum(call(image)[..., 0])
    gradient: np.ndarray = tape.gradient(value, image).numpy()
    return gradient[0]


def compared(case: Case) -> list[str]:
    """The worst difference under each rule, as a share of the largest value, and what the badge says under 'guided'."""
    network = load(tf.function(_network(case, case.spelling)), IMAGE)
    layer = network.select("c")[-1]
    cells = []
    for rule in RULES:
        found = reconstruct(network, None, layer, channels=[0], rule=rule, seed="ones").images[0, 0]
        expected = oracle(case, rule)
        cells.append(f"{np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30):.0e}")
    return [*cells, said(network.coverage("guided", layer)), said(network.coverage("gradient", layer))]


def said(coverage: Coverage) -> str:
    """What the badge says: the ops that it names, or that all of them obey."""
    named = [f"{op.count} {op.kind.replace('_', ' ')} {op.treatment}" for op in coverage.ops if op.treatment != "exact"]
    return ("" if coverage.complete else "**not complete**: ") + (", ".join(named) or "exact")


@dataclass(frozen=True)
class Silence:
    """A unit whose picture is empty.

    Attributes:
        name: of the row.
        function: of pixels between -1 and 8, ending in the layer.
        kind: of the layer.
        rule: of the reconstruction.
    """

    name: str
    function: Callable[[tf.Tensor], tf.Tensor]
    kind: str
    rule: str


SILENT = [
    Silence("ReLU6 at 6", tf.nn.relu6, "relu6", "gradient"),
    Silence("ReLU6 at 6", tf.nn.relu6, "relu6", "guided"),
    Silence("clip(x, 0, 4) at 4", lambda x: tf.clip_by_value(x, 0.0, 4.0), "clipped_relu", "gradient"),
    Silence("tanh at 1", lambda x: tf.tanh(4 * x), "tanh", "guided"),
    Silence("hard sigmoid at 1", lambda x: tf.clip_by_value(0.2 * x + 0.5, 0, 1), "hard_sigmoid", "deconvnet"),
    Silence("on by its bias", lambda x: tf.nn.relu(1 - 0.1 * tf.nn.relu(x)), "relu", "gradient"),
    Silence("off everywhere", lambda x: tf.nn.relu(x - 9), "relu", "guided"),
]


def silence(case: Silence) -> list[str]:
    """The rule, whether the picture of the strongest unit is empty, and what the result says."""
    image = np.linspace(-1, 8, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    ones = tf.ones([1, 1, 1, 1])
    network = load(tf.function(lambda x: 2 * case.function(tf.nn.conv2d(x, ones, 1, "SAME"))), image)
    layer = [layer for layer in network.layers if layer.kind == case.kind][-1]
    result = reconstruct(network, None, layer, rule=case.rule)
    return [case.name, case.rule, "a picture" if result.images.any() else "empty", result.notes[0][0] or "nothing"]


TEXT = """# What is true of unusual networks

Written by `python -m docs.truth` with TensorFlow {tensorflow} and Keras {keras}. Each row is a network of two
convolutions with one unusual thing between them.

- *gradient, guided, deconvnet*: the worst difference of a reconstruction from `tf.GradientTape` on the plain function,
  as a share of the largest value. For a rule, every ReLU of the plain function has the gradient of that rule, and an
  LRN is the identity under 'deconvnet'.
- *badge*: what `coverage` names under 'guided' and under 'gradient': ops that obey the rule, and those for which the
  papers give none (unruled) or of which the engine knows nothing (unknown). These take their true gradient; a custom
  gradient is that of its author.

{tables}

## 5. saturated, or dead

| the strongest unit | rule | its picture | `Reconstruction.notes` |
|---|---|---|---|
{silence}

How many pictures of the embedded network are empty, and how many of its channels dream from noise, is printed by
`python -m benchmarks.engine.empty_pictures` and `python -m benchmarks.engine.dreams_from_noise`.
"""


def page() -> str:
    """All tables as Markdown."""
    tables = []
    for group in dict.fromkeys(case.group for case in CASES):
        tables.append(
            f"## {group}\n\n| what | {' | '.join(RULES)} | badge, guided | badge, gradient |\n|---|---|---|---|---|---|"
        )
        for case in (case for case in CASES if case.group == group):
            tables[-1] += f"\n| {case.name.replace('|', chr(92) + '|')} | " + " | ".join(compared(case)) + " |"
            print(tables[-1].splitlines()[-1], flush=True)
    rows = "\n".join(f"| {' | '.join(silence(case))} |" for case in SILENT)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    return TEXT.format(**versions, tables="\n\n".join(tables), silence=rows)


def main() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
