"""What a network says of images: as they are, and after channels of a layer were scaled or silenced.

Scaling a channel by 0 is the lesion of neuroscience; networks are probed so by, among others, A. Morcos et al.,
"On the importance of single directions for generalization", ICLR 2018 (arXiv 1803.06959, section 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, LayerError
from ...results import Intervention, Layer, Predictions
from ..network.channels import channels_last, class_names
from .class_scores import Scores, Targets, numbers_and_names, softmax

Region = tuple[int, int, int, int]
"""top, left, height, width in units of a map."""


def predict(network: Any, feed: Any = None) -> Predictions:
    """What a network says of each image of a feed.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: see ``load``; ``None`` for the one given there.

    Returns:
        Scores and probabilities of all classes.

    Raises:
        LayerError: the network has no class scores. FeedError: the feed does not fit.
        NumericalError: NaN or infinity.
    """
    asked = Scores.of(network, feed, None)
    return predictions_of(asked, asked.of_images())


def predictions_of(asked: Scores, scores: np.ndarray) -> Predictions:
    """Scores (images, classes) with their probabilities and the names of the classes."""
    names = class_names(asked.network, asked.layer) or tuple(map(str, range(scores.shape[1])))
    return Predictions(asked.layer, tuple(names), scores, softmax(scores), asked.softmax_removed)


def intervene(
    network: Any,
    feed: Any,
    layer: str | Layer,
    scales: Mapping[int, float] | Sequence[float] | np.ndarray,
    *,
    region: Region | None = None,
) -> Intervention:
    """What a network says of images when channels of a layer are scaled on the way.

    Args:
        network: a ``Network``, or anything that ``load`` takes; it is not changed.
        feed: see ``load``.
        layer: any layer on the way to the class scores.
        scales: factors by channel number, 0 to silence it; or one factor for every channel.
        region: (top, left, height, width) in units of the map: only there; everywhere by default.

    Returns:
        What it says without and with the change. Nothing is compiled anew for other scales, regions or images.

    Raises:
        LayerError: no such layer, or none that leads to class scores. ChannelError: no such channel.
        ValueError: a region outside the map, or factors that are not finite.
    """
    return HalfStored(network, feed, layer).scaled(scales, region=region)


class HalfStored:
    """A network with the values of one layer stored, so that a change there costs only what comes after it.

    Args:
        network, feed, layer: as for ``intervene``.

    Raises:
        LayerError: no such layer, or none that leads to class scores. FeedError: the feed does not fit.
    """

    def __init__(self, network: Any, feed: Any, layer: str | Layer) -> None:
        asked = Scores.of(network, feed, None)
        changed = asked.network.layer(layer)
        if changed != asked.layer and not asked.network.runtime.structure.leads_to(changed, asked.layer):
            raise LayerError(
                f"Expected a layer on the way to the class scores {asked.layer.name!r}. Received: {changed.name!r}, "
                "after which they do not come. Choose an earlier layer."
            )
        self._asked, self.layer = asked, changed
        scores, self._values = asked.forward(np.arange(len(asked.pictures)), asked.pictures, [asked.layer, changed])
        self.before = predictions_of(asked, asked.averaged(scores))

    def scaled(
        self, scales: Mapping[int, float] | Sequence[float] | np.ndarray, *, region: Region | None = None
    ) -> Intervention:
        """What the network says when channels are scaled; see ``intervene``.

        Raises:
            ChannelError: no such channel. ValueError: a region outside the map, or factors that are not finite.
        """
        factors = _factors(self.layer, self._values.shape[1:], scales, region)
        scores = _scores_from(self._asked, self.layer, self._values * factors)
        return Intervention(self.layer, self.before, predictions_of(self._asked, scores))


def channel_evidence(network: Any, feed: Any, layer: str | Layer, target: Targets) -> np.ndarray:
    """How much each channel of a layer speaks for a class: activation x gradient of the score, summed over the map.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: see ``load``.
        layer: any layer on the way to the class scores.
        target: one class, by number or name.

    Returns:
        float32 (images, channels), in units of the score. In a network of ReLUs without biases above the layer,
        and without a way past it, the channels add up to the score.

    Raises:
        LayerError, ChannelError, FeedError, NumericalError: as ``grad_cam``.
        GradientError: no gradient of the score arrives at the layer.

    References:
        A. Shrikumar et al., "Not Just a Black Box", arXiv 1605.01713, 2016 (gradient x input), here at a layer.
    """
    asked = Scores.of(network, feed, None)
    maps = asked.network.layer(layer)
    numbers, _ = numbers_and_names(asked.network, asked.layer, target)
    if len(numbers) != 1:
        raise ChannelError(f"Expected one class. Received: target={target!r}. Ask for one after the other.")
    rows = np.arange(len(asked.pictures))
    values, gradients = asked.backward_to(maps, rows, np.full(len(rows), numbers[0]))
    return (values * gradients).sum(axis=tuple(range(1, values.ndim - 1)))


def _scores_from(asked: Scores, changed: Layer, values: np.ndarray) -> np.ndarray:
    """The scores of the images when a layer has other values, channels last; what does not follow it is as it was."""

    def body(given: tf.Tensor, placed: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
        inputs = asked.inputs(given, others)
        (before,) = asked.network.runtime.build(inputs, [changed.tensor])  # its kind and shape; it is not computed
        after = tf.ensure_shape(tf.cast(placed, before.dtype), before.shape)
        return asked.network.runtime.build({**inputs, changed.tensor: after}, [asked.layer.tensor], folding=True)

    placed = np.moveaxis(values, -1, changed.channel_axis).astype(np.float32)
    rows = np.arange(len(asked.pictures))
    (scores,) = asked.run(("from", asked.layer.tensor, changed.tensor), body, rows, asked.pictures, placed)
    return asked.averaged(channels_last(scores, asked.layer))


def _factors(
    layer: Layer,
    shape: Sequence[int],
    scales: Mapping[int, float] | Sequence[float] | np.ndarray,
    region: Region | None,
) -> np.ndarray:
    """float32 (spatial axes or ones, channels)."""
    *sizes, channels = shape
    if isinstance(scales, Mapping):
        unknown = [channel for channel in scales if not 0 <= channel < channels]
        if unknown:
            raise ChannelError(f"Expected channels from 0 to {channels - 1} of {layer.name!r}. Received: {unknown}.")
        given = np.ones(channels, np.float32)
        given[list(scales)] = list(scales.values())
    else:
        given = np.asarray(scales, np.float32)
        if given.shape != (channels,):
            raise ChannelError(
                f"Expected one factor for each of the {channels} channels of {layer.name!r}. "
                f"Received: shape {given.shape}. Or give a dict of channels and factors."
            )
    if not np.isfinite(given).all():
        raise ValueError(f"Expected finite factors. Received: scales={scales!r}.")
    if region is None:
        return given.reshape(*(1,) * len(sizes), channels)
    top, left, height, width = region
    inside = len(sizes) == 2 and min(region) >= 0 and top + height <= sizes[0] and left + width <= sizes[1]
    if not inside or not (height and width):
        map_size = " x ".join(map(str, sizes)) or "no size"
        raise ValueError(
            f"Expected region as (top, left, height, width) within a map of {map_size}. Received: region={region!r}."
        )
    factors = np.ones((*sizes, channels), np.float32)
    factors[top : top + height, left : left + width] = given
    return factors
