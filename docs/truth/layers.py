"""Section 4: what is listed as a layer, its values, its pictures under each rule, and Grad-CAM at it.

The oracle of each row is the plain function up to the layer, with the weights of the network: its values, the gradient
of the strongest unit of the first channel by a tape, times its value, and Grad-CAM by its formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnvis_widgets import Network, activations, grad_cam, load, reconstruct
from cnnvis_widgets.errors import CnnvisError
from cnnvis_widgets.results import Layer

from .oracle import IMAGE, KERNEL, RULES, SCALE, Relu, difference, said, slope, under

OTHER = np.random.default_rng(4).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
MATRIX = tf.constant(np.random.default_rng(5).normal(size=(4, 4)).astype(np.float32))
BIAS = tf.constant(np.random.default_rng(6).normal(size=4).astype(np.float32) / 4)
HEAD = tf.constant(np.random.default_rng(7).normal(size=(4, 2)).astype(np.float32))
layers = keras.layers


@dataclass(frozen=True)
class Made:
    """A network of one row, and the plain functions of its oracle.

    Attributes:
        model, feed: for ``load``.
        layer: the name or the kind of the layer.
        plain: (image, what a ReLU is) -> maps of the layer.
        scores: maps of the layer -> (images, classes).
        options: for ``load``.
        image: what ``plain`` is given.
    """

    model: Any
    feed: Any
    layer: str
    plain: Callable[[tf.Tensor, Relu], tf.Tensor]
    scores: Callable[[tf.Tensor], tf.Tensor]
    options: dict[str, Any] = field(default_factory=dict)
    image: np.ndarray = field(default_factory=lambda: IMAGE)


def _first(image: tf.Tensor, relu: Relu) -> tf.Tensor:
    return relu(tf.nn.conv2d(image, KERNEL, 1, "SAME"))


def _head(maps: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(maps, [1, 2]) @ HEAD


def _between(kind: str, spelled: Relu, plain: Relu) -> Callable[[], Made]:
    """A network of a convolution, a ReLU, the layer in the spelling of the row, and the mean over places."""

    def make() -> Made:
        model = tf.function(lambda image: _head(spelled(_first(image, tf.nn.relu))))
        return Made(model, IMAGE, kind, lambda image, relu: plain(_first(image, relu)), _head)

    return make


def _dense(maps: tf.Tensor) -> tf.Tensor:
    return tf.einsum("nhwc,cd->nhwd", maps, MATRIX) + BIAS


def _rows(maps: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.reshape(maps, [-1, 4]) @ MATRIX, [-1, 8, 8, 4]) + BIAS


def _normal(maps: tf.Tensor, axes: list[int]) -> tf.Tensor:
    mean = tf.reduce_mean(maps, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(maps - mean), axes, keepdims=True)
    return (maps - mean) / tf.sqrt(variance + 1e-3) * SCALE


def _moments(axes: list[int]) -> Relu:
    def normalized(maps: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(maps, axes, keepdims=True)
        return tf.nn.batch_normalization(maps, mean, variance, None, SCALE, 1e-3)

    return normalized


def _convolved(convolution: Any, image: tf.Tensor) -> tf.Tensor:
    """What a convolution of Keras computes, by TensorFlow's op."""
    (stride, _), padding = convolution.strides, convolution.padding.upper()
    return tf.nn.conv2d(image, convolution.kernel, stride, padding) + convolution.bias


def tokens() -> Made:
    """Patches as a line of tokens, and a dense layer on them."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    patches, dense = layers.Conv2D(4, 2, 2, name="patches"), layers.Dense(4, name="mixed")
    x = dense(layers.ReLU()(layers.Reshape((16, 4))(patches(image))))
    model = keras.Model(image, layers.Lambda(lambda x: x @ HEAD)(layers.GlobalAveragePooling1D()(x)))

    def plain(image: tf.Tensor, relu: Relu) -> tf.Tensor:
        return tf.einsum("nhwc,cd->nhwd", relu(_convolved(patches, image)), dense.kernel) + dense.bias

    return Made(model, IMAGE, "mixed", plain, _head)


def call(number: int) -> Callable[[], Made]:
    """A dense layer of Keras that is called twice; its first or its second call."""

    def make() -> Made:
        keras.utils.set_random_seed(0)
        image = keras.Input((8, 8, 3), name="image")
        convolution, dense = layers.Conv2D(4, 3, padding="same"), layers.Dense(4, "relu", name="shared")
        x = dense(dense(convolution(image)))
        model = keras.Model(image, layers.Lambda(lambda x: x @ HEAD)(layers.GlobalAveragePooling2D()(x)))

        def again(x: tf.Tensor, relu: Relu) -> tf.Tensor:
            return relu(tf.einsum("nhwc,cd->nhwd", x, dense.kernel) + dense.bias)

        def plain(image: tf.Tensor, relu: Relu) -> tf.Tensor:
            x = again(_convolved(convolution, image), relu)
            return x if number == 1 else again(x, relu)

        def scores(maps: tf.Tensor) -> tf.Tensor:
            return _head(again(maps, tf.nn.relu) if number == 1 else maps)

        return Made(model, IMAGE, "shared" if number == 1 else f"shared.{number}", plain, scores)

    return make


def tower(side: str, asked: str) -> Callable[[], Made]:
    """Two images through one tower; the layer of a side's call, asked about the left or the right image."""

    def make() -> Made:
        keras.utils.set_random_seed(0)
        part = keras.Input((8, 8, 3))
        inner = layers.Conv2D(4, 3, activation="relu", name="inner")
        shared = keras.Model(part, inner(part), name="tower")
        left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
        means = [layers.GlobalAveragePooling2D()(shared(each)) for each in (left, right)]
        model = keras.Model([left, right], layers.Lambda(lambda x: x @ HEAD)(layers.Multiply()(means)))
        image, other = (IMAGE, OTHER) if side == "left" else (OTHER, IMAGE)

        def plain(image: tf.Tensor, relu: Relu) -> tf.Tensor:
            return relu(_convolved(inner, image))

        beside = tf.reduce_mean(tf.nn.relu(_convolved(inner, tf.constant(other))), [1, 2])
        name = "tower/inner" if side == "left" else "tower.2/inner"
        options, feed = {"image_input": asked}, {"left": IMAGE, "right": OTHER}
        return Made(model, feed, name, plain, lambda x: (tf.reduce_mean(x, [1, 2]) * beside) @ HEAD, options, image)

    return make


