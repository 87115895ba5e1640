"""Predictions after channels of a layer were scaled or silenced.

A factor of 0 is the lesion of neuroscience; it is also called ablation.

References:
    [1] A. Morcos et al., "On the importance of single directions for generalization", section 2.2, ICLR 2018,
        arXiv 1803.06959.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import ChannelError, LayerError, OptionError
from ...results import Head, Intervention, Layer, Predictions, Target
from ..network.channels import whole_number
from ..network.targets import EVERYWHERE
from .by_class import summaries
from .class_scores import ClassScores
from .predictions import predictions_of

Region = tuple[int, int, int, int]
"""top, left, height, width in units of a map."""

Scales = Mapping[int, float] | Sequence[float] | np.ndarray
"""Factors by channel number, or one factor for every channel."""


@checked
def intervene(
    network: Any,
    feed: Any,
    layer: str | Layer,
    scales: Scales,
    *,
    region: Region | None = None,
    scores: str | Layer | Head | None = None,
    target: Target = EVERYWHERE,
) -> Intervention:
    """Compare the predictions before and after channels of a layer are scaled.

    Args:
        network: a ``Network``, or anything that ``load`` takes; it is not changed.
        feed: see ``load``.
        layer: any layer before the class scores.
        scales: factors by channel number (0 silences a channel), or one factor for every channel.
        region: (top, left, height, width) in units of the map: scale only there; by default everywhere.
        scores: the name of a head, or a layer; ``None`` for the main head.
        target: the place or region of the head whose predictions are compared, instead of the mean over places.

    Returns:
        The predictions before and after. Other scales, regions or images compile nothing anew.

    Raises:
        LayerError: there is no such layer, or it does not lead to the class scores.
        ChannelError: there is no such channel.
        OptionError: a region outside the map, or factors that are not finite.

    References:
        [1] A. Morcos et al., ICLR 2018, section 2.2, arXiv 1803.06959.

    Example:
        >>> from cnnvis_widgets import demo, intervene, load
        >>> network = load(demo.small_cnn(), demo.digits().test_images[:1])
        >>> change = intervene(network, None, "conv3", {4: 0.0, 9: 2.0})
        >>> change.before.scores.shape == change.after.scores.shape == (1, 10)
        True
    """
    return ResumedNetwork(network, feed, layer, scores=scores, target=target).scaled(scales, region=region)


class ResumedNetwork:
    """A network that stores the values of one layer and resumes there: a change costs only the later layers.

    Args:
        network, feed, layer, scores, target: as for ``intervene``.

    Attributes:
        layer: the layer that is stored.
        before: the predictions without a change.

    Raises:
        LayerError: there is no such layer, or it does not lead to the class scores.
        FeedError: the feed does not fit.
    """

    def __init__(
        self,
        network: Any,
        feed: Any,
        layer: str | Layer,
        *,
        scores: str | Layer | Head | None = None,
        target: Target = EVERYWHERE,
    ) -> None:
        class_scores = ClassScores.of(network, feed, scores)
        told, stored = class_scores.layer, class_scores.network.layer(layer)
        if stored != told and not class_scores.network.runtime.structure.leads_to(stored, told):
            raise LayerError(
                f"Expected a layer before the class scores {told.name!r}. Received: {stored.name!r}, which does not "
                "lead to them. Choose an earlier layer."
            )
        rows, self._weights = np.arange(len(class_scores.images)), class_scores.weights(target)
        by_class, self._stored = class_scores.with_maps(rows, class_scores.images, stored, self._weights)
        self._class_scores, self.layer = class_scores, stored
        self.before = predictions_of(class_scores.head, *by_class)

    def scaled(self, scales: Scales, *, region: Region | None = None) -> Intervention:
        """Compute the predictions after channels are scaled; see ``intervene``.

        Raises:
            ChannelError: there is no such channel.
            OptionError: a region outside the map, or factors that are not finite.
        """
        values = self._stored * _factors(self.layer, self._stored.shape[1:], scales, region)
        return Intervention(self.layer, self.before, self._resumed(values))

    def evidence(self, channel: int, *, step: float = 0.05) -> np.ndarray:
        """Measure how much a channel speaks for each class: how fast the scores rise when it becomes stronger.

        The channel is scaled by ``1 - step`` and by ``1 + step``. The difference of the scores, divided by
        ``2 * step``, is the derivative by the factor: activation x gradient, summed over the map, as in
        ``channel_evidence``, but of all classes at once. It is exact where the network is linear in between.

        Args:
            channel: of the stored layer.
            step: how much the factor changes.

        Returns:
            float32 (images, classes), in units of the score.

        Raises:
            ChannelError: there is no such channel.
        """
        stronger, weaker = (self.scaled({channel: factor}).after.scores for factor in (1 + step, 1 - step))
        return np.asarray((stronger - weaker) / (2 * step), np.float32)

    def _resumed(self, values: np.ndarray) -> Predictions:
        """Compute the predictions from other values of the stored layer, channels last."""
        class_scores, layer = self._class_scores, self.layer
        build = class_scores.network.runtime.build

        def body(batch: tf.Tensor, replacement: tf.Tensor, weights: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            inputs = class_scores.graph_inputs(batch, others)
            (original,) = build(inputs, [layer.tensor])  # only its dtype and shape are read, so it never runs
            replaced = tf.ensure_shape(tf.cast(replacement, original.dtype), original.shape)
            built = build({**inputs, layer.tensor: replaced}, class_scores.tensors, folding=True)
            return summaries(class_scores.head, built, weights)

        arranged = np.moveaxis(values, -1, layer.channel_axis).astype(np.float32)
        rows, key = np.arange(len(class_scores.images)), ("from", *class_scores.tensors, layer.tensor)
        weights = np.tile(self._weights, (len(rows), 1))
        scores, *probabilities = class_scores.run(key, body, rows, class_scores.images, arranged, weights)
        return predictions_of(class_scores.head, scores, probabilities[0] if probabilities else None)


def _factors(layer: Layer, shape: Sequence[int], scales: Scales, region: Region | None) -> np.ndarray:
    """The factor of every value: float32 (spatial axes or ones, channels)."""
    *sizes, channels = shape
    by_channel = _factors_by_channel(layer, channels, scales)
    if region is None:
        return by_channel.reshape(*(1,) * len(sizes), channels)
    if not isinstance(region, Sequence) or len(region) != 4 or None in map(whole_number, region):
        raise OptionError(f"Expected region as (top, left, height, width), whole numbers. Received: region={region!r}.")
    top, left, height, width = region
    inside = len(sizes) == 2 and min(region) >= 0 and top + height <= sizes[0] and left + width <= sizes[1]
    if not inside or not (height and width):
        map_size = " x ".join(map(str, sizes)) or "no size"
        raise OptionError(
            f"Expected region as (top, left, height, width) within a map of {map_size}. Received: region={region!r}."
        )
    factors = np.ones((*sizes, channels), np.float32)
    factors[top : top + height, left : left + width] = by_channel
    return factors


def _or_none(channel: Any) -> int:
    """The number of a channel, or -1 for what is none."""
    number = whole_number(channel)
    return -1 if number is None else number


def _factors_by_channel(layer: Layer, channels: int, scales: Scales) -> np.ndarray:
    """The factor of each channel, float32 (channels,)."""
    if isinstance(scales, Mapping):
        unknown = [channel for channel in scales if not 0 <= _or_none(channel) < channels]
        if unknown:
            raise ChannelError(f"Expected channels from 0 to {channels - 1} of {layer.name!r}. Received: {unknown}.")
        factors = np.ones(channels, np.float32)
        factors[list(scales)] = list(scales.values())
    else:
        try:
            factors = np.asarray(scales, np.float32)
        except (TypeError, ValueError):
            factors = np.zeros((), np.float32)
        if factors.shape != (channels,):
            raise ChannelError(
                f"Expected one factor for each of the {channels} channels of {layer.name!r}. "
                f"Received: shape {factors.shape}. Or give a dict of channels and factors."
            )
    if not np.isfinite(factors).all():
        raise OptionError(f"Expected finite factors. Received: scales={scales!r}.")
    return factors
