"""A model of one kind with something to feed it, and the pieces that many of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers


@dataclass(frozen=True)
class Sample:
    """A model to try.

    Attributes:
        model: what a person would give to ``load``.
        feed: what they would feed it: a batch of one.
        outputs: computes what the model itself returns for the feed, without this package; ``None`` where it cannot
            be asked.
        layer: a selection, whose first layer is projected, changed and dreamed of; '' for the last activation function,
            else the last convolution, else the layer in the middle.
        options: further keywords of ``load``.
    """

    model: Any
    feed: Any
    outputs: Callable[[], Sequence[np.ndarray]] | None = None
    layer: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def noise(*shape: int) -> np.ndarray:
    """One image, signal or volume of noise, float32 (1, *shape), in [0, 1]."""
    return np.random.default_rng(5).random((1, *shape)).astype(np.float32)


def of_keras(model: Any, feed: Any, layer: str = "", *, training: bool | None = False, **options: Any) -> Sample:
    """A Keras model as an object, and what it returns for the feed; ``training`` is ``None`` where layers say it."""
    return Sample(model, feed, lambda: returned(model(feed, training=training)), layer, options)


def returned(outputs: Any) -> list[np.ndarray]:
    """The outputs of a model, a tensor or a nest of tensors, as arrays."""
    return [np.asarray(tensor) for tensor in tf.nest.flatten(outputs)]


def image(*shape: int | None) -> Any:
    return keras.Input(shape or (24, 24, 3), name="image")


def trunk(x: Any) -> Any:
    """Two convolutions with a pool between them: 24 x 24 becomes 12 x 12."""
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="early")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    return layers.Conv2D(8, 3, padding="same", activation="relu", name="maps")(x)


def pooled(x: Any) -> Any:
    return layers.GlobalAveragePooling2D(name="pooled")(x)


def classified(x: Any, classes: int = 4) -> Any:
    """Class probabilities from feature maps."""
    return layers.Dense(classes, activation="softmax", name="classes")(pooled(x))


def classifier_of(
    block: Callable[[Any], Any], *, size: int = 24, channels: int = 3, training: bool | None = False
) -> Sample:
    """A classifier with this block between its first convolution and its head."""
    entered = image(size, size, channels)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="early")(entered)
    return of_keras(keras.Model(entered, classified(block(x))), noise(size, size, channels), training=training)
