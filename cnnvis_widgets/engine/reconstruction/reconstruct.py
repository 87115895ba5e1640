"""Feature maps back to pixels: what in the image made a channel fire.

A *seed* is put into the layer, zero everywhere but at the unit or map in question, and sent backwards under a *rule*
(see ``rules``). With the rule 'deconvnet' and the seed 'strongest' this is the projection of Zeiler and Fergus: one
activation is kept, then unpooled with the recorded switches, rectified and filtered with the transposed kernels, layer
by layer.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 2.1,
        ECCV 2014, DOI 10.1007/978-3-319-10590-1_53.
    [2] J. T. Springenberg, A. Dosovitskiy, T. Brox and M. Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", section 3.4, ICLR 2015 workshop, arXiv 1412.6806.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arguments import checked
from ...errors import ChannelError, NotEnoughMemoryError, NumericalError
from ...results import Layer, Reconstruction
from ..backward.rules import require_rule
from ..graph.layers import elements_of
from ..graph.nonfinite import is_finite
from ..network.channels import channels_last, whole_number
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network
from ..ops.windows import ReceptiveField
from . import silence
from .precision import require_precision, strategy_in
from .seeds import Seed, kind_of, require_seed, seeded_units
from .strategies import Route

_CHANNELS_PER_STEP = 32  # with more, whoever watches the steps would wait too long


@checked
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
        rule: 'deconvnet', 'guided', 'gradient', one of your own (see ``rules.register``), or 'auto': 'deconvnet' where
            max-pools lie between layer and image, 'guided' where none does, as Springenberg et al. advise [2]. The
            result tells the rule that was used, and ``coverage.reason`` why.
        seed: what goes backwards: 'strongest' (the largest activation of the map, at its place), 'map' (the whole
            map), 'ones' (ones over the whole map, as the older library did), or the place (y, x) of one unit.
        precision: of the signals that go backwards: 'float32' (that of the network), 'bfloat16' or 'auto'. bfloat16
            is faster on CPUs with instructions for it, and differs by at most 3 % of the largest value of each
            picture. The forward pass keeps its precision, so that switches and masks are the same. 'auto' measures
            which of the two is faster, once for the CPU and once for the layer; pictures may then differ between
            machines. The result says which precision it has and why. Networks with an op that only TensorFlow's own
            gradient knows keep their precision.

    Returns:
        The reconstruction; ``images`` is float32 (images, channels, height, width, input channels), unnormalised.

    Raises:
        LayerError, ChannelError: no such layer, channel or unit.
        GradientError: nothing flows from the layer to the image.
        NumericalError: NaN or infinity in the feed, in the layer (the error names the first such one) or in the
            result.
        OptionError: an unknown rule, seed or precision.

    Example:
        >>> import keras, numpy as np
        >>> convolution = keras.layers.Conv2D(4, 3, activation="relu", name="edges")
        >>> model = keras.Sequential([keras.layers.Input((8, 8, 3)), convolution])
        >>> image = np.random.default_rng(0).random((8, 8, 3), np.float32)
        >>> result = reconstruct(model, image, "edges", channels=[0, 2])
        >>> result.images.shape, result.channels, result.units.shape
        ((1, 2, 8, 8, 3), (0, 2), (1, 2, 2))
    """
    projection = _Projection(load(network, feed), layer, rule, seed, precision)
    return projection.result(projection.checked(channels))


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
    """Do the same as ``reconstruct``, a few channels at a time. Those that fire most in the first image come first.

    Yields:
        Reconstructions of 8 channels, or of up to 32 where units see only a part of the image. Together they hold
        every channel once.

    Example:
        >>> import keras, numpy as np
        >>> convolution = keras.layers.Conv2D(12, 3, activation="relu", name="edges")
        >>> model = keras.Sequential([keras.layers.Input((8, 8, 3)), convolution])
        >>> image = np.random.default_rng(0).random((8, 8, 3), np.float32)
        >>> [len(step.channels) for step in reconstruct_steps(model, image, "edges", seed="map")]
        [8, 4]
    """
    projection = _Projection(load(network, feed), layer, rule, seed, precision)
    strengths = projection.forward(0).strengths
    ranked = sorted(projection.checked(channels), key=lambda channel: -strengths[channel])
    count = min(projection.channels_per_call, _CHANNELS_PER_STEP)
    for start in range(0, len(ranked), count):
        yield projection.result(tuple(ranked[start : start + count]))


