"""Pictures with words below them, for picture files; the explorer writes its own in HTML.

The font is the one in Pillow, which every machine has. It knows European letters only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .grid import Grid

_LINE, _MARGIN, _NARROWEST, _SIZE = 17, 5, 170, 13
_INK, _PAPER = (34, 34, 34), 255


def captioned_grid(tiles: np.ndarray, captions: Sequence[Sequence[str]]) -> np.ndarray:
    """Lay tiles out in a grid, each with lines of words below it.

    Args:
        tiles: uint8 (tiles, height, width, 3).
        captions: lines for each tile; a line that is too long is cut.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> captioned_grid(np.zeros((2, 100, 200, 3), np.uint8), [["one"], ["two", "words"]]).shape
        (144, 408, 3)
    """
    lines = max(map(len, captions))
    count, height, width, _ = tiles.shape
    cell = height + lines * _LINE + 2 * _MARGIN, max(width, _NARROWEST)
    cells = np.full((count, *cell, 3), _PAPER, np.uint8)
    for tile, pixels, caption in zip(cells, tiles, captions, strict=True):
        tile[:height, :width] = pixels
        words = Image.fromarray(tile[height:])
        draw, font = ImageDraw.Draw(words), ImageFont.load_default(_SIZE)
        for row, line in enumerate(caption):
            plain = line.replace("×", "x")  # which the font lacks
            draw.text((_MARGIN, _MARGIN + row * _LINE), shortened(plain, cell[1] - 2 * _MARGIN, draw, font), _INK, font)
        tile[height:] = np.asarray(words)
    picture = Grid.of(cells, gap=8)
    gaps = picture.montage(np.ones((count, *cell, 1), bool))
    return np.where(gaps, picture.montage(cells), np.uint8(_PAPER))


def shortened(words: str, width: float, draw: ImageDraw.ImageDraw, font: Any) -> str:
    """Cut words that are wider than ``width`` pixels, and end them in '…'."""
    if draw.textlength(words, font) <= width:
        return words
    while words and draw.textlength(words + "…", font) > width:
        words = words[:-1]
    return words + "…"
