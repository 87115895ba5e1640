"""The predictions of a network, and which channels of a layer a prediction depends on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ChannelError
from ...results import Layer, Predictions
from ..network.channels import channel_title
from .class_scores import ClassScores, Targets, numbers_and_names, softmax


def predict(network: Any, feed: Any = None) -> Predictions:
    """Compute the class scores and probabilities of each image of a feed.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: the images and other inputs (see ``load``); ``None`` for those given to ``load``.

    Returns:
        Scores and probabilities of all classes.

    Raises:
        LayerError: the network has no class scores. FeedError: the feed does not fit.
        NumericalError: NaN or infinity.

    Example:
        >>> from cnnvis_widgets import demo, load, predict
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:2])
        >>> predictions = predict(network)
        >>> predictions.scores.shape, len(predictions.top(3))
        ((2, 10), 3)
    """
    class_scores = ClassScores.of(network, feed, None)
    return predictions_of(class_scores, class_scores.of_images())


def predictions_of(class_scores: ClassScores, values: np.ndarray) -> Predictions:
    """Add probabilities and class names to scores (images, classes)."""
    layer = class_scores.layer
    names = tuple(channel_title(class_scores.network, layer, number) for number in range(values.shape[1]))
    return Predictions(layer, names, values, softmax(values), class_scores.softmax_removed)


def channel_evidence(network: Any, feed: Any, layer: str | Layer, target: Targets) -> np.ndarray:
    """Measure how much each channel of a layer speaks for a class: activation x gradient, summed over the map.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: see ``load``.
        layer: any layer before the class scores.
        target: one class, by number or name.

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
    class_scores = ClassScores.of(network, feed, None)
    maps = class_scores.network.layer(layer)
    numbers, _ = numbers_and_names(class_scores.network, class_scores.layer, target)
    if len(numbers) != 1:
        raise ChannelError(f"Expected one class. Received: target={target!r}. Call once for each class.")
    rows = np.arange(len(class_scores.images))
    values, gradients = class_scores.backward_to(maps, rows, np.full(len(rows), numbers[0]))
    return (values * gradients).sum(axis=tuple(range(1, values.ndim - 1)))