def trained() -> Made:
    """A graph of TensorFlow 1 with a loss, a step of training, and a report."""
    v1, graph = tf.compat.v1, tf.Graph()
    with graph.as_default():
        image, label = v1.placeholder(tf.float32, (None, 8, 8, 3), "image"), v1.placeholder(tf.int32, (None,), "label")
        kernel = v1.get_variable("kernel", initializer=KERNEL.numpy())
        maps = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"), name="maps")
        scores = tf.matmul(tf.reduce_mean(maps, [1, 2]), HEAD.numpy(), name="scores")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, scores), name="loss")
        v1.train.AdamOptimizer(0.1).minimize(loss)
        tf.identity(tf.reduce_mean(tf.square(kernel)), name="report")
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
    return Made(session, {"image": IMAGE}, "maps", lambda image, relu: _first(image, relu), _head)


CASES = {
    "a dense layer on maps, as of Keras (tensordot)": _between(
        "dense", lambda x: tf.nn.bias_add(tf.tensordot(x, MATRIX, [[3], [0]]), BIAS), _dense
    ),
    "the same, as an einsum": _between("dense", _dense, _dense),
    "the same, as a product of batches": _between("dense", lambda x: tf.matmul(x, MATRIX) + BIAS, _dense),
    "the same, reshaped by hand": _between("dense", _rows, _dense),
    "a dense layer on tokens": tokens,
    "LayerNorm by its moments": _between("layer_normalization", _moments([-1]), lambda x: _normal(x, [-1])),
    "instance normalisation by its moments": _between(
        "instance_normalization", _moments([1, 2]), lambda x: _normal(x, [1, 2])
    ),
    "a Keras layer called twice: first call": call(1),
    "a Keras layer called twice: second call": call(2),
    "a tower for two images, about the left one": tower("left", "left"),
    "a tower for two images, about the right one": tower("right", "right"),
    "the right call of the tower, about the left image": tower("right", "left"),
    "a graph that is trained": trained,
}


def layer_of(network: Network, wanted: str) -> Layer:
    """The layer of a kind, or of a name."""
    kinds = [layer for layer in network.layers if layer.kind == wanted]
    return kinds[0] if kinds else network.layer(wanted)


def cam(made: Made) -> np.ndarray:
    """Grad-CAM by its formula: maps weighed by the mean of their gradients, rectified."""
    maps = made.plain(tf.constant(made.image), tf.nn.relu)
    weights = slope(lambda x: made.scores(x)[0, 1], maps.numpy()).mean((0, 1))
    weighed: np.ndarray = np.maximum((maps.numpy()[0] * weights).sum(-1), 0)
    return weighed


def compared(name: str) -> list[str]:
    """What is listed, the differences of values, pictures and Grad-CAM, and what the badge says under 'guided'."""
    made = CASES[name]()
    network = load(made.model, made.feed, **made.options)
    layer = layer_of(network, made.layer)

    def maps() -> str:
        return difference(activations(network, None, layer)[0].values, made.plain(made.image, tf.nn.relu).numpy())

    def picture(rule: str) -> str:
        found = reconstruct(network, None, layer, channels=[0], rule=rule).images[0, 0]
        values = made.plain(made.image, tf.nn.relu).numpy()[0, ..., 0]
        at = np.unravel_index(values.argmax(), values.shape)
        unit = slope(lambda image: made.plain(image, under(rule, tf.nn.relu))[0, at[0], at[1], 0], made.image)
        return difference(found, values[at] * unit)

    def explained() -> str:
        return difference(grad_cam(network, None, 1, layer=layer).images[0, 0], cam(made))

    kinds = ", ".join(each.kind.replace("_", " ") for each in network.layers)
    cells = [_or_refused(maps), *(_or_refused(lambda rule=rule: picture(rule)) for rule in RULES)]
    return [kinds, *cells, _or_refused(explained), said(network.coverage("guided", layer))]


def _or_refused(work: Callable[[], str]) -> str:
    try:
        return work()
    except CnnvisError as error:
        return f"refused: {type(error).__name__}"
