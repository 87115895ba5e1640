"""What all tables share: the image, the rules, ReLUs that obey them, differences, and the words of the badge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from cnnvis_widgets.results import Coverage

IMAGE = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
KERNEL = tf.constant(np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32) / 3)
LAST = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 4, 2)).astype(np.float32) / 3)
SCALE = tf.constant(np.random.default_rng(3).uniform(0.5, 1.5, 4).astype(np.float32))
RULES = ("gradient", "guided", "deconvnet")

Relu = Callable[[tf.Tensor], tf.Tensor]


def under(rule: str, forward: Relu) -> Relu:
    """A ReLU or its relative with the gradient of a rule."""
    if rule == "gradient":
        return forward

    @tf.custom_gradient
    def ruled(x: tf.Tensor) -> Any:
        entered = tf.cast(x > 0, x.dtype) if rule == "guided" else 1.0
        return forward(x), lambda signal: tf.nn.relu(signal) * entered

    return ruled


def slope(function: Callable[[tf.Tensor], tf.Tensor], image: np.ndarray) -> np.ndarray:
    """The gradient of a value with respect to an image, by a tape, without the axis of images."""
    fed = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(fed)
        value = tf.function(function)(fed)
    gradient: np.ndarray = tape.gradient(value, fed).numpy()
    return gradient[0]


def difference(found: np.ndarray, expected: np.ndarray) -> str:
    """The worst difference as a share of the largest value; of arrays of one shape."""
    if found.shape != expected.shape:
        return f"shape {found.shape}"
    return f"{np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30):.0e}"


def said(coverage: Coverage) -> str:
    """What the badge says: the ops that it names, or that all of them obey."""
    named = [f"{op.count} {op.kind.replace('_', ' ')} {op.treatment}" for op in coverage.ops if op.treatment != "exact"]
    return ("" if coverage.complete else "**not complete**: ") + (", ".join(named) or "exact")


def in_table(text: str) -> str:
    """Text as it stands in a table of Markdown."""
    return text.replace("|", "\\|")
