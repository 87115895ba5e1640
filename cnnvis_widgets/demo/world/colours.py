"""Random colours: of a thing, of its parts, and of backgrounds."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from .pen import Colour

Range = tuple[float, float]

_ATTEMPTS = 60
_BRIGHT_SUM = 250  # of red, green and blue: above it, dark details stand out


def rgb(hue: float, saturation: float, value: float) -> Colour:
    """Turn hue, saturation and value, each from 0 to 1, into red, green and blue from 0 to 255."""
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)


def random_colour(random: np.random.Generator, *, saturation: Range = (0.0, 1.0), value: Range = (0.15, 1.0)) -> Colour:
    """Draw a colour of any hue."""
    return rgb(random.random(), random.uniform(*saturation), random.uniform(*value))


def contrasting(
    random: np.random.Generator,
    *others: Colour,
    least: int = 150,
    saturation: Range = (0.0, 1.0),
    value: Range = (0.15, 1.0),
) -> Colour:
    """Draw a colour whose distance from each of the others, the sum over red, green and blue, is at least ``least``.

    Where many attempts fail, the last colour is returned.
    """
    for _ in range(_ATTEMPTS):
        colour = random_colour(random, saturation=saturation, value=value)
        if all(distance(colour, other) >= least for other in others):
            break
    return colour


def distance(first: Colour, second: Colour) -> int:
    """Sum the differences of red, green and blue."""
    return sum(abs(a - b) for a, b in zip(first, second, strict=True))


@dataclass(frozen=True)
class Palette:
    """The colours of one thing. No class has a colour of its own.

    Attributes:
        main: of the largest part.
        second, third: of other large parts; the three differ clearly.
        pale, deep: of eyes, wheels and antennae: a light and a dark colour, in a random order.
        ink: near black or near white, whichever stands out from ``main``.
    """

    main: Colour
    second: Colour
    third: Colour
    pale: Colour
    deep: Colour
    ink: Colour

    @classmethod
    def around(cls, main: Colour, random: np.random.Generator) -> Palette:
        """Draw the other colours to go with a main colour."""
        second = contrasting(random, main)
        third = contrasting(random, main, second)
        pale = random_colour(random, saturation=(0.0, 0.8), value=(0.75, 1.0))
        deep = random_colour(random, value=(0.0, 0.35))
        if random.random() < 0.5:
            pale, deep = deep, pale
        ink = (20, 20, 25) if sum(main) > _BRIGHT_SUM else (245, 245, 240)
        return cls(main, second, third, pale, deep, ink)
