"""One picture of a card with the words below it, or the words in its place."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as w

from ...imaging import encode
from ..elements.canvas import PictureCanvas
from ..elements.controls import button
from ..elements.shared_layouts import create, set_visible
from .figures import Figure

_PHOTOGRAPH = 40_000  # values from which JPEG is smaller and its losses cannot be seen


class FigureView:
    """Shows a ``Figure``.

    Args:
        name: of the canvas, which tells the pictures of an explorer apart.
        on_offer: called with the unit of a figure's offer, when its button is clicked.

    Attributes:
        canvas: the picture.
        offer: the button; visible where the figure offers a unit.
        widget: picture, words and button.
    """

    def __init__(self, name: str, on_offer: Callable[[tuple[int, ...]], None] = lambda unit: None) -> None:
        self.canvas = PictureCanvas(name=name, smooth=True, width=420)
        self._empty, self._words = create(w.HTML), create(w.HTML)
        self._unit: tuple[int, ...] = ()
        self.offer = button("", lambda: on_offer(self._unit), "Tell about this unit, which has something to show")
        set_visible(self.offer, False)
        self.widget = create(w.VBox, layout={"min_width": "0"})
        self._drawn: Figure | None = None
        self.show(Figure("", "", waiting=True))

    @property
    def figure(self) -> Figure | None:
        """What is shown."""
        return self._drawn

    def show(self, figure: Figure) -> None:
        """Show another figure."""
        self._drawn, self._unit = figure, figure.offer
        if figure.pixels is None:
            kind = "cnnvis-waiting" if figure.waiting else "cnnvis-empty"
            self._empty.value = f'<div class="{kind}">{escape(figure.note)}</div>'
            self._words.value = words(figure.title, "")
            first: w.Widget = self._empty
        else:
            pixels = figure.pixels
            data = encode.jpeg(pixels, quality=92) if pixels.size > _PHOTOGRAPH else encode.png(pixels)
            self.canvas.smooth = figure.smooth
            self.canvas.show(data, figure.alt, figure.frame)
            self._words.value = words(figure.title, figure.note)
            first = self.canvas
        place = ", ".join(map(str, figure.offer))
        self.offer.description = f"Show unit ({place})"
        set_visible(self.offer, bool(figure.offer))
        if self.widget.children[:1] != (first,):
            self.widget.children = first, self._words, self.offer


def words(title: str, note: str) -> str:
    """HTML of the two lines below a picture."""
    second = f"<br><span>{escape(note)}</span>" if note else ""
    return f'<div class="cnnvis-figure-words"><b>{escape(title)}</b>{second}</div>' if title else ""
