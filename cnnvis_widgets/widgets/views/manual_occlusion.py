"""A grey square that is dragged over the photo, and what the network predicts then, live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t

from ...caches import LRUCache
from ...engine.attribution.occluder import Occluder
from ...errors import FeedError
from ...imaging import encode
from ...imaging.heat import heat
from ...results import Occluded
from ..elements.canvas import PictureCanvas
from ..elements.class_bars import ClassBars, changed_bars
from ..elements.controls import button, caption, column, error_text, side_by_side
from ..elements.shared_layouts import create, set_visible
from ..jobs.newest_request import NewestRequest
from ..state.checked_traits import Checked
from ..state.fed_images import FedImages
from .class_choice import ExplanationTraits

HEADING = "Occlude manually"
NO_FRAME = "Only a picture with height and width has a frame to drag; slide the square over the whole input instead"


def _occluder(state: ExplanationTraits, value: Any) -> tuple[int, ...]:
    box = tuple(map(int, value or ()))
    if box and (len(box) != 4 or min(box[2:]) < 1):
        raise FeedError(f"Expected (left, top, width, height) in pixels, or (). Received: occluder={value!r}.")
    return box


class OcclusionTraits(ExplanationTraits):
    """The square that hides a part of the image.

    Attributes:
        occluder: the manual occluder, (left, top, width, height) in pixels of the image, or () for none.
        square: the side of the square as a part of the image's side.
    """

    occluder = Checked(_occluder, ())
    square = t.Float(1 / 7, min=0.02, max=0.9)


class ManualOcclusion:
    """Follows ``state.occluder``, and writes it when the frame on the photo is dragged.

    Args:
        state: has the square.
        fed_images: the network and its images.
        photo: the canvas with the frame.
        on_screen: whether the view is shown; the frame on the photo belongs to another view if not.

    Attributes:
        widget: the bars, the strongest map and a button that removes the occluder.
        canvas: the strongest map, in the colours of the map without the occluder.
        occluded: the result on the screen.
    """

    def __init__(
        self, state: OcclusionTraits, fed_images: FedImages, photo: PictureCanvas, on_screen: Callable[[], bool]
    ) -> None:
        self._state, self._fed_images, self._photo, self._on_screen = state, fed_images, photo, on_screen
        self.canvas = PictureCanvas(name="occluded", width=300)
        self._caption, self.bars = create(w.HTML), ClassBars(state)
        self.occluded: Occluded | None = None
        self._occluders: LRUCache[Occluder] = LRUCache(1)
        self._request = NewestRequest(self._show, self._fail)
        self._remove = button(
            "Remove the occluder", lambda: setattr(state, "occluder", ()), "Show the whole image again"
        )
        self._map = column(self.canvas, grow="1 1 200px", widest="300px")
        told = column(self._caption, self.bars, self._remove, grow="1 1 220px", widest="340px")
        self.widget = side_by_side(told, self._map)
        self._clear()
        photo.on_drag(self._dragged)
        state.observe(self.update, ["image", "layer", "at_layer", "occluder", "head", "place"])
        state.observe(self._resize, "square")

    @property
    def size(self) -> tuple[int, ...]:
        """The sides of the square in pixels: height and width, or one side for each axis of the image."""
        sides = self._fed_images.images[self._state.image].shape[:-1]
        return tuple(max(1, round(side * self._state.square)) for side in sides)

    def update(self, change: Any = None) -> None:
        """Draw the frame on the photo, and have the network predict, where the view is on the screen."""
        state = self._state
        if not self._on_screen():
            return
        rows, columns = (*self._fed_images.images[state.image].shape[:-1], 1, 1)[:2]
        self._photo.selected = state.occluder or self._around(columns / 2, rows / 2)
        self._photo.drag, self._photo.cover = "move" if self._photo.selected else "", bool(state.occluder)
        set_visible(self._remove, bool(state.occluder))
        if not state.occluder or (change is not None and change["name"] != "occluder"):
            self._clear()  # what is shown is about another image, layer or head
        if state.occluder:
            self._submit(state.occluder)
            return
        words = "Drag the frame on the photo, or move it with the arrow keys"
        self._caption.value = caption([HEADING, words if self._photo.drag else NO_FRAME])

    def leave(self) -> None:
        """Take the square from the photo, which other views draw on."""
        self._photo.selected, self._photo.drag, self._photo.cover = (), "", False

    def _clear(self) -> None:
        self.bars.value, self.occluded = "", None
        set_visible(self._map, False)

    def _submit(self, box: tuple[int, ...]) -> None:
        network, feed, key, layer = self._fed_images.at(self._state.image, self._state.layer)
        followed = layer if self._state.at_layer else None
        asked = self._state.question(None)

        def compute() -> Occluded:
            occluder = self._occluders.get_or_make(
                (network, key, followed, asked),
                lambda: Occluder(network, feed, layer=followed, scores=asked.scores, target=asked.where),
            )
            result: Occluded = occluder.at(box)
            return result

        self._request.submit(compute)

    def _dragged(self, left: int, top: int, width: int, height: int, final: bool) -> None:
        if self._on_screen() and self._photo.drag == "move":
            self._state.occluder = left, top, width, height

    def _around(self, x: float, y: float) -> tuple[int, ...]:
        """The square with its middle at a place of the photo, moved inside; () where the image has no height."""
        if len(self.size) != 2:
            return ()
        (rows, columns), (height, width) = self._fed_images.images[self._state.image].shape[:2], self.size
        left, top = round(x - width / 2), round(y - height / 2)
        return min(max(0, left), columns - width), min(max(0, top), rows - height), width, height

    def _resize(self, change: Any) -> None:
        if not self._state.occluder:
            self.update()
            return
        left, top, width, height = self._state.occluder
        self._state.occluder = self._around(left + width / 2, top + height / 2)

    def _show(self, result: Occluded) -> None:
        if not self._state.occluder:
            return
        self.occluded = result
        left, top, width, height = result.box
        place = f"{width} × {height} pixels hidden at row {top}, column {left}"
        self.bars.value = changed_bars(result.before, result.after)
        if result.maps is None or result.map_before is None or result.map_after is None:
            self._caption.value = caption([HEADING, place])
            return
        before, after = float(result.map_before.sum()), float(result.map_after.sum())
        total = f"total of map {result.channel} of {result.maps.name}: {before:.4g} → {after:.4g}"
        self._caption.value = caption([HEADING, place, total])
        limit = float(np.abs(result.map_before).max()) or 1.0
        signed = bool(min(result.map_before.min(), result.map_after.min()) < 0)
        values = result.map_after.reshape(-1, result.map_after.shape[-1])
        self.canvas.show(encode.screen(heat(values, limit=limit, signed=signed).pixels), f"{place}; {total}")
        set_visible(self._map, True)

    def _fail(self, error: Exception) -> None:
        self.bars.value = error_text(error)
