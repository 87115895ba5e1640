"""A grey square that is put on the photo by hand, and what the network says then, live."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...caches import LRUCache
from ...engine.attribution.occlusion import Occluder
from ...imaging import encode
from ...imaging.heat import heat
from ...results import Occluded
from ..elements.canvas import PictureCanvas
from ..elements.class_bars import ClassBars, changed_bars
from ..elements.controls import button, caption, column, side_by_side, text
from ..elements.shared_layouts import made
from ..jobs.newest_request import Live
from ..state.explorer_state import ExplorerState
from ..state.fed_images import Subject

METHOD = "occlusion"
"""The way of looking in which the photo takes the square."""


class ByHand:
    """Follows ``state.occluder``, and writes it when the frame on the photo is dragged.

    Attributes:
        widget: the bars, the strongest map and a button that takes the square away.
        canvas: the strongest map, in the colours of the map without the square.
        occluded: what is shown.
    """

    def __init__(self, state: ExplorerState, subject: Subject, photo: PictureCanvas) -> None:
        self._state, self._subject, self._photo = state, subject, photo
        self.canvas = PictureCanvas(name="occluded", width=300)
        self._caption, self.bars = made(w.HTML), ClassBars(state)
        self.occluded: Occluded | None = None
        self._ready: LRUCache[Occluder] = LRUCache(1)
        self._live = Live(self._show, self._fail)
        lift = button("Take the square away", lambda: setattr(state, "occluder", ()), "Hide nothing by hand")
        self.widget = side_by_side(
            column(self._caption, self.bars, lift, grow="1 1 220px", widest="340px"),
            column(self.canvas, grow="1 1 200px", widest="300px"),
        )
        photo.on_drag(self._dragged)
        state.observe(self._follow, ["method", "image", "layer", "at_layer", "occluder"])
        state.observe(self._resize, "square")
        self._follow()

    @property
    def size(self) -> tuple[int, ...]:
        """The sides of the square in pixels: height and width, or as many axes as the image has."""
        sides = self._subject.images[self._state.image].shape[:-1]
        return tuple(max(1, round(side * self._state.square)) for side in sides)

    def _dragged(self, left: int, top: int, width: int, height: int, final: bool) -> None:
        if self._state.method == METHOD and self._photo.drag == "move":
            self._state.occluder = left, top, width, height

    def _around(self, x: float, y: float) -> tuple[int, ...]:
        """The square whose middle is at a place of the photo, moved inside; () where the image has no height."""
        if len(self.size) != 2:
            return ()
        (high, wide), (height, width) = self._subject.images[self._state.image].shape[:2], self.size
        left, top = round(x - width / 2), round(y - height / 2)
        return min(max(0, left), wide - width), min(max(0, top), high - height), width, height

    def _resize(self, change: Any) -> None:
        if not self._state.occluder:
            self._follow()
            return
        left, top, width, height = self._state.occluder
        self._state.occluder = self._around(left + width / 2, top + height / 2)

    def _follow(self, change: Any = None) -> None:
        state = self._state
        if state.method != METHOD:
            return
        high, wide = (*self._subject.images[state.image].shape[:-1], 1)[:2]
        self._photo.selected = state.occluder or self._around(wide / 2, high / 2)
        self._photo.drag = "move" if self._photo.selected else ""
        if not state.occluder:
            self.bars.value, self.occluded = "", None
            self._caption.value = caption(["By hand", "Drag the frame on the photo, or move it with the arrow keys"])
            return
        network, feed, key, layer = self._subject.where(state.image, state.layer)
        chosen, box = layer if state.at_layer else None, state.occluder

        def compute() -> Occluded:
            ready = self._ready.get_or_make((network, key, chosen), lambda: Occluder(network, feed, layer=chosen))
            found: Occluded = ready.at(box)
            return found

        self._live.ask(compute)

    def _show(self, found: Occluded) -> None:
        if not self._state.occluder:
            return
        self.occluded = found
        left, top, width, height = found.box
        place = f"{width} × {height} pixels hidden at row {top}, column {left}"
        self.bars.value = changed_bars(found.before, found.after)
        if found.maps is None or found.map_before is None or found.map_after is None:
            self._caption.value = caption(["By hand", place])
            return
        before, after = float(found.map_before.sum()), float(found.map_after.sum())
        total = f"total of map {found.channel} of {found.maps.name}: {before:.4g} → {after:.4g}"
        self._caption.value = caption(["By hand", place, total])
        limit = float(np.abs(found.map_before).max()) or 1.0
        signed = bool(min(found.map_before.min(), found.map_after.min()) < 0)
        values = found.map_after.reshape(-1, found.map_after.shape[-1])
        self.canvas.show(encode.screen(heat(values, limit=limit, signed=signed).pixels), f"{place}; {total}")

    def _fail(self, error: Exception) -> None:
        self.bars.value = text(f"{type(error).__name__}: {error}", "error", role="alert")