def require_reconstructible(network: Network, layers: Sequence[Layer], rule: str, seed: Seed) -> None:
    """Check what ``reconstruct`` would refuse in any of several layers, before anything is computed.

    Raises:
        OptionError: an unknown rule or seed. ChannelError: the unit lies outside the map of a layer.
        GradientError: nothing flows from a layer to the image.
    """
    require_rule(rule)
    runtime = network.runtime
    targets = [network.before_saturation(layer)[0] for layer in layers]
    for layer in runtime.as_fed(targets, network.feeds()):
        require_seed(seed, layer.spatial_shape, layer)
        runtime.require_gradient(layer)


@dataclass(frozen=True, eq=False)
class _ForwardPass:
    """The forward pass of one image.

    Attributes:
        values: float32 (height, width, channels) or with other spatial axes, the layer's values.
        units: int (channels, spatial axes), the seeded unit of each channel.
        residuals: what the backward strategy needs of the forward pass.
    """

    values: np.ndarray
    units: np.ndarray
    residuals: Any

    @property
    def strengths(self) -> np.ndarray:
        """The largest value of each channel."""
        spatial = tuple(range(self.values.ndim - 1))
        return self.values.max(axis=spatial) if spatial else self.values

    def seed_values(self, channels: Sequence[int]) -> np.ndarray:
        """The value at the seeded unit of each channel; the largest where the seed is a whole map."""
        units = self.units[list(channels)]
        if (units < 0).any():
            return self.strengths[list(channels)]
        return np.array([self.values[tuple(unit)][channel] for unit, channel in zip(units, channels, strict=True)])


