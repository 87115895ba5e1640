"""One picture of the world: a thing before a background, drawn from its own streams of random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backgrounds import background, scatter_forms
from .colours import Palette, rgb
from .pen import Canvas, Colour, Pen
from .shapes import SHAPES

FACTORS = np.dtype(
    [
        ("variant", "i4"),
        ("x", "f4"),
        ("y", "f4"),
        ("size", "f4"),
        ("angle", "f4"),
        ("flipped", "?"),
        ("hue", "f4"),
        ("saturation", "f4"),
        ("value", "f4"),
        ("background", "U8"),
        ("forms", "i4"),
        ("noise", "f4"),
        ("tagged", "?"),
    ]
)
"""What was drawn at random for a picture; ``Things`` says what each means."""

_SIZES = (0.24, 0.42)  # half the width of a thing, as a share of the side of the picture
_TURN = 25.0  # degrees to either side
_NOISE = 0.04  # the largest standard deviation, as a share of the range
_TAG = (0.09, 0.91)  # the centre of the watermark, as a share of the side
_TAG_SIZE = 0.06
_TAG_COLOURS: tuple[Colour, Colour] = ((30, 30, 30), (255, 255, 255))
_STREAMS = ("thing", "background", "forms", "tag", "noise")


@dataclass(frozen=True)
class Setting:
    """What all pictures of a set have in common: the seed, the side in pixels, and how cluttered backgrounds are."""

    seed: int
    side: int = 64
    clutter: int = 1

    def stream(self, index: int, name: str) -> np.random.Generator:
        """Random numbers for one concern of one picture, so that no concern disturbs another."""
        return np.random.default_rng((self.seed, index, _STREAMS.index(name)))


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, uint8 (side, side, 3), the number of the part at each pixel, uint8, and a row of ``FACTORS``."""

    image: np.ndarray
    parts: np.ndarray
    factors: tuple[object, ...]


def scene(setting: Setting, index: int, name: str | None, tag: float = 0.0) -> Scene:
    """Draw a picture.

    Args:
        setting: of the set.
        index: of the picture in the set.
        name: of the thing; ``None`` for a background with no thing.
        tag: the probability of a watermark.
    """
    random = setting.stream(index, "thing")
    hsv = random.random(), random.random(), random.uniform(0.15, 1.0)
    behind = setting.stream(index, "background")
    pixels, kind = background(behind, setting.side, setting.clutter, rgb(*hsv))
    canvas = Canvas.over(pixels)
    forms = scatter_forms(setting.stream(index, "forms"), canvas, setting.side, setting.clutter)
    pen, variant = _placed(canvas, random, setting.side), int(random.integers(2))
    if name is not None:
        SHAPES[name](pen, Palette.around(rgb(*hsv), random), random, variant)
    tagged = _tag(setting.stream(index, "tag"), canvas, setting.side, tag)
    image, parts = canvas.finished()
    blur = setting.stream(index, "noise")
    noise = blur.uniform(0, _NOISE)
    noisy = (image + blur.normal(0, 255 * noise, image.shape)).round().clip(0, 255).astype(np.uint8)
    place = pen.x, pen.y, pen.size, pen.angle, pen.flipped
    return Scene(noisy, parts, (variant, *place, *hsv, kind, forms, noise, tagged))


def _placed(canvas: Canvas, random: np.random.Generator, side: int) -> Pen:
    size = random.uniform(*_SIZES) * side
    x, y = random.uniform(size, side - size, 2)
    return Pen(canvas, x, y, size, random.uniform(-_TURN, _TURN), bool(random.random() < 0.5))


def _tag(random: np.random.Generator, canvas: Canvas, side: int, probability: float) -> bool:
    """Draw a white cross on a dark square near the lower left corner, or not."""
    tagged = bool(random.random() < probability)
    if tagged:
        x, y = (side * (place + random.uniform(-0.015, 0.015)) for place in _TAG)
        pen = Pen(canvas, x, y, _TAG_SIZE * side)
        pen.rectangle(-1, -1, 1, 1, _TAG_COLOURS[0], "watermark")
        for end in (-0.55, 0.55):
            pen.stroke([(-0.55, -end), (0.55, end)], 0.4, _TAG_COLOURS[1], "watermark")
    return tagged
