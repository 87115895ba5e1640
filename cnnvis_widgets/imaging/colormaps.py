"""Colour tables, uint8 (256, 3), interpolated between published control points.

``SEQUENTIAL`` is viridis by Nathaniel Smith and Stéfan van der Walt (CC0). Its lightness grows evenly, so that equal
steps of activation look equal, also in print and to colour-blind people. ``DIVERGING`` is RdBu by Cynthia Brewer
(ColorBrewer, colorbrewer2.org) in reverse: blue is negative, near-white is zero, red is positive.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_VIRIDIS = "440154 482878 3e4a89 31688e 26828e 1f9e89 35b779 6dcd59 b4de2c fde725"
_MAGMA = "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf"
_BLUE_TO_RED = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f"


def _table(points: str) -> np.ndarray:
    colours = np.array([list(bytes.fromhex(point)) for point in points.split()])
    where = np.linspace(0, len(colours) - 1, 256)
    channels = [np.interp(where, np.arange(len(colours)), colours[:, channel]) for channel in range(3)]
    table = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    table.setflags(write=False)
    return table


SEQUENTIAL = _table(_VIRIDIS)
MAGMA = _table(_MAGMA)
"""Magma by Nathaniel Smith and Stéfan van der Walt (CC0): from black, so that what is silent stands back."""
DIVERGING = _table(_BLUE_TO_RED)
GREY = _table("000000 ffffff")[:, :1]
"""Brightness only, uint8 (256, 1): a picture in this table keeps a single channel."""

DEAD = 110
"""The grey of maps without any activation; no value has this colour."""
GAP_NUMBER, DEAD_NUMBER = 0, 255
"""The entries of a ``palette`` that stand for no value: gaps between maps, and maps without any activation."""
NUMBERS = np.clip(np.arange(256), GAP_NUMBER + 1, DEAD_NUMBER - 1).astype(np.uint8)[:, np.newaxis]
"""The entry of a ``palette`` for each of 256 levels, uint8 (256, 1). The two ends move by one level."""


COLOURS: Mapping[str, np.ndarray] = {"magma": MAGMA, "viridis": SEQUENTIAL, "grey": GREY.repeat(3, axis=1)}
"""Tables for maps without negative values, by name."""


def palette(signed: bool, colours: str = "viridis", gamma: float = 1.0) -> np.ndarray:
    """The colours of a picture of colour numbers, uint8 (256, 3): a table, with black for gaps and ``DEAD``.

    Args:
        signed: whether zero is in the middle; the table is ``DIVERGING`` then.
        colours: a key of ``COLOURS``, for values without a sign.
        gamma: the exponent of the size of a value; below 1 weak values are brighter.

    Example:
        >>> palette(False, gamma=0.5)[64].tolist() == palette(False)[128].tolist()
        True
    """
    fractions = np.arange(256) / 255.0
    if signed:
        fractions = 2.0 * fractions - 1.0
        fractions = (1.0 + np.sign(fractions) * np.abs(fractions) ** gamma) / 2.0
    else:
        fractions = fractions**gamma
    entries = apply(fractions, DIVERGING if signed else COLOURS[colours])
    entries[GAP_NUMBER], entries[DEAD_NUMBER] = 0, DEAD
    return entries


def apply(fractions: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up the colours of fractions 0 to 1: (...) -> uint8 (..., 3), or (..., 1) for ``GREY``.

    Example:
        >>> apply(np.array([0.0, 1.0]), GREY).tolist()
        [[0], [255]]
    """
    levels = np.rint(255.0 * fractions).astype(np.uint8)
    return levels[..., np.newaxis] if table is GREY else table[levels]  # a level of grey is its own colour
