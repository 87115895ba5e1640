"""Backward strategies: ways to send the signals of many seeds from a layer to the image.

1. ``PatchPullback``: seeds of one unit send signals only to the patch of the image that this unit sees.
2. ``BatchedPullback``: many seeds share one forward pass (see ``pullback``).
3. ``TiledGradients``: TensorFlow's own gradient, with a forward pass for each seed. It serves networks with an op that
   the pullback does not know.

4. ``GradientsInPieces``: one seed after another, tile by tile, over an image that is too large to go back at once.

All give the same numbers up to rounding. The first one that the network and the memory allow is the fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from weakref import proxy

import numpy as np
import tensorflow as tf

from ...results import Layer
from ..backward.pullback import pull_back
from ..devices import device_policy
from ..network.feeds import Feeds
from ..network.gradient_pieces import pulled_back, way_back
from ..network.large_feeds import has_room
from ..network.network import Network
from ..network.pieces import Stage
from ..ops.windows import NotSupported, ReceptiveField
from ..runtime.two_stage import Residuals, TwoStageFunction
from .seeds import one_channel_seeds, seeds_of

_SEEDS_PER_CALL = 8  # over whole maps
_MOST_PATCHES_PER_CALL = 256
_LARGEST_PATCH = 0.9  # of the pixels; larger patches are no faster than the whole image


@dataclass(frozen=True)
class Route:
    """Where signals start, and how they travel.

    Attributes:
        network: the network.
        layer: the layer in which seeds are put.
        rule: how signals go backwards.
        seed: the kind of seed: 'unit', 'map' or 'ones'.
    """

    network: Network
    layer: Layer
    rule: str
    seed: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Names the route within its network."""
        return self.layer.tensor, self.rule, self.seed


class BackwardStrategy(Protocol):
    """How the signals of seeds reach the image. It reads and fills the network's cache of forward passes.

    The network's cache keeps strategies, so they hold its runtime weakly: the last reference to the network frees both.

    Attributes:
        name: of the strategy, for the result.
        seeds_per_call: the most seeds that one call of ``backward`` takes.
    """

    name: ClassVar[str]
    seeds_per_call: int

    @property
    def precision(self) -> str:
        """The type of the signals."""

    def forward(self, feeds: Feeds) -> tuple[np.ndarray, Any]:
        """Run forward for a feed of one image.

        Returns:
            The layer's values, and the residuals that ``backward`` needs of this forward pass.
        """

    def backward(
        self, residuals: Any, channels: Sequence[int], units: np.ndarray
    ) -> tuple[np.ndarray, ReceptiveField | None]:
        """Send seeds back to the image.

        Args:
            residuals: from ``forward``.
            channels: the channel of each seed.
            units: int (seeds, spatial axes), the place of each seed; only read for the kind 'unit'.

        Returns:
            float32 (seeds, ...) in the layout of the image input; for patches (seeds, height, width, channels), and
            the field that tells their places.
        """


@dataclass(frozen=True)
class Choice:
    """A strategy, and why it is this one.

    Attributes:
        strategy: the strategy.
        strategy_reason: why a faster one is not possible; '' if this is the fastest.
        precision_reason: why signals have the precision ``strategy.precision``.
    """

    strategy: BackwardStrategy
    strategy_reason: str
    precision_reason: str = "as asked for"


def fastest_strategy(route: Route, feeds: Feeds, dtype: tf.DType) -> Choice:
    """Choose and compile the fastest strategy that the network allows. It is kept in the cache of the network.

    Args:
        route: where signals start.
        feeds: of one image; its size decides what is compiled.
        dtype: of the signals.
    """
    sizes = tuple((tensor, array.shape) for tensor, array in feeds.items())
    room = has_room(route.network.runtime, feeds, [route.layer.tensor], gradient=True)
    key = ("backward strategy", *route.key, sizes, dtype.name, room)
    choice: Choice = route.network.runtime.cache.get_or_make(key, lambda: _choose(route, feeds, dtype, room))
    return choice


