"""Does a picture depend on the class? Pictures that look right although they mean nothing are told by two numbers.

References:
    [1] J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, arXiv 1810.03292 (a picture that
        stays when the weights are randomised explains no prediction).
    [2] W. Nie, Y. Zhang and A. Patel, "A Theoretical Explanation for Perplexing Behaviors of
        Backpropagation-based Visualizations", ICML 2018, arXiv 1805.07039 (why the deconvnet and guided
        backpropagation recover the image rather than the class).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, LayerError
from ...results import Layer, Sensitivity
from ..backward.rules import require_rule
from .class_scores import Scores, flowing, numbers_and_names

_TOP_OPS = {"MatMul", "BatchMatMulV2", "Conv2D"}


def sensitivity(
    network: Any,
    feed: Any = None,
    *,
    rule: str = "deconvnet",
    seed: int = 0,
    scores: str | Layer | None = None,
    target: int | str | None = None,
) -> Sensitivity:
    """How much the picture of a class resembles the pictures of what it should differ from.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        rule: 'deconvnet', 'guided', 'gradient', or one that was registered.
        seed: of the shuffling; the same seed gives the same bytes.
        scores: the layer whose channels are the classes; by default the logits.
        target: the class, by number or name; by default the best one of each image.

    Returns:
        Two correlations for each image; near 1 means that the picture does not depend on the class.

    Raises:
        LayerError: no class scores, or no weights right before them.
        ChannelError: fewer than two classes, or no such class.
        GradientError: no gradient flows from the scores to the image.
        NumericalError: NaN or infinity. ValueError: an unknown rule.

    Notes:
        Pictures start from a score of 1 and are projected as ``reconstruct`` does. The network is not changed:
        its last dense layer or convolution is computed once more beside it, with all weights in random order.
    """
    require_rule(rule)
    asked = Scores.of(network, feed, scores)
    asked.network.runtime.require_gradient(asked.layer)
    values = asked.of_images()
    if values.shape[1] < 2:
        raise ChannelError(f"Expected at least two classes. Received: one channel in layer {asked.layer.name!r}.")
    classes = _pairs(asked, values, target)
    rows = np.arange(len(values))
    channels = classes.astype(np.int32)
    twice = np.repeat(rows, 2)
    both = asked.backward(twice, asked.pictures[twice], channels.ravel(), rule)
    best, rival = both[::2], both[1::2]
    shuffled = _shuffled(asked, rows, channels[:, 0], rule, seed)
    return Sensitivity(rule, asked.layer, classes, _correlations(best, rival), _correlations(best, shuffled))


def _pairs(asked: Scores, values: np.ndarray, target: int | str | None) -> np.ndarray:
    """The class that is asked about and the best other one, int (images, 2)."""
    order = np.argsort(-values, axis=1, kind="stable")
    if target is None:
        return order[:, :2]
    (number,), _ = numbers_and_names(asked.network, asked.layer, target)
    rivals = np.where(order[:, 0] == number, order[:, 1], order[:, 0])
    return np.stack([np.full_like(rivals, number), rivals], axis=1)


def _shuffled(asked: Scores, rows: np.ndarray, channels: np.ndarray, rule: str, seed: int) -> np.ndarray:
    """The pictures of the classes where the weights of the top layer are in another order."""

    def body(given: tf.Tensor, wanted: tf.Tensor, seeds: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
        values = asked.network.runtime.build(asked.inputs(given, others), [asked.layer.tensor], rule)[0]
        top = _top_layer(values, asked.layer)
        signal = flowing(asked.picked(values, wanted), top.outputs[0], asked.layer.name)
        again = _recomputed(top, seeds[0])
        return [flowing(tf.reduce_sum(again * tf.cast(signal, again.dtype)), given, asked.layer.name)]

    seeds = np.full(len(rows), seed, np.int32)
    return asked.run(("shuffled", asked.layer.tensor, rule), body, rows, asked.pictures, channels, seeds)[0]


def _top_layer(values: tf.Tensor, layer: Layer) -> tf.Operation:
    """The op right before the scores that has weights."""
    pending = [values.op]
    while pending:
        op = pending.pop(0)
        if op.type in _TOP_OPS:
            return op
        pending += [each.op for each in op.inputs]
    raise LayerError(
        f"Expected class scores that a dense layer or a convolution computes. Received: layer {layer.name!r}, "
        "before which there is none."
    )


def _recomputed(top: tf.Operation, seed: tf.Tensor) -> tf.Tensor:
    """The output of an op for the same input, with its weights in random order."""
    below, kernel = top.inputs[:2]
    flat = tf.reshape(kernel, [-1])
    order = tf.argsort(tf.random.stateless_uniform(tf.shape(flat), [seed, 0]))
    shuffled = tf.ensure_shape(tf.reshape(tf.gather(flat, order), tf.shape(kernel)), kernel.shape)
    attributes = dict(top.node_def.attr)
    return top.graph.create_op(top.type, [below, shuffled], [top.outputs[0].dtype], attrs=attributes).outputs[0]


def _correlations(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each pair of pictures, float32 (pictures,); NaN where one is constant."""
    first, second = (each.reshape(len(each), -1).astype(np.float64) for each in (pictures, others))
    first, second = (each - each.mean(axis=1, keepdims=True) for each in (first, second))
    size = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    product = (first * second).sum(axis=1)
    return np.divide(product, size, out=np.full(len(size), np.nan), where=size > 0).astype(np.float32)
