"""How the tensors of a head become one score and one probability for each class. All functions are traced."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ...results import Head, Layer


def summaries(head: Head, tensors: Sequence[tf.Tensor], weights: tf.Tensor) -> list[tf.Tensor]:
    """Compute scores and, if the head gives any, probabilities: each float32 (variants, classes).

    Args:
        head: the head.
        tensors: of its scores and, with probabilities, of its output.
        weights: float32 (variants, places): by how much each place counts.
    """
    scores = scores_by_class(head, tensors[0], weights)
    return [scores, *(_probabilities(head, output, weights) for output in tensors[1:])]


def scores_by_class(head: Head, values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Compute scores, float32 (variants, classes). The one score z of a yes-or-no head is -z for no and z for yes."""
    scores = _weighted_mean(values, head.scores, weights)
    return tf.concat([-scores, scores], 1) if head.meaning == "yes or no" else scores


def sureness(head: Head, scores: np.ndarray, probabilities: np.ndarray | None) -> np.ndarray:
    """How sure a head is of each class. Of values it is their size; scores order classes where probabilities are 1."""
    if probabilities is None:
        return np.abs(scores)
    return probabilities if head.is_map else scores


def _probabilities(head: Head, output: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The network has computed them, except where it ends in plain scores that a person calls classes or labels."""
    output = tf.cast(output, tf.float32)
    if head.activation == "log_softmax":
        output = tf.exp(output)
    elif not head.activation:
        output = tf.nn.softmax(output, head.output.channel_axis) if head.meaning == "classes" else tf.sigmoid(output)
    means = _weighted_mean(output, head.output, weights)
    return tf.concat([1 - means, means], 1) if head.meaning == "yes or no" else means


def _weighted_mean(values: tf.Tensor, layer: Layer, weights: tf.Tensor) -> tf.Tensor:
    values = tf.cast(values, tf.float32)  # a sum of half-precision numbers ends at 65504
    places = [axis for axis in range(1, len(layer.shape)) if axis != layer.channel_axis]
    if not places:
        return values
    last = tf.transpose(values, [0, *places, layer.channel_axis])
    by_place = tf.reshape(last, [tf.shape(values)[0], -1, tf.shape(values)[layer.channel_axis]])
    return tf.linalg.matvec(by_place, weights, transpose_a=True)
