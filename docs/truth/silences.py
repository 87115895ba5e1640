"""Section 5: units and classes whose picture is empty, and what the result says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from cnnvis_widgets import grad_cam, load, reconstruct


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


CLASSES = {
    "a score at the ceiling of its ReLU6": (2.0, 9.0),
    "a score below its ReLU6": (2.0, -1.0),
    "a class whose maps are off": (-2.0, 1.0),
}
"""The value of all pixels, and the weight of the mean map in the score."""


def class_silence(name: str) -> list[str]:
    """The same for Grad-CAM at a score that ends in a ReLU6."""
    pixel, weight = CLASSES[name]
    kernel, weights = tf.ones([1, 1, 1, 1]), tf.constant([[weight, 0.1]])

    @tf.function
    def model(x: tf.Tensor) -> tf.Tensor:
        maps = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"), name="maps")
        return tf.nn.relu6(tf.reduce_mean(maps, [1, 2]) @ weights)

    network = load(model, np.full((1, 4, 4, 1), pixel, np.float32))
    result = grad_cam(network, None, 0, layer=network.select("r")[0])
    return [name, "Grad-CAM", "a picture" if result.images.any() else "empty", result.notes[0][0] or "nothing"]


def rows() -> list[list[str]]:
    """All rows of the section."""
    return [*map(silence, SILENT), *map(class_silence, CLASSES)]
