"""Draw attributions as colours, alone or over the photo.

Zero is the dark end of viridis if no value is negative, and near-white between blue and red otherwise; over a photo
it shows the photo itself. A few extreme pixels are clipped, as in ``render``: they would leave everything else
without colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from . import colormaps
from .normalize import centred, rising

CLIPPED = 0.5
"""Percent of the non-zero values that may be stronger than full colour."""
WEAK = 0.6
"""The exponent of opacity over a photo."""
BLUR = 56
"""A contour is drawn after a blur with boxes of about this part of the picture's shorter side to either side."""
FINE = 400
"""The shorter side, in pixels, from which a line of one pixel is thin enough on the screen."""
LINE = 255, 255, 255
"""The colour of a contour: the grey photo and the colours of evidence have it only at their lightest."""


@dataclass(frozen=True, eq=False)
class Heat:
    """An attribution as colours.

    Attributes:
        pixels: uint8 (height, width, 3), the colours alone.
        strength: float (height, width), 0 to 1: the magnitude of each value as a part of ``limit``.
        limit: the magnitude of full colour.
        signed: whether zero is the middle of the colours.
    """

    pixels: np.ndarray
    strength: np.ndarray
    limit: float
    signed: bool


def heat(
    values: ArrayLike,
    *,
    limit: float | None = None,
    signed: bool | None = None,
    table: np.ndarray = colormaps.SEQUENTIAL,
) -> Heat:
    """Turn values (height, width) into colours; (height, width, channels) are summed over the channels first.

    Args:
        values: numbers; NaN means 'not known yet' and is drawn as zero.
        limit: the magnitude of full colour; by default the strongest ``CLIPPED`` percent exceed it.
        signed: draw in blue, white and red; by default where there are negative values.
        table: the colours of values without a sign, uint8 (256, 3).

    Example:
        >>> heat(np.array([[0.0, 1.0]])).pixels.tolist()
        [[[68, 1, 84], [253, 231, 37]]]
    """
    array = np.nan_to_num(np.asarray(values, np.float32))
    if array.ndim > 2:
        array = array.sum(axis=-1)
    magnitudes = np.abs(array[array != 0])
    if limit is None:
        limit = float(np.percentile(magnitudes, 100 - CLIPPED, method="higher")) if magnitudes.size else 1.0
    if signed is None:
        signed = bool(array.min(initial=0.0) < 0)
    scale = centred if signed else rising
    strength = rising(np.abs(array), limit)
    pixels = colormaps.apply(scale(array, limit), colormaps.DIVERGING if signed else table)
    return Heat(pixels, strength, limit, signed)


def overlay(photo: np.ndarray, colours: Heat, opacity: float) -> np.ndarray:
    """Blend colours over a grey photo; a stronger value hides more of the photo.

    Args:
        photo: uint8 (height, width, 1 or 3).
        colours: of the same height and width.
        opacity: 0 to 1, at the strongest places. Weak places are more opaque than in proportion (``WEAK``): an
            attribution of single pixels could hardly be seen otherwise.

    Returns:
        uint8 (height, width, 3).
    """
    grey = photo.mean(axis=-1, keepdims=True)
    part = opacity * colours.strength[..., np.newaxis] ** WEAK
    blended: np.ndarray = np.rint((1 - part) * grey + part * colours.pixels).astype(np.uint8)
    return blended


def outlined(pixels: np.ndarray, values: ArrayLike, share: float = 0.5, side: int = FINE) -> np.ndarray:
    """Draw the ``contour`` of values on a picture of them, which is enlarged first where a line would be thick on it.

    Args:
        pixels: uint8 (height, width, 3).
        values: numbers (height, width).
        share: see ``contour``.
        side: the shorter side of the result has at least so many pixels.

    Returns:
        uint8 (height, width, 3), or a whole multiple of that size.

    Example:
        >>> outlined(np.zeros((20, 20, 3), np.uint8), np.eye(20)).shape
        (400, 400, 3)
    """
    factor = max(1, -(-side // min(pixels.shape[:2])))
    array = np.nan_to_num(np.asarray(values, np.float32))
    if factor > 1:
        size = pixels.shape[1] * factor, pixels.shape[0] * factor
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        array = np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BILINEAR))
    drawn = pixels.copy()
    drawn[contour(array, share)] = LINE
    return drawn


def contour(values: ArrayLike, share: float = 0.5) -> np.ndarray:
    """The border of the smallest area that holds a share of all positive evidence, after a blur.

    Args:
        values: numbers (height, width); NaN counts as zero.
        share: 0 to 1.

    Returns:
        bool (height, width): the pixels of the area that have a neighbour outside it, or lie at the border of the
        picture. Nothing where no value is positive.

    Example:
        >>> contour(np.pad(np.ones((3, 3)), 3), 0.9).any()
        np.True_
    """
    positive = np.maximum(np.nan_to_num(np.asarray(values, np.float64)), 0.0)
    blurred = positive
    for _ in range(2):  # two boxes are nearly a bell
        for axis in (0, 1):
            blurred = _blurred(blurred, max(1, round(min(positive.shape) / BLUR)), axis)
    total = float(blurred.sum())
    if total <= 0:
        return np.zeros(positive.shape, bool)
    falling = np.sort(blurred, axis=None)[::-1]
    last = int(np.searchsorted(np.cumsum(falling), share * total))
    inside = blurred >= falling[min(last, falling.size - 1)]
    framed = np.pad(inside, 1)
    within = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return inside & ~within


def _blurred(values: np.ndarray, radius: int, axis: int) -> np.ndarray:
    """Means over ``2 * radius + 1`` neighbours along an axis; beyond the border there is zero."""
    padding = [(0, 0)] * values.ndim
    padding[axis] = (radius + 1, radius)
    sums = np.cumsum(np.pad(values, padding), axis=axis)
    count = values.shape[axis]
    window = 2 * radius + 1
    ahead = np.take(sums, range(window, window + count), axis=axis)
    behind = np.take(sums, range(count), axis=axis)
    return np.asarray((ahead - behind) / window)
