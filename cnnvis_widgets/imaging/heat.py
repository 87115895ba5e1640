"""Draw attributions as colours, alone or over the photo.

Zero is the dark end of viridis if no value is negative, and near-white between blue and red otherwise; over a photo
it shows the photo itself. A few extreme pixels are clipped, as in ``render``: they would leave everything else
without colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import colormaps
from .normalize import centred, rising

CLIPPED = 0.5
"""Percent of the non-zero values that may be stronger than full colour."""


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


def heat(values: ArrayLike, *, limit: float | None = None, signed: bool | None = None) -> Heat:
    """Turn values (height, width) into colours; (height, width, channels) are summed over the channels first.

    Args:
        values: numbers; NaN means 'not known yet' and is drawn as zero.
        limit: the magnitude of full colour; by default the strongest ``CLIPPED`` percent exceed it.
        signed: draw in blue, white and red; by default where there are negative values.

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
    scale, table = (centred, colormaps.DIVERGING) if signed else (rising, colormaps.SEQUENTIAL)
    strength = rising(np.abs(array), limit)
    return Heat(colormaps.apply(scale(array, limit), table), strength, limit, signed)


def overlay(photo: np.ndarray, colours: Heat, opacity: float) -> np.ndarray:
    """Blend colours over a grey photo; a stronger value hides more of the photo.

    Args:
        photo: uint8 (height, width, 1 or 3).
        colours: of the same height and width.
        opacity: 0 to 1, at the strongest places.

    Returns:
        uint8 (height, width, 3).
    """
    grey = photo.mean(axis=-1, keepdims=True)
    part = opacity * colours.strength[..., np.newaxis]
    return np.rint((1 - part) * grey + part * colours.pixels).astype(np.uint8)
