"""A sheet to draw on, for small grey networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets as t

LARGEST = 64
"""Images with a longer side are not drawn by hand."""


class DrawingPad(anywidget.AnyWidget):
    """As many pixels as the network eats, drawn on with mouse, finger or keys: what is seen is what is sent.

    Attributes:
        height, width: in pixels.
        paper: 0 for white on black, 255 for black on white.
        pixels: the greys, row after row; empty while nothing was drawn.
    """

    _esm = Path(__file__).with_name("drawing_pad.js")

    height = t.Int().tag(sync=True)
    width = t.Int().tag(sync=True)
    paper = t.Enum((0, 255), 0).tag(sync=True)
    pixels = t.Bytes(b"").tag(sync=True, from_json=lambda value, pad: bytes(value))  # it comes as a memoryview

    @property
    def drawn(self) -> np.ndarray | None:
        """uint8 (height, width), or None while nothing was drawn."""
        if len(self.pixels) != self.height * self.width:
            return None
        return np.frombuffer(self.pixels, np.uint8).reshape(self.height, self.width)


def pad_for(picture: np.ndarray) -> DrawingPad | None:
    """A pad of the size and paper of a picture, uint8 (height, width, channels); None for large or coloured ones."""
    shape: Any = picture.shape
    if shape[-1] != 1 or max(shape[:2]) > LARGEST or min(shape[:2]) < 4:
        return None
    return DrawingPad(height=shape[0], width=shape[1], paper=0 if np.median(picture) < 128 else 255)