def _choose(route: Route, feeds: Feeds, dtype: tf.DType, room: bool) -> Choice:
    reason, policy = "", device_policy()
    if not room:
        return Choice(GradientsInPieces(route, feeds), "the image is too large to go back at once")
    if not policy.fast_pullbacks:
        return Choice(TiledGradients(route, feeds), f"on a {policy.name}, which has TensorFlow's own gradient only")
    if route.seed == "unit" and _share_seen(route, feeds) <= _LARGEST_PATCH:
        try:
            return Choice(PatchPullback(route, feeds, dtype), reason)
        except NotSupported as error:
            reason = f"no patches: {error}"
    try:
        return Choice(BatchedPullback(route, feeds, dtype), reason)
    except NotSupported as error:
        return Choice(TiledGradients(route, feeds), f"no pullback for: {error}")


def _share_seen(route: Route, feeds: Feeds) -> float:
    """The share of the pixels that one unit sees."""
    runtime, layer = route.network.runtime, route.layer
    shape = feeds[runtime.image_tensor].shape
    sizes = shape[2:] if runtime.layout.channels_first else shape[1:-1]
    field = route.network.receptive_field(layer, sizes) if len(shape) == len(layer.shape) == 4 else None
    return 1.0 if field is None else float(np.prod(field.size) / np.prod(sizes))


