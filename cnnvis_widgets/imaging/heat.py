"""What speaks for a class, as a picture alone and over the photo.

Zero is where nothing shows: the dark end of viridis where no value is negative, near-white between blue and red
where there are both, and over a photo the photo itself. As in ``render``, a few extreme pixels are clipped, since
they would leave everything else without colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import colormaps
from .normalize import centred, rising

CLIPPED = 0.5
"""Percent of the non-zero values that may exceed full colour."""


@dataclass(frozen=True, eq=False)
class Heat:
    """Values on their way to colours.

    Attributes:
        pixels: uint8 (height, width, 3), the values alone.
        strength: float (height, width), 0 to 1: how far each value is from zero.
        limit: the magnitude that has full colour.
        signed: whether there are negative values.
    """

    pixels: np.ndarray
    strength: np.ndarray
    limit: float
    signed: bool


def heat(values: ArrayLike, *, limit: float | None = None, signed: bool | None = None) -> Heat:
    """Values (height, width), or (height, width, channels) summed over the channels, as colours.

    Args:
        values: NaN is not known yet, and drawn as zero.
        limit: the magnitude that has full colour; by default all but the ``CLIPPED`` percent strongest stay within.
        signed: blue, white and red; by default where there are negative values.
    """
    array = np.nan_to_num(np.asarray(values, np.float32))
    if array.ndim > 2:
        array = array.sum(axis=-1)
    found = np.abs(array[array != 0])
    if limit is None:
        limit = float(np.percentile(found, 100 - CLIPPED, method="higher")) if found.size else 1.0
    if signed is None:
        signed = bool(array.min(initial=0.0) < 0)
    scale, table = (centred, colormaps.DIVERGING) if signed else (rising, colormaps.SEQUENTIAL)
    strength = rising(np.abs(array), limit)
    return Heat(colormaps.apply(scale(array, limit), table), strength, limit, signed)


def overlay(photo: np.ndarray, shown: Heat, opacity: float) -> np.ndarray:
    """Heat over a photo in grey, the stronger the less of the photo is seen.

    Args:
        photo: uint8 (height, width, 1 or 3).
        shown: heat of the same height and width.
        opacity: 0 to 1, of the strongest places.

    Returns:
        uint8 (height, width, 3).
    """
    grey = photo.mean(axis=-1, keepdims=True)
    part = opacity * shown.strength[..., np.newaxis]
    return np.rint((1 - part) * grey + part * shown.pixels).astype(np.uint8)