class _Projection:
    """Projects channels of one layer, image by image, with the fastest backward strategy."""

    def __init__(self, network: Network, name: str | Layer, rule: str, seed: Seed, precision: str) -> None:
        require_rule(rule, automatic=True)
        require_precision(precision)
        self._runtime = network.runtime
        self._chosen, self._seed = network.layer(name), seed
        self._strongest = isinstance(seed, str) and seed == "strongest"
        self._layer, _ = network.before_saturation(self._chosen)
        self._coverage = network.coverage(rule, self._chosen)
        rule = self._coverage.rule
        self._runtime.require_gradient(self._layer)
        self._feeds = network.feeds()
        if not all(map(is_finite, self._feeds.values())):
            raise self._runtime.nonfinite_error(self._feeds)
        self._count = len(self._feeds[self._runtime.image_tensor])
        route = Route(network, self._layer, rule, kind_of(seed))
        self._choice = strategy_in(precision, route, self._feeds_of(0))
        self._strategy = self._choice.strategy
        self._latest: tuple[int, _ForwardPass] | None = None

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of a picture."""
        shape: tuple[int, ...] = self._runtime.layout.to_images(self._feeds[self._runtime.image_tensor][:1]).shape[1:]
        return shape

    @property
    def channels_per_call(self) -> int:
        """The most channels that go backwards together."""
        return self._strategy.seeds_per_call

    def checked(self, channels: Sequence[int] | None) -> tuple[int, ...]:
        """The channels; ``None`` for all.

        Raises:
            ChannelError: the layer has no such channel.
        """
        count = self.forward(0).values.shape[-1]
        if channels is None:
            return tuple(range(count))
        elements = elements_of(channels)
        listed = [channels] if elements is None else elements
        chosen = tuple(number for number in map(whole_number, listed) if number is not None and 0 <= number < count)
        if len(chosen) < len(listed) or not chosen:
            raise ChannelError(
                f"Expected channels from 0 to {count - 1} of layer {self._chosen.name!r}, a list of numbers. "
                f"Received: channels={channels!r}."
            )
        return chosen

    def forward(self, image: int) -> _ForwardPass:
        """The forward pass of an image. Only the latest stays here; the network keeps others that are small."""
        if self._latest is None or self._latest[0] != image:
            values, residuals = self._strategy.forward(self._feeds_of(image))
            values = channels_last(values, self._layer)[0]
            if not is_finite(values):
                raise self._runtime.nonfinite_error(self._feeds)
            units = seeded_units(values, self._seed, self._layer)
            if self._strongest:
                units = silence.break_ties(self._runtime, self._layer, self._feeds_of(image), values, units)
            self._latest = image, _ForwardPass(values, units, residuals)
        return self._latest[1]

    def result(self, channels: tuple[int, ...]) -> Reconstruction:
        """Project channels of all images."""
        pictures = np.zeros((self._count, len(channels), *self._shape), np.float32)
        units, seed_values, notes, next_units = [], [], [], []
        for image in range(self._count):
            forward = self.forward(image)
            self._project(forward, channels, pictures[image])
            units.append(forward.units[list(channels)])
            seed_values.append(forward.seed_values(channels))
            reasons, following = self._explained(image, channels, pictures[image])
            notes.append(reasons)
            next_units.append(following)
        return Reconstruction(
            layer=self._layer,
            images=pictures,
            channels=channels,
            rule=self._coverage.rule,
            seed=self._seed,
            units=np.stack(units),
            seed_values=np.stack(seed_values).astype(np.float32),
            coverage=self._coverage,
            precision=self._strategy.precision,
            precision_reason=self._choice.precision_reason,
            strategy=self._strategy.name,
            strategy_reason=self._choice.strategy_reason,
            notes=tuple(notes),
            next_units=tuple(next_units),
        )

    def _explained(
        self, image: int, channels: Sequence[int], pictures: np.ndarray
    ) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
        """Why pictures (channels, ...) of an image are empty, and the next units of their channels that have one."""
        empty = [channel for channel, picture in zip(channels, pictures, strict=True) if not picture.any()]
        if not empty:
            return ("",) * len(channels), ((),) * len(channels)
        forward = self.forward(image)
        silent = silence.EmptyPictures(
            self._runtime, self._layer, self._feeds_of(image), self._coverage.rule, forward.values
        )
        reasons = {channel: silent.reason(channel, forward.units[channel]) for channel in empty}
        following = self._next_units(forward, silent, empty) if self._strongest else {}
        for channel, unit in following.items():
            reasons[channel] += f"; the next unit with something to show is {unit}"
        return tuple(reasons.get(each, "") for each in channels), tuple(following.get(each, ()) for each in channels)

    def _next_units(
        self, forward: _ForwardPass, silent: silence.EmptyPictures, channels: Sequence[int]
    ) -> dict[int, tuple[int, ...]]:
        """For channels, the first unit of a few that has a picture, as far as one of these has."""
        candidates = {channel: silent.next_units(channel, forward.units[channel]) for channel in channels}
        found: dict[int, tuple[int, ...]] = {}
        for rank in range(max(map(len, candidates.values()))):
            tried = [each for each in channels if each not in found and rank < len(candidates[each])]
            if not tried:
                break
            units = forward.units.copy()
            units[tried] = [candidates[channel][rank] for channel in tried]
            pictures = np.zeros((len(tried), *self._shape), np.float32)
            self._project(replace(forward, units=units), tried, pictures)
            found |= {
                channel: candidates[channel][rank]
                for channel, picture in zip(tried, pictures, strict=True)
                if picture.any()
            }
        return found

    def _project(self, forward: _ForwardPass, channels: Sequence[int], pictures: np.ndarray) -> None:
        """Fill the pictures (channels, height, width, input channels) of one image."""
        rest = list(channels)
        while rest:
            start, some = len(channels) - len(rest), rest[: self._strategy.seeds_per_call]
            units = forward.units[some]
            try:
                signals, field = self._strategy.backward(forward.residuals, some, units)
            except NotEnoughMemoryError:  # a GPU says so, and goes on with less
                if len(some) == 1:
                    raise
                self._strategy.seeds_per_call = len(some) // 2
                continue
            rest = rest[len(some) :]
            if not np.isfinite(signals).all():
                raise NumericalError(
                    f"Expected finite pictures. Received: NaN or infinity in the signals from {self._layer.name!r}."
                )
            if field is None:
                pictures[start : start + len(some)] = self._runtime.layout.to_images(signals)
            else:
                lay_patches(signals, field, units, pictures[start : start + len(some)])

    def _feeds_of(self, image: int) -> Feeds:
        return self._runtime.batches.rows_of(self._feeds, np.array([image]))


def lay_patches(patches: np.ndarray, field: ReceptiveField, units: np.ndarray, pictures: np.ndarray) -> None:
    """Copy patches to their places in black pictures, in place. What lies outside the picture is cut off.

    Args:
        patches: (units, patch height, patch width, channels), the part of the image that each unit sees.
        field: the receptive field of the units; its size is that of the patches.
        units: int (units, 2), their places on the layer's map.
        pictures: (units, height, width, channels), changed in place.
    """
    for patch, unit, picture in zip(patches, units, pictures, strict=True):
        window = field.window(tuple(int(place) for place in unit))
        inside = [
            slice(*np.clip([side.start, side.stop], 0, size)) for side, size in zip(window, picture.shape, strict=False)
        ]
        taken = [
            slice(part.start - side.start, part.stop - side.start) for part, side in zip(inside, window, strict=True)
        ]
        picture[tuple(inside)] = patch[tuple(taken)]
