"""Feature maps back to pixels: what in the image made a channel fire.

A *seed* is put into the layer, zero everywhere but at what is asked about, and sent backwards under a
*rule* (see ``rules``). With the rule 'deconvnet' and the seed 'strongest' this is the projection of
Zeiler and Fergus: one activation kept, then unpooling with the recorded switches, rectification and
transposed filtering, layer by layer.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 2.1,
        ECCV 2014, DOI 10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import ChannelError, NumericalError
from ..results import Layer, Reconstruction
from .activations import channels_last
from .loading import load
from .network import Network
from .rules import RULES

Seed = str | tuple[int, ...]
SEEDS = ("strongest", "map", "ones")
_TOGETHER = 8  # seeds that go backwards in one run


def reconstruct(
    network: Any,
    feed: Any,
    layer: str | Layer,
    *,
    channels: Sequence[int] | None = None,
    rule: str = "deconvnet",
    seed: Seed = "strongest",
) -> Reconstruction:
    """Project channels of a layer back to the pixels of each image.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        layer: one layer. A softmax is replaced by its logits, and ``coverage`` says so.
        channels: which channels; ``None`` for all, in order.
        rule: 'deconvnet', 'guided' or 'gradient'.
        seed: what goes backwards: 'strongest' (the largest activation of the map, at its place), 'map' (the whole
            map), 'ones' (ones over the whole map, as the older library did), or the place (y, x) of one unit.

    Returns:
        The reconstruction; ``images`` is float32 (images, channels, height, width, input channels), unnormalised.

    Raises:
        LayerError, ChannelError: no such layer, channel or unit.
        GradientError: nothing flows from the layer to the image.
        NumericalError: NaN or infinity in the layer or in the result.
        ValueError: an unknown rule or seed.
    """
    network = load(network, feed)
    plan = _Plan(network, network.layer(layer), channels, rule, seed)
    starts = range(0, len(plan.channels), _TOGETHER)
    parts = [plan.project(plan.channels[start : start + _TOGETHER]) for start in starts]
    return plan.result(plan.channels, np.concatenate(parts, axis=1))


def reconstruct_steps(
    network: Any,
    feed: Any,
    layer: str | Layer,
    *,
    channels: Sequence[int] | None = None,
    rule: str = "deconvnet",
    seed: Seed = "strongest",
) -> Iterator[Reconstruction]:
    """The same as ``reconstruct``, a few channels at a time, those that fire most in the first image first.

    Yields:
        Reconstructions of up to 8 channels; together they hold every channel once.
    """
    network = load(network, feed)
    plan = _Plan(network, network.layer(layer), channels, rule, seed)
    strengths = plan.strengths[0]
    ranked = sorted(plan.channels, key=lambda channel: -strengths[channel])
    for start in range(0, len(ranked), _TOGETHER):
        some = tuple(ranked[start : start + _TOGETHER])
        yield plan.result(some, plan.project(some))


class _Plan:
    """One request, checked: the feed, the layer's values for it, and the compiled way back."""

    def __init__(
        self, network: Network, layer: Layer, channels: Sequence[int] | None, rule: str, seed: Seed
    ) -> None:
        if rule not in RULES:
            raise ValueError(f"Expected rule to be one of {', '.join(map(repr, RULES))}. Received: rule={rule!r}.")
        self.network, self.rule, self.seed = network, rule, seed
        self.layer = network.before_softmax(layer)
        self.coverage = network.coverage(rule, layer)
        network.require_gradient(self.layer)
        self.feeds = network.feeds()
        self.values = channels_last(network.run(self.feeds, [self.layer.tensor])[0], self.layer)
        if not np.isfinite(self.values).all():
            raise NumericalError(f"Expected finite activations. Received: NaN or infinity in layer {layer.name!r}.")
        self.channels = _checked_channels(channels, self.values.shape[-1], layer)
        self.units = self._units()
        spatial = tuple(range(1, self.values.ndim - 1))
        self.strengths = self.values.max(axis=spatial) if spatial else self.values

    def _units(self) -> np.ndarray:
        """The seeded unit of every image and channel, int (images, channels, spatial axes)."""
        images, *spatial, channels = self.values.shape
        if self.seed == "strongest":
            flat = self.values.reshape(images, -1, channels).argmax(axis=1)
            places = np.unravel_index(flat, spatial) if spatial else ()
            return np.stack(places, -1) if spatial else np.zeros((images, channels, 0), int)
        if self.seed in SEEDS:
            return np.full((images, channels, len(spatial)), -1)
        place = self.seed if isinstance(self.seed, tuple | list) else ()
        whole = all(isinstance(each, int | np.integer) for each in place)
        if not place or len(place) != len(spatial) or not whole:
            raise ValueError(
                f"Expected seed to be {', '.join(map(repr, SEEDS))}, or the place of a unit as {len(spatial)} integers."
                f" Received: seed={self.seed!r}."
            )
        if not all(0 <= each < size for each, size in zip(place, spatial, strict=True)):
            raise ChannelError(
                f"Expected a unit within the map of {' x '.join(map(str, spatial))} of layer {self.layer.name!r}. "
                f"Received: seed={self.seed!r}."
            )
        return np.broadcast_to(np.array(place), (images, channels, len(spatial))).copy()

    def project(self, channels: Sequence[int]) -> np.ndarray:
        """Pictures (images, channels, height, width, input channels) of a few channels."""
        images = len(self.values)
        together = self.network.fixed_batch() or len(channels)
        rows = []
        for image in range(images):
            for start in range(0, len(channels), together):
                some = channels[start : start + together]
                filled = [some[index % len(some)] for index in range(self.network.fixed_batch() or len(some))]
                rows.append(self._backwards(image, filled)[: len(some)])
        result = np.concatenate(rows).reshape(images, len(channels), *rows[0].shape[1:])
        if not np.isfinite(result).all():
            raise NumericalError(
                f"Expected finite pictures. Received: NaN or infinity on the way back from {self.layer.name!r}."
            )
        return result

    def _backwards(self, image: int, channels: Sequence[int]) -> np.ndarray:
        seeds = np.moveaxis(self._seeds(image, channels), -1, self.layer.channel_axis)
        rows = np.full(len(channels), image)
        feeds = self.network.rows_of(self.feeds, rows)
        function = _pullback(self.network, self.layer, self.rule, tuple(feeds))
        return self.network.to_images(function(seeds, *feeds.values())).astype(np.float32)

    def _seeds(self, image: int, channels: Sequence[int]) -> np.ndarray:
        values = self.values[image]
        seeds = np.zeros((len(channels), *values.shape), np.float32)
        for index, channel in enumerate(channels):
            if self.seed == "map":
                seeds[index, ..., channel] = values[..., channel]
            elif self.seed == "ones":
                seeds[index, ..., channel] = 1
            else:
                unit = (*self.units[image, channel], channel)
                seeds[index][unit] = values[unit]
        return seeds

    def result(self, channels: Sequence[int], images: np.ndarray) -> Reconstruction:
        chosen = list(channels)
        units = self.units[:, chosen]
        if (units < 0).any():
            seeded = self.strengths[:, chosen]
        else:
            seeded = np.array(
                [
                    [values[(*unit, channel)] for unit, channel in zip(places, chosen, strict=True)]
                    for values, places in zip(self.values, units, strict=True)
                ]
            )
        return Reconstruction(
            self.layer, images, tuple(chosen), self.rule, self.seed, units, seeded.astype(np.float32), self.coverage
        )


