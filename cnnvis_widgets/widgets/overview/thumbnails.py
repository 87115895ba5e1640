"""Small pictures of maps, all of them in one picture (a sprite), so that the page gets and decodes a single one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ...imaging import colormaps

SIDE = 48
"""The longer side of a thumbnail in pixels."""
COLUMNS = 12
"""Thumbnails beside each other in a sprite."""
LOWEST, HIGHEST, GAMMA = 2.0, 99.3, 0.8
"""Percentiles of a map that become the dark and the bright end, and the exponent between them: they show most of most
maps, without a few strong pixels that would leave everything else dark."""
POINTS, BARS = 40, 12
"""How many numbers stand for a signal, and for the units of a dense layer."""

Drawing = tuple[str, list[float]]
"""'line' or 'bars', and numbers from 0 to 1."""


def tile_size(shape: Sequence[int]) -> tuple[int, int]:
    """Height and width of all thumbnails of a network whose images have this shape; square where they have no sides.

    Example:
        >>> tile_size((224, 224, 3)), tile_size((100, 200, 3)), tile_size((784,))
        ((48, 48), (24, 48), (48, 48))
    """
    sides = [side for side in shape[-3:-1] if side] if len(shape) > 2 else []
    if len(sides) != 2:
        return SIDE, SIDE
    height, width = sides
    ratio = min(2.0, max(0.5, height / width))
    return (SIDE, round(SIDE / ratio)) if ratio > 1 else (round(SIDE * ratio), SIDE)


def thumbnail(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Draw a map as a thumbnail in the colours of magma, on a scale of its own.

    Args:
        values: float32 (height, width).
        size: height and width of the thumbnail.

    Returns:
        uint8 (height, width, 3). A map of one value is dark.

    Example:
        >>> thumbnail(np.eye(4, dtype=np.float32), (8, 8)).shape
        (8, 8, 3)
    """
    small = resized(values, size)
    low, high = np.percentile(small, [LOWEST, HIGHEST])
    spread = float(high - low)
    if spread <= 1e-12 * max(1.0, abs(float(high))):
        low, spread = float(small.min()), float(np.ptp(small))  # a single bright pixel
    fractions = np.clip((small - low) / spread, 0.0, 1.0) if spread > 0 else np.zeros_like(small)
    return np.asarray(colormaps.apply(fractions**GAMMA, colormaps.MAGMA))


def resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map at another size: means of the pixels that fall together, or each pixel repeated."""
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))  # mode F
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BOX), np.float32)


def photo_thumbnail(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A photo, uint8 (height, width, 1 or 3), as a thumbnail uint8 (height, width, 3)."""
    coloured = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
    picture = Image.fromarray(np.ascontiguousarray(coloured))
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BOX))


def drawing(values: np.ndarray, *, signal: bool) -> Drawing:
    """A signal as a line of a few points, or the units of a dense layer as a few bars; each shows the largest of many.

    Args:
        values: float32 (length,) or (units,).
        signal: whether their order means something.

    Example:
        >>> drawing(np.array([0, 1, 2], np.float32), signal=False)
        ('bars', [0.0, 0.5, 1.0])
    """
    count = POINTS if signal else BARS
    parts = np.array_split(values, min(count, len(values))) if len(values) else []
    if signal:
        numbers = np.array([part[np.abs(part).argmax()] for part in parts])
        low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=0.0))
        return "line", _rounded((numbers - low) / ((high - low) or 1.0))
    numbers = np.array([np.abs(part).max() for part in parts])
    return "bars", _rounded(numbers / (numbers.max(initial=0.0) or 1.0))


def _rounded(numbers: np.ndarray) -> list[float]:
    return [round(float(number), 3) for number in numbers]


def sprite(tiles: np.ndarray) -> np.ndarray:
    """Lay thumbnails, uint8 (count, height, width, 3), out in rows of ``COLUMNS``; empty places are black."""
    count, height, width, colours = tiles.shape
    rows = -(-count // COLUMNS)
    padded = np.zeros((rows * COLUMNS, height, width, colours), np.uint8)
    padded[:count] = tiles
    arranged = padded.reshape(rows, COLUMNS, height, width, colours).swapaxes(1, 2)
    return arranged.reshape(rows * height, COLUMNS * width, colours)
