"""Curves of one variable as a picture, with axes and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from .captions import lettered

_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
_LEFT, _TOP, _RIGHT, _BOTTOM = 42, 20, 80, 34  # margins in pixels
_FONT = 11


def line_plot(
    x: Sequence[float],
    values: Mapping[str, Sequence[float]],
    *,
    title: str,
    label: str,
    size: tuple[int, int] = (200, 330),
) -> np.ndarray:
    """Draw curves over a common axis.

    Args:
        x: the places on the axis, in any order.
        values: of each curve at these places, by name; the axis runs from 0 or the lowest value to the highest.
        title: above the picture.
        label: of the axis.
        size: (height, width) of the picture, in pixels. It becomes wider where names need more room.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> line_plot([0, 1, 2], {"squares": [0, 1, 4]}, title="A parabola", label="x").shape
        (200, 330, 3)
    """
    order = sorted(range(len(x)), key=lambda index: x[index])
    x, values = [x[index] for index in order], {name: [each[i] for i in order] for name, each in values.items()}
    names = [lettered(name, _FONT) for name in values]
    height, right = size[0], size[1] - _RIGHT
    width = max(size[1], right + 10 + max(int(font.getlength(words)) for words, font in names))
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    low, high = min(0.0, *map(min, values.values())), max(map(max, values.values()))
    bottom = height - _BOTTOM

    def place(at: float, value: float) -> tuple[float, float]:
        across = (at - x[0]) / ((x[-1] - x[0]) or 1.0)
        return _LEFT + across * (right - _LEFT), bottom - (value - low) / ((high - low) or 1.0) * (bottom - _TOP)

    def write(at: tuple[float, float], words: str, anchor: str = "la", colour: str = "black") -> None:
        words, font = lettered(words, _FONT)
        draw.text(at, words, colour, font, anchor=anchor)

    draw.rectangle((_LEFT, _TOP, right, bottom), outline="#999999")
    for value in (low, high):
        write((_LEFT - 4, place(x[0], value)[1]), f"{value:.2g}", "rm")
    for at in (x[0], x[len(x) // 2], x[-1]):
        write((place(at, low)[0], bottom + 3), f"{at:g}", "ma")
    write((_LEFT, 3), title)
    write(((_LEFT + right) / 2, height - 3), label, "md")
    for index, (name, curve) in enumerate(values.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        draw.line([place(at, value) for at, value in zip(x, curve, strict=True)], colour, 2)
        write((right + 5, _TOP + 15 * index), name, colour=colour)
    return np.asarray(page)
