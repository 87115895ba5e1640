"""Deep dream: climb the activation of a channel, or the score of a class, by changing the image.

The image is grown through octaves, small to large, each step moving along the gradient with every scale of
detail at the same strength (see ``pyramid``). Each picture has its own noise and is computed alone, so the
picture of a class does not depend on which others were asked for.

References:
    [1] A. Mordvintsev, C. Olah and M. Tyka, "Inceptionism: Going Deeper into Neural Networks", Google
        Research Blog, 2015, and the notebooks that came with it (octaves, jitter, tiles).
    [2] C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
        DOI 10.23915/distill.00007 (climb logits, not probabilities).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import ChannelError, FeedError, GradientError, NumericalError, nearest
from ..results import DreamStep, Layer
from . import pyramid
from .eager import eagerly, traced
from .graph_surgery import node_of
from .loading import load
from .network import Feeds, Network

_LEAST_SIDE = 32  # an octave smaller than this tells a network nothing
_LARGEST_TILE = 640  # pixels a side that are computed at once


def dream(
    network: Any,
    feed: Any,
    layer: str | Layer,
    channels: int | str | Sequence[int | str],
    *,
    start: Any = None,
    seed: int = 0,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 20,
    step_size: float = 1.5,
    laplacian_levels: int = 4,
    size: tuple[int, int] | None = None,
    value_range: tuple[Any, Any] | None = None,
) -> Iterator[DreamStep]:
    """Grow what a channel of a layer, or a class, responds to.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        feed: values for other inputs of the network (see ``load``), and the photo if ``start='feed'``.
        layer: any layer with a channel axis. A softmax is replaced by its logits (the step says so).
        channels: channel numbers or class names, one or several; one picture for each.
        start: ``None`` for noise, 'feed' for the first fed image, a picture (uint8, PIL, path: it goes through the
            network's ``preprocess``), or a floating-point array in the range of the input, of any size.
        seed: of the noise and of the shifts; the same seed gives the same bytes.
        octaves: how many sizes the picture grows through, the last being ``size``.
        octave_scale: from one size to the next.
        steps: for each octave.
        step_size: how far a step moves, in 1/255 of the input range for a gradient of mean magnitude 1.
        laplacian_levels: scales of detail that are brought to the same strength; 0 for the plain gradient.
        size: (height, width) of the pictures; by default that of the photo, of the input, or 224 x 224.
        value_range: (darkest, brightest) of the input, scalars or one per channel; by default the network's.

    Yields:
        ``DreamStep`` after each step, all channels together. ``images`` stay in the range of the input.

    Raises:
        LayerError, ChannelError, FeedError: no such layer, channel, class or start.
        GradientError: nothing flows from the layer to the image, or the channel is dead.
        NumericalError: NaN or infinity; the message names the step.
        ValueError: an option out of range.

    Notes:
        Checks are made at the call, not at the first step.
    """
    network = load(network, feed)
    _check_options(
        octaves=(octaves, 1), steps=(steps, 1), laplacian_levels=(laplacian_levels, 0),
        octave_scale=(octave_scale, 1), step_size=(step_size, 0),
    )
    asked = network.layer(layer)
    target = network.before_softmax(asked)
    network.require_gradient(target)
    chosen, names = _channels(network, target, channels)
    others = _other_feeds(network)
    low, high = _range(network, value_range)
    first = _start(network, start, size)
    run = _Run(network, target, others, low, high, laplacian_levels, step_size)
    sizes = _octave_sizes(first.shape[1:-1] if first is not None else _size(network, size), octaves, octave_scale)
    return run.steps(first, chosen, names, sizes, steps, seed, target is not asked)


@dataclass(frozen=True)
class _Run:
    """What stays the same over all steps of a dream."""

    network: Network
    layer: Layer
    others: Feeds
    low: np.ndarray
    high: np.ndarray
    levels: int
    step_size: float

    def steps(
        self,
        photo: np.ndarray | None,
        channels: tuple[int, ...],
        names: tuple[str, ...],
        sizes: list[tuple[int, ...]],
        steps: int,
        seed: int,
        softmax_removed: bool,
    ) -> Iterator[DreamStep]:
        shifts = np.random.default_rng([seed, 1])
        images = [self._begin(photo, sizes[0], seed, channel) for channel in channels]
        for octave, size in enumerate(sizes):
            if octave:
                images = [self._grown(image, photo, sizes[octave - 1], size) for image in images]
            for step in range(steps):
                index = octave * steps + step
                shift = self._shift(shifts, size)
                pairs = zip(images, channels, strict=True)
                moved = [self._step(image, channel, shift, index) for image, channel in pairs]
                images = [image for image, _ in moved]
                yield DreamStep(
                    self.layer, softmax_removed, channels, names, np.concatenate(images),
                    np.array([score for _, score in moved], np.float32),
                    octave, len(sizes), index, steps * len(sizes), (self.low, self.high),
                )

    def _shift(self, shifts: np.random.Generator, size: tuple[int, ...]) -> list[int]:
        """How far the picture is rolled in a step: anywhere where there are tiles, so that no seam stays; a
        little where there are none, since networks are not blind to the place of things."""
        reach = [side if side > tile else side // 8 for side, tile in zip(size, self._tile(size), strict=True)]
        return [int(shifts.integers(-each, each + 1)) for each in reach]

    def _begin(self, photo: np.ndarray | None, size: tuple[int, ...], seed: int, channel: int) -> np.ndarray:
        if photo is not None:
            return _resize(photo, size)
        noise = np.random.default_rng([seed, 0, channel]).uniform(-1, 1, (1, *size, self._input_channels()))
        middle, span = (self.low + self.high) / 2, self.high - self.low
        return (middle + 0.02 * span * noise).astype(np.float32)

    def _input_channels(self) -> int:
        return self.network.picture_shape[-1] or 3

    def _grown(
        self, image: np.ndarray, photo: np.ndarray | None, old: tuple[int, ...], new: tuple[int, ...]
    ) -> np.ndarray:
        """The picture at the next size; on a photo only the dreamt detail is enlarged, the photo stays sharp."""
        if photo is None:
            return _resize(image, new)
        return _resize(photo, new) + _resize(image - _resize(photo, old), new)

    def _step(self, image: np.ndarray, channel: int, shift: list[int], index: int) -> tuple[np.ndarray, float]:
        axes = tuple(range(1, image.ndim - 1))
        rolled = np.roll(image, shift, axes)
        gradient, score = self._gradient(rolled, channel)
        if not (np.isfinite(gradient).all() and np.isfinite(score)):
            raise NumericalError(
                f"Expected finite gradients. Received: NaN or infinity in step {index} of the dream of channel "
                f"{channel} of {self.layer.name!r}. Try a smaller step_size."
            )
        if not gradient.any():
            raise GradientError(
                f"Expected a channel that reacts to the image. Received: channel {channel} of {self.layer.name!r}, "
                f"whose gradient is zero everywhere in step {index}. Choose another channel, seed or start."
            )
        moved = _move(self.levels, image.ndim, image.shape[-1])(rolled, gradient, self._scaled(), self.low, self.high)
        return np.roll(moved, [-each for each in shift], axes), score

    def _scaled(self) -> np.ndarray:
        return (self.step_size / 255 * (self.high - self.low)).astype(np.float32)

    def _gradient(self, image: np.ndarray, channel: int) -> tuple[np.ndarray, float]:
        """Gradient and score of the channel, over tiles that cover every pixel; overlaps are averaged."""
        size = image.shape[1:-1]
        tile = self._tile(size)
        function = _gradient_of(self.network, self.layer, tuple(self.others))
        total, weight, scores = np.zeros_like(image), np.zeros((1, *size, 1), np.float32), []
        for corner in _corners(size, tile):
            window = (slice(None), *(slice(start, start + side) for start, side in zip(corner, tile, strict=True)))
            gradient, score = function(image[window], channel, *self.others.values())
            total[window] += gradient
            weight[window] += 1
            scores.append(float(score))
        return total / weight, float(np.mean(scores))

    def _tile(self, size: tuple[int, ...]) -> tuple[int, ...]:
        fixed = self.network.picture_shape[:-1]
        limits = [_LARGEST_TILE if each is None else each for each in fixed]
        return tuple(min(side, limit) for side, limit in zip(size, limits, strict=True))


def _corners(size: tuple[int, ...], tile: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Where full tiles begin so that they cover everything."""
    starts = []
    for whole, side in zip(size, tile, strict=True):
        count = -(-whole // side)
        starts.append(np.linspace(0, whole - side, count).round().astype(int))
    for corner in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, len(size)):
        yield tuple(int(each) for each in corner)


def _gradient_of(network: Network, layer: Layer, fed: tuple[str, ...]) -> Any:
    """The compiled function (tile, channel, other feeds ...) -> gradient at the tile, mean activation."""
    picture = network.picture_shape
    batch = network.fixed_batch() or 1

    def body(tile: tf.Tensor, channel: tf.Tensor, *others: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tile
        if len(picture) == 3 and None not in picture[:2]:  # a smaller octave is enlarged to the input
            image = tf.image.resize(tile, picture[:2])
            image.set_shape([1, *picture])
        given = network.to_input(tf.repeat(image, batch, axis=0))
        inputs = {network.image_tensor: given, **dict(zip(fed, others, strict=True))}
        values = network.build(inputs, [layer.tensor], target=node_of(layer.tensor))[0]
        score = tf.reduce_mean(tf.cast(tf.gather(values[:1], channel, axis=layer.channel_axis), tf.float32))
        gradient = tf.gradients(score, tile)[0]
        return (tf.zeros_like(tile) if gradient is None else gradient), score

    tile = tf.TensorSpec([1, *[None] * (len(picture) - 1), picture[-1]], tf.float32)
    signature = [tile, tf.TensorSpec([], tf.int32), *network.signature(fed)]
    return network.compiled(("dream", layer.tensor, fed), body, signature)


@lru_cache
def _move(levels: int, rank: int, channels: int) -> Any:
    """The compiled function (image, gradient, step, low, high) -> moved image."""
    image = tf.TensorSpec([1, *[None] * (rank - 2), channels], tf.float32)
    return traced(partial(_moved, levels), [image, image, *[tf.TensorSpec(None, tf.float32)] * 3])


def _moved(
    levels: int, image: tf.Tensor, gradient: tf.Tensor, step: tf.Tensor, low: tf.Tensor, high: tf.Tensor
) -> tf.Tensor:
    if len(image.shape) == 4 and levels:
        gradient = pyramid.normalize(gradient, levels)
    gradient /= tf.reduce_mean(tf.abs(gradient)) + 1e-12
    return tf.clip_by_value(image + step * gradient, low, high)


def _channels(
    network: Network, layer: Layer, channels: int | str | Sequence[int | str]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    wanted = [channels] if isinstance(channels, int | np.integer | str) else list(channels)
    count = layer.channels
    named = network.class_names or ()
    names = named if count is None or len(named) == count else ()
    if not wanted:
        raise ChannelError("Expected at least one channel or class. Received: an empty list.")
    found = []
    for each in wanted:
        number = _class_number(each, names, layer) if isinstance(each, str) else int(each)
        if number < 0 or (count is not None and number >= count):
            raise ChannelError(
                f"Expected channels from 0 to {(count or 0) - 1} of layer {layer.name!r}. Received: {each!r}."
            )
        found.append(number)
    return tuple(found), tuple(names[each] if names else str(each) for each in found)


def _class_number(name: str, names: Sequence[str], layer: Layer) -> int:
    lowered = [each.lower() for each in names]
    if name.lower() in lowered:
        return lowered.index(name.lower())
    known = nearest(name, names) if names else (
        "The network has no class names for this layer; pass numbers, or class_names= to load."
    )
    raise ChannelError(f"Expected the name of a class of {layer.name!r}. Received: {name!r}. {known}")


def _other_feeds(network: Network) -> Feeds:
    """What is fed beside the image; only its first row where there is one for each image."""
    if network.feed is None:
        return {}
    feeds = network.feeds(images=False)
    rows = np.zeros(network.fixed_batch() or 1, int)
    chosen = network.rows_of(feeds, rows)
    return {tensor: array for tensor, array in chosen.items() if tensor != network.image_tensor}


def _range(network: Network, value_range: tuple[Any, Any] | None) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.asarray(each, np.float32) for each in value_range or network.value_range())
    if not np.all(low < high):
        raise ValueError(f"Expected value_range as (darkest, brightest). Received: value_range={value_range!r}.")
    return low, high


def _start(network: Network, start: Any, size: tuple[int, int] | None) -> np.ndarray | None:
    """The photo to start from, float32 (1, height, width, channels), or ``None`` for noise."""
    if start is None:
        return None
    photo = network.images()[:1] if isinstance(start, str) and start == "feed" else network.photo(start)
    return photo if size is None else _resize(photo, tuple(size))


def _size(network: Network, size: tuple[int, int] | None) -> tuple[int, ...]:
    if size is not None:
        return tuple(size)
    fixed = network.picture_shape[:-1]
    if None not in fixed:
        return tuple(side for side in fixed if side is not None)
    return network.images().shape[1:-1] if network.has_images() else (224,) * len(fixed)


def _octave_sizes(size: tuple[int, ...], octaves: int, scale: float) -> list[tuple[int, ...]]:
    """From small to large; sizes too small to mean anything are left out, and only pictures have octaves."""
    if len(size) != 2:
        return [size]
    sizes = [tuple(round(side / scale**power) for side in size) for power in reversed(range(octaves))]
    return [each for each in sizes if min(each) >= min(_LEAST_SIDE, *size)]


def _resize(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    if image.shape[1:-1] == tuple(size):
        return image.astype(np.float32)
    if len(size) != 2:
        raise FeedError(
            f"Expected a start of size {tuple(size)}. Received: {image.shape[1:-1]}. Only pictures are resized."
        )
    return _resized(image, tuple(size))


@eagerly
def _resized(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return tf.image.resize(image, size, antialias=True).numpy()


def _check_options(**options: tuple[float, float]) -> None:
    for name, (value, least) in options.items():
        if value < least:
            raise ValueError(f"Expected {name} of at least {least}. Received: {name}={value!r}.")
