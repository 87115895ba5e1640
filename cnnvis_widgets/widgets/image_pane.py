"""The photo as it is fed, beside every way of looking."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from ..imaging import encode
from ..imaging.render import picture
from .canvas import PictureCanvas
from .controls import column, dropdown, text
from .state import ExplorerState
from .subject import Subject


class ImagePane:
    """Chooses an image and shows it; other parts draw frames on ``canvas`` and listen to its clicks.

    Attributes:
        canvas: the photo; a place on it is in pixels of the image as fed.
        widget: the whole pane.
    """

    def __init__(self, state: ExplorerState, subject: Subject) -> None:
        self._state, self._subject = state, subject
        self.canvas = PictureCanvas(name="photo", smooth=True, width=360)
        self._caption = w.HTML()
        self._menu = dropdown(state, "image", "Image", _numbered(state.images), "auto")
        self.widget = column(self._menu, self.canvas, self._caption, grow="1 1 200px", widest="330px")
        state.observe(self._draw, "image")
        self._draw()

    def _draw(self, change: Any = None) -> None:
        name = self._state.images[self._state.image]
        pixels = picture(self._subject.images[self._state.image], self._subject.value_range)
        height, width = pixels.shape[:2]
        self.canvas.show(encode.png(pixels), f"The image as fed: {name}, {height} × {width} pixels")
        self._caption.value = text(f"{name}, as fed: {height} × {width}", "caption")


def _numbered(names: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, index) for index, name in enumerate(names)]
