"""Deep dream on pixels: octaves, rolled views, tiles, and every scale of the gradient at the same strength.

One compiled call for each step where the picture is computed whole; where there are tiles, one for each tile and
one for the move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from ..network.network import Network
from ..runtime.resizing import resize
from ..runtime.subgraphs import gradient_of
from ..runtime.tracing import traced
from . import laplacian as pyramid
from . import tiles
from .bound_objectives import Goal


@dataclass(frozen=True, eq=False)
class PixelClimb:
    """A climb along the normalised gradient of the pixels; its state is the pictures themselves."""

    network: Network
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
        """States of several climbs as one of all their pictures."""
        return np.concatenate(states)

    def at(self, images: np.ndarray) -> np.ndarray:
        """The state of a climb that goes on from pictures."""
        return images

    def grown(self, state: np.ndarray, photo: np.ndarray | None, size: tuple[int, ...]) -> np.ndarray:
        """The pictures at the next size; on a photo only the dreamt detail is enlarged, the photo stays sharp."""
        if photo is None:
            return resize(state, size)
        detail = resize(state - resize(photo, state.shape[1:-1]), size)
        detail += resize(photo, size)
        return detail

    def draw(self, random: np.random.Generator, size: tuple[int, ...]) -> list[int]:
        """How far the picture is rolled in a step: anywhere where there are tiles, so that no seam stays; a
        little where there are none, since networks are not blind to the place of things."""
        reach = [side if side > tile else side // 8 for side, tile in zip(size, self._tile(size), strict=True)]
        return [int(random.integers(-each, each + 1)) for each in reach]

    def _tile(self, size: Sequence[int]) -> tuple[int, ...]:
        return tiles.tile_size(size, self.network.runtime.layout.picture_shape[:-1])

    def step(self, state: np.ndarray, goal: Goal, shift: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One step: the next pictures, the scores before it, and how strong the gradient of each was."""
        size = state.shape[1:-1]
        mask = np.ones((1,) * state.ndim, np.float32) if self.mask is None else resize(self.mask, size)
        step = (self.step_size / 255 * (self.high - self.low)).astype(np.float32)
        tile = self._tile(size)
        if tile == size:
            whole = _whole_step(self.network, goal, state.shape, self.levels)
            moved, scores, strength = whole(state, shift, mask, step, self.low, self.high, *goal.given)
            return moved, scores, strength
        return self._tiled_step(state, goal, shift, mask, step, tile)

    def _tiled_step(
        self,
        state: np.ndarray,
        goal: Goal,
        shift: list[int],
        mask: np.ndarray,
        step: np.ndarray,
        tile: tuple[int, ...],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        function = _gradient_of(self.network, goal, state.shape)
        gradient, scores = tiles.averaged(
            state, tile, shift, lambda part: function(part, self.low, self.high, *goal.given)
        )
        strength = np.array([np.vdot(each, each) for each in gradient])  # np.abs would make a copy of a large picture
        if state.ndim == 4 and self.levels:
            _normalize_by_channel(gradient, self.levels)
        for picture, move in zip(state, gradient, strict=True):
            # all in the gradient's own memory, which becomes the next picture's
            move *= step * (mask[0] / (_mean_magnitude(move) + 1e-30))
            move += picture
            np.clip(move, self.low, self.high, out=move)
        return gradient, scores, strength


def _mean_magnitude(values: np.ndarray) -> float:
    return float(np.mean([np.abs(row).mean() for row in values]))


def _normalize_by_channel(gradient: np.ndarray, levels: int) -> None:
    """``pyramid.normalize`` in place, one channel at a time: a third of the memory for twice the work."""
    squares, scaled = _by_channel(levels)
    for picture in gradient:
        channels = range(picture.shape[-1])
        strengths = np.mean([squares(picture[None, ..., each, None]) for each in channels], 0)
        scales = 1 / np.maximum(np.sqrt(strengths), 1e-10)
        for each in channels:
            picture[..., each] = scaled(picture[None, ..., each, None], scales)[0, ..., 0]


@lru_cache
def _by_channel(levels: int) -> tuple[Any, Any]:
    plane = tf.TensorSpec([1, None, None, 1], tf.float32)
    scales = tf.TensorSpec([levels + 1], tf.float32)
    return (
        traced(lambda values: pyramid.squares(values, levels), [plane]),
        traced(lambda values, given: pyramid.scaled(values, given, levels), [plane, scales]),
    )


def _image_spec(shape: Sequence[int]) -> tf.TensorSpec:
    return tf.TensorSpec([shape[0], *[None] * (len(shape) - 2), shape[-1]], tf.float32)


_ANY = tf.TensorSpec(None, tf.float32)


def _mask_spec(shape: Sequence[int]) -> tf.TensorSpec:
    return tf.TensorSpec([1, *[None] * (len(shape) - 2), 1], tf.float32)


def _gradient(
    network: Network, goal: Goal, tile: tf.Tensor, low: tf.Tensor, high: tf.Tensor, given: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradient and scores of pictures, inside a function that is being traced."""
    picture, images = network.runtime.layout.picture_shape, tile
    if len(picture) == 3 and None not in picture[:2]:  # a smaller octave is enlarged to the input
        images = tf.image.resize(tile, picture[:2])
        images.set_shape([tile.shape[0], *picture[:2], tile.shape[-1]])
    shown = tf.ensure_shape((tile - low) / (high - low), tile.shape)
    scores, passages = goal.scores(network, images, shown, given)
    return gradient_of(scores, tile, shown, passages), scores


def _gradient_of(network: Network, goal: Goal, shape: Sequence[int]) -> Any:
    """The compiled function (tile, low, high, what the goal is given) -> gradient at the tile, scores."""

    def body(tile: tf.Tensor, low: tf.Tensor, high: tf.Tensor, *given: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _gradient(network, goal, tile, low, high, given)

    signature = [_image_spec(shape), _ANY, _ANY, *goal.signature(network)]
    return network.runtime.compiled(("tile gradient", goal.key, shape[0], shape[-1]), body, signature, soon=True)


def _whole_step(network: Network, goal: Goal, shape: Sequence[int], levels: int) -> Any:
    """The compiled function (pictures, shift, mask, step, low, high, ...) -> moved pictures, scores, strength."""
    axes = list(range(1, len(shape) - 1))

    def body(
        images: tf.Tensor,
        shift: tf.Tensor,
        mask: tf.Tensor,
        step: tf.Tensor,
        low: tf.Tensor,
        high: tf.Tensor,
        *given: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        rolled = tf.ensure_shape(tf.roll(images, shift, axes), images.shape)
        gradient, scores = _gradient(network, goal, rolled, low, high, given)
        gradient = tf.ensure_shape(tf.roll(gradient, -shift, axes), images.shape)
        moved = _moved(levels, images, gradient, mask, step, low, high)
        return moved, scores, tf.reduce_mean(tf.abs(gradient), range(1, len(shape)))

    shifted = tf.TensorSpec([len(axes)], tf.int32)
    signature = [_image_spec(shape), shifted, _mask_spec(shape), _ANY, _ANY, _ANY, *goal.signature(network)]
    return network.runtime.compiled(("whole step", goal.key, levels, shape[0], shape[-1]), body, signature, soon=True)


def _moved(
    levels: int,
    images: tf.Tensor,
    gradient: tf.Tensor,
    mask: tf.Tensor,
    step: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
) -> tf.Tensor:
    axes = list(range(1, images.shape.rank))
    if len(axes) == 3 and levels:
        gradient = pyramid.normalize(gradient, levels)
    gradient /= tf.reduce_mean(tf.abs(gradient), axes, keepdims=True) + 1e-30
    return tf.clip_by_value(images + step * mask * gradient, low, high)
