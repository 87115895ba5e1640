"""Small networks for the tests, in every form that people hold."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

import keras
import numpy as np
import tensorflow as tf

from cnnvis_widgets import load
from cnnvis_widgets.engine.network.network import Network

v1 = tf.compat.v1
layers = keras.layers


def export(model: keras.Model, folder: object) -> None:
    """Export a model as a SavedModel without the notes that Keras prints; early versions of Keras 3 cannot be told."""
    with redirect_stdout(StringIO()):
        model.export(str(folder))


def photo(size: int = 20, channels: int = 3, images: int = 1, seed: int = 0) -> np.ndarray:
    """Random images, float32 (images, size, size, channels) in [0, 1]."""
    return np.random.default_rng(seed).random((images, size, size, channels)).astype(np.float32)


def keras_cnn(functional: bool = True) -> keras.Model:
    """A classifier that mixes fused, layer, functional and nested ReLUs, with a pool of each kind."""
    keras.utils.set_random_seed(7)
    image = keras.Input((20, 20, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="fused")(image)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Conv2D(8, 3, padding="same", name="plain")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="layer")(x)
    inner = layers.Conv2D(8, 3, activation="relu", name="inner")
    nested = keras.Sequential([keras.Input((10, 10, 8)), inner], name="nested")
    x = nested(x)
    x = layers.Conv2D(5, 3, name="last")(x)
    x = keras.ops.relu(x) if functional else layers.Activation("relu", name="written")(x)
    x = layers.AveragePooling2D(2, name="average")(x)
    x = layers.GlobalAveragePooling2D(name="globally")(x)
    scores = layers.Dense(4, activation="softmax", name="scores")(x)
    model = keras.Model(image, scores, name="little")
    rng = np.random.default_rng(3)
    for variable in model.get_layer("norm").weights:  # statistics that a trained network would have
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def weights_of(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"w1": (3, 3, 3, 6), "b1": (6,), "w2": (3, 3, 6, 8), "b2": (8,), "w3": (8 * 5 * 5, 4), "b3": (4,)}
    return {name: (rng.standard_normal(shape) * 0.3).astype(np.float32) for name, shape in shapes.items()}


def classic_ops(image: tf.Tensor, w: dict[str, tf.Tensor], keep: tf.Tensor | None = None) -> tf.Tensor:
    """The layers of a TensorFlow 1 tutorial, with names; ``keep`` adds dropout with a fed probability."""
    x = tf.nn.bias_add(tf.nn.conv2d(image, w["w1"], 1, "SAME", name="conv1/Conv2D"), w["b1"])
    x = tf.nn.relu(x, name="conv1/Relu")
    x = tf.nn.max_pool2d(x, 2, 2, "SAME", name="pool1/MaxPool")
    x = tf.nn.bias_add(tf.nn.conv2d(x, w["w2"], 1, "SAME", name="conv2/Conv2D"), w["b2"])
    x = tf.nn.relu(x, name="conv2/Relu")
    x = tf.nn.max_pool2d(x, 2, 2, "SAME", name="pool2/MaxPool")
    x = tf.reshape(x, [-1, 8 * 5 * 5], name="flat")
    if keep is not None:
        x = v1.nn.dropout(x, rate=1 - keep, name="dropout")
    logits = tf.nn.bias_add(tf.matmul(x, w["w3"], name="fc/MatMul"), w["b3"], name="fc/logits")
    return tf.nn.softmax(logits, name="probabilities")


def classic_keras() -> keras.Model:
    """The network of ``classic_ops``, with the same weights, in Keras."""
    conv1, conv2 = (layers.Conv2D(maps, 3, padding="same", activation="relu") for maps in (6, 8))
    pool = layers.MaxPooling2D
    scores = layers.Dense(4, activation="softmax")
    model = keras.Sequential(
        [keras.Input((20, 20, 3), name="image"), conv1, pool(), conv2, pool(), layers.Flatten(), scores]
    )
    model.set_weights(list(weights_of().values()))
    return model


def variable_graph(keep: bool = False, resource: bool = True, constant: bool = True) -> tf.Graph:
    """A graph with variables; ``constant`` gives them their values as initial values, else random ones."""
    graph = tf.Graph()
    with graph.as_default():
        labels = v1.placeholder(tf.float32, [None, 4], name="labels")
        image = v1.placeholder(tf.float32, [None, 20, 20, 3], name="image")
        kept = v1.placeholder(tf.float32, [], name="keep_prob") if keep else None
        variables = {
            name: v1.get_variable(
                name,
                shape=None if constant else value.shape,
                initializer=value if constant else v1.random_normal_initializer(),
                use_resource=resource,
            )
            for name, value in weights_of().items()
        }
        probabilities = classic_ops(image, variables, kept)
        loss = tf.reduce_mean(tf.square(probabilities - labels), name="loss")
        v1.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")
    return graph


def frozen_graph(values: dict[str, np.ndarray] | None = None) -> tf.Graph:
    """The same layers with constant weights."""
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 20, 20, 3], name="image")
        classic_ops(image, {name: tf.constant(value) for name, value in (values or weights_of()).items()})
    return graph


def weights(*shape: int, seed: int = 0) -> tf.Tensor:
    """Random weights of a kernel, float32, scaled so that signals keep their size."""
    return tf.constant(np.random.default_rng(seed).standard_normal(shape) / np.sqrt(np.prod(shape[:-1])), tf.float32)


def network_of(
    function: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, ...], images: int | None = None
) -> Network:
    """The network of a function: it takes ``image`` (images, ...), and its layer ``out`` is the function's result."""
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (images, *shape), name="image")
        tf.identity(function(image), name="out")
    x = np.random.default_rng(5).standard_normal((1, *shape)).astype(np.float32)
    return load(graph, {"image": x})
