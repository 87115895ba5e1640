"""Insertion, deletion and average drop in plain Python, written from the papers: one image, pixel after pixel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np


def curve(
    image: np.ndarray, other: np.ndarray, importance: np.ndarray, counts: list[int], value_of: Callable[..., float]
) -> list[float]:
    """RISE, section 4.1: the value while the most important pixels of ``image`` are replaced by those of ``other``.

    Deletion begins with the photo, insertion with the canvas.
    """
    pixels = sorted(np.ndindex(importance.shape), key=lambda place: -importance[place])  # stable: row by row
    values = []
    for count in counts:
        changed = image.copy()
        for place in pixels[:count]:
            changed[place] = other[place]
        values.append(value_of(changed))
    return values


def area(fractions: list[float], values: list[float]) -> float:
    """The area under straight lines between the points."""
    pairs = list(zip(fractions, values, strict=True))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(pairs))


def average_drop(before: np.ndarray, after: np.ndarray) -> float:
    """Chattopadhay et al. 2018, section 4.1: percent, over images."""
    return 100 * sum(max(0.0, y - o) / y for y, o in zip(before, after, strict=True)) / len(before)


def increase(before: np.ndarray, after: np.ndarray) -> float:
    """The same section: for how many images the confidence rises, percent."""
    return 100 * sum(y < o for y, o in zip(before, after, strict=True)) / len(before)
