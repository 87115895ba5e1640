"""Transforms: random changes of view that a picture must survive, drawn anew for every step.

Each draws from a seeded generator, so that a run can be repeated, and they compose to a single resampling:
turning, scaling and shifting one after the other would blur the picture three times.

Reference:
    C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
    DOI 10.23915/distill.00007 (transformation robustness).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from ..backward.gradient_overrides import spreading


@dataclass(frozen=True, eq=False)
class View:
    """One drawn change of view.

    Attributes:
        matrix: 3 x 3, from (x, y, 1) in the view to (x, y, 1) in the picture, both in pixels from the centre.
        size: (height, width) of the view.
        noise: standard deviation of noise added to it, in parts of the range of brightness.
        seed: of that noise, two int32.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    noise: float = 0.0
    seed: tuple[int, int] = (0, 0)

    def resized(self, size: tuple[int, int]) -> View:
        """The same view with other pixels."""
        zoom = np.diag([self.size[1] / size[1], self.size[0] / size[0], 1])
        return View(self.matrix @ zoom, size, self.noise, self.seed)

    def coefficients(self, size: tuple[int, int]) -> np.ndarray:
        """The matrix as ``apply`` takes it, float32 (1, 8), for a picture of a size."""
        to_centre = _shift(-(self.size[1] - 1) / 2, -(self.size[0] - 1) / 2)
        whole = _shift((size[1] - 1) / 2, (size[0] - 1) / 2) @ self.matrix @ to_centre
        return whole.reshape(1, 9)[:, :8].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Transform:
    """A random change of view; made by the functions of this module."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, random: np.random.Generator, size: tuple[int, int]) -> View:
        """One view of a picture of a size (height, width)."""
        return _DRAWS[self.name](random, size, **self.arguments)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


def jitter(pixels: int) -> Transform:
    """Shift by up to this many whole pixels each way."""
    return Transform("jitter", {"pixels": pixels})


def scale(smallest: float, largest: float) -> Transform:
    """Magnify by a factor between these; the size of the view stays."""
    _require(0 < smallest <= largest, "scale factors above 0, the smaller first", (smallest, largest))
    return Transform("scale", {"smallest": smallest, "largest": largest})


def rotate(degrees: float) -> Transform:
    """Turn by up to this angle each way."""
    return Transform("rotate", {"degrees": degrees})


def pad(pixels: int) -> Transform:
    """A grey margin on all sides; the view grows by it."""
    _require(pixels >= 0, "a margin of at least 0 pixels", pixels)
    return Transform("pad", {"pixels": pixels})


def crop(smallest: float, largest: float) -> Transform:
    """A box anywhere in the picture, its sides a part of the picture's between these; it is enlarged to the view."""
    _require(0 < smallest <= largest <= 1, "parts of the picture in (0, 1], the smaller first", (smallest, largest))
    return Transform("crop", {"smallest": smallest, "largest": largest})


def noise(deviation: float) -> Transform:
    """Gaussian noise, its standard deviation in parts of the range of brightness."""
    return Transform("noise", {"deviation": deviation})


def compose(*parts: Transform) -> Transform:
    """One transform after another."""
    return Transform("compose", {"parts": tuple(parts)})


def apply(images: tf.Tensor, coefficients: tf.Tensor, size: tf.Tensor, noise: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Pictures (pictures, height, width, channels) in [0, 1] under a view, inside a function being traced.

    There is one row of coefficients for all pictures, or one for each, and so it is with the noise. What lies outside
    a picture is grey. The gradient is resampled by the inverse matrix, which differs from the exact one by a factor
    that is the same for all pixels of a picture.
    """
    seen = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=coefficients,
        output_shape=size,
        fill_value=0.5,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    seen = tf.ensure_shape(seen, [images.shape[0], None, None, images.shape[-1]])
    # the same for all pictures under one view, so that none depends on its place among them
    shape = tf.concat([[coefficients.shape[0]], tf.shape(seen)[1:]], 0)
    grain = noise * tf.random.stateless_normal(shape, seed)
    with spreading():
        return seen + grain


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _jittered(random: np.random.Generator, size: tuple[int, int], pixels: int) -> View:
    x, y = random.integers(-pixels, pixels + 1, 2)
    return View(_shift(x, y), size)


def _scaled(random: np.random.Generator, size: tuple[int, int], smallest: float, largest: float) -> View:
    factor = random.uniform(smallest, largest)
    return View(np.diag([1 / factor, 1 / factor, 1]), size)


def _rotated(random: np.random.Generator, size: tuple[int, int], degrees: float) -> View:
    angle = np.deg2rad(random.uniform(-degrees, degrees))
    cosine, sine = np.cos(angle), np.sin(angle)
    return View(np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]), size)


def _padded(random: np.random.Generator, size: tuple[int, int], pixels: int) -> View:
    return View(np.eye(3), (size[0] + 2 * pixels, size[1] + 2 * pixels))


def _cropped(random: np.random.Generator, size: tuple[int, int], smallest: float, largest: float) -> View:
    part = random.uniform(smallest, largest)
    y, x = random.uniform(-0.5, 0.5, 2) * (1 - part) * size
    return View(_shift(x, y) @ np.diag([part, part, 1]), size)


def _noised(random: np.random.Generator, size: tuple[int, int], deviation: float) -> View:
    first, second = random.integers(0, 2**31 - 1, 2)
    return View(np.eye(3), size, deviation, (int(first), int(second)))


def _composed(random: np.random.Generator, size: tuple[int, int], parts: Sequence[Transform]) -> View:
    matrix, variance, seed = np.eye(3), 0.0, (0, 0)
    for part in parts:
        view = part.draw(random, size)
        matrix, size, variance = matrix @ view.matrix, view.size, variance + view.noise**2
        seed = view.seed if view.noise else seed
    return View(matrix, size, float(np.sqrt(variance)), seed)


_DRAWS: dict[str, Callable[..., View]] = {
    "jitter": _jittered,
    "scale": _scaled,
    "rotate": _rotated,
    "pad": _padded,
    "crop": _cropped,
    "noise": _noised,
    "compose": _composed,
}


def _require(holds: bool, expected: str, received: Any) -> None:
    if not holds:
        raise ValueError(f"Expected {expected}. Received: {received!r}.")


ROBUST = compose(pad(12), jitter(20), scale(0.8, 1.5), rotate(8))
"""What pictures from noise survive by default."""
