"""Draw signals as curves, where a strip of colours would hide their shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .colormaps import DEAD_NUMBER, NUMBERS, palette
from .normalize import ValueRange, centred, rising

WIDTH = 256
"""Shorter signals are stretched by a whole factor to about so many pixels."""

BAND, BANDS = 72, 8
"""The height of one channel of a signal in pixels, and how many channels are drawn with it: more channels are lower."""

_PAPER, _AXIS, _INK = 255, 205, np.array([25, 118, 210], np.uint8)


def areas(strips: np.ndarray, *, signed: bool) -> np.ndarray:
    """Turn strips of colour numbers into areas between zero and the value, in the same colours.

    Args:
        strips: uint8 (maps, any height, length, 1): numbers of a ``colormaps.palette``, equal in each column.
        signed: whether zero is the middle of the palette and not its end.

    Returns:
        uint8 (maps, height, width, 1). Full height stands for the value of full colour.

    Example:
        >>> areas(np.array([1, 254], np.uint8).reshape(1, 1, 2, 1), signed=False)[0, -1, [0, -1], 0].tolist()
        [1, 254]
    """
    numbers = strips[:, 0, :, 0].astype(np.float32)
    numbers = numbers.repeat(max(1, WIDTH // 2 // numbers.shape[1]), axis=1)
    low, high = float(NUMBERS.min()), float(NUMBERS.max())
    zero, height = (float(NUMBERS[128, 0]) if signed else low), max(32, 2 * numbers.shape[1] // 5)
    rows = np.arange(height, dtype=np.float32)[:, np.newaxis]
    value, base = ((high - number) / (high - low) * height for number in (numbers[:, np.newaxis], np.float32(zero)))
    inside = (rows >= np.floor(np.minimum(value, base))) & (rows < np.ceil(np.maximum(value, base)))
    inside |= numbers[:, np.newaxis] == DEAD_NUMBER
    pixels: np.ndarray = np.where(inside, numbers[:, np.newaxis], zero).astype(np.uint8)[..., np.newaxis]
    return pixels


def area_picture(values: ArrayLike, *, limit: float, signed: bool, colours: np.ndarray | None = None) -> np.ndarray:
    """Draw numbers (length,) as areas between zero and the value, in the colours of feature maps.

    Args:
        values: the numbers.
        limit: the value of full colour and height.
        signed: draw in blue and red, above and below the middle.
        colours: another palette, uint8 (256, 3).

    Returns:
        uint8 (height, width, 3).
    """
    fractions = (centred if signed else rising)(np.asarray(values, np.float32), limit)
    strip = NUMBERS[np.rint(255 * fractions).astype(int)].reshape(1, 1, -1, 1)
    entries = palette(signed) if colours is None else colours
    pixels: np.ndarray = entries[areas(strip, signed=signed)[0, ..., 0]]
    return pixels


def signal_picture(signal: ArrayLike, value_range: ValueRange) -> np.ndarray:
    """Draw a signal as a curve for each channel, one below the other, on one scale.

    Args:
        signal: numbers (length, channels).
        value_range: the lowest and the highest value that are expected; values beyond them widen the scale.

    Returns:
        uint8 (height, width, 3): a blue line on white, with a grey line at zero.

    Example:
        >>> signal_picture(np.zeros((64, 2)), (-1, 1)).shape
        (144, 256, 3)
    """
    values = np.asarray(signal, np.float32)
    expected = np.asarray(value_range, np.float32)
    low, high = min(float(values.min()), float(expected.min())), max(float(values.max()), float(expected.max()))
    height = max(12, BAND * min(BANDS, values.shape[1]) // values.shape[1])
    bands = [_band(channel, low, high if high > low else low + 1, height) for channel in values.T]
    return np.concatenate(bands)


def behind_curves(values: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Spread numbers along a signal, (any, length), over the height and width of its ``signal_picture``.

    Example:
        >>> behind_curves(np.array([[1, 2]]), np.zeros((1, 4, 3), np.uint8)).tolist()
        [[1, 1, 2, 2]]
    """
    height, width = curves.shape[:2]
    columns = np.arange(width) * values.shape[1] // width
    return np.broadcast_to(values[0, columns], (height, width))


def projection_curves(images: np.ndarray) -> np.ndarray:
    """Draw the projections of signals, (maps, length, channels), each on a scale of its own with zero in the middle.

    Returns:
        uint8 (maps, height, width, 3).
    """
    limits = np.abs(images).max(axis=(1, 2)).tolist()
    return np.stack([signal_picture(image, (-limit, limit)) for image, limit in zip(images, limits, strict=True)])


def _band(values: np.ndarray, low: float, high: float, height: int) -> np.ndarray:
    """One curve, uint8 (height, width, 3)."""
    factor = max(1, round(WIDTH / len(values)))
    width = factor * len(values)
    at = np.interp(np.arange(width) / factor, np.arange(len(values)), values)
    line = 1 + (high - at) / (high - low) * (height - 3)
    before = np.concatenate([line[:1], line[:-1]])  # a step of the signal is a line from row to row
    rows = np.arange(height)[:, np.newaxis]
    band = np.full((height, width, 3), _PAPER, np.uint8)
    if low <= 0 <= high:
        band[round(1 + high / (high - low) * (height - 3))] = _AXIS
    band[(rows >= np.minimum(line, before) - 0.7) & (rows <= np.maximum(line, before) + 0.7)] = _INK
    return band
