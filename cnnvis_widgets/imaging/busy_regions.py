"""Where in a reconstruction there is anything to see: in early layers a few pixels of many."""

from __future__ import annotations

import numpy as np

Box = tuple[int, int, int, int]
"""left, top, width, height in pixels."""

LEAST_SIDE = 11
"""Nothing is cropped to less than about this many pixels: a few alone mean nothing."""

MARGIN = 5
NEARLY_ZERO = 0.02
"""Of the largest magnitude."""


def busy_side(values: np.ndarray) -> int | None:
    """The side of a square around all that is not nearly zero, with a margin.

    Args:
        values: (channels, h, w, input channels), reconstructions of one layer; the square fits each.

    Returns:
        None where cropping would not gain much, or where the values are not pictures.
    """
    if values.ndim != 4 or values.shape[-1] not in (1, 3):
        return None
    extents = [np.ptp(axis) for each in values for axis in _busy(each) if axis.size]
    side = max([LEAST_SIDE, *map(int, extents)]) + MARGIN
    return side if side <= 0.6 * min(values.shape[1:3]) else None


def busy_box(values: np.ndarray, side: int) -> Box:
    """The square of that side around the busy part of one reconstruction (h, w, input channels)."""
    top, left = (
        int(np.clip((axis.min() + axis.max() - side) // 2, 0, size - side)) if axis.size else 0
        for axis, size in zip(_busy(values), values.shape[:2], strict=True)
    )
    return left, top, side, side


def _busy(values: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows and columns of the pixels that are not nearly zero."""
    strength = np.abs(values).max(axis=-1)
    return np.nonzero(strength > NEARLY_ZERO * strength.max())