def _checked_channels(channels: Sequence[int] | None, count: int, layer: Layer) -> tuple[int, ...]:
    if channels is None:
        return tuple(range(count))
    chosen = tuple(int(channel) for channel in np.atleast_1d(channels))
    wrong = [channel for channel in chosen if not 0 <= channel < count]
    if wrong or not chosen:
        raise ChannelError(
            f"Expected channels from 0 to {count - 1} of layer {layer.name!r}. Received: channels={list(channels)!r}."
        )
    return chosen


def _pullback(network: Network, layer: Layer, rule: str, fed: tuple[str, ...]) -> Any:
    """The compiled function (seeds, feeds ...) -> signal at the image input."""

    def body(seeds: tf.Tensor, *values: tf.Tensor) -> tf.Tensor:
        inputs = dict(zip(fed, values, strict=True))
        target = network.build(inputs, [layer.tensor], rule)[0]
        image = inputs[network.image_tensor]
        signal = tf.gradients(target, image, tf.cast(seeds, target.dtype))[0]
        return tf.zeros_like(image) if signal is None else tf.convert_to_tensor(signal)

    seeds = tf.TensorSpec([None] * len(layer.shape), tf.float32)
    return network.compiled(("pullback", layer.tensor, rule, fed), body, [seeds, *network.signature(fed)])

