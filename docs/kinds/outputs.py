"""Models by what they return: classes, labels, values, maps, boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .sample import Sample, classified, image, layers, noise, of_keras, pooled, trunk


def _with_head(head: Callable[[Any], Any], **options: Any) -> Callable[[], Sample]:
    """A small network whose feature maps go into ``head``."""

    def make() -> Sample:
        entered = image()
        return of_keras(keras.Model(entered, head(trunk(entered))), noise(24, 24, 3), **options)

    return make


def dense(units: int, activation: str | None, name: str) -> Callable[[Any], Any]:
    return lambda maps: layers.Dense(units, activation=activation, name=name)(pooled(maps))


def softmax_by_hand(maps: Any) -> Any:
    raised = keras.ops.exp(layers.Dense(4, name="scores")(pooled(maps)))
    return raised / keras.ops.sum(raised, axis=-1, keepdims=True)


def embedding(maps: Any) -> Any:
    return layers.UnitNormalization(name="embedding")(layers.Dense(16, name="projection")(pooled(maps)))


def two_heads(maps: Any) -> list[Any]:
    features = pooled(maps)
    return [layers.Dense(4, activation="softmax", name="species")(features), layers.Dense(1, name="age")(features)]


def heads_as_dict(maps: Any) -> dict[str, Any]:
    features = pooled(maps)
    return {
        "species": layers.Dense(4, activation="softmax", name="species")(features),
        "marks": layers.Dense(3, activation="sigmoid", name="marks")(features),
        "weight": layers.Dense(1, name="weight")(features),
    }


def ordinal(maps: Any) -> Any:
    return keras.ops.cumprod(layers.Dense(4, activation="sigmoid", name="steps")(pooled(maps)), axis=-1)


def unet(classes: int, activation: str) -> Callable[[], Sample]:
    def make() -> Sample:
        entered = image(32, 32, 3)
        high = layers.Conv2D(6, 3, padding="same", activation="relu", name="high")(entered)
        low = layers.Conv2D(8, 3, padding="same", activation="relu", name="low")(layers.MaxPooling2D()(high))
        up = layers.Conv2DTranspose(6, 2, strides=2, name="up")(low)
        joined = layers.Conv2D(6, 3, padding="same", activation="relu", name="joined")(layers.Concatenate()([high, up]))
        mask = layers.Conv2D(classes, 1, activation=activation, name="mask")(joined)
        return of_keras(keras.Model(entered, mask), noise(32, 32, 3))

    return make


def autoencoder() -> Sample:
    entered = image(24, 24, 1)
    x = layers.Conv2D(6, 3, 2, padding="same", activation="relu", name="encoded")(entered)
    code = layers.Dense(12, name="code")(layers.Flatten()(x))
    x = layers.Reshape((12, 12, 6))(layers.Dense(12 * 12 * 6, activation="relu")(code))
    picture = layers.Conv2DTranspose(1, 3, 2, padding="same", activation="sigmoid", name="picture")(x)
    return of_keras(keras.Model(entered, picture), noise(24, 24, 1))


def variational_autoencoder() -> Sample:
    entered = image(24, 24, 1)
    x = layers.Flatten()(layers.Conv2D(6, 3, 2, padding="same", activation="relu", name="encoded")(entered))
    mean, spread = layers.Dense(4, name="mean")(x), layers.Dense(4, name="log_variance")(x)
    noise_of = layers.Lambda(lambda pair: pair[0] + tf.exp(pair[1] / 2) * tf.random.normal(tf.shape(pair[0])))
    x = layers.Dense(12 * 12 * 6, activation="relu")(noise_of([mean, spread]))
    picture = layers.Conv2DTranspose(1, 3, 2, padding="same", activation="sigmoid", name="picture")(
        layers.Reshape((12, 12, 6))(x)
    )
    sample = of_keras(keras.Model(entered, [picture, mean, spread]), noise(24, 24, 1), layer="encoded")
    return Sample(sample.model, sample.feed, layer=sample.layer)  # every call returns another picture


def super_resolution() -> Sample:
    entered = image(16, 16, 3)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="maps")(entered)
    x = layers.Conv2D(12, 3, padding="same", name="subpixels")(x)
    return of_keras(
        keras.Model(entered, keras.layers.Lambda(lambda t: tf.nn.depth_to_space(t, 2))(x)), noise(16, 16, 3)
    )


def depth_map() -> Sample:
    entered = image(None, None, 3)
    depth = layers.Conv2D(1, 3, padding="same", name="depth")(trunk(entered))
    return of_keras(keras.Model(entered, layers.UpSampling2D(interpolation="bilinear")(depth)), noise(24, 32, 3))


def detector() -> Sample:
    entered = image(32, 32, 3)
    maps = trunk(entered)
    boxes = layers.Reshape((-1, 4), name="boxes")(layers.Conv2D(2 * 4, 3, padding="same")(maps))
    scores = layers.Reshape((-1, 3))(layers.Conv2D(2 * 3, 3, padding="same")(maps))
    scores = layers.Activation("softmax", name="anchor_scores")(scores)
    return of_keras(keras.Model(entered, {"boxes": boxes, "scores": scores}), noise(32, 32, 3))


def one_stage_detector() -> Sample:
    entered = image(32, 32, 3)
    raw = layers.Conv2D(2 * (5 + 3), 1, name="raw")(trunk(entered))
    cells = keras.ops.reshape(raw, (-1, 16, 16, 2, 8))
    places, sizes, scores = keras.ops.sigmoid(cells[..., :2]), keras.ops.exp(cells[..., 2:4]), cells[..., 4:]
    return of_keras(
        keras.Model(entered, keras.ops.concatenate([places, sizes, keras.ops.sigmoid(scores)], axis=-1)),
        noise(32, 32, 3),
    )


def keypoints() -> Sample:
    entered = image()
    heat = layers.Conv2D(5, 1, name="heat")(trunk(entered))
    weights = keras.ops.softmax(keras.ops.reshape(heat, (-1, 144, 5)), axis=1)
    rows, columns = (keras.ops.convert_to_tensor(grid.reshape(1, 144, 1).astype("f4")) for grid in np.indices((12, 12)))
    points = [keras.ops.sum(weights * grid, axis=1) for grid in (rows, columns)]
    return of_keras(keras.Model(entered, keras.ops.stack(points, axis=-1)), noise(24, 24, 3))


def generator() -> Sample:
    code = keras.Input((8,), name="code")
    x = layers.Reshape((6, 6, 8))(layers.Dense(6 * 6 * 8, activation="relu", name="seeds")(code))
    x = layers.Conv2DTranspose(6, 4, 2, padding="same", activation="relu", name="grown")(x)
    picture = layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh", name="picture")(x)
    return of_keras(keras.Model(code, picture), noise(8))


def number_of_the_best() -> Sample:
    entered = image()
    scores = layers.Dense(4, name="scores")(pooled(trunk(entered)))
    return of_keras(keras.Model(entered, keras.ops.argmax(scores, axis=-1)), noise(24, 24, 3))


KINDS = {
    "softmax classes": _with_head(classified, class_names=("ant", "bee", "cat", "dog")),
    "logits, no activation": _with_head(dense(4, None, "logits")),
    "softmax written by hand": _with_head(softmax_by_hand),
    "log-softmax": _with_head(dense(4, "log_softmax", "log_classes")),
    "independent labels (sigmoid)": _with_head(dense(3, "sigmoid", "labels")),
    "yes or no (one sigmoid)": _with_head(dense(1, "sigmoid", "yes")),
    "regression, one value": _with_head(dense(1, None, "value")),
    "regression, tanh": _with_head(dense(2, "tanh", "angles")),
    "embedding (unit length)": _with_head(embedding),
    "ordinal (product of sigmoids)": _with_head(ordinal),
    "two heads": _with_head(two_heads),
    "heads as a dict": _with_head(heads_as_dict),
    "number of the best class only": number_of_the_best,
    "U-Net, class map (softmax)": unet(3, "softmax"),
    "U-Net, mask (sigmoid)": unet(1, "sigmoid"),
    "depth map, image of any size": depth_map,
    "autoencoder": autoencoder,
    "variational autoencoder (samples)": variational_autoencoder,
    "super-resolution (depth_to_space)": super_resolution,
    "detector: boxes and anchor scores": detector,
    "one-stage detector, one tensor": one_stage_detector,
    "key points (soft argmax)": keypoints,
    "generator (code to picture)": generator,
}
