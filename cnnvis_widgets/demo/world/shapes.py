"""The ten things, each drawn of named parts in coordinates from -1 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .colours import Palette, contrasting
from .pen import Pen

Shape = Callable[[Pen, Palette, np.random.Generator, int], None]
"""Draws a thing: the pen, the colours, random numbers for details, and the variant, 0 or 1."""

_SIDES = (-1, 1)


def house(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a wall with two windows and a door (on the right in variant 1) under a roof."""
    pen.rectangle(-0.75, -0.1, 0.75, 0.9, palette.main, "body")
    pen.polygon([(-0.95, -0.1), (0, -0.95), (0.95, -0.1)], palette.second, "roof")
    door, windows = ((-0.15, 0.2), (-0.5, 0.5)) if variant == 0 else ((0.3, 0.65), (-0.47, 0.03))
    pen.rectangle(door[0], 0.3, door[1], 0.9, palette.third, "door")
    for x in windows:
        pen.rectangle(x - 0.17, 0.1, x + 0.17, 0.42, contrasting(random, palette.main), "window")
        pen.stroke([(x, 0.1), (x, 0.42)], 0.06, palette.main, "window")
        pen.stroke([(x - 0.17, 0.26), (x + 0.17, 0.26)], 0.06, palette.main, "window")


