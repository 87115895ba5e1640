"""From a place of the photo to the units of the layer that see it: the receptive field, inverted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import numpy as np

from ..elements.canvas import ARROWS, PictureCanvas
from ..elements.controls import column, error_text, refill, text
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..jobs.newest_request import NewestRequest
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages

LISTED = 8
"""How many units are listed."""


@dataclass(frozen=True)
class SeeingUnit:
    """A unit that sees the place, and its activation."""

    channel: int
    unit: tuple[int, int]
    value: float

    def __str__(self) -> str:
        return f"map {self.channel}, row {self.unit[0]}, column {self.unit[1]}: {self.value:.4g}"


class UnitsAtPlace:
    """A list that appears when the user clicks the photo: the most active unit of each map that sees the place; first
    maps that fire more there than elsewhere. Choosing a unit selects it; the arrow keys on the photo move the place.

    Attributes:
        widget: the list below a line that names the place; hidden until there is a place.
        units: the listed units.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages, photo: PictureCanvas) -> None:
        self._state, self._fed_images, self._photo = state, fed_images, photo
        self._place: tuple[int, int] | None = None
        self.units: tuple[SeeingUnit, ...] = ()
        self._title = create(w.HTML)
        self._list = create(
            w.Select, rows=LISTED, tooltip="Choose a unit to select its map and its place", layout={"width": "auto"}
        )
        self.widget = column(self._title, self._list, grow="none", widest="100%")
        self._request = NewestRequest(self._show, self._fail)
        set_visible(self.widget, False)
        photo.interactive = True
        photo.on_click(lambda x, y: self._look_at(int(y), int(x)))
        photo.on_key(self._move)
        self._list.observe(self._choose, "value")
        state.observe(self._clear, ["layer", "image"])

    def _clear(self, change: Any) -> None:
        self._place, self.units = None, ()
        set_visible(self.widget, False)

    def _move(self, key: str) -> None:
        height, width = self._fed_images.images[self._state.image].shape[:2]
        row, column = self._place or (height // 2, width // 2)
        row_step, column_step = max(1, height // 28), max(1, width // 28)
        arrows = {name: (row_step * down, column_step * right) for name, (down, right) in ARROWS.items()}
        down, right = {**arrows, "Home": (-row, -column), "End": (height, width)}[key]
        self._look_at(row + down, column + right)

    def _look_at(self, row: int, column: int) -> None:
        state = self._state
        size = self._fed_images.images[state.image].shape
        field = self._fed_images.receptive_field(state.image, state.layer)
        set_visible(self.widget, True)
        if field is None or len(size) != 3:
            refill(self._list, [], None, self._choose)
            words = f"What each unit of {state.layer} sees is not known, or it is all of the image."
            self._title.value = text(words, role="status")
            return
        place = min(max(0, row), size[0] - 1), min(max(0, column), size[1] - 1)
        self._place = place
        self._photo.readout = f"row {place[0]}, column {place[1]}"
        fed_layer = self._fed_images.at(state.image, state.layer)

        def rank() -> tuple[Any, ...]:
            values = computations.feature_maps(fed_layer).values[0]
            return fed_layer.layer, place, standing_out(values, field.units_seeing(place, values.shape[:2]))

        self._request.submit(rank)

    def _show(self, result: tuple[Any, ...]) -> None:
        layer, place, units = result
        if layer != self._state.layer:
            return
        self.units = units
        count = f"{len(units)} units" if units else "No active unit"
        words = f"{count} of {layer} that see row {place[0]}, column {place[1]} of the image"
        if units:
            words += "; first those that fire more here than elsewhere"
        self._title.value = text(words, role="status")
        refill(self._list, [(str(unit), unit) for unit in units], None, self._choose)

    def _fail(self, error: Exception) -> None:
        self._title.value = error_text(error)

    def _choose(self, change: Any) -> None:
        chosen = change["new"]
        if chosen is not None:
            self._state.channel, self._state.unit = chosen.channel, chosen.unit


def standing_out(values: np.ndarray, window: tuple[slice, ...]) -> tuple[SeeingUnit, ...]:
    """The most active unit of each map in a window; first those that are furthest above the mean of their map.

    A map that is strong everywhere tells nothing about a place. Only active units are listed.

    Args:
        values: float (height, width, channels).
        window: rows and columns.
    """
    part = values[window]
    if not part.size:
        return ()
    flat = part.reshape(-1, part.shape[-1])
    places, largest = flat.argmax(axis=0), flat.max(axis=0)
    order = np.argsort(values.mean(axis=(0, 1)) - largest, kind="stable")
    ranked = [int(channel) for channel in order if largest[channel] > 0][:LISTED]
    units = {channel: np.unravel_index(int(places[channel]), part.shape[:2]) for channel in ranked}
    top, left = window[0].start, window[1].start
    return tuple(
        SeeingUnit(channel, (int(units[channel][0]) + top, int(units[channel][1]) + left), float(largest[channel]))
        for channel in ranked
    )
