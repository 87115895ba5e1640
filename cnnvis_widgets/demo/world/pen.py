"""Draw on a picture and, with the same strokes, on a map that tells which part of a thing each pixel shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

PARTS = (
    "background", "body", "roof", "window", "door", "eye", "mouth", "tail", "stripe", "trunk", "crown", "fruit",
    "wheel", "petal", "centre", "leaf", "hull", "mast", "sail", "ear", "nose", "whisker", "wing", "spot", "antenna",
    "rim", "hand", "tick", "watermark",
)  # fmt: skip
"""The names of the parts; the map of parts holds their numbers."""

SUPERSAMPLING = 4
"""How many pixels of the canvas lie along one pixel of the finished picture."""

_CORNERS = 40  # of the polygon that stands for an ellipse

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture in RGB, and its map of parts; both ``SUPERSAMPLING`` times as large as the finished ones."""

    picture: Image.Image
    parts: Image.Image

    @classmethod
    def over(cls, background: np.ndarray) -> Canvas:
        """Start from a background, uint8 (side, side, 3)."""
        size = (background.shape[1] * SUPERSAMPLING, background.shape[0] * SUPERSAMPLING)
        picture = Image.fromarray(background).resize(size, Image.Resampling.BICUBIC)
        return cls(picture, Image.new("L", size))

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the picture, float64 (side, side, 3) in 0..255, and the parts at the centres of its pixels, uint8."""
        middle = SUPERSAMPLING // 2
        parts = np.asarray(self.parts)[middle::SUPERSAMPLING, middle::SUPERSAMPLING]
        return np.asarray(self.picture.reduce(SUPERSAMPLING), np.float64), parts


@dataclass(frozen=True, eq=False)
class Pen:
    """Draws in coordinates of a thing: x to the right and y down, both from -1 to 1.

    Attributes:
        canvas: what is drawn on.
        x, y: the centre of the thing, in pixels of the finished picture.
        size: half the width of the thing, in the same pixels.
        angle: how far the thing is turned clockwise, in degrees.
        flipped: whether left and right are exchanged.
    """

    canvas: Canvas
    x: float
    y: float
    size: float
    angle: float = 0.0
    flipped: bool = False

    def polygon(self, points: Points, colour: Colour, part: str) -> None:
        """Fill a polygon. Whole numbers of canvas pixels make all machines draw the same."""
        turn = math.radians(self.angle)
        rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        mirrored = np.asarray(points, float) * (-1.0 if self.flipped else 1.0, 1.0)
        placed = (self.size * mirrored @ rotation + (self.x, self.y)) * SUPERSAMPLING
        corners = [(int(x), int(y)) for x, y in placed.round()]
        ImageDraw.Draw(self.canvas.picture).polygon(corners, fill=colour)
        ImageDraw.Draw(self.canvas.parts).polygon(corners, fill=PARTS.index(part))

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour, part: str) -> None:
        """Fill a rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour, part)

    def ellipse(
        self, centre: tuple[float, float], radii: tuple[float, float], colour: Colour, part: str, turn: float = 0.0
    ) -> None:
        """Fill an ellipse, turned clockwise by ``turn`` degrees."""
        around = np.linspace(0, 2 * math.pi, _CORNERS, endpoint=False)
        across, down = radii[0] * np.cos(around), radii[1] * np.sin(around)
        cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        x, y = centre[0] + across * cosine - down * sine, centre[1] + across * sine + down * cosine
        self.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), colour, part)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour, part: str) -> None:
        """Fill a disc."""
        self.ellipse(centre, (radius, radius), colour, part)

    def stroke(self, points: Points, width: float, colour: Colour, part: str) -> None:
        """Draw a line through points, with round ends."""
        for (x, y), (next_x, next_y) in pairwise(points):
            length = math.hypot(next_x - x, next_y - y)
            across, down = (y - next_y) / length * width / 2, (next_x - x) / length * width / 2
            corners = [(x + across, y + down), (next_x + across, next_y + down)]
            self.polygon([*corners, (next_x - across, next_y - down), (x - across, y - down)], colour, part)
        for point in points:
            self.disc(point, width / 2, colour, part)
