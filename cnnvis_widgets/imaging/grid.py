"""Lay small pictures out as one, and find the picture that a pixel belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np


@dataclass(frozen=True)
class Grid:
    """The places of ``count`` tiles of one size in a montage, row by row.

    A grid has ``across`` columns, or ceil(sqrt(count)) where that is 0. It has as many rows as columns if it is
    ``square``; otherwise empty rows are left out. Tiles are ``gap`` pixels apart; there is no outer border.

    Example:
        >>> Grid(5, 10, 10).shape
        (21, 32)
    """

    count: int
    height: int
    width: int
    gap: int = 1
    square: bool = False
    across: int = 0

    @classmethod
    def of(cls, tiles: np.ndarray, *, gap: int = 1, square: bool = False, across: int = 0) -> Grid:
        """Make the grid of tiles (count, height, width, channels)."""
        count, height, width, _ = tiles.shape
        return cls(count, height, width, gap=gap, square=square, across=across)

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        if not self.count:
            return 0
        return min(self.across, self.count) or 1 + isqrt(self.count - 1)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return self.columns if self.square or not self.count else ceil(self.count / self.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the montage in pixels."""
        return (
            max(0, self.rows * (self.height + self.gap) - self.gap),
            max(0, self.columns * (self.width + self.gap) - self.gap),
        )

    def corner(self, index: int) -> tuple[int, int]:
        """(y, x) of the top left pixel of a tile."""
        if not 0 <= index < self.count:
            raise IndexError(f"Expected a tile from 0 to {self.count - 1}. Received: index={index}.")
        row, column = divmod(index, self.columns)
        return row * (self.height + self.gap), column * (self.width + self.gap)

    def locate(self, y: int, x: int) -> tuple[int, int, int] | None:
        """Find (tile, y, x inside the tile) of a pixel of the montage; ``None`` on a gap or outside."""
        if y < 0 or x < 0:
            return None
        row, inner_y = divmod(y, self.height + self.gap)
        column, inner_x = divmod(x, self.width + self.gap)
        index = row * self.columns + column
        if column >= self.columns or index >= self.count or inner_y >= self.height or inner_x >= self.width:
            return None
        return index, inner_y, inner_x

    def montage(self, tiles: np.ndarray) -> np.ndarray:
        """Lay tiles (count, height, width, channels) out as one picture with black gaps.

        Returns:
            (height, width, channels) in the dtype of the tiles; ``shape`` is its height and width.

        Raises:
            ValueError: tiles of another number or size.
        """
        if tiles.ndim != 4 or tiles.shape[:3] != (self.count, self.height, self.width):
            expected = f"({self.count}, {self.height}, {self.width}, channels)"
            raise ValueError(f"Expected tiles of shape {expected}. Received: {tiles.shape}.")
        channels = tiles.shape[-1]
        cells = (self.rows, self.height + self.gap, self.columns, self.width + self.gap, channels)
        picture = np.zeros(cells, tiles.dtype)
        whole = self.count // max(1, self.columns)
        filled, last = tiles[: whole * self.columns], tiles[whole * self.columns :]
        rows = filled.reshape(whole, self.columns, self.height, self.width, channels)  # one copy places all tiles
        picture[:whole, : self.height, :, : self.width] = rows.swapaxes(1, 2)
        if len(last):
            picture[whole, : self.height, : len(last), : self.width] = last.swapaxes(0, 1)
        height, width = self.shape
        return picture.reshape(cells[0] * cells[1], cells[2] * cells[3], channels)[:height, :width]


def montage(tiles: np.ndarray, *, gap: int = 1, square: bool = False) -> np.ndarray:
    """Lay tiles (count, height, width, channels) out as one picture; see ``Grid``."""
    return Grid.of(tiles, gap=gap, square=square).montage(tiles)


def enlarge(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Repeat every pixel of (..., height, width, channels) as a block of factor x factor; 1 copies nothing."""
    if factor == 1:
        return pixels
    return pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


def magnification(tiles: np.ndarray, *, side: int = 768, largest: int = 32) -> int:
    """Find the largest factor for ``enlarge`` that keeps a montage of the tiles within side x side.

    It is at least 1, because this package never shrinks a picture, and at most ``largest``.
    """
    grid = Grid.of(tiles, gap=0)
    return max(1, min(largest, side // max(1, *grid.shape)))
