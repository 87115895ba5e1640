"""Draw bars with names for picture files; the explorer draws its own in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from PIL import Image, ImageDraw

from .captions import lettered, shortened

_WIDTH, _HIGH, _MARGIN, _BAR = 480, 34, 10, 8
_INK, _PAPER, _EMPTY, _FULL = (34, 34, 34), (255, 255, 255), (225, 225, 225), (25, 118, 210)


def bar_chart(
    names: Sequence[str], parts: Sequence[float], before: Sequence[float] | None = None, *, percent: bool = True
) -> np.ndarray:
    """Draw a row for each name: a bar, its number, and a mark where the bar ended before.

    Args:
        names: one for each row.
        parts: the lengths of the bars, 0 to 1; without ``percent`` any numbers, of which bars show the size.
        before: the places of the marks, in the same units; ``None`` for bars without marks.
        percent: write numbers as percentages.

    Returns:
        uint8 (height, 480, 3).

    Example:
        >>> bar_chart(["cat", "dog"], [0.7, 0.2], [0.5, 0.4]).shape
        (88, 480, 3)
    """
    canvas = Image.new("RGB", (_WIDTH, 2 * _MARGIN + _HIGH * len(names)), _PAPER)
    draw = ImageDraw.Draw(canvas)
    right = _WIDTH - _MARGIN
    earlier: list[tuple[float, ...]] = [()] * len(parts) if before is None else [(mark,) for mark in before]
    whole = 1.0 if percent else max(map(abs, [*parts, *sum(earlier, ())]), default=0.0) or 1.0
    for row, (name, part, marks) in enumerate(zip(names, parts, earlier, strict=True)):
        top = _MARGIN + _HIGH * row
        numbers = " to ".join(f"{each:.1%}" if percent else f"{each:.4g}" for each in (*marks, part))
        name, font = lettered(name, 14)
        length = ceil(draw.textlength(numbers, font))
        draw.text((right - length, top), numbers, _INK, font)
        draw.text((_MARGIN, top), shortened(name, right - length - 2 * _MARGIN, draw, font), _INK, font)
        bar = top + 20, top + 20 + _BAR
        draw.rectangle((_MARGIN, bar[0], right, bar[1]), _EMPTY)
        for share, colour, wide in ((part, _FULL, 0), *((mark, _INK, 2) for mark in marks)):
            end = _MARGIN + abs(share) / whole * (right - _MARGIN)
            start = max(_MARGIN, end - wide) if wide else _MARGIN
            draw.rectangle((start, bar[0] - wide, end, bar[1] + wide), colour)
    return np.asarray(canvas)