class BatchedPullback:
    """Many seeds over one forward pass, whole maps.

    Raises:
        NotSupported: the pullback of the route is not known.
    """

    name: ClassVar[str] = "batched pullback"

    def __init__(self, route: Route, feeds: Feeds, dtype: tf.DType) -> None:
        self.seeds_per_call, self.precision = _SEEDS_PER_CALL, dtype.name
        self._route, self._key, self._dtype = route, route.key, dtype
        self._runtime = proxy(route.network.runtime)
        self._fed = tuple(feeds)
        self._field: ReceptiveField | None = None
        axes = len(route.layer.shape) - 2
        late = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, axes], tf.int32)]
        self._function = TwoStageFunction(self._body, self._runtime.batches.signature_for_one(feeds), late)
        del self._route  # the network is needed no more

    def _body(self, *arguments: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        *early, channels, units = arguments
        inputs = dict(zip(self._fed, early, strict=True))
        image = inputs[self._runtime.image_tensor]
        try:
            target = self._runtime.build(inputs, [self._route.layer.tensor], self._route.rule)[0]
        except ValueError as error:
            raise NotSupported("a graph that wants another number of images") from error
        signals = self._pulled(target, image, channels, units)
        return target, tf.cast(signals, tf.float32)

    def _pulled(self, target: tf.Tensor, image: tf.Tensor, channels: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
        kind, axis = self._route.seed, self._route.layer.channel_axis
        if target.shape.rank == 4 and axis == 3:
            narrow = one_channel_seeds(target, channels, units, kind)
            return pull_back(target, image, tf.cast(narrow, self._dtype), channels=channels)[0]
        seeds = seeds_of(target[0], channels, units, kind, axis)
        return pull_back(target, image, tf.cast(seeds, self._dtype))[0]

    def forward(self, feeds: Feeds) -> tuple[np.ndarray, Residuals]:
        """Run forward, or take the forward pass of the same feed from the network's cache."""
        key = type(self).__name__, *self._key, self.precision
        return self._runtime.forward_passes.of(key, feeds, lambda: self._function.first(*feeds.values()))

    def backward(
        self, residuals: Residuals, channels: Sequence[int], units: np.ndarray
    ) -> tuple[np.ndarray, ReceptiveField | None]:
        """Send seeds back over one forward pass."""
        return self._function.second(residuals, np.asarray(channels, np.int32), units.astype(np.int32)), self._field


class PatchPullback(BatchedPullback):
    """Many single units over one forward pass, each in the patch that it sees."""

    name: ClassVar[str] = "patch pullback"

    def _pulled(self, target: tf.Tensor, image: tf.Tensor, channels: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
        first = self._route.layer.channel_axis == 1
        places = tf.concat([channels[:, None], units] if first else [units, channels[:, None]], 1)
        strengths = tf.gather_nd(target[0], places)
        seeds = tf.one_hot(channels, target.shape[1 if first else 3], dtype=target.dtype) * strengths[:, None]
        seeds = tf.cast(seeds, self._dtype)[:, None, None, :]
        signals, self._field = pull_back(target, image, seeds, units, first=first)
        if self._field is not None:
            if tuple(signals.shape[1:3]) != tuple(self._field.size):  # maps of hardly a pixel
                raise NotSupported(f"a patch of {signals.shape} for a field of {self._field.size}")
            sizes = image.shape[2:] if self._runtime.layout.channels_first else image.shape[1:-1]
            share = np.prod(self._field.size) / np.prod(sizes)
            self.seeds_per_call = int(min(_MOST_PATCHES_PER_CALL, _SEEDS_PER_CALL / share))
        return signals


class TiledGradients:
    """TensorFlow's own gradient over a forward pass for each seed. Its residuals are the feeds themselves."""

    name: ClassVar[str] = "tiled gradients"

    def __init__(self, route: Route, feeds: Feeds) -> None:
        runtime = route.network.runtime
        layer, rule, seed = route.layer, route.rule, route.seed
        fixed = runtime.batches.fixed_size
        self._runtime, self._layer = proxy(runtime), layer
        self.precision = feeds[runtime.image_tensor].dtype.name
        self.seeds_per_call = fixed or _SEEDS_PER_CALL

        def body(channels: tf.Tensor, units: tf.Tensor, *fed: tf.Tensor) -> tf.Tensor:
            inputs = dict(zip(feeds, fed, strict=True))
            target = runtime.build(inputs, [layer.tensor], rule)[0]
            image = inputs[runtime.image_tensor]
            seeds = seeds_of(target[0], channels, units, seed, layer.channel_axis)
            signal = tf.gradients(target, image, tf.stop_gradient(seeds))[0]
            return tf.cast(tf.zeros_like(image) if signal is None else tf.convert_to_tensor(signal), tf.float32)

        late = [tf.TensorSpec([fixed], tf.int32), tf.TensorSpec([fixed, len(layer.shape) - 2], tf.int32)]
        key = ("tiled gradients", *route.key, tuple(feeds))
        self._function = runtime.compiled(key, body, [*late, *runtime.batches.signature(feeds)])

    def forward(self, feeds: Feeds) -> tuple[np.ndarray, Feeds]:
        """Compute the layer's values."""
        return self._runtime.run(feeds, [self._layer.tensor])[0], feeds

    def backward(self, residuals: Feeds, channels: Sequence[int], units: np.ndarray) -> tuple[np.ndarray, None]:
        """Send seeds back, each over a forward pass of its own."""
        count = self._runtime.batches.fixed_size or len(channels)
        filled = np.arange(count) % len(channels)
        feeds = self._runtime.batches.rows_of(residuals, np.zeros(count, int))
        signals = self._function(np.asarray(channels)[filled], units[filled], *feeds.values())
        return signals[: len(channels)], None


class GradientsInPieces:
    """TensorFlow's own gradient over tiles of a large image, one seed at a time. Its residuals are feeds and values.

    Raises:
        NotEnoughMemoryError: there are no tiles for which there is memory.
    """

    name: ClassVar[str] = "gradients in pieces"
    seeds_per_call = 1

    def __init__(self, route: Route, feeds: Feeds) -> None:
        self._runtime, self._layer = proxy(route.network.runtime), route.layer
        self._rule, self._seed = route.rule, route.seed
        self.precision = feeds[route.network.runtime.image_tensor].dtype.name
        self._plan(feeds, np.zeros(2, int))

    def _plan(self, feeds: Feeds, unit: np.ndarray) -> list[Stage]:
        box = None
        if self._seed == "unit":
            row, column = map(int, unit)
            box = slice(row, row + 1), slice(column, column + 1)
        return way_back(self._runtime, feeds, self._layer.tensor, box)

    def forward(self, feeds: Feeds) -> tuple[np.ndarray, tuple[Feeds, np.ndarray]]:
        """Compute the layer's values, in pieces."""
        values = self._runtime.run(feeds, [self._layer.tensor])[0]
        return values, (feeds, values)

    def backward(
        self, residuals: tuple[Feeds, np.ndarray], channels: Sequence[int], units: np.ndarray
    ) -> tuple[np.ndarray, None]:
        """Send seeds back, one after another."""
        feeds, values = residuals
        pictures = []
        for channel, unit in zip(channels, units, strict=True):
            at: Any = (0, *map(int, unit), channel) if self._seed == "unit" else (..., channel)
            seed = np.zeros(values.shape, np.float32)
            seed[at] = 1 if self._seed == "ones" else values[at]
            pictures.append(pulled_back(self._runtime, feeds, self._plan(feeds, unit), seed, self._rule))
        return np.concatenate(pictures), None