def fish(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a body with three or (variant 1) four stripes, two fins and an eye."""
    pen.polygon([(-0.4, 0), (-1, -0.5), (-0.85, 0), (-1, 0.5)], palette.second, "tail")
    pen.polygon([(-0.1, -0.35), (0.1, -0.75), (0.4, -0.3)], palette.second, "tail")
    pen.ellipse((0.15, 0), (0.8, 0.48), palette.main, "body")
    for x in (-0.3, 0.0, 0.3) if variant == 0 else (-0.38, -0.14, 0.1, 0.34):
        half = 0.44 * math.sqrt(1 - ((x - 0.15) / 0.8) ** 2)
        pen.stroke([(x, -half), (x + 0.06, 0), (x, half)], 0.1, palette.second, "stripe")
    pen.disc((0.62, -0.1), 0.14, palette.pale, "eye")
    pen.disc((0.65, -0.1), 0.07, palette.deep, "eye")


def tree(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a trunk under the three tiers of a fir or (variant 1) under a round crown with fruits."""
    pen.rectangle(-0.13, 0.2, 0.13, 0.95, palette.second, "trunk")
    if variant == 0:
        for y, half in ((0.45, 0.75), (0.05, 0.6), (-0.35, 0.45)):
            pen.polygon([(-half, y), (0, y - 0.65), (half, y)], palette.main, "crown")
        return
    for x, y, radius in ((-0.35, 0.05, 0.4), (0.35, 0.05, 0.4), (0, -0.4, 0.45), (0, 0, 0.4)):
        pen.disc((x, y), radius, palette.main, "crown")
    for x, y in ((-0.35, 0), (0.3, 0.1), (0.05, -0.45), (0, -0.05)):
        pen.disc((x, y), 0.09, palette.second, "fruit")


def face(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a disc with two eyes and a mouth that smiles or (variant 1) is sad."""
    pen.disc((0, 0), 0.9, palette.main, "body")
    for side in _SIDES:
        pen.ellipse((0.33 * side, -0.25), (0.17, 0.22), palette.pale, "eye")
        pen.ellipse((0.33 * side + 0.03, -0.22), (0.09, 0.11), palette.deep, "eye")
    middle, bend = (0.15, 0.45) if variant == 0 else (0.85, -0.45)
    angles = [math.pi * (0.15 + 0.7 * step / 8) for step in range(9)]
    mouth = [(0.5 * math.cos(angle), middle + bend * math.sin(angle)) for angle in angles]
    pen.stroke(mouth, 0.13, palette.ink, "mouth")


def car(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a body with two windows (one long one in variant 1) on two wheels."""
    pen.polygon([(-0.55, -0.05), (-0.35, -0.55), (0.3, -0.55), (0.6, -0.05)], palette.main, "body")
    pen.rectangle(-0.98, -0.08, 0.98, 0.4, palette.main, "body")
    glass = contrasting(random, palette.main)
    if variant == 0:
        pen.polygon([(-0.42, -0.08), (-0.28, -0.45), (-0.05, -0.45), (-0.05, -0.08)], glass, "window")
        pen.polygon([(0.05, -0.08), (0.05, -0.45), (0.26, -0.45), (0.45, -0.08)], glass, "window")
    else:
        pen.polygon([(-0.42, -0.08), (-0.28, -0.45), (0.26, -0.45), (0.45, -0.08)], glass, "window")
    for side in _SIDES:
        pen.disc((0.52 * side, 0.42), 0.27, palette.deep, "wheel")
        pen.disc((0.52 * side, 0.42), 0.12, palette.pale, "wheel")


def flower(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw five or (variant 1) seven petals around a centre, on a stalk with a leaf."""
    green = contrasting(random, palette.main, palette.second)
    pen.stroke([(0, 0.1), (0.05, 0.6), (0, 0.98)], 0.13, green, "trunk")
    pen.ellipse((0.25, 0.7), (0.25, 0.1), green, "leaf", turn=-30)
    count, first = (5, 7)[variant], random.uniform(0, 360)
    for petal in range(count):
        turn = first + 360 * petal / count
        x, y = 0.42 * math.cos(math.radians(turn)), 0.42 * math.sin(math.radians(turn))
        pen.ellipse((x, y - 0.3), (0.27, 0.18), palette.main, "petal", turn=turn)
    pen.disc((0, -0.3), 0.22, palette.second, "centre")


def boat(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a hull with a mast and two sails of one colour or (variant 1) of two."""
    pen.stroke([(0, -0.95), (0, 0.4)], 0.09, palette.deep, "mast")
    pen.polygon([(0.08, -0.85), (0.08, 0.2), (0.75, 0.2)], palette.second, "sail")
    pen.polygon([(-0.08, -0.65), (-0.08, 0.2), (-0.6, 0.2)], (palette.second, palette.third)[variant], "sail")
    pen.polygon([(-0.95, 0.35), (0.95, 0.35), (0.6, 0.85), (-0.6, 0.85)], palette.main, "hull")


def cat(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a head with two ears, slit pupils, a nose, and two or (variant 1) three whiskers on each side."""
    for side in _SIDES:
        pen.polygon([(0.8 * side, -0.95), (0.85 * side, -0.1), (0.15 * side, -0.55)], palette.main, "ear")
        pen.polygon([(0.7 * side, -0.72), (0.72 * side, -0.35), (0.38 * side, -0.5)], palette.second, "ear")
    pen.ellipse((0, 0.1), (0.85, 0.75), palette.main, "body")
    for side in _SIDES:
        pen.disc((0.35 * side, -0.05), 0.17, palette.pale, "eye")
        pen.ellipse((0.35 * side, -0.05), (0.06, 0.16), palette.deep, "eye")
    pen.polygon([(-0.1, 0.22), (0.1, 0.22), (0, 0.36)], palette.second, "nose")
    for side in _SIDES:
        for y in ((0.2, 0.4), (0.12, 0.3, 0.48))[variant]:
            pen.stroke([(0.25 * side, 0.33), (0.95 * side, y)], 0.05, palette.ink, "whisker")


def butterfly(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw four wings with a spot each (on the upper ones only in variant 1), a body and two antennae."""
    for side in _SIDES:
        pen.ellipse((0.5 * side, -0.35), (0.5, 0.38), palette.main, "wing", turn=-29 * side)
        pen.ellipse((0.42 * side, 0.4), (0.38, 0.3), palette.second, "wing", turn=34 * side)
        pen.disc((0.55 * side, -0.38), 0.17, palette.third, "spot")
        if variant == 0:
            pen.disc((0.45 * side, 0.42), 0.12, palette.third, "spot")
        pen.stroke([(0, -0.5), (0.25 * side, -0.95)], 0.06, palette.deep, "antenna")
    pen.ellipse((0, 0), (0.1, 0.62), palette.deep, "body")


def clock(pen: Pen, palette: Palette, random: np.random.Generator, variant: int) -> None:
    """Draw a rim, twelve ticks or (variant 1) four, and two hands at a random time."""
    pen.disc((0, 0), 0.92, palette.second, "rim")
    pen.disc((0, 0), 0.74, palette.main, "body")
    count = (12, 4)[variant]
    for tick in range(count):
        x, y = (function(2 * math.pi * tick / count) for function in (math.cos, math.sin))
        pen.stroke([(0.57 * x, 0.57 * y), (0.67 * x, 0.67 * y)], 0.09, palette.ink, "tick")
    for length, width in ((0.55, 0.1), (0.36, 0.14)):
        turn = random.uniform(0, 2 * math.pi)
        pen.stroke([(0, 0), (length * math.cos(turn), length * math.sin(turn))], width, palette.ink, "hand")


SHAPES: dict[str, Shape] = {
    shape.__name__: shape for shape in (house, fish, tree, face, car, flower, boat, cat, butterfly, clock)
}
"""What draws each class, in the order of the labels."""

NAMES = tuple(SHAPES)
"""The ten classes."""
