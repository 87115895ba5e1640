"""What the network predicts when the selected map is weaker, stronger or silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import traitlets as t

from ...caches import LRUCache
from ...engine.attribution.intervention import ResumedNetwork
from ...methods import METHODS
from ...outputs.pictures import Picture, of_intervention
from ...results import Intervention
from ..charts.before_after import AFTER, BEFORE, BeforeAfter
from ..elements.canvas import ARROWS
from ..elements.class_bars import ClassBars, changed_bars
from ..elements.controls import button, caption, column, error_text, slider
from ..elements.shared_layouts import create
from ..jobs import computations
from ..jobs.newest_request import NewestRequest
from ..state.explorer_state import UNKNOWN_SIZE, ExplorerState
from .class_choice import NO_HEAD
from .map_sheet import Look, MapSheet
from .view import Context, Steps, View


class InterventionTraits(ExplorerState):
    """How the selected map is changed.

    Attributes:
        factor: what the selected map is multiplied by, within ``region``: 0 (silent) to 2.
    """

    factor = t.Float(1.0, min=0.0, max=2.0)


_LEGEND = (
    '<div class="cnnvis-figure-words"><b>The classes that change most</b> <span>'
    f'<i class="cnnvis-key" style="background:{BEFORE}"></i>before '
    f'<i class="cnnvis-key" style="background:{AFTER}"></i>after · click one to ask about it</span></div>'
)


@dataclass(frozen=True)
class MapChange:
    """How a map was changed."""

    channel: int
    factor: float
    region: tuple[int, ...]


class InterventionView(View):
    """The maps to choose from, a slider, and the classes before and after.

    Attributes:
        bars: the classes; a mark on each bar shows the probability without the change.
        chart: the classes that change most, before and after.
        intervention: the result on the screen.
        change: how its map was changed.
    """

    name, title = "intervention", "Intervention"
    tooltip = "Make one map weaker, stronger or silent and see how the prediction changes"
    has_card = True
    state: InterventionTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self._around = button(
            "Only around the selected unit", self._select_around_unit, "Change the map near the selected unit only"
        )
        self.options = (
            slider(
                state,
                "factor",
                "Strength of the selected map",
                tooltip="What the selected map is multiplied by",
                width="460px",
            ),
            button("Ablate channel", lambda: setattr(state, "factor", 0.0), "Silence it: multiply the map by 0"),
            self._around,
            button("Reset", self._reset, "The whole map, unchanged"),
        )
        self.bars, self._caption, self._most = ClassBars(state), create(w.HTML), create(w.HTML)
        self.chart = BeforeAfter(state.choose_class)
        self.intervention: Intervention | None = None
        self.change: MapChange | None = None  # of ``intervention``
        self._resumed: LRUCache[ResumedNetwork] = LRUCache(1)
        self._request = NewestRequest(self._show, self._fail)
        bars = column(self._caption, self.bars, grow="2 1 220px", widest="560px")
        changes = column(self._most, self.chart, grow="2 1 220px", widest="560px")
        self.panel, self.below_photo, self.side = context.gallery.maps, (context.gallery.large,), (bars, changes)
        context.gallery.portrait.on_drag(self._dragged)
        context.gallery.portrait.on_key(self._stretch)
        state.observe(self._enable, ["unit", "layer"])
        self._enable()
        state.observe(self._submit, ["layer", "image", "channel", "factor", "region", "head", "place"])

    def unavailable(self) -> str:
        return "" if self.state.network.heads else NO_HEAD

    def sentence(self) -> str:
        state = self.state
        which = "the selected channel" if state.channel is None else f"channel {state.channel}"
        return f"Make {which} weaker or stronger, and see how the prediction changes. A mark shows where it was before."

    def work(self) -> tuple[str, Steps]:
        """The maps to choose from."""
        self.context.gallery.portrait.drag = "region" if len(self.state.current_layer.spatial_shape) == 2 else ""
        return f"Computing {self.state.layer}", computations.browse(self.context.fed_layer())

    def draw(self, progress: computations.Progress, final: bool) -> None:
        sheet = MapSheet(progress.result, progress.layer, progress.about, look=Look.of(self.state))
        self.context.gallery.show(sheet, final)

    def on_enter(self) -> None:
        self._submit()

    def on_leave(self) -> None:
        self.context.gallery.portrait.drag = ""
        self.context.image_pane.canvas.selected = ()

    def extra_pictures(self) -> list[Picture]:
        result, change = self.intervention, self.change
        if result is None or change is None:
            return []
        if result.layer.name != self.state.layer:  # the one for the new layer is still being computed
            return []
        return [of_intervention(result, change.channel, change.factor, change.region)]

    def code(self) -> str:
        state = self.state
        options: dict[str, Any] = {"region": state.region} if state.region else {}
        asked = state.question(None)
        options |= asked.options
        scales = {state.channel: state.factor}
        call = METHODS["intervention"].code("network", "feed", repr(state.layer), repr(scales), **options)
        return f"intervention = {call.removesuffix(')')}{asked.where_code()})"

    def _submit(self, change: Any = None) -> None:
        """Have the network predict with the changed map."""
        state = self.state
        if state.method != self.name or state.channel is None:
            return
        network, feed, key, layer = self.context.fed_layer()
        map_change, asked = MapChange(state.channel, state.factor, state.region), state.question(None)

        def compute() -> tuple[Intervention, MapChange]:
            resumed = self._resumed.get_or_make(
                (network, key, layer, asked),
                lambda: ResumedNetwork(network, feed, layer, scores=asked.scores, target=asked.where),
            )
            scales = {map_change.channel: map_change.factor}
            region: Any = map_change.region or None
            return resumed.scaled(scales, region=region), map_change

        place = "everywhere"
        if map_change.region:
            top, left, height, width = map_change.region
            place = f"in rows {top} to {top + height - 1}, columns {left} to {left + width - 1}"
        self._caption.value = caption([f"Map {state.channel} × {state.factor:.2f}", f"{state.layer}, {place}"])
        self._request.submit(compute)

    def _show(self, result: tuple[Intervention, MapChange]) -> None:
        self.intervention, self.change = result
        before, after = self.intervention.before, self.intervention.after
        self.bars.value = changed_bars(before, after)
        self.chart.show(before.amounts[0], after.amounts[0], after.names, percent=after.probabilities is not None)
        self._most.value = _LEGEND if self.chart.numbers else ""

    def _fail(self, error: Exception) -> None:
        self.bars.value = error_text(error)

    def _dragged(self, left: int, top: int, width: int, height: int, final: bool) -> None:
        if self.state.method == self.name:
            self.state.region = top, left, height, width

    def _stretch(self, key: str) -> None:
        """Shift and an arrow: the region from the selected unit on, a row or column more or less."""
        state, (modifier, _, arrow) = self.state, key.partition("+")
        if state.method != self.name or modifier != "Shift" or arrow not in ARROWS:
            return
        row, column = state.unit or (0, 0)
        rows, columns = self.context.gallery.map_size
        height, width = state.region[2:] if state.region[:2] == (row, column) else (1, 1)
        down, right = ARROWS[arrow]
        state.region = row, column, min(max(1, height + down), rows - row), min(max(1, width + right), columns - column)

    def _reset(self) -> None:
        self.state.factor, self.state.region = 1.0, ()

    def _enable(self, change: Any = None) -> None:
        self._around.disabled = self.state.unit is None

    def _select_around_unit(self) -> None:
        """Select the 3 × 3 units around the selected one, as far as they are in the map."""
        state = self.state
        sizes = state.current_layer.spatial_shape
        if state.unit is None or len(sizes) != 2:
            state.error = "Expected a selected unit. Received: none. Click into the large map first."
            return
        (top, bottom), (left, right) = (
            (max(0, place - 1), min(size or UNKNOWN_SIZE, place + 2))
            for place, size in zip(state.unit, sizes, strict=True)
        )
        state.region = top, left, bottom - top, right - left
