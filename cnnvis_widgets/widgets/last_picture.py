"""The last picture of an explorer, in the output of its cell, for all who have no kernel.

GitHub, nbviewer, an e-mail and a notebook that is opened again show the outputs that were saved, and a widget is not
among them. So the cell has a second output, a PNG file, which is replaced when something else is on the screen. A page
with a living explorer hides it (``elements/kernel_notice.css``). It is a second output, because a front end that gets
new data for the first one would draw the whole explorer anew.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from io import BytesIO
from itertools import chain
from threading import RLock, Timer
from time import monotonic
from typing import Any
from uuid import uuid4

import ipywidgets as w
import numpy as np
from PIL import Image

from ..outputs.still import Panel, Still, draw_still
from .elements.canvas import PictureCanvas
from .elements.class_bars import rows_in_words
from .input_image.image_pane import ImagePane
from .state.explorer_state import ExplorerState
from .views.view import View

WORDS = "ModelExplorer. Run this cell to explore live; below is the last picture."
"""What stands in place of the explorer where widgets cannot be shown."""

_FOOTER = "The last picture of an explorer. Run its cell again to explore live."
_AT_REST, _AT_WORK = 1.0, 12.0  # seconds from a change to the next picture, and between two
_FOLLOWED = ("running", "progress", "channel", "unit", "page", "image", "method", "target")
_MOST_PANELS, _MOST_NOTES = 6, 3


class LastPicture:
    """Draws what is on the screen, and keeps it in the output of the cell.

    Args:
        state: of the explorer.
        image_pane: has the photo and its classes.
        view: returns the view on the screen.
        network: its name.

    Attributes:
        card: stands beside the views that have one; ``None`` without it.
    """

    def __init__(self, state: ExplorerState, image_pane: ImagePane, view: Callable[[], View], network: str) -> None:
        self._state, self._image_pane, self._view, self._network = state, image_pane, view, network
        self.card: w.Widget | None = None
        self._display = uuid4().hex
        self._lock = RLock()  # never held while a picture is drawn: every change of the state asks for it
        self._drawing = RLock()
        self._timer: Timer | None = None
        self._shown, self._time = b"", 0.0
        self._published = False

    def display(self, widget: dict[str, Any]) -> None:
        """Show the explorer, whose output data is ``widget``, and behind it its picture."""
        shell = _shell()
        publish = shell.display_pub.publish
        publish({**widget, "text/plain": WORDS})
        if getattr(shell, "kernel", None) is None:  # a terminal
            return
        with self._drawing:
            self._shown = self.png()
            publish(_data(self._shown), transient={"display_id": self._display})
        with self._lock:
            if not self._published:
                self._published = True
                self._state.observe(self._refresh_soon, list(_FOLLOWED))
        self._refresh_soon()

    def png(self) -> bytes:
        """What is on the screen, as a PNG file."""
        return draw_still(self._still())

    def flush(self) -> None:
        """Publish what is on the screen now, if it is another picture than the one that was published."""
        with self._drawing:
            with self._lock:
                self._forget_timer()
                if not self._published:
                    return
            picture = self.png()
            with self._lock:
                self._time = monotonic()
                if picture == self._shown or not self._published:
                    return
                self._shown = picture
                transient = {"display_id": self._display}
                _shell().display_pub.publish(_data(picture), transient=transient, update=True)

    def close(self) -> None:
        """Draw no more pictures."""
        with self._lock:
            self._forget_timer()
            if self._published:
                self._state.unobserve(self._refresh_soon, list(_FOLLOWED))
                self._published = False

    def _still(self) -> Still:
        state, image_pane, view = self._state, self._image_pane, self._view()
        name, reason = state.images[state.image], view.unavailable()
        blank = Panel(np.full((224, 224, 3), 245, np.uint8), [name])
        parts = [view.panel, *view.below_photo, *view.side, *filter(None, [self.card if view.has_card else None])]
        panels, notes = ([], [reason]) if reason else _shown_in(parts)
        return Still(
            title=view.title if not state.running else f"{view.title} ({state.status or 'computing'})",
            subtitle=f"{self._network} · {state.labels[state.layer]}",
            photo=_panel(image_pane.canvas, [name]) or blank,
            panels=panels[:_MOST_PANELS],
            bars=rows_in_words(image_pane.latest) if image_pane.latest is not None and state.has_predictions else (),
            notes=[*notes[:_MOST_NOTES], *filter(None, [state.error])],
            footer=_FOOTER,
        )

    def _refresh_soon(self, change: Any = None) -> None:
        with self._lock:
            ended = change is not None and change["name"] == "running" and not change["new"]
            if self._timer is not None and not ended:
                return
            self._forget_timer()
            since = monotonic() - self._time
            wait = max(_AT_REST, _AT_WORK - since) if self._state.running else _AT_REST
            self._timer = Timer(wait, self._flush_in_background)
            self._timer.name, self._timer.daemon = "cnnvis-still", True
            self._timer.start()

    def _flush_in_background(self) -> None:
        if not sys.is_finalizing():
            self.flush()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _data(picture: bytes) -> dict[str, str]:
    return {"image/png": b64encode(picture).decode()}


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython()


def _shown_in(parts: Sequence[w.Widget]) -> tuple[list[Panel], list[str]]:
    """The pictures of a view, the largest first, with the words below them; and all other words."""
    panels: list[Panel] = []
    notes: list[str] = []
    owner: list[str] | None = None  # the words of the picture before
    for widget in chain.from_iterable(map(_visible, parts)):
        if isinstance(widget, PictureCanvas):
            if (found := _panel(widget, [])) is not None:
                owner = []
                panels.append(Panel(found.pixels, owner, found.frame, found.smooth))
        elif isinstance(widget, w.HTML) and widget.value:
            (notes if owner is None else owner).extend(_lines(widget.value))
            owner = None
    return sorted(panels, key=lambda each: -each.pixels.shape[0] * each.pixels.shape[1]), notes


def _visible(widget: w.Widget) -> Iterator[w.Widget]:
    if widget.layout.display == "none" or widget.layout.visibility == "hidden":
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _visible(child)


def _panel(canvas: PictureCanvas, lines: list[str]) -> Panel | None:
    if not canvas.data:
        return None
    pixels = np.asarray(Image.open(BytesIO(canvas.data)).convert("RGB"))
    frame = canvas.selected
    if canvas.cover and len(frame) == 4:
        left, top, width, height = (round(value) for value in frame)
        pixels = pixels.copy()
        pixels[top : top + height, left : left + width] = 128
    return Panel(pixels, lines, frame, canvas.smooth)


def _lines(html: str) -> list[str]:
    """The words of HTML, a line each."""
    parts = re.split(r"<br>|</(?:div|p|li|tr)>", re.sub(r"<style.*?</style>|<svg.*?</svg>", "", html, flags=re.S))
    words = (" ".join(unescape(re.sub(r"<[^>]*>", " ", part)).split()) for part in parts)
    return [line for line in words if line]
