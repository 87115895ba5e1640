"""The montage of a layer's maps: which channels are on it, where each of them lies, and the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from ...imaging.grid import Grid, enlarge, magnification

PAGE = 256
"""Maps on one page. More maps would be too small to see, and too many bytes for each click."""

SIDE = 1024
"""Montages of large tiles are shrunk to about this many pixels a side."""


class Montage:
    """Tiles of channels in a grid that can be filled a few at a time.

    Args:
        channels: the channel of each tile, in order.
        height, width, colours: shape of the tiles that ``put`` takes; colours is 1 or 3.
        aspect: how much wider than high the montage is, at least; 1 for a square of tiles.
    """

    def __init__(
        self, channels: Sequence[int], height: int, width: int, colours: int = 3, *, aspect: float = 1.0
    ) -> None:
        self.channels = list(channels)
        self.filled: set[int] = set()
        self._place = {channel: place for place, channel in enumerate(self.channels)}
        side = 1 + int(np.sqrt(max(0, len(self.channels) - 1)))
        self._shrink = max(1, ceil(max(height, width) * side / SIDE))
        size = ceil(height / self._shrink), ceil(width / self._shrink)
        blank = np.zeros((len(self.channels), *size, colours), np.uint8)
        self._enlarge = magnification(blank, side=SIDE // 4)
        self._tiles = enlarge(blank, self._enlarge)
        # A single pixel between tiles would come and go where the page shows a large picture smaller.
        gap = max(1, side * max(self._tiles.shape[1:3]) // 300)
        high, wide = self._tiles.shape[1:3]
        across = 0 if aspect == 1.0 else _columns(len(self.channels), aspect * high / wide)
        self._grid = Grid.of(self._tiles, gap=gap, across=across)

    def put(self, channels: Sequence[int], tiles: np.ndarray) -> None:
        """Fill in tiles, uint8 (channels, height, width, colours). Tiles of one colour fit into a montage of three."""
        places = [self._place[channel] for channel in channels]
        self.filled.update(channels)
        self._tiles[places] = enlarge(_shrunk(tiles, self._shrink), self._enlarge)

    @property
    def columns(self) -> int:
        """How many tiles stand in a row."""
        return self._grid.columns

    @property
    def pixels(self) -> np.ndarray:
        """The whole montage, uint8 (h, w, colours), 0 between tiles."""
        return self._grid.montage(self._tiles)

    def box(self, channel: int | None) -> tuple[int, int, int, int] | tuple[()]:
        """(left, top, width, height) of a channel's tile; () where it is not on the montage."""
        if channel not in self._place:
            return ()
        top, left = self._grid.corner(self._place[channel])
        return left, top, self._grid.width, self._grid.height

    def channel_at(self, x: float, y: float) -> int | None:
        """The channel at a place in the picture; None between tiles."""
        tile = self._grid.locate(int(y), int(x))
        return None if tile is None else self.channels[tile[0]]

    def place_at(self, x: float, y: float) -> tuple[int, float, float] | None:
        """The channel at a place in the picture and where in its tile, as fractions down and across."""
        tile = self._grid.locate(int(y), int(x))
        if tile is None:
            return None
        return self.channels[tile[0]], tile[1] / self._grid.height, tile[2] / self._grid.width

    def neighbour(self, channel: int | None, key: str) -> int:
        """The channel that an arrow key, Home or End leads to; at an edge the same channel."""
        last, columns = len(self.channels) - 1, self._grid.columns
        if channel not in self._place:
            return self.channels[0]
        ends = {"Home": 0, "End": last}
        moves = {"ArrowLeft": -1, "ArrowRight": 1, "ArrowUp": -columns, "ArrowDown": columns}
        place = ends[key] if key in ends else self._place[channel] + moves[key]
        return self.channels[place] if 0 <= place <= last else channel


def pages(count: int) -> int:
    """The number of pages that ``count`` maps fill."""
    return max(1, ceil(count / PAGE))


def on_page(page: int, count: int) -> range:
    """The places of the maps on a page."""
    return range(page * PAGE, min(count, (page + 1) * PAGE))


def _shrunk(tiles: np.ndarray, factor: int) -> np.ndarray:
    """Tiles with every ``factor`` x ``factor`` pixels averaged; the last rows and columns are padded by repeating."""
    if factor == 1:
        return tiles
    count, height, width, channels = tiles.shape
    padding = ((0, 0), (0, -height % factor), (0, -width % factor), (0, 0))
    blocks = np.pad(tiles, padding, mode="edge")
    blocks = blocks.reshape(count, ceil(height / factor), factor, ceil(width / factor), factor, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def _columns(count: int, aspect: float) -> int:
    """The fewest columns of ``count`` tiles that are at least ``aspect`` times as many as the rows."""
    fitting = (columns for columns in range(1, count) if columns >= aspect * ceil(count / columns))
    return next(fitting, count)
