"""Words in pictures and below them, for picture files; the explorer writes its own in HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .grid import Grid

SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "arial.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "PingFang.ttc",
)
"""Fonts of Linux, Windows and macOS, in the order in which they are tried."""

_SPELLED = str.maketrans({"×": "x", "→": ">", "−": "-", "–": "-", "—": "-", "≥": ">", "≤": "<", "✓": "+", "⚠": "!"})

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
        draw = ImageDraw.Draw(words)
        for row, line in enumerate(caption):
            line, font = lettered(line, _SIZE)
            draw.text((_MARGIN, _MARGIN + row * _LINE), shortened(line, cell[1] - 2 * _MARGIN, draw, font), _INK, font)
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


def lettered(words: str, size: int) -> tuple[str, Any]:
    """Choose a font that has the letters of some words.

    Args:
        words: to be drawn.
        size: of the font, in pixels.

    Returns:
        The words and the font. Where no font of the machine has all letters, those that are missing lose their accents,
        or become question marks.

    Example:
        >>> lettered("5 × 5", 12)[0]
        '5 x 5'
    """
    words = words.translate(_SPELLED)
    own = ImageFont.load_default(size)
    if words.isascii() or not _missing(words, own):
        return words, own
    for name in SYSTEM_FONTS:
        font = _system_font(name, size)
        if font is not None and not _missing(words, font):
            return words, font
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", words) if not unicodedata.combining(letter))
    missing = _missing(plain, own)
    return "".join("?" if letter in missing else letter for letter in plain), own


def _missing(words: str, font: Any) -> set[str]:
    """The letters of which a font has no picture."""
    nothing = bytes(font.getmask("\uffff"))
    return {letter for letter in set(words) if bytes(font.getmask(letter)) == nothing}


@cache
def _system_font(name: str, size: int) -> Any:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
