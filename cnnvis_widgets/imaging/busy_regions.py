"""Windows around the visible part of reconstructions: in early layers, a few pixels of many.

Files crop tightly to what a person can see at the brightness of the picture. The explorer crops to squares with a
margin, because it frames them on the photo, and it keeps fainter pixels, because it shows them larger.
"""

from __future__ import annotations

import numpy as np

Box = tuple[int, int, int, int]
"""left, top, width, height in pixels."""

LEAST_SIDE = 11
"""The explorer shows at least this many pixels besides the margin: fewer mean nothing."""
MARGIN = 5
"""Pixels that the explorer adds to the height and to the width."""
NEARLY_ZERO = 0.02
"""The explorer ignores pixels below this fraction of the largest magnitude."""
WORTH_CROPPING = 0.6
"""The explorer shows the whole picture where a square would be a larger fraction of its shorter side."""


def windows(pixels: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Crop tiles to windows of one size, each around the visible part of its tile.

    Args:
        pixels: (tiles, height, width, channels).
        visible: bool (tiles, height, width).

    Returns:
        (tiles, window height, window width, channels). The window fits the largest visible part and has at least one
        pixel.

    Example:
        >>> tiles = np.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
        >>> windows(tiles, np.isin(tiles[..., 0], (5, 6, 31)))[..., 0].tolist()
        [[[5, 6]], [[30, 31]]]
    """
    starts, sides = [], []
    for axis in (1, 2):
        first, extent = _extents(visible, axis)
        sides.append(max(1, int(extent.max())))
        starts.append(_starts(first, extent, sides[-1], visible.shape[axis]))
    corners = zip(pixels, *starts, strict=True)
    return np.stack([tile[y : y + sides[0], x : x + sides[1]] for tile, y, x in corners])


def busy_side(values: np.ndarray) -> int | None:
    """The side of a square that fits the busy part of each reconstruction, with a margin.

    Args:
        values: (channels, height, width, input channels), reconstructions of one layer.

    Returns:
        Pixels; ``None`` where cropping would gain little, or where the values are not pictures.
    """
    if values.ndim != 4 or values.shape[-1] not in (1, 3):
        return None
    busy = _busy(values)
    largest = max(int(_extents(busy, axis)[1].max(initial=0)) for axis in (1, 2))
    side = max(LEAST_SIDE, largest) + MARGIN
    return side if side <= WORTH_CROPPING * min(values.shape[1:3]) else None


def busy_box(values: np.ndarray, side: int) -> Box:
    """The square of that side around the busy part of one reconstruction (height, width, input channels)."""
    busy = _busy(values[np.newaxis])
    top, left = (int(_starts(*_extents(busy, axis), side, busy.shape[axis])[0]) for axis in (1, 2))
    return left, top, side, side


def _busy(values: np.ndarray) -> np.ndarray:
    """Which pixels are not nearly zero: bool (tiles, height, width)."""
    strength = np.abs(values).max(axis=-1)
    return strength > NEARLY_ZERO * strength.max(axis=(1, 2), keepdims=True, initial=0.0)


def _extents(visible: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The first visible line of each tile along an axis, and the lines up to the last one: int (tiles,) each."""
    lines = np.asarray(visible.any(axis=3 - axis))
    first, length = lines.argmax(axis=1), lines.shape[1]
    return first, np.where(lines.any(axis=1), length - lines[:, ::-1].argmax(axis=1) - first, 0)


def _starts(first: np.ndarray, extent: np.ndarray, side: int, length: int) -> np.ndarray:
    """Where windows begin: the visible part in the middle, as far as the border allows."""
    return np.clip(first - (side - extent) // 2, 0, length - side)
