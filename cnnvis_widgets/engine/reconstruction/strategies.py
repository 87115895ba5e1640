"""From channels of a layer back to the image, by the fastest way that the network allows.

1. *Patches*: seeds of one unit send signals to what that unit can see only.
2. *Whole maps*: many seeds over one forward pass (see ``fast_backward``).
3. *Copies*: TensorFlow's own gradient over a forward pass for each seed, for networks with an op that the others
   do not know.

All three give the same numbers up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from ...results import Layer
from ..backward.pullback import pull_back
from ..network.feeds import Feeds
from ..network.network import Network
from ..ops.signals import UnknownOpError, of_channels
from ..ops.windows import ReceptiveField
from ..runtime.two_stage import Kept, Staged

_TOGETHER = 8  # seeds that go back in one run over whole maps
_MOST_TOGETHER = 256  # and over patches
_LARGEST_PATCH = 1 / 3  # of the pixels; larger ones are no faster than the whole image


class WayBack(Protocol):
    """How seeds of a layer reach the image."""

    together: int

    @property
    def precision(self) -> str:
        """The type in which signals travel."""

    def values(self, feeds: Feeds) -> tuple[np.ndarray, Any]:
        """The layer's values for a feed of one image, and what ``signals`` needs of that forward pass."""

    def signals(
        self, kept: Any, channels: Sequence[int], units: np.ndarray
    ) -> tuple[np.ndarray, ReceptiveField | None]:
        """What seeds send to the image: whole images, or the patches that a field describes."""


def way_back(network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds, dtype: tf.DType) -> WayBack:
    """The fastest way.

    Args:
        layer: where seeds start.
        seed: 'unit', 'map' or 'ones'.
        feeds: of one image; its size decides what is compiled.
        dtype: of the signals.
    """
    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    key = ("way back", layer.tensor, rule, seed, sizes, dtype.name)
    return network.runtime.cache.get_or_make(key, lambda: _way_back(network, layer, rule, seed, feeds, dtype))


def _way_back(network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds, dtype: tf.DType) -> WayBack:
    share = _share_seen(network, layer, feeds[network.runtime.image_tensor].shape) if seed == "unit" else 1.0
    for way in [_Patches, _Whole] if share <= _LARGEST_PATCH else [_Whole]:
        try:
            return way(network, layer, rule, seed, feeds, dtype)
        except UnknownOpError:
            continue
    return _Copies(network, layer, rule, seed, feeds)


def _share_seen(network: Network, layer: Layer, shape: tuple[int, ...]) -> float:
    """Which part of the pixels one unit sees."""
    sizes = shape[2:] if network.runtime.layout.channels_first else shape[1:-1]
    field = network.receptive_field(layer, sizes) if len(shape) == len(layer.shape) == 4 else None
    return 1.0 if field is None else float(np.prod(field.size) / np.prod(sizes))


