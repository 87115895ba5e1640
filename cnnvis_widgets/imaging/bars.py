"""Bars with names, as a picture for files; the page has its own in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HIGH, _MARGIN, _BAR = 480, 34, 10, 8
_INK, _PAPER, _EMPTY, _FULL = (34, 34, 34), (255, 255, 255), (225, 225, 225), (25, 118, 210)


def bar_chart(names: Sequence[str], parts: Sequence[float], before: Sequence[float]) -> np.ndarray:
    """A row for each name: its part as a bar and in percent, and a mark where it was before.

    Pillow's own font is used, which every machine has; it knows European letters only.

    Args:
        names: beside the bars.
        parts, before: 0 to 1.

    Returns:
        uint8 (height, 480, 3).
    """
    canvas = Image.new("RGB", (_WIDTH, 2 * _MARGIN + _HIGH * len(names)), _PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    right = _WIDTH - _MARGIN
    for row, (name, part, was) in enumerate(zip(names, parts, before, strict=True)):
        top = _MARGIN + _HIGH * row
        said = f"{was:.1%} to {part:.1%}"
        length = ceil(draw.textlength(said, font))
        draw.text((right - length, top), said, _INK, font)
        draw.text((_MARGIN, top), _fitting(name, right - length - 2 * _MARGIN, draw, font), _INK, font)
        bar = top + 20, top + 20 + _BAR
        draw.rectangle((_MARGIN, bar[0], right, bar[1]), _EMPTY)
        for share, colour, wide in ((part, _FULL, 0), (was, _INK, 2)):
            end = _MARGIN + share * (right - _MARGIN)
            start = max(_MARGIN, end - wide) if wide else _MARGIN
            draw.rectangle((start, bar[0] - wide, end, bar[1] + wide), colour)
    return np.asarray(canvas)


def _fitting(name: str, width: float, draw: ImageDraw.ImageDraw, font: Any) -> str:
    """The name, cut where it is too long."""
    if draw.textlength(name, font) <= width:
        return name
    while name and draw.textlength(name + "…", font) > width:
        name = name[:-1]
    return name + "…"
