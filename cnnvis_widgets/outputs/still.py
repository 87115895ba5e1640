"""One picture of what an explorer shows, for places without a kernel: GitHub, e-mail, print, closed notebooks.

The font is the one in Pillow, which every machine has. It knows European letters only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from ..imaging.captions import lettered, shortened

KEY, VALUE = "cnnvis_widgets", "still"
"""The text chunk right behind the head of the file: pages find the still by its bytes."""

_WIDTH, _MARGIN, _GAP, _LEFT, _MAIN, _SIDE = 1200, 32, 24, 280, 560, 248
_INK, _GREY, _PAPER, _LINE, _BLUE, _EMPTY = (
    (28, 32, 38),
    (96, 104, 114),
    (255, 255, 255),
    (222, 226, 230),
    (25, 118, 210),
    (232, 235, 239),
)
_FRAME = (255, 140, 0)
_HIGHEST = 620
"""Of one picture, in pixels."""


@dataclass(frozen=True)
class Panel:
    """A picture with words below it.

    Attributes:
        pixels: uint8 (height, width, 3).
        lines: the caption; the first line is darker. Long lines are wrapped.
        frame: a part that is framed, (left, top, width, height) in pixels, or ().
        smooth: whether enlarged pixels are blended.
    """

    pixels: np.ndarray
    lines: Sequence[str] = ()
    frame: Sequence[float] = ()
    smooth: bool = False


@dataclass(frozen=True)
class Still:
    """What is drawn.

    Attributes:
        title: what the picture shows, in large letters; ``subtitle``: where, in small ones.
        photo: the image that is fed.
        panels: what the view shows, the main picture first.
        bars: name, share from 0 to 1, and number in words, for each class below the photo.
        notes: lines below the panels.
        footer: the last line.
    """

    title: str
    subtitle: str
    photo: Panel
    panels: Sequence[Panel] = ()
    bars: Sequence[tuple[str, float, str]] = ()
    notes: Sequence[str] = ()
    footer: str = ""


@dataclass
class _Pen:
    """Draws downwards on a sheet that is long enough, and notes how far it got."""

    sheet: Image.Image
    draw: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self.draw = ImageDraw.Draw(self.sheet)

    def text(self, place: tuple[int, int], words: str, size: int, width: int, ink: Any = _INK, lines: int = 1) -> int:
        """Write words in at most so many lines; returns where the next line begins."""
        (words, font), (left, top) = lettered(words, size), place
        rows = _wrapped(words, width, self.draw, font)
        if len(rows) > lines:
            rows = [*rows[: lines - 1], " ".join(rows[lines - 1 :])]
        for row in rows:
            self.draw.text((left, top), shortened(row, width, self.draw, font), ink, font)
            top += round(1.4 * size)
        return top

    def panel(self, panel: Panel, place: tuple[int, int], width: int) -> int:
        """Draw a picture as wide as that, with its caption; returns where it ends."""
        (left, top), (height, across) = place, panel.pixels.shape[:2]
        scale = min(width / across, _HIGHEST / height)
        size = max(1, round(scale * across)), max(1, round(scale * height))
        blended = panel.smooth or scale < 1
        picture = Image.fromarray(panel.pixels).resize(
            size, Image.Resampling.LANCZOS if blended else Image.Resampling.NEAREST
        )
        self.sheet.paste(picture, (left, top))
        if len(panel.frame) == 4:
            x, y, wide, high = (scale * value for value in panel.frame)
            box = left + x, top + y, left + max(x + wide - 1, x + 3), top + max(y + high - 1, y + 3)
            self.draw.rectangle(box, outline=_FRAME, width=3)
        top += size[1] + 8
        for row, line in enumerate(panel.lines):
            top = self.text((left, top), line, 14, width, _GREY if row else _INK, 3)
        return top

    def bars(self, rows: Sequence[tuple[str, float, str]], place: tuple[int, int], width: int) -> int:
        """Draw a bar for each class; returns where they end."""
        left, top = place
        for name, share, number in rows:
            number, font = lettered(number, 14)
            beside = round(self.draw.textlength(number, font))
            self.draw.text((left + width - beside, top), number, _INK, font)
            self.text((left, top), name, 14, width - beside - 12)
            end = left + max(0.0, min(1.0, share)) * width
            self.draw.rectangle((left, top + 20, left + width, top + 25), _EMPTY)
            self.draw.rectangle((left, top + 20, end, top + 25), _BLUE)
            top += 36
        return top


def draw_still(still: Still) -> bytes:
    """Draw a still as a PNG file of 256 colours, 1200 pixels wide: some 100 to 400 kB.

    Example:
        >>> photo = Panel(np.zeros((10, 10, 3), np.uint8), ["a cat"])
        >>> draw_still(Still("Activations", "conv1", photo))[:4]
        b'\\x89PNG'
    """
    pen = _Pen(Image.new("RGB", (_WIDTH, 3000), _PAPER))
    inside = _WIDTH - 2 * _MARGIN
    top = pen.text((_MARGIN, _MARGIN - 6), still.title, 28, inside)
    top = pen.text((_MARGIN, top), still.subtitle, 16, inside, _GREY) + 8
    pen.draw.line((_MARGIN, top, _MARGIN + inside, top), _LINE)
    top += 18
    left_end = pen.panel(still.photo, (_MARGIN, top), _LEFT)
    left_end = pen.bars(still.bars, (_MARGIN, left_end + 10), _LEFT)
    right = _MARGIN + _LEFT + _GAP
    right_end = _panels(pen, still.panels, (right, top))
    for note in still.notes:
        right_end = pen.text((right, right_end + 6), note, 14, inside - _LEFT - _GAP, _GREY, 3)
    end = max(left_end, right_end) + 12
    pen.draw.line((_MARGIN, end, _MARGIN + inside, end), _LINE)
    end = pen.text((_MARGIN, end + 12), still.footer, 14, inside, _GREY) + _MARGIN // 2
    return _encoded(pen.sheet.crop((0, 0, _WIDTH, end)))


def _panels(pen: _Pen, panels: Sequence[Panel], place: tuple[int, int]) -> int:
    """One picture alone, a main one with up to two at its side, or a grid of many; returns where they end."""
    left, top = place
    whole = _MAIN + _GAP + _SIDE
    if len(panels) == 1:
        return pen.panel(panels[0], place, whole)
    if len(panels) <= 3:
        ends = [pen.panel(panel, place, _MAIN) for panel in panels[:1]]
        for panel in panels[1:]:
            top = pen.panel(panel, (left + _MAIN + _GAP, top), _SIDE) + _GAP
        return max([*ends, top])
    columns = 3 if len(panels) > 4 else 2
    width = (whole - (columns - 1) * _GAP) // columns
    for start in range(0, len(panels), columns):
        row = enumerate(panels[start : start + columns])
        top = max(pen.panel(panel, (left + at * (width + _GAP), top), width) for at, panel in row) + _GAP
    return top


def _wrapped(words: str, width: int, draw: ImageDraw.ImageDraw, font: Any) -> list[str]:
    parts = words.split(" ")
    breaks, line = [0], ""
    for place, part in enumerate(parts):
        longer = f"{line} {part}".strip()
        if line and draw.textlength(longer, font) > width:
            breaks.append(place)
            longer = part
        line = longer
    return [" ".join(parts[start:stop]) for start, stop in pairwise([*breaks, len(parts)])]


def _encoded(sheet: Image.Image) -> bytes:
    """A PNG file of 256 colours that suit the sheet, dithered, its paper left white; its text chunk comes first."""
    pixels = np.asarray(sheet)
    paper = (pixels == 255).all(axis=-1)
    inked = pixels[~paper]
    sample = inked[:: max(1, len(inked) // 60_000)]  # the paper would take half of the colours
    colours = Image.fromarray(sample[np.newaxis]).quantize(255, Image.Quantize.MEDIANCUT)
    indexed = sheet.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG)
    picture = Image.fromarray(np.where(paper, np.uint8(255), np.asarray(indexed)), "P")
    palette = (colours.getpalette() or [])[: 3 * 255]  # shorter where there are fewer colours
    picture.putpalette([*palette, *[0] * (3 * 255 - len(palette)), *_PAPER])
    text, file = PngInfo(), BytesIO()
    text.add_text(KEY, VALUE)
    picture.save(file, "PNG", pnginfo=text, compress_level=6)
    return file.getvalue()
