"""A sheet to draw on, for networks whose images are small and grey."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets as t

from .page_files import page_files

LARGEST = 64
"""The longest side of a sheet in pixels: larger images are not worth drawing by hand."""


class DrawingPad(anywidget.AnyWidget):
    """A sheet with as many pixels as the image input expects, drawn on with mouse, finger or keys. The page sends the
    pixels that it shows.

    Attributes:
        height, width: in pixels.
        paper: 0 for white on black, 255 for black on white.
        pixels: the grey values, row after row; empty before the first stroke.
    """

    _esm = page_files(__file__, "drawing_pad.js")

    height = t.Int().tag(sync=True)
    width = t.Int().tag(sync=True)
    paper = t.Enum((0, 255), 0).tag(sync=True)
    pixels = t.Bytes(b"").tag(sync=True, from_json=lambda value, pad: bytes(value))  # a memoryview comes

    @property
    def drawing(self) -> np.ndarray | None:
        """uint8 (height, width), or None before the first stroke."""
        if len(self.pixels) != self.height * self.width:
            return None
        return np.frombuffer(self.pixels, np.uint8).reshape(self.height, self.width)


def pad_for(picture: np.ndarray) -> DrawingPad | None:
    """A pad with the size and paper of a picture, uint8 (height, width, channels); None for large or coloured ones."""
    shape: Any = picture.shape
    if shape[-1] != 1 or max(shape[:2]) > LARGEST or min(shape[:2]) < 4:
        return None
    return DrawingPad(height=shape[0], width=shape[1], paper=0 if np.median(picture) < 128 else 255)
