"""Gradient ascent on pixels: rolled pictures, tiles, and a gradient whose scales of detail are equally strong.

A picture of moderate size takes one compiled call a step. A larger one is cut into tiles: one call for each tile,
and NumPy for the move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..network.runtime import Runtime
from ..runtime.resizing import resize
from ..runtime.subgraphs import gradient_of
from ..runtime.tracing import traced
from . import laplacian
from .bound_objectives import BoundObjective

MOST_PIXELS = 640 * 640
"""Pictures with at most this many pixels are computed whole, if the network leaves the size free."""

TILE_SIDE = 512
"""The side, in pixels, of the tiles of larger pictures."""

_TINY = 1e-30  # keeps a gradient of zero from being divided by zero


class StepInputs(NamedTuple):
    """What the compiled step takes; as specs, as arrays and as tensors.

    Attributes:
        images: float32 (pictures, height, width, channels), in the range of the input.
        shift: int32, how far the pictures are rolled along each spatial axis.
        mask: float32 (1, height, width, 1), or of size 1 on each axis.
        step: float32, how far a pixel moves for a gradient of mean magnitude 1; one number, or one per channel.
        low, high: float32, the range of the input; numbers, or one per channel.
        values: what the objective is fed, see ``BoundObjective.values``.
    """

    images: Any
    shift: Any
    mask: Any
    step: Any
    low: Any
    high: Any
    values: Any


@dataclass(frozen=True, eq=False)
class PixelAscent:
    """Moves pixels along their normalised gradient. Its state is the array of pictures.

    Attributes:
        runtime: of the network.
        low, high: the range of the input, float32.
        levels: of the Laplacian pyramid; 0 takes the plain gradient.
        step_size: in 1/255 of the range.
        mask: float32 (1, height, width, 1), where pixels may move; ``None`` for everywhere.
    """

    runtime: Runtime
    low: np.ndarray
    high: np.ndarray
    levels: int
    step_size: float
    mask: np.ndarray | None = None

    def begin(self, photo: np.ndarray | None, shape: Sequence[int], random: np.random.Generator) -> np.ndarray:
        """The pictures before the first step: faint noise, or the photo at the size of the first octave."""
        if photo is not None:
            return np.repeat(resize(photo, shape[1:-1]), shape[0], 0)
        noise = random.uniform(-1, 1, shape)
        middle, span = (self.low + self.high) / 2, self.high - self.low
        return (middle + 0.02 * span * noise).astype(np.float32)

    @staticmethod
    def joined(states: Sequence[np.ndarray]) -> np.ndarray:
        """The states of several pictures as one state."""
        return np.concatenate(states)

    def louder(self, noise: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """Pictures of noise, each with its contrast multiplied by a factor, within the range of the input."""
        middle = (self.low + self.high) / 2
        scaled = middle + (noise - middle) * factors.reshape(-1, *[1] * (noise.ndim - 1))
        return np.clip(scaled, self.low, self.high).astype(np.float32)

    @staticmethod
    def with_redirected(state: np.ndarray, redirected: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The state after a step in which the chosen pictures moved along a redirected gradient."""
        return np.where(chosen.reshape(-1, *[1] * (state.ndim - 1)), redirected, state)

    def resumed(self, images: np.ndarray) -> np.ndarray:
        """The state from which a run goes on with given pictures."""
        return images

    def grown(self, state: np.ndarray, photo: np.ndarray | None, size: tuple[int, ...]) -> np.ndarray:
        """The pictures at the next size. Only the dreamt detail is enlarged, so that the photo stays sharp."""
        if photo is None:
            return resize(state, size)
        detail = resize(state - resize(photo, state.shape[1:-1]), size)
        detail += resize(photo, size)
        return detail

    def draw(self, random: np.random.Generator, size: tuple[int, ...]) -> list[int]:
        """How far the picture is rolled in a step.

        A picture of several tiles is rolled by any distance, so that no seam stays visible. A picture of one tile is
        rolled a little only, since a network is not blind to where things are.
        """
        tile = self._tile(size)
        reach = [side if side > tile_side else side // 8 for side, tile_side in zip(size, tile, strict=True)]
        return [int(random.integers(-most, most + 1)) for most in reach]

    def _tile(self, size: Sequence[int]) -> tuple[int, ...]:
        return tile_size(size, self.runtime.layout.picture_shape[:-1])

    def step(
        self, state: np.ndarray, objective: BoundObjective, shift: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One step: the next pictures, the scores before the step, and the strength of each gradient."""
        size = state.shape[1:-1]
        mask = np.ones((1,) * state.ndim, np.float32) if self.mask is None else resize(self.mask, size)
        step = (self.step_size / 255 * (self.high - self.low)).astype(np.float32)
        inputs = StepInputs(state, np.array(shift, np.int32), mask, step, self.low, self.high, objective.values)
        if self._tile(size) != size:
            return self._tiled_step(objective, inputs)
        function = _whole_step(self.runtime, objective, state.shape, self.levels)
        moved, scores, strength = function(*tf.nest.flatten(inputs))
        return moved, scores, strength

    def _tiled_step(self, objective: BoundObjective, inputs: StepInputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state, size = inputs.images, inputs.images.shape[1:-1]
        function = _tile_gradient(self.runtime, objective, state.shape)
        gradient, scores = tile_mean(
            state, self._tile(size), inputs.shift, lambda tile: function(tile, self.low, self.high, *inputs.values)
        )
        strength = np.array([np.vdot(rows, rows) for rows in gradient])  # np.abs would copy a large picture
        if state.ndim == 4 and self.levels:
            normalize_by_channel(gradient, self.levels)
        for picture, move in zip(state, gradient, strict=True):
            # all in the gradient's own memory, which becomes the next picture's
            move *= inputs.step * (inputs.mask[0] / (_mean_magnitude(move) + _TINY))
            move += picture
            np.clip(move, self.low, self.high, out=move)
        return gradient, scores, strength


# ---- tiles


def tile_size(size: Sequence[int], fixed: Sequence[int | None]) -> tuple[int, ...]:
    """The size of a tile: the whole picture where possible, and never more than the network takes.

    Args:
        size: (height, width) of the picture, () for a flat input.
        fixed: (height, width) of the input, ``None`` where the network leaves a size free.
    """
    free = max(size, default=1) if np.prod(size) <= MOST_PIXELS else TILE_SIDE
    limits = [free if limit is None else limit for limit in fixed]
    return tuple(min(side, limit) for side, limit in zip(size, limits, strict=True))


def tile_corners(size: Sequence[int], tile: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Where tiles start so that full tiles cover every pixel, with evenly spread overlaps."""
    starts = []
    for whole, side in zip(size, tile, strict=True):
        count = -(-whole // side)
        starts.append(np.linspace(0, whole - side, count).round().astype(int))
    for corner in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, len(size)):
        yield tuple(int(start) for start in corner)


def tile_mean(
    image: np.ndarray,
    tile: Sequence[int],
    shift: Sequence[int],
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Apply a function to every tile of a rolled image, and join the results.

    Rolling a large image would take two more copies of it, so each tile is gathered from where its pixels are.

    Args:
        image: (images, height, width, channels).
        tile: (height, width) of the tiles.
        shift: how far the image is rolled under the tiles, (down, right).
        function: tile -> (array of the tile's shape, scores).

    Returns:
        the joined arrays, in the frame of the image, averaged where tiles overlap; and the mean of the scores.
    """
    size = image.shape[1:-1]
    total, scores = np.zeros_like(image), []
    counts = [np.zeros(whole, np.float32) for whole in size]
    for corner in tile_corners(size, tile):
        places = [
            (start + np.arange(side) - moved) % whole
            for start, side, moved, whole in zip(corner, tile, shift, size, strict=True)
        ]
        window = np.ix_(np.arange(len(image)), *places)
        values, score = function(image[window])
        total[window] += values
        scores.append(score)
        for axis, (count, place) in enumerate(zip(counts, places, strict=True)):
            if not any(corner[:axis] + corner[axis + 1 :]):  # count each axis once
                count[place] += 1
    for axis, count in enumerate(counts):
        total /= count.reshape([-1 if other == axis else 1 for other in range(len(size))] + [1])
    return total, np.mean(scores, 0)


def normalize_by_channel(gradient: np.ndarray, levels: int) -> None:
    """``laplacian.normalize`` in place, one channel at a time: a third of the memory for twice the work."""
    mean_squares, scaled = _plane_functions(levels)
    for picture in gradient:
        channels = range(picture.shape[-1])
        squares = np.mean([mean_squares(picture[None, ..., channel, None]) for channel in channels], 0)
        scales = 1 / np.maximum(np.sqrt(squares), 1e-10)
        for channel in channels:
            picture[..., channel] = scaled(picture[None, ..., channel, None], scales)[0, ..., 0]


@lru_cache
def _plane_functions(levels: int) -> tuple[Any, Any]:
    plane = tf.TensorSpec([1, None, None, 1], tf.float32)
    scales = tf.TensorSpec([levels + 1], tf.float32)
    return (
        traced(lambda values: laplacian.mean_squares(values, levels), [plane]),
        traced(lambda values, factors: laplacian.scaled(values, factors, levels), [plane, scales]),
    )


def _mean_magnitude(values: np.ndarray) -> float:
    return float(np.mean([np.abs(row).mean() for row in values]))


# ---- compiled functions

_ANY = tf.TensorSpec(None, tf.float32)


def _image_spec(shape: Sequence[int]) -> tf.TensorSpec:
    return tf.TensorSpec([shape[0], *[None] * (len(shape) - 2), shape[-1]], tf.float32)


def _mask_spec(shape: Sequence[int]) -> tf.TensorSpec:
    return tf.TensorSpec([1, *[None] * (len(shape) - 2), 1], tf.float32)


def _gradient(
    runtime: Runtime,
    objective: BoundObjective,
    tile: tf.Tensor,
    value_range: tuple[tf.Tensor, tf.Tensor],
    values: Sequence[tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradient at pictures, and their scores, inside a function that is being traced."""
    input_shape, images, (low, high) = runtime.layout.picture_shape, tile, value_range
    if len(input_shape) == 3 and None not in input_shape[:2]:  # a smaller octave is enlarged to the input
        images = tf.image.resize(tile, input_shape[:2])
        images.set_shape([tile.shape[0], *input_shape[:2], tile.shape[-1]])
    pixels = tf.ensure_shape((tile - low) / (high - low), tile.shape)
    scores, subgraphs = objective.scores(runtime, images, pixels, values)
    return gradient_of(scores, tile, pixels, subgraphs), scores


def _tile_gradient(runtime: Runtime, objective: BoundObjective, shape: Sequence[int]) -> Any:
    """The compiled function (tile, low, high, values of the objective) -> gradient at the tile, scores."""

    def body(tile: tf.Tensor, low: tf.Tensor, high: tf.Tensor, *values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _gradient(runtime, objective, tile, (low, high), values)

    signature = [_image_spec(shape), _ANY, _ANY, *objective.signature(runtime)]
    return runtime.compiled(("tile gradient", objective.key, shape[0], shape[-1]), body, signature, quick_start=True)


def _whole_step(runtime: Runtime, objective: BoundObjective, shape: Sequence[int], levels: int) -> Any:
    """The compiled function of flat ``StepInputs`` -> moved pictures, scores, strength of each gradient."""
    axes = np.arange(1, len(shape) - 1, dtype=np.int32)
    shift = tf.TensorSpec([len(axes)], tf.int32)
    specs = StepInputs(_image_spec(shape), shift, _mask_spec(shape), _ANY, _ANY, _ANY, objective.signature(runtime))

    def body(*tensors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        inputs = tf.nest.pack_sequence_as(specs, tensors)
        images, shift = inputs.images, inputs.shift
        rolled = tf.ensure_shape(tf.roll(images, shift, axes), images.shape)
        gradient, scores = _gradient(runtime, objective, rolled, (inputs.low, inputs.high), inputs.values)
        gradient = tf.ensure_shape(tf.roll(gradient, -shift, axes), images.shape)
        return _moved(inputs, gradient, levels), scores, tf.reduce_mean(tf.abs(gradient), range(1, len(shape)))

    key = ("whole step", objective.key, levels, shape[0], shape[-1])
    return runtime.compiled(key, body, tf.nest.flatten(specs), quick_start=True)


def _moved(inputs: StepInputs, gradient: tf.Tensor, levels: int) -> tf.Tensor:
    images, axes = inputs.images, list(range(1, inputs.images.shape.rank))
    if len(axes) == 3 and levels:
        gradient = laplacian.normalize(gradient, levels)
    gradient /= tf.reduce_mean(tf.abs(gradient), axes, keepdims=True) + _TINY
    return tf.clip_by_value(images + inputs.step * inputs.mask * gradient, inputs.low, inputs.high)
