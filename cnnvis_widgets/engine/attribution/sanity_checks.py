"""Sanity checks: does the picture of a class depend on the class? A picture may look right and explain nothing.

References:
    [1] J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, arXiv 1810.03292 (a picture that
        stays the same after the weights are randomised explains no prediction).
    [2] W. Nie, Y. Zhang and A. Patel, "A Theoretical Explanation for Perplexing Behaviors of
        Backpropagation-based Visualizations", ICML 2018, arXiv 1805.07039 (why the deconvnet and guided
        backpropagation recover the image rather than the class).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import ChannelError, LayerError
from ...results import Head, Layer, Sensitivity, Target
from ..backward.rules import require_rule
from ..network.targets import OneTarget, number_of, one
from .by_class import sureness
from .class_scores import ClassScores, gradient_at

_WEIGHTED_OPS = {"MatMul", "BatchMatMulV2", "Conv2D"}


@checked
def sensitivity(
    network: Any,
    feed: Any = None,
    *,
    rule: str = "deconvnet",
    seed: int = 0,
    scores: str | Layer | Head | None = None,
    target: OneTarget = None,
) -> Sensitivity:
    """Measure how much the picture of a class resembles two pictures that it should differ from.

    The first is the picture of the best other class. The second is the picture of the same class after the weights
    of the top layer are shuffled.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs (see ``load``); ``None`` for those given to ``load``.
        rule: 'deconvnet', 'guided', 'gradient', or one that was registered.
        seed: of the shuffling; the same seed gives the same bytes.
        scores: the name of a head, or a layer; ``None`` for the main head.
        target: the class, by number or name, or a ``Target``; by default the one that the network is surest of in each
            image.

    Returns:
        Two correlations for each image. A correlation near 1 means that the picture does not depend on the class.

    Raises:
        LayerError: no class scores, or no weights right before them.
        ChannelError: fewer than two classes, or no such class.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity. OptionError: an unknown rule.

    Notes:
        Each picture starts from a score of 1 and is projected as ``reconstruct`` does. The network is not changed:
        a copy of its last dense layer or convolution computes with all weights in random order.

    References:
        [1] J. Adebayo et al., NeurIPS 2018, arXiv 1810.03292.

    Example:
        >>> from cnnvis_widgets import demo, load, sensitivity
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> result = sensitivity(network, rule="gradient")
        >>> result.classes.shape, result.rival.shape, result.randomised.shape
        ((1, 2), (1,), (1,))
    """
    require_rule(rule)
    class_scores = ClassScores.of(network, feed, scores)
    class_scores.network.runtime.require_gradient(class_scores.layer)
    wanted = one(target)
    weights = class_scores.weights(wanted)
    classes = classes_and_rivals(class_scores, wanted)
    if (classes < 0).any():
        raise ChannelError(
            f"Expected at least two classes. Received: one channel in layer {class_scores.layer.name!r}. "
            "Name another layer: scores=..."
        )
    rows, at = np.repeat(np.arange(len(classes)), 2), np.tile(weights, (2 * len(classes), 1))
    pictures = class_scores.backward(rows, class_scores.images[rows], classes.ravel(), at, rule)
    best, rival = pictures[::2], pictures[1::2]
    shuffled = _with_shuffled_weights(class_scores, classes[:, 0], at[::2], rule, seed)
    return Sensitivity(rule, class_scores.layer, classes, correlations(best, rival), correlations(best, shuffled))


def classes_and_rivals(class_scores: ClassScores, target: Target) -> np.ndarray:
    """Find the class and the best other class of each image, int32 (images, 2); -1 where there is no other class.

    Args:
        class_scores: of the images.
        target: the class, by default the one that the network is surest of, and where.
    """
    by_class = class_scores.of_variants(
        np.arange(len(class_scores.images)), class_scores.images, class_scores.weights(target)
    )
    order = np.argsort(-sureness(class_scores.head, *by_class), axis=1, kind="stable").astype(np.int32)
    if order.shape[1] < 2:
        return np.concatenate([order, np.full_like(order, -1)], axis=1)
    number = number_of(class_scores.head, target)
    if number is None:
        return order[:, :2]
    rivals = np.where(order[:, 0] == number, order[:, 1], order[:, 0])
    return np.stack([np.full_like(rivals, number), rivals], axis=1)


def _with_shuffled_weights(
    class_scores: ClassScores, channels: np.ndarray, weights: np.ndarray, rule: str, seed: int
) -> np.ndarray:
    """The pictures of the classes after the weights of the top layer are shuffled."""
    layer, build = class_scores.layer, class_scores.network.runtime.build

    def body(
        batch: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, seeds: tf.Tensor, *others: tf.Tensor
    ) -> list[tf.Tensor]:
        values = build(class_scores.graph_inputs(batch, others), [layer.tensor], rule)[0]
        top = _top_op(values, layer)
        signal = gradient_at(top.outputs[0], class_scores.scores_of(values, targets, weights), layer.name)
        shuffled = _output_with_shuffled_weights(top, seeds[0])
        return [gradient_at(batch, tf.reduce_sum(shuffled * tf.cast(signal, shuffled.dtype)), layer.name)]

    rows = np.arange(len(channels))
    seeds = np.full(len(rows), seed, np.int32)
    key = ("shuffled", layer.tensor, class_scores.head.meaning, rule)
    return class_scores.run(key, body, rows, class_scores.images, channels, weights, seeds)[0]


def _top_op(values: tf.Tensor, layer: Layer) -> tf.Operation:
    """The last op with weights before the scores."""
    pending = [values.op]
    while pending:
        op = pending.pop(0)
        if op.type in _WEIGHTED_OPS:
            return op
        pending += [tensor.op for tensor in op.inputs]
    raise LayerError(
        f"Expected class scores that a dense layer or a convolution computes. Received: layer {layer.name!r}, "
        "before which there is none. Name another layer: scores=..."
    )


def _output_with_shuffled_weights(op: tf.Operation, seed: tf.Tensor) -> tf.Tensor:
    """The output of a copy of an op: the same input, its weights in random order."""
    below, kernel = op.inputs[:2]
    flat = tf.reshape(kernel, [-1])
    order = tf.argsort(tf.random.stateless_uniform(tf.shape(flat), [seed, 0]))
    shuffled = tf.ensure_shape(tf.reshape(tf.gather(flat, order), tf.shape(kernel)), kernel.shape)
    attributes = dict(op.node_def.attr)
    return op.graph.create_op(op.type, [below, shuffled], [op.outputs[0].dtype], attrs=attributes).outputs[0]


def correlations(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each pair of pictures, float32 (pictures,); NaN where one of them is constant."""
    first, second = (stack.reshape(len(stack), -1).astype(np.float64) for stack in (pictures, others))
    first, second = (flat - flat.mean(axis=1, keepdims=True) for flat in (first, second))
    size = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    product = (first * second).sum(axis=1)
    return np.divide(product, size, out=np.full(len(size), np.nan), where=size > 0).astype(np.float32)
