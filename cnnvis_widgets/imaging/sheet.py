"""Several pictures on one sheet, in rows, each under its title."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .captions import lettered

_LINE = 15  # pixels for a title
_GAP = 6


def sheet(rows: Sequence[Sequence[tuple[str, np.ndarray]]], *, height: int = 128) -> Image.Image:
    """Lay titled pictures out in rows on white, for a notebook, which shows the result as it is.

    Args:
        rows: of pairs (title, picture). A picture is uint8 (height, width, 3), (height, width, 1) or (height, width).
        height: of each picture on the sheet, in pixels; smaller ones are enlarged without smoothing.

    Example:
        >>> sheet([[("black", np.zeros((8, 8, 3), np.uint8)), ("white", np.full((8, 16), 255, np.uint8))]]).size
        (402, 149)
    """
    scaled = [[(title, _scaled(pixels, height)) for title, pixels in row] for row in rows]
    widths = [sum(tile.width + _GAP for _, tile in row) + _GAP for row in scaled]
    page = Image.new("RGB", (max(widths), len(rows) * (height + _LINE + _GAP)), "white")
    draw = ImageDraw.Draw(page)
    for place, row in enumerate(scaled):
        left, top = _GAP, place * (height + _LINE + _GAP)
        for title, tile in row:
            title, font = lettered(title, 12)
            draw.text((left, top), title, "black", font)
            page.paste(tile, (left, top + _LINE))
            left += tile.width + _GAP
    return page


def _scaled(pixels: np.ndarray, height: int) -> Image.Image:
    tile = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).convert("RGB")
    width = round(tile.width * height / tile.height)
    return tile.resize((width, height), Image.Resampling.NEAREST)
