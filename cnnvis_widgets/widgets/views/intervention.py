"""What the network says when the selected map is weaker, stronger or silent."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from ...caches import LRUCache
from ...engine.attribution.predictions import HalfStored
from ...outputs.pictures import Picture, of_intervention
from ...results import Intervention
from ..elements.canvas import ARROWS
from ..elements.class_bars import ClassBars, changed_bars
from ..elements.controls import button, caption, column, fraction, side_by_side, text
from ..elements.shared_layouts import made
from ..jobs import computations as work
from ..jobs.newest_request import Live
from .activations import MapSheet
from .view import Context, Steps, View


class InterventionView(View):
    """The maps to choose from, a slider, and the classes before and after.

    Attributes:
        bars: the classes; each has a mark where it was without the change.
        intervention: what they show.
    """

    name = "intervention"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self._around = button(
            "Only around the selected unit", self._around_unit, "Change the map near the selected unit only"
        )
        self.options = (
            fraction(state, "factor", "Strength of the selected map", 0.0, 2.0, width="340px"),
            button("Silence it", lambda: setattr(state, "factor", 0.0), "Multiply the map by 0"),
            self._around,
            button("As it was", self._reset, "The whole map, unchanged"),
        )
        self.bars, self._caption = ClassBars(state), made(w.HTML)
        self.intervention: Intervention | None = None
        self._made: tuple[Any, ...] = ()  # of the intervention: channel, factor, region
        self._half: LRUCache[HalfStored] = LRUCache(1)
        self._live = Live(self._show, self._fail)
        large = context.gallery.large
        bars = column(self._caption, self.bars, grow="2 1 220px", widest="340px")
        self.panel = side_by_side(context.gallery.maps, large, bars)
        context.gallery.portrait.on_drag(self._brushed)
        context.gallery.portrait.on_key(self._stretch)
        state.observe(self._offer, ["unit", "layer"])
        self._offer()
        state.observe(self._follow, ["method", "layer", "image", "channel", "factor", "region"])

    def steps(self) -> tuple[str, Steps]:
        """The maps to choose from."""
        self.context.gallery.portrait.drag = "region" if len(self.state.current_layer.spatial_shape) == 2 else ""
        return f"Computing {self.state.layer}", work.browse(*self.context.where())

    def draw(self, progress: work.Progress, final: bool) -> None:
        self.context.gallery.hang(MapSheet(progress.result, progress.layer, progress.about), final)

    def left(self) -> None:
        self.context.gallery.portrait.drag = ""
        self.context.image_pane.canvas.selected = ()

    def beside(self) -> list[Picture]:
        found = self.intervention
        if found is None or found.layer.name != self.state.layer:  # that of the new layer is still computed
            return []
        return [of_intervention(found, *self._made)]

    def code(self) -> str:
        state = self.state
        region = f", region={state.region}" if state.region else ""
        scales = f"{{{state.channel}: {state.factor!r}}}"
        return f"intervention = cnnvis_widgets.intervene(network, feed, {state.layer!r}, {scales}{region})"

    def _follow(self, change: Any) -> None:
        state = self.state
        if state.method != self.name or state.channel is None:
            return
        network, feed, key, layer = self.context.where()
        made = channel, factor, region = state.channel, state.factor, state.region

        def compute() -> tuple[Intervention, tuple[Any, ...]]:
            half = self._half.get_or_make((network, key, layer), lambda: HalfStored(network, feed, layer))
            return half.scaled({channel: factor}, region=region or None), made

        where = "everywhere"
        if region:
            top, left, height, width = region
            where = f"in rows {top} to {top + height - 1}, columns {left} to {left + width - 1}"
        self._caption.value = caption([f"Map {state.channel} × {state.factor:.2f}", f"{state.layer}, {where}"])
        self._live.ask(compute)

    def _show(self, told: tuple[Intervention, tuple[Any, ...]]) -> None:
        self.intervention, self._made = told
        found = self.intervention
        self.bars.value = changed_bars(found.before, found.after)

    def _fail(self, error: Exception) -> None:
        self.bars.value = text(f"{type(error).__name__}: {error}", "error", role="alert")

    def _brushed(self, left: int, top: int, width: int, height: int, final: bool) -> None:
        if self.state.method == self.name:
            self.state.region = top, left, height, width

    def _stretch(self, key: str) -> None:
        """Shift and an arrow: the region from the selected unit on, a row or column more or less."""
        state, (by, _, arrow) = self.state, key.partition("+")
        if state.method != self.name or by != "Shift" or arrow not in ARROWS:
            return
        row, column = state.unit or (0, 0)
        height, width = self.context.gallery.map_size
        high, wide = state.region[2:] if state.region[:2] == (row, column) else (1, 1)
        down, right = ARROWS[arrow]
        state.region = row, column, min(max(1, high + down), height - row), min(max(1, wide + right), width - column)

    def _reset(self) -> None:
        self.state.factor, self.state.region = 1.0, ()

    def _offer(self, change: Any = None) -> None:
        self._around.disabled = self.state.unit is None

    def _around_unit(self) -> None:
        """The 3 × 3 units around the selected one, as far as they are in the map."""
        state = self.state
        sizes = state.current_layer.spatial_shape
        if state.unit is None or len(sizes) != 2:
            state.error = "Expected a selected unit. Received: none. Click into the large map first."
            return
        spans = [
            (max(0, place - 1), min(size or 2**31, place + 2)) for place, size in zip(state.unit, sizes, strict=True)
        ]
        (top, bottom), (left, right) = spans
        state.region = top, left, bottom - top, right - left
