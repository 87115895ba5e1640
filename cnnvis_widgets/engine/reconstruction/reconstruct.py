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

from ...errors import ChannelError, NumericalError
from ...results import Layer, Reconstruction
from ..backward.rules import require_rule
from ..graph.nonfinite import is_finite
from ..network.channels import channels_last, not_finite
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network
from ..runtime.caches import bytes_of
from .patches import lay_patches
from .precision import way_in

Seed = str | tuple[int, ...]
SEEDS = ("strongest", "map", "ones")
PRECISIONS = ("float32", "bfloat16", "auto")
_SHOWN_TOGETHER = 32  # more would keep who looks at them waiting
_MOST_KEPT = 2**30  # bytes of forward passes that wait for more seeds


def reconstruct(
    network: Any,
    feed: Any,
    layer: str | Layer,
    *,
    channels: Sequence[int] | None = None,
    rule: str = "deconvnet",
    seed: Seed = "strongest",
    precision: str = "float32",
) -> Reconstruction:
    """Project channels of a layer back to the pixels of each image.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: what to feed (see ``load``); ``None`` for the network's own.
        layer: one layer. A softmax is replaced by its logits, and ``coverage`` says so.
        channels: which channels; ``None`` for all, in order.
        rule: 'deconvnet', 'guided', 'gradient', or one of your own (see ``rules.register``).
        seed: what goes backwards: 'strongest' (the largest activation of the map, at its place), 'map' (the whole
            map), 'ones' (ones over the whole map, as the older library did), or the place (y, x) of one unit.
        precision: of the signals on their way back, 'float32' (that of the network) or 'bfloat16', which is faster on
            CPUs with instructions for it, and within 3 % of the largest value of each picture. The forward pass keeps
            its precision, so that switches and masks are the same. 'auto' measures once, for the CPU and then for the
            layer, which of the two is faster; pictures may then differ between machines. The result says which it is
            and why; networks with an op that only TensorFlow's own gradient knows keep their own.

    Returns:
        The reconstruction; ``images`` is float32 (images, channels, height, width, input channels), unnormalised.

    Raises:
        LayerError, ChannelError: no such layer, channel or unit.
        GradientError: nothing flows from the layer to the image.
        NumericalError: NaN or infinity in what is fed, in the layer (the first such one is named) or in the result.
        ValueError: an unknown rule, seed or precision.
    """
    plan = _Plan(load(network, feed), layer, channels, rule, seed, precision)
    return plan.result(plan.channels, plan.project(plan.channels))


def reconstruct_steps(
    network: Any,
    feed: Any,
    layer: str | Layer,
    *,
    channels: Sequence[int] | None = None,
    rule: str = "deconvnet",
    seed: Seed = "strongest",
    precision: str = "float32",
) -> Iterator[Reconstruction]:
    """The same as ``reconstruct``, a few channels at a time, those that fire most in the first image first.

    Yields:
        Reconstructions of 8 channels, or of up to 32 where units see but a part of the image; together they hold every
        channel once.
    """
    plan = _Plan(load(network, feed), layer, channels, rule, seed, precision)
    strengths = plan.strengths[0]
    ranked = sorted(plan.channels, key=lambda channel: -strengths[channel])
    count = min(plan.way.together, _SHOWN_TOGETHER)
    for start in range(0, len(ranked), count):
        some = tuple(ranked[start : start + count])
        yield plan.result(some, plan.project(some))


class _Plan:
    """One request, checked: the feed, the layer's values for it, and the compiled way back."""

    def __init__(
        self, network: Network, name: str | Layer, channels: Sequence[int] | None, rule: str, seed: Seed, precision: str
    ) -> None:
        require_rule(rule)
        if precision not in PRECISIONS:
            raise ValueError(
                f"Expected precision to be one of {', '.join(map(repr, PRECISIONS))}. "
                f"Received: precision={precision!r}."
            )
        asked = network.layer(name)
        self.network, self.rule, self.seed = network, rule, seed
        self.layer = network.runtime.structure.before_softmax(asked)
        self.coverage = network.coverage(rule, asked)
        network.runtime.require_gradient(self.layer)
        self.feeds = network.feeds()
        self.images = len(self.feeds[network.runtime.image_tensor])
        kind = seed if isinstance(seed, str) and seed in ("map", "ones") else "unit"
        first = self._feeds_of(0)
        self.way, self.why = way_in(precision, network, self.layer, rule, kind, first)
        self._kept: dict[int, Any] = {}
        self.values = np.concatenate([self._forward(image) for image in range(self.images)])
        if not all(map(is_finite, [*self.feeds.values(), self.values])):
            raise not_finite(network, self.feeds)
        self.channels = _checked_channels(channels, self.values.shape[-1], asked)
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

    def _feeds_of(self, image: int) -> Feeds:
        return self.network.runtime.batches.rows_of(self.feeds, np.array([image]))

    def _forward(self, image: int) -> np.ndarray:
        """The layer's values for one image; its forward pass is kept for seeds, as long as there is room."""
        values, kept = self.way.values(self._feeds_of(image))
        size = bytes_of((values, kept)) if isinstance(kept, list) else 0  # feeds are held anyhow
        if not self._kept or (len(self._kept) + 1) * size < _MOST_KEPT:
            self._kept[image] = kept
        return channels_last(values, self.layer)

    def project(self, channels: Sequence[int]) -> np.ndarray:
        """Pictures (images, channels, height, width, input channels) of some channels."""
        shape = self.network.runtime.layout.to_images(self.feeds[self.network.runtime.image_tensor]).shape[1:]
        pictures = np.zeros((self.images, len(channels), *shape), np.float32)
        for image in range(self.images):
            kept = self._kept[image] if image in self._kept else self.way.values(self._feeds_of(image))[1]
            for start in range(0, len(channels), self.way.together):
                some = channels[start : start + self.way.together]
                units = self.units[image, list(some)]
                signals, field = self.way.signals(kept, some, units)
                if not np.isfinite(signals).all():
                    raise NumericalError(
                        f"Expected finite pictures. Received: NaN or infinity on the way back from {self.layer.name!r}."
                    )
                laid = pictures[image, start : start + len(some)]
                if field is None:
                    laid[:] = self.network.runtime.layout.to_images(signals)
                else:
                    lay_patches(signals, field, units, laid)
        return pictures

    def result(self, channels: Sequence[int], images: np.ndarray) -> Reconstruction:
        chosen = list(channels)
        units = self.units[:, chosen]
        if (units < 0).any():
            seeded = self.strengths[:, chosen]
        else:
            seeded = np.array(
                [
                    [values[tuple(unit)][channel] for unit, channel in zip(places, chosen, strict=True)]
                    for values, places in zip(self.values, units, strict=True)
                ]
            )
        return Reconstruction(
            self.layer,
            images,
            tuple(chosen),
            self.rule,
            self.seed,
            units,
            seeded.astype(np.float32),
            self.coverage,
            self.way.precision,
            self.why,
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
