"""The pane that tells how the value of the chosen unit comes about."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ...engine.arithmetic.unit import unit_arithmetic
from ...results import UnitArithmetic
from ..elements.controls import button, error_text, row
from ..elements.page_files import page_files
from ..elements.shared_layouts import create, shared
from ..jobs.newest_request import NewestRequest
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages
from .scene import scene


class NumberScene(anywidget.AnyWidget):
    """Draws a scene, and plays it on request.

    Attributes:
        scene: what ``scene`` returns; {} for nothing.
        pace: milliseconds from one product to the next.
    """

    _esm = page_files(__file__, "number_scene.js")
    _css = page_files(__file__, "number_scene.css")

    scene: Any = t.Dict().tag(sync=True)
    pace = t.Int(700, min=100).tag(sync=True)


class NumberPane(w.VBox):
    """A button, and below it the arithmetic of the unit that ``ask`` was last told about, forwards and backwards.

    Args:
        state: a click on a number of the layer below chooses its unit.
        fed_images: the network and its images.

    Attributes:
        head: the button; what belongs beside it can be added.
        told: the arithmetic on the screen.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages) -> None:
        self._state, self._fed_images = state, fed_images
        self.told: UnitArithmetic | None = None
        self._about: tuple[str, int, tuple[int, ...], int] | None = None
        self._open = False
        self._request = NewestRequest(self._show, self._fail)
        self.button = button("How is this number made?", self.toggle, "Tell step by step how this value comes about")
        self.head = row(self.button, justify_content="space-between")
        self.scene, self._error = NumberScene(layout=shared(w.Layout, min_width="0")), create(w.HTML)
        self.scene.on_msg(self._receive)
        super().__init__([self.head], layout=shared(w.Layout, min_width="0"))

    def ask(self, layer: str, channel: int, unit: tuple[int, ...], image: int) -> None:
        """Tell about a unit, at once where the pane is open."""
        about = layer, channel, unit, image
        if about == self._about:
            return
        self._about = about
        if self._open:
            self._compute()

    def toggle(self) -> None:
        """Open or close the pane."""
        self._open = not self._open
        self.button.description = "Hide the numbers" if self._open else "How is this number made?"
        self.children = [self.head, self._error, self.scene] if self._open else [self.head]
        if self._open:
            self._compute()

    def _compute(self) -> None:
        if self._about is None:
            return
        layer, channel, unit, image = self._about
        network, feed = self._fed_images.network, self._fed_images.feed(image)
        self._request.submit(lambda: unit_arithmetic(network, feed, layer, channel, unit))

    def _show(self, told: UnitArithmetic) -> None:
        self.told, self._error.value = told, ""
        self.scene.scene = scene(told)

    def _fail(self, error: Exception) -> None:
        self._error.value, self.scene.scene = error_text(error), {}

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "below":
            self.go_below(int(content["row"]), int(content["column"]), content["channel"])

    def go_below(self, row: int, column: int, channel: int | None) -> None:
        """Choose the unit of the layer below that stands at a place of the window; padding is no unit."""
        told = self.told
        if told is None or told.below in ("", "image") or len(told.steps[0].places) != 2:
            return
        step, state = told.steps[0], self._state
        rows, columns = step.places
        place, below = (rows[row], columns[column]), state.network.layer(told.below)
        sizes = [size or place[axis] + 1 for axis, size in enumerate(below.spatial_shape)]
        if len(sizes) != 2 or not all(0 <= at < size for at, size in zip(place, sizes, strict=True)):
            return
        count = below.channels or 1
        same = told.channel if step.inputs.ndim == 2 else 0  # a pool or a depthwise convolution keeps channels apart
        own = (told.layer.channels or count) // count or 1
        state.layer = below.name
        state.channel = min(same // own if channel is None else channel, count - 1)
        state.unit = place
