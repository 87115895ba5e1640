"""The predictions of a network, and which channels of a layer a prediction depends on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arguments import checked
from ...results import Head, Layer, Predictions, Target
from ..network.feed_parts import parts_of_feed
from ..network.loading import load
from ..network.targets import EVERYWHERE, OneTarget, one
from .class_scores import ClassScores


@checked
def predict(
    network: Any, feed: Any = None, *, scores: str | Layer | Head | None = None, target: Target = EVERYWHERE
) -> Predictions:
    """Compute what one head of a network tells of each image of a feed.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs (see ``load``); ``None`` for those given to ``load``.
        scores: the name of a head, or a layer; ``None`` for the main head. ``network.heads`` lists them.
        target: the place or region whose classes are told, instead of the mean over places; its class plays no part.

    Returns:
        The values of the head as the network returns them, with the scores and probabilities of all classes.

    Raises:
        LayerError: there is no such head. FeedError: the feed does not fit.
        NumericalError: NaN or infinity.

    Example:
        >>> from cnnvis_widgets import demo, load, predict
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> predictions = predict(network)
        >>> predictions.scores.shape, len(predictions.top(3))
        ((2, 10), 3)
    """
    network = load(network, feed)
    head = network.head(scores)
    parts = [_as_returned(ClassScores.of(network, part, head), target) for part in parts_of_feed(network)]
    by_class, values = zip(*parts, strict=True)
    numbers, probabilities = zip(*by_class, strict=True)
    joined = None if probabilities[0] is None else np.concatenate(probabilities)
    return predictions_of(head, np.concatenate(numbers), joined, values=np.concatenate(values))


def _as_returned(class_scores: ClassScores, target: Target) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray]:
    return class_scores.as_returned(class_scores.weights(target))


def predictions_of(
    head: Head, scores: np.ndarray, probabilities: np.ndarray | None, values: np.ndarray | None = None
) -> Predictions:
    """Add the names of the classes to scores and probabilities (images, classes)."""
    names = tuple(head.title(number) for number in range(scores.shape[1]))
    return Predictions(head, names, scores, probabilities, values)


@checked
def channel_evidence(
    network: Any, feed: Any, layer: str | Layer, target: OneTarget = None, *, scores: str | Layer | Head | None = None
) -> np.ndarray:
    """Measure how much each channel of a layer speaks for a class: activation x gradient, summed over the map.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: see ``load``.
        layer: any layer before the class scores.
        target: one class, by number or name, or a ``Target``; by default the one that the network is surest of in each
            image.
        scores: the name of a head, or a layer; ``None`` for the main head.

    Returns:
        float32 (images, channels), in units of the score. If every later layer is linear or a ReLU, has no bias, and
        no path goes around ``layer``, the channels add up to the score.

    Raises:
        LayerError, ChannelError, FeedError, NumericalError: as ``grad_cam``.
        GradientError: no gradient of the score arrives at the layer.

    References:
        [1] A. Shrikumar et al., "Not Just a Black Box", arXiv 1605.01713, 2016 (gradient x input), here at a layer.

    Example:
        >>> from cnnvis_widgets import channel_evidence, demo, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> channel_evidence(network, None, "conv3", 7).shape
        (1, 32)
    """
    class_scores = ClassScores.of(network, feed, scores)
    maps = class_scores.network.layer(layer)
    values, gradients, _ = class_scores.backward_to(maps, *class_scores.bound(one(target)).pairs())
    return (values * gradients).sum(axis=tuple(range(1, values.ndim - 1)))
