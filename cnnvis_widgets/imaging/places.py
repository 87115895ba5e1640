"""Draw the results of an occlusion sweep with one pixel for each place of the square."""

from __future__ import annotations

import numpy as np

from .heat import heat

UNKNOWN = 96
"""The grey of places that are not computed yet."""

COLOURS = np.array(
    [[68, 119, 170], [238, 102, 119], [34, 136, 51], [204, 187, 68], [102, 204, 238], [170, 51, 119], [187, 187, 187]],
    np.uint8,
)
"""Colours of the most probable classes, in the order in which the classes appear; the last one is for all others.
People with any colour vision can tell the colours of this scheme, Paul Tol's 'bright', apart."""


def value_map(values: np.ndarray) -> np.ndarray:
    """Draw values (..., columns), NaN where unknown, as uint8 (rows, columns, 3): zero dark, the largest bright."""
    grid = values.reshape(-1, values.shape[-1])
    known = ~np.isnan(grid)
    limit = float(np.abs(grid[known]).max(initial=0.0)) or 1.0
    pixels = heat(grid, limit=limit).pixels
    pixels[~known] = UNKNOWN
    return pixels


def class_map(best: np.ndarray) -> np.ndarray:
    """Draw class numbers (..., columns), -1 where unknown, as uint8 (rows, columns, 3) in ``COLOURS``."""
    grid = best.reshape(-1, best.shape[-1])
    rank = np.full(grid.shape, len(COLOURS) - 1)
    for place, number in enumerate(in_order(best)[: len(COLOURS) - 1]):
        rank[grid == number] = place
    pixels = COLOURS[rank]
    pixels[grid < 0] = UNKNOWN
    return pixels


def in_order(best: np.ndarray) -> list[int]:
    """List the classes in the order in which they appear, row by row, without -1.

    Example:
        >>> in_order(np.array([[7, 7], [-1, 3]]))
        [7, 3]
    """
    numbers, first = np.unique(best[best >= 0], return_index=True)
    return [int(number) for number in numbers[np.argsort(first)]]
