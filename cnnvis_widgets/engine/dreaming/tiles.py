"""Pictures larger than what is computed at once, as tiles of full size that cover every pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

WHOLE = 640 * 640
"""A picture with no more pixels than this is computed whole, where the network leaves the size free."""

SIDE = 512
"""Pixels a side of the tiles of larger ones."""


def tile_size(size: Sequence[int], fixed: Sequence[int | None]) -> tuple[int, ...]:
    """The size of a tile of a picture: all of it if it may be, never more than the network takes."""
    free = max(size) if np.prod(size) <= WHOLE else SIDE
    limits = [free if each is None else each for each in fixed]
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
    image: np.ndarray,
    tile: Sequence[int],
    shift: Sequence[int],
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Apply a function to every tile of a rolled image (1, height, width, channels) and put the results together.

    The image is not really rolled, which would take two more copies of a large one: each tile is gathered.

    Args:
        image: the picture.
        tile: (height, width) of the tiles.
        shift: how far the picture is rolled under the tiles.
        function: tile -> (array of the tile's shape, scores).

    Returns:
        the arrays joined, in the frame of the image, averaged where tiles overlap; and the mean of the scores.
    """
    size = image.shape[1:-1]
    total, scores = np.zeros_like(image), []
    counts = [np.zeros(whole, np.float32) for whole in size]
    for corner in corners(size, tile):
        places = [
            (start + np.arange(side) - moved) % whole
            for start, side, moved, whole in zip(corner, tile, shift, size, strict=True)
        ]
        window = np.ix_(np.arange(len(image)), *places)
        values, score = function(image[window])
        total[window] += values
        scores.append(score)
        for axis, (count, place) in enumerate(zip(counts, places, strict=True)):
            if not any(corner[:axis] + corner[axis + 1 :]):  # each axis once
                count[place] += 1
    for axis, count in enumerate(counts):
        total /= count.reshape([-1 if each == axis else 1 for each in range(len(size))] + [1])
    return total, np.mean(scores, 0)
