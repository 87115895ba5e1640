"""The places that values belong to, as numbers: of which image, and which place of a grid laid over it.

Reshapes, windows and rolls move values around. If each value carries the number of its place, the numbers tell where
everything is, whatever the ops in between: a token of a transformer knows its place in the photo, and a class token
that it has none. Numbers are arrays of the shape of a tensor. Axes along which they do not change take no memory,
since such arrays are views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

Places = np.ndarray
"""int64, of the shape of a tensor: ``image * SPAN + place``, with place 0 for none; ``NOWHERE`` for no image either."""

SPAN = 2**32
NOWHERE = -1


@dataclass(frozen=True)
class Grid:
    """Places laid over an image, or one token without a place in it.

    Attributes:
        shape: of the grid, such as (height, width); () for a single token, such as a class token.
        first: the number of its first place; the others follow in row-major order.
    """

    shape: tuple[int, ...]
    first: int

    @property
    def numbers(self) -> range:
        """The numbers of all its places."""
        return range(self.first, self.first + prod(self.shape))


@dataclass
class Grids:
    """All grids of one network. Grids of the same shape are one: a feature map and what is added to it."""

    all: list[Grid] = field(default_factory=list)

    def of_shape(self, shape: Sequence[int]) -> Grid:
        """Return the grid of a shape."""
        known = next((grid for grid in self.all if grid.shape == tuple(shape) and grid.shape), None)
        return known or self._add(tuple(shape))

    def single(self) -> Grid:
        """Return a new token without a place in the image."""
        return self._add(())

    def holding(self, number: int) -> Grid:
        """Return the grid that a place belongs to."""
        return next(grid for grid in self.all if number in grid.numbers)

    def _add(self, shape: tuple[int, ...]) -> Grid:
        first = self.all[-1].numbers.stop if self.all else 1
        self.all.append(Grid(shape, first))
        return self.all[-1]


def place_of(places: Places) -> Places:
    """Return the places without their images; 0 for none."""
    return np.where(places < 0, 0, places % SPAN)


def nowhere(shape: Sequence[int]) -> Places:
    """Return places of values that belong to no image."""
    return np.broadcast_to(np.int64(NOWHERE), tuple(shape))


def all_of(grid: Grid, images: int) -> Places:
    """Return the places of a grid in each image: (images, *grid)."""
    numbers = np.arange(grid.numbers.start, grid.numbers.stop, dtype=np.int64).reshape(grid.shape)
    return numbers + np.arange(images, dtype=np.int64).reshape(-1, *(1,) * len(grid.shape)) * SPAN


def compact(places: Places) -> Places:
    """Return the places with one element along each axis where they do not change, as far as that costs nothing."""
    index = (slice(0, 1) if stride == 0 else slice(None) for stride in places.strides)
    return places[tuple(index)]


def joined(first: Places, second: Places) -> Places:
    """Return the places of values that are computed from two; those with no place yield, and two places give none."""
    a, b = np.broadcast_arrays(compact(first), compact(second))
    in_a, in_b = place_of(a), place_of(b)
    image = np.where(a // SPAN == b // SPAN, a // SPAN * SPAN, NOWHERE)
    image = np.where(a < 0, b, np.where(b < 0, a, image))  # what belongs to no image yields, too
    both = np.where(a == b, a, image)
    found = np.where(in_a == 0, np.where(in_b == 0, image, b), np.where(in_b == 0, a, both))
    return np.broadcast_to(found, np.broadcast_shapes(first.shape, second.shape))


def reduced(places: Places, axes: Sequence[int], grids: Grids | None = None) -> Places:
    """Return the places of values that are computed from all values along some axes, which stay with length 1.

    Args:
        places: of the values.
        axes: those that are reduced.
        grids: of the network: if values of whole blocks of a grid come together, such as the pixels of a patch, the
            blocks are places of a coarser grid. Without ``grids`` such values have no place.
    """
    whole, axes = compact(places), tuple(axes)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(places.shape))
    inside = place_of(whole)
    highest = np.where(inside > 0, whole, NOWHERE).max(axis=axes, keepdims=True)
    lowest = np.where(inside > 0, whole, np.iinfo(np.int64).max).min(axis=axes, keepdims=True)
    images = np.where(whole < 0, NOWHERE, whole // SPAN)
    most = images.max(axis=axes, keepdims=True)
    least = np.where(images < 0, most, images).min(axis=axes, keepdims=True)
    image = np.where((most < 0) | (least != most), NOWHERE, most * SPAN)
    conflict = (highest >= 0) & (highest != lowest)
    found = np.where((highest >= 0) & ~conflict, highest, image)
    if grids is not None and conflict.any():
        blocks = _blocks(whole, axes, image, grids)
        found = found if blocks is None else np.where(conflict, blocks, found)
    return np.broadcast_to(found, kept)


def _blocks(places: Places, axes: tuple[int, ...], image: Places, grids: Grids) -> Places | None:
    """Return the places of blocks in a coarser grid; ``None`` where the blocks do not tile a grid."""
    inside = place_of(places)
    if (inside == 0).any() or (image < 0).any():
        return None
    grid = grids.holding(int(inside.flat[0]))
    if inside.min() < grid.first or inside.max() >= grid.numbers.stop:
        return None
    coordinates = np.unravel_index(inside - grid.first, grid.shape)
    firsts = [axis.min(axis=axes, keepdims=True) for axis in coordinates]
    sizes = [
        np.unique(axis.max(axis=axes, keepdims=True) - first + 1)
        for axis, first in zip(coordinates, firsts, strict=True)
    ]
    if any(len(size) != 1 for size in sizes):
        return None
    block = [int(size[0]) for size in sizes]
    tiled = all(
        side % size == 0 and not (first % size).any()
        for side, size, first in zip(grid.shape, block, firsts, strict=True)
    )
    coarse = tuple(side // size for side, size in zip(grid.shape, block, strict=True))
    if not tiled or prod(coarse) < 2:
        return None
    rows = [first // size for first, size in zip(firsts, block, strict=True)]
    numbers = np.ravel_multi_index(rows, coarse)
    if len(np.unique(numbers)) != prod(coarse):
        return None
    return image + grids.of_shape(coarse).first + numbers
