"""Models by what they are fed: one image or two, signals, volumes, text, pixels as a row, raw bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .sample import Sample, classified, image, layers, noise, of_keras, pooled, trunk

_BYTES = (noise(24, 24, 3) * 255).astype(np.uint8)


def images_of(*shape: int) -> Callable[[], Sample]:
    def make() -> Sample:
        entered = image(*shape)
        return of_keras(keras.Model(entered, classified(trunk(entered))), noise(*shape))

    return make


def channels_first() -> Sample:
    entered = image(3, 24, 24)
    x = layers.Conv2D(6, 3, activation="relu", data_format="channels_first", name="maps")(entered)
    scores = layers.Dense(4, activation="softmax", name="classes")(layers.Flatten()(x))
    return of_keras(keras.Model(entered, scores), noise(3, 24, 24))


def channels_first_graph() -> Sample:
    rng, graph = np.random.default_rng(0), tf.Graph()
    with graph.as_default():
        entered = tf.compat.v1.placeholder(tf.float32, (None, 3, 24, 24), name="image")
        first, second = (tf.constant(rng.standard_normal(shape), tf.float32) for shape in ((3, 3, 3, 8), (3, 3, 8, 8)))
        x = tf.nn.relu(tf.nn.conv2d(entered, first, 1, "SAME", data_format="NCHW"), name="early")
        x = tf.nn.max_pool2d(x, 2, 2, "SAME", data_format="NCHW", name="pool")
        x = tf.nn.relu(tf.nn.conv2d(x, second, 2, "SAME", data_format="NCHW"), name="maps")
        weights = tf.constant(rng.standard_normal((8, 4)), tf.float32)
        tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [2, 3]), weights), name="classes")
    return Sample(graph, noise(3, 24, 24))


def siamese() -> Sample:
    tower_input = image()
    tower = keras.Model(tower_input, pooled(trunk(tower_input)), name="tower")
    left, right = (keras.Input((24, 24, 3), name=name) for name in ("left", "right"))
    distance = keras.ops.abs(tower(left) - tower(right))
    same = layers.Dense(1, activation="sigmoid", name="same")(distance)
    feed = {"left": noise(24, 24, 3), "right": noise(24, 24, 3)[:, ::-1].copy()}
    return of_keras(keras.Model([left, right], same), feed, "*maps*/Relu", image_input="left")


def image_and_table() -> Sample:
    entered, row = image(), keras.Input((5,), name="table")
    both = layers.Concatenate()([pooled(trunk(entered)), layers.Dense(6, activation="relu", name="row")(row)])
    scores = layers.Dense(4, activation="softmax", name="classes")(both)
    return of_keras(keras.Model([entered, row], scores), {"image": noise(24, 24, 3), "table": noise(5)}, layer="maps")


def text_and_image() -> Sample:
    entered, words = image(), keras.Input((6,), dtype="int32", name="words")
    question = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8, name="embedded")(words))
    answer = layers.Dense(4, activation="softmax", name="answer")(layers.Multiply()([pooled(trunk(entered)), question]))
    feed = {"image": noise(24, 24, 3), "words": np.array([[1, 4, 2, 9, 0, 0]], np.int32)}
    return of_keras(keras.Model([entered, words], answer), feed)


def signal() -> Sample:
    sound = keras.Input((64, 2), name="signal")
    x = layers.Conv1D(6, 5, activation="relu", name="early")(sound)
    x = layers.Conv1D(8, 5, activation="relu", name="maps")(layers.MaxPooling1D()(x))
    scores = layers.Dense(4, activation="softmax", name="classes")(layers.GlobalAveragePooling1D()(x))
    return of_keras(keras.Model(sound, scores), noise(64, 2))


def volume() -> Sample:
    scan = keras.Input((12, 12, 12, 1), name="scan")
    x = layers.Conv3D(4, 3, padding="same", activation="relu", name="early")(scan)
    x = layers.Conv3D(6, 3, padding="same", activation="relu", name="maps")(layers.MaxPooling3D()(x))
    scores = layers.Dense(3, activation="softmax", name="classes")(layers.GlobalAveragePooling3D()(x))
    return of_keras(keras.Model(scan, scores), noise(12, 12, 12, 1))


def flat() -> Sample:
    pixels = keras.Input((784,), name="pixels")
    x = layers.Dense(16, activation="relu", name="hidden")(pixels)
    return of_keras(keras.Model(pixels, layers.Dense(4, activation="softmax", name="classes")(x)), noise(784))


def text() -> Sample:
    words = keras.Input((12,), dtype="int32", name="words")
    x = layers.Conv1D(8, 3, activation="relu", name="maps")(layers.Embedding(30, 8, name="embedded")(words))
    scores = layers.Dense(3, activation="softmax", name="classes")(layers.GlobalMaxPooling1D()(x))
    return of_keras(keras.Model(words, scores), np.arange(12, dtype=np.int32)[np.newaxis])


def bytes_in() -> Sample:
    entered = keras.Input((24, 24, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="scaled")(entered)
    return of_keras(keras.Model(entered, classified(trunk(x))), _BYTES)


def preprocessing() -> Sample:
    entered = image(32, 32, 3)
    x: Any = layers.Resizing(24, 24, name="resized")(entered)
    x = layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 50.0, 50.0], name="normalised")(x)
    x = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal", name="flipped")(x))
    return of_keras(keras.Model(entered, classified(trunk(x))), noise(32, 32, 3) * 255)


def with_preprocess() -> Sample:
    entered = image()
    model = keras.Model(entered, classified(trunk(entered)))
    scale = keras.applications.mobilenet_v2.preprocess_input
    outputs = of_keras(model, scale(_BYTES.astype(np.float32))).outputs
    return Sample(model, _BYTES[0], outputs, options={"preprocess": lambda picture: scale(picture.astype(np.float32))})


KINDS = {
    "grey image": images_of(24, 24, 1),
    "image of 4 channels": images_of(24, 24, 4),
    "image of 12 bands, not square": images_of(20, 28, 12),
    "channels first, Keras": channels_first,
    "channels first, graph": channels_first_graph,
    "bytes (uint8) and Rescaling": bytes_in,
    "Resizing, Normalization, RandomFlip inside": preprocessing,
    "`preprocess` given, a uint8 picture": with_preprocess,
    "two images (siamese, shared tower)": siamese,
    "image and a row of a table": image_and_table,
    "image and words": text_and_image,
    "1-D signal": signal,
    "3-D volume": volume,
    "784 pixels as a row": flat,
    "words (Embedding, Conv1D)": text,
}
