"""Backgrounds: patterns of two colours, and loose forms that belong to no thing."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from .colours import contrasting, random_colour
from .pen import Canvas, Colour, Pen

Pattern = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
"""Makes a mixture of two colours, from 0 to 1, at places ``along`` and ``across`` a random direction, in 0..1."""

STRENGTHS = ((0.25, 0.6), (0.25, 0.6), (0.4, 1.0))
"""How strongly the second colour shows, for clutter 0, 1 and 2."""
MOST_FORMS = (0, 4, 8)
"""How many loose forms there may be, for clutter 0, 1 and 2."""


def _gradient(random: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    return (along - along.min()) / np.ptp(along)


def _bars(random: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    return 0.5 + 0.4 * np.sign(np.sin(_frequency(random) * along))


def _checks(random: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    frequency = _frequency(random)
    return 0.5 + 0.4 * np.sign(np.sin(frequency * along) * np.sin(frequency * across))


def _clouds(random: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    cells = int(random.integers(4, 12))
    coarse = Image.fromarray(random.random((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize(along.shape[::-1], Image.Resampling.BICUBIC), np.float64)


def _waves(random: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.sin(_frequency(random) * along)


def _frequency(random: np.random.Generator) -> float:
    return 2 * math.pi * random.uniform(3, 9)


PATTERNS: dict[str, Pattern] = {
    "gradient": _gradient,
    "bars": _bars,
    "checks": _checks,
    "clouds": _clouds,
    "waves": _waves,
}
"""What makes each kind of background."""


def background(random: np.random.Generator, side: int, clutter: int, main: Colour) -> tuple[np.ndarray, str]:
    """Draw a background whose two colours stand out from the main colour of a thing.

    Returns:
        uint8 (side, side, 3), and the kind of pattern: without clutter always 'gradient'.
    """
    first, second = (
        np.array(contrasting(random, main, least=160, saturation=(0.0, 0.45), value=(0.25, 0.95)), np.float64)
        for _ in range(2)
    )
    kind = list(PATTERNS)[int(random.integers(len(PATTERNS)))] if clutter else "gradient"
    turn = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:side, :side] / side
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    mixture = random.uniform(*STRENGTHS[clutter]) * PATTERNS[kind](random, along, across)
    pixels = first + (second - first) * mixture[..., np.newaxis]
    return pixels.round().clip(0, 255).astype(np.uint8), kind


def scatter_forms(random: np.random.Generator, canvas: Canvas, side: int, clutter: int) -> int:
    """Draw a few discs, squares, triangles and bars anywhere; they belong to the background. Returns how many."""
    count = int(random.integers(0, MOST_FORMS[clutter] + 1))
    for _ in range(count):
        x, y = random.uniform(0, side, 2)
        pen = Pen(canvas, x, y, random.uniform(0.05, 0.13) * side, random.uniform(0, 360))
        colour = random_colour(random, saturation=(0.0, 0.9), value=(0.2, 1.0))
        form = int(random.integers(4))
        if form == 0:
            pen.disc((0, 0), 0.8, colour, "background")
        elif form == 1:
            pen.rectangle(-0.8, -0.8, 0.8, 0.8, colour, "background")
        elif form == 2:
            pen.polygon([(0, -1), (0.9, 0.7), (-0.9, 0.7)], colour, "background")
        else:
            pen.stroke([(-1.5, 0), (1.5, 0)], 0.25, colour, "background")
    return count
