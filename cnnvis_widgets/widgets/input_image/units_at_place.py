"""The way back of the receptive field: which units of the layer see a place of the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import numpy as np

from ..elements.canvas import ARROWS, PictureCanvas
from ..elements.controls import column, refill, text
from ..elements.shared_layouts import made, show
from ..jobs import computations as work
from ..jobs.newest_request import Live
from ..state.explorer_state import ExplorerState
from ..state.fed_images import Subject

SHOWN = 8
"""How many units are listed."""


@dataclass(frozen=True)
class Seer:
    """A unit that sees the place, and its activation."""

    channel: int
    unit: tuple[int, int]
    value: float

    def __str__(self) -> str:
        return f"map {self.channel}, row {self.unit[0]}, column {self.unit[1]}: {self.value:.4g}"


class UnitsHere:
    """A list that appears when the photo is clicked: of each map the most active unit that sees the place, the
    strongest first. Choosing one selects it; the arrow keys on the photo move the place.

    Attributes:
        widget: the list below a line that names the place; hidden until there is a place.
        found: what is listed.
    """

    def __init__(self, state: ExplorerState, subject: Subject, photo: PictureCanvas) -> None:
        self._state, self._subject, self._photo = state, subject, photo
        self._place: tuple[int, int] | None = None
        self.found: tuple[Seer, ...] = ()
        self._title = made(w.HTML)
        self._list = made(w.Select, rows=SHOWN, layout={"width": "auto"})
        self.widget = column(self._title, self._list, grow="none", widest="100%")
        self._live = Live(self._show, self._fail)
        show(self.widget, False)
        photo.interactive = True
        photo.on_click(lambda x, y: self._look_at(int(y), int(x)))
        photo.on_key(self._moved)
        self._list.observe(self._choose, "value")
        state.observe(self._leave, ["layer", "image"])

    def _leave(self, change: Any) -> None:
        self._place, self.found = None, ()
        show(self.widget, False)

    def _moved(self, key: str) -> None:
        height, width = self._subject.images[self._state.image].shape[:2]
        row, column = self._place or (height // 2, width // 2)
        high, wide = max(1, height // 28), max(1, width // 28)
        arrows = {name: (high * down, wide * right) for name, (down, right) in ARROWS.items()}
        down, right = {**arrows, "Home": (-row, -column), "End": (height, width)}[key]
        self._look_at(row + down, column + right)

    def _look_at(self, row: int, column: int) -> None:
        state = self._state
        size = self._subject.images[state.image].shape
        field = self._subject.field(state.image, state.layer)
        show(self.widget, True)
        if field is None or len(size) != 3:
            refill(self._list, [], None, self._choose)
            words = f"What each unit of {state.layer} sees is not known, or it is all of the image."
            self._title.value = text(words, role="status")
            return
        place = min(max(0, row), size[0] - 1), min(max(0, column), size[1] - 1)
        self._place = place
        self._photo.readout = f"row {place[0]}, column {place[1]}"
        where = self._subject.where(state.image, state.layer)

        def ranked() -> tuple[Any, ...]:
            values = work.feature_maps(*where).values[0]
            sizes = values.shape[:2]
            return state.layer, place, strongest(values, field.units_seeing(place, sizes))

        self._live.ask(ranked)

    def _show(self, result: tuple[Any, ...]) -> None:
        layer, place, found = result
        if layer != self._state.layer:
            return
        self.found = found
        count = f"{len(found)} most active units" if found else "No active unit"
        where = f"that see row {place[0]}, column {place[1]} of the image"
        self._title.value = text(f"{count} of {layer} {where}", role="status")
        refill(self._list, [(str(each), each) for each in found], None, self._choose)

    def _fail(self, error: Exception) -> None:
        self._title.value = text(f"{type(error).__name__}: {error}", "error", role="alert")

    def _choose(self, change: Any) -> None:
        seer = change["new"]
        if seer is not None:
            self._state.channel, self._state.unit = seer.channel, seer.unit


def strongest(values: np.ndarray, window: tuple[slice, ...]) -> tuple[Seer, ...]:
    """Of each map the most active unit in a window, the strongest first, without those that are not active.

    Args:
        values: float (height, width, channels).
        window: rows and columns.
    """
    part = values[window]
    if not part.size:
        return ()
    flat = part.reshape(-1, part.shape[-1])
    places, best = flat.argmax(axis=0), flat.max(axis=0)
    ranked = [int(channel) for channel in np.argsort(-best, kind="stable")[:SHOWN] if best[channel] > 0]
    units = {channel: np.unravel_index(int(places[channel]), part.shape[:2]) for channel in ranked}
    top, left = window[0].start, window[1].start
    return tuple(
        Seer(channel, (int(units[channel][0]) + top, int(units[channel][1]) + left), float(best[channel]))
        for channel in ranked
    )
