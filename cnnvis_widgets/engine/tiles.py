"""Pictures larger than what is computed at once, as tiles of full size that cover every pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

LARGEST = 640
"""Pixels a side that are computed at once where the network leaves the size free."""


def tile_size(size: Sequence[int], fixed: Sequence[int | None]) -> tuple[int, ...]:
    """The size of a tile of a picture: all of it if it may be, never more than the network takes."""
    limits = [LARGEST if each is None else each for each in fixed]
    return tuple(min(side, limit) for side, limit in zip(size, limits, strict=True))


def corners(size: Sequence[int], tile: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Where full tiles begin so that they cover everything, with overlaps spread evenly."""
    starts = []
    for whole, side in zip(size, tile, strict=True):
        count = -(-whole // side)
        starts.append(np.linspace(0, whole - side, count).round().astype(int))
    for corner in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, len(size)):
        yield tuple(int(each) for each in corner)


def averaged(
    image: np.ndarray, tile: Sequence[int], function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Apply a function to every tile of an image (1, height, width, channels) and put the results together.

    Args:
        image: the picture.
        tile: (height, width) of the tiles.
        function: tile -> (array of the tile's shape, scores).

    Returns:
        the arrays joined, averaged where tiles overlap; and the mean of the scores.
    """
    size = image.shape[1:-1]
    total, weight, scores = np.zeros_like(image), np.zeros((1, *size, 1), np.float32), []
    for corner in corners(size, tile):
        window = (slice(None), *(slice(start, start + side) for start, side in zip(corner, tile, strict=True)))
        values, score = function(image[window])
        total[window] += values
        weight[window] += 1
        scores.append(score)
    total /= weight
    return total, np.mean(scores, 0)