class _Whole:
    """Many seeds over one forward pass, whole maps."""

    def __init__(self, network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds, dtype: tf.DType) -> None:
        self._network, self._layer, self._rule, self._seed, self._dtype = network, layer, rule, seed, dtype
        self._fed = tuple(feeds)
        self._field: ReceptiveField | None = None
        self.together, self.precision = _TOGETHER, dtype.name
        axes = len(layer.shape) - 2
        late = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, axes], tf.int32)]
        self._staged = Staged(self._body, network.runtime.batches.signature_for_one(feeds), late)
        self._name = type(self).__name__, layer.tensor, rule, seed, dtype.name

    def _body(self, *given: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        *early, channels, units = given
        inputs = dict(zip(self._fed, early, strict=True))
        image = inputs[self._network.runtime.image_tensor]
        try:
            target = self._network.runtime.build(inputs, [self._layer.tensor], self._rule)[0]
        except ValueError as error:
            raise UnknownOpError("a graph that wants another number of images") from error
        signals = self._pulled(target, image, channels, units)
        return target, tf.cast(signals, tf.float32)

    def _pulled(self, target: tf.Tensor, image: tf.Tensor, channels: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
        if target.shape.rank == 4 and self._layer.channel_axis == 3:
            narrow = _narrow_seeds_of(target, channels, units, self._seed)
            return pull_back(target, image, tf.cast(narrow, self._dtype), channels=channels)[0]
        seeds = seeds_of(target[0], channels, units, self._seed, self._layer.channel_axis)
        return pull_back(target, image, tf.cast(seeds, self._dtype))[0]

    def values(self, feeds: Feeds) -> tuple[np.ndarray, Kept]:
        passes = self._network.runtime.forward_passes
        return passes.of(self._name, feeds, lambda: self._staged.first(*feeds.values()))

    def signals(
        self, kept: Kept, channels: Sequence[int], units: np.ndarray
    ) -> tuple[np.ndarray, ReceptiveField | None]:
        return self._staged.second(kept, np.asarray(channels, np.int32), units.astype(np.int32)), self._field


class _Patches(_Whole):
    """Many single units over one forward pass, each in the patch that it sees."""

    def _pulled(self, target: tf.Tensor, image: tf.Tensor, channels: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
        first = self._layer.channel_axis == 1
        places = tf.concat([channels[:, None], units] if first else [units, channels[:, None]], 1)
        strengths = tf.gather_nd(target[0], places)
        seeds = tf.one_hot(channels, target.shape[1 if first else 3], dtype=target.dtype) * strengths[:, None]
        seeds = tf.cast(seeds, self._dtype)[:, None, None, :]
        signals, self._field = pull_back(target, image, seeds, units, first=first)
        if self._field is not None:
            if tuple(signals.shape[1:3]) != tuple(self._field.size):  # maps of hardly a pixel
                raise UnknownOpError(f"a patch of {signals.shape} for a field of {self._field.size}")
            sizes = image.shape[2:] if self._network.runtime.layout.channels_first else image.shape[1:-1]
            share = np.prod(self._field.size) / np.prod(sizes)
            self.together = int(min(_MOST_TOGETHER, _TOGETHER / share))
        return signals


class _Copies:
    """A forward pass for each seed, and the gradient of TensorFlow."""

    def __init__(self, network: Network, layer: Layer, rule: str, seed: str, feeds: Feeds) -> None:
        self._network, self._layer = network, layer
        self.precision = feeds[network.runtime.image_tensor].dtype.name
        fixed = network.runtime.batches.fixed_size
        self.together = fixed or _TOGETHER

        def body(channels: tf.Tensor, units: tf.Tensor, *given: tf.Tensor) -> tf.Tensor:
            inputs = dict(zip(feeds, given, strict=True))
            target = network.runtime.build(inputs, [layer.tensor], rule)[0]
            image = inputs[network.runtime.image_tensor]
            seeds = seeds_of(target[0], channels, units, seed, layer.channel_axis)
            signal = tf.gradients(target, image, tf.stop_gradient(seeds))[0]
            return tf.cast(tf.zeros_like(image) if signal is None else tf.convert_to_tensor(signal), tf.float32)

        late = [tf.TensorSpec([fixed], tf.int32), tf.TensorSpec([fixed, len(layer.shape) - 2], tf.int32)]
        key = ("copies", layer.tensor, rule, seed, tuple(feeds))
        self._function = network.runtime.compiled(key, body, [*late, *network.runtime.batches.signature(feeds)])

    def values(self, feeds: Feeds) -> tuple[np.ndarray, Feeds]:
        return self._network.runtime.run(feeds, [self._layer.tensor])[0], feeds

    def signals(self, kept: Feeds, channels: Sequence[int], units: np.ndarray) -> tuple[np.ndarray, None]:
        count = self._network.runtime.batches.fixed_size or len(channels)
        filled = np.arange(count) % len(channels)
        feeds = self._network.runtime.batches.rows_of(kept, np.zeros(count, int))
        result = self._function(np.asarray(channels)[filled], units[filled], *feeds.values())
        return result[: len(channels)], None


def seeds_of(values: tf.Tensor, channels: tf.Tensor, units: tf.Tensor, seed: str, channel_axis: int) -> tf.Tensor:
    """What goes back: zero everywhere but at one unit, or on one map, of ``values`` (without image axis)."""
    count, axis = tf.shape(channels)[0], channel_axis - 1
    if seed == "unit":
        places = tf.concat([units[:, :axis], channels[:, None], units[:, axis:]], 1)
        rows = tf.concat([tf.range(count)[:, None], places], 1)
        seeds = tf.scatter_nd(rows, tf.gather_nd(values, places), tf.concat([[count], tf.shape(values)], 0))
        return tf.ensure_shape(seeds, [None, *values.shape])
    chosen = tf.one_hot(channels, tf.shape(values)[axis], dtype=values.dtype)
    spread = [1] * values.shape.rank
    spread[axis] = tf.shape(values)[axis]
    chosen = tf.reshape(chosen, [-1, *spread])
    return chosen * (values if seed == "map" else tf.ones_like(values))


def _narrow_seeds_of(target: tf.Tensor, channels: tf.Tensor, units: tf.Tensor, seed: str) -> tf.Tensor:
    """The one channel of each seed that is not zero, (seeds, height, width, 1)."""
    maps = of_channels(target, channels)
    if seed == "map":
        return maps
    if seed == "ones":
        return tf.ones_like(maps)
    height, width = (tf.one_hot(units[:, axis], tf.shape(target)[1 + axis], dtype=maps.dtype) for axis in (0, 1))
    return maps * height[:, :, None, None] * width[:, None, :, None]
