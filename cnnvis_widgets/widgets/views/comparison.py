"""A map of two images, two layers or two networks: A, B and A − B on one scale, with one cursor."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from ...errors import ModelError
from ...imaging import encode
from ...imaging.heat import heat
from ...outputs.pictures import Picture, of_comparison
from ...results import FeatureMaps
from ..elements.canvas import ARROWS, PictureCanvas
from ..elements.controls import LABEL, caption, column, dropdown, refill, side_by_side, stack
from ..elements.shared_layouts import made, show
from ..jobs import computations as work
from ..state.comparison_traits import VERSUS
from ..state.fed_images import Where
from .activations import MapSheet, at
from .view import Context, Steps, View

if TYPE_CHECKING:
    from ...engine.network.network import Network


@dataclass(frozen=True)
class Pair(work.Progress):
    """The maps of A, and beside them those of B."""

    other: FeatureMaps | None = None


class ComparisonView(View):
    """The maps to choose from, and the selected one of A, of B, and their difference where they are of one size.

    Attributes:
        panels: the canvases 'A', 'B' and 'A-B'.
        network: the other network, or None until one is given.
    """

    name = "comparison"
    stale = ("versus",)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self.network: Network | None = None
        self._images = made(w.Dropdown, description="Image B")
        self._images.observe(self._choose_image, "value")
        layers = [(layer.name, layer.name) for layer in state.network.layers]
        self._layers = dropdown(state, "other_layer", "Layer B", layers, "340px")
        self._versus = made(w.Dropdown, description="Compare with", style=LABEL, layout={"max_width": "100%"})
        self._versus.observe(self._choose_versus, "value")
        self.options = (self._versus, self._images, self._layers)
        names = ("A", "B", "A-B")
        self.panels = {name: PictureCanvas(name=name, width=300, interactive=True) for name in names}
        self._captions = {name: made(w.HTML) for name in names}
        shown = [column(self.panels[name], self._captions[name], grow="1 1 200px", widest="300px") for name in names]
        self.panel = stack(side_by_side(*shown), side_by_side(context.gallery.maps))
        self._pair: tuple[FeatureMaps, FeatureMaps] | None = None
        for panel in self.panels.values():
            panel.on_click(lambda x, y: self._select(int(y), int(x)))
            panel.on_key(self._move)
        state.observe(self._follow, ["versus", "images", "other_image"])
        state.observe(lambda change: self._draw(), ["channel", "unit"])
        self._follow()

    def take(self, network: Network) -> None:
        """Offer another network to compare with."""
        self.network = network
        self._follow()

    def concerns(self, trait: str) -> bool:
        return super().concerns(trait) or trait == f"other_{self.state.versus}"

    def steps(self) -> tuple[str, Steps]:
        return f"Comparing {self.state.layer}", self._compared(self.context.where(), self._other_where())

    def _other_where(self) -> Where:
        state, subject = self.state, self.context.subject
        if state.versus == "image":
            return subject.where(state.other_image, state.layer)
        if state.versus == "layer":
            return self.context.where(state.other_layer)
        *_, key, layer = self.context.where()
        return self.network, self.feed, key, layer

    @property
    def feed(self) -> Any:
        """What the other network is fed: the same, with the image under its own name for it."""
        network, feed, *_ = self.context.where()
        if self.network is None:
            return feed
        rest = {tensor: values for tensor, values in feed.items() if tensor != network.runtime.image_tensor}
        return {**rest, self.network.runtime.image_tensor: feed[network.runtime.image_tensor]}

    def _compared(self, where: Where, other: Where) -> Generator[work.Progress, None, None]:
        key, layer = where[2:]
        if other[0] is None:
            raise ModelError(
                "Expected another network to compare with. Received: none yet. "
                "Give it with explorer.compare_with(network)."
            )
        maps = work.feature_maps(*where)
        found = work.feature_maps(*other)
        yield Pair(maps, layer, range(maps.values.shape[-1]), (key, layer), other=found)

    def draw(self, progress: work.Progress, final: bool) -> None:
        if isinstance(progress, Pair) and progress.other is not None:
            self._pair = progress.result, progress.other
            self.context.gallery.hang(MapSheet(progress.result, progress.layer, progress.about), final)
            self._draw()

    def _draw(self) -> None:
        shown = self._shown()
        if shown is None or self.state.method != self.name:
            return
        panels, limit, signed = shown
        for panel in self.panels:
            values, words = panels.get(panel, (None, "no difference: the maps are not of one size"))
            self._show(panel, values, words, limit, signed or panel == "A-B")

    def _shown(self) -> tuple[dict[str, tuple[np.ndarray | None, str]], float, bool] | None:
        """The values of A, B and, where they are of one size, A − B, each with what it is; the value of full colour,
        and whether there are negative ones."""
        if self._pair is None or self.state.channel is None:
            return None
        a, b = (_map_of(maps, self.state.channel) for maps in self._pair)
        present = [each for each in (a, b) if each is not None]
        limit = max((float(np.abs(each).max(initial=0.0)) for each in present), default=0.0) or 1.0
        panels: dict[str, tuple[np.ndarray | None, str]] = {"A": (a, self._words("A")), "B": (b, self._words("B"))}
        if a is not None and b is not None and a.shape == b.shape:
            panels["A-B"] = a - b, "difference, on the same scale"
        return panels, limit, any(bool((each < 0).any()) for each in present)

    def beside(self) -> list[Picture]:
        shown, channel = self._shown(), self.state.channel
        if shown is None or self._pair is None or channel is None:
            return []
        panels, limit, signed = shown
        there = {name: (values, what) for name, (values, what) in panels.items() if values is not None}
        return list(of_comparison(self._pair[0].layer, channel, there, limit, signed=signed))

    def _words(self, which: str) -> str:
        state = self.state
        image, layer, network = state.images[state.image], state.layer, ""
        if which == "B":
            image = state.images[state.other_image] if state.versus == "image" else image
            layer = state.other_layer if state.versus == "layer" else layer
            network = " of the other network" if state.versus == "network" else ""
        return f"{layer}{network}, {image}"

    def _show(self, panel: str, values: np.ndarray | None, words: str, limit: float, signed: bool) -> None:
        lines = [f"{panel.replace('-', ' − ')}: map {self.state.channel}", words]
        unit, canvas = self.state.unit, self.panels[panel]
        if values is None:
            canvas.show(encode.screen(np.full((1, 1), 96, np.uint8)), ", ".join(lines))
        else:
            marked = unit is not None and len(unit) == 2 and all(np.less(unit, values.shape))
            if marked:
                lines.append(f"{float(values[unit]):.4g}{at(unit)}")
            lines.append(f"full colour at {'±' if signed else ''}{limit:.4g}")
            frame = (unit[1], unit[0], 1, 1) if marked and unit else ()
            canvas.show(encode.screen(heat(values, limit=limit, signed=signed).pixels), ", ".join(lines), frame)
        self._captions[panel].value = caption(lines)

    def code(self) -> str:
        state = self.state
        feed, layer, network = "feed", state.layer, "network"
        if state.versus == "image":
            feed = f"explorer.subject.where({state.other_image}, {layer!r})[1]"
        elif state.versus == "layer":
            layer = state.other_layer
        else:
            view = "explorer.views['comparison']"
            network, feed = f"{view}.network", f"{view}.feed"
        lines = [
            f"(a,) = cnnvis_widgets.activations(network, feed, {state.layer!r})",
            f"(b,) = cnnvis_widgets.activations({network}, {feed}, {layer!r})",
        ]
        if self._pair is not None and self._pair[0].values.shape == self._pair[1].values.shape:
            lines.append("difference = a.values - b.values")
        return "\n".join(lines)

    def _follow(self, change: Any = None) -> None:
        state = self.state
        offered = [each for each in VERSUS if each != "network" or self.network is not None]
        refill(self._versus, [(f"another {each}", each) for each in offered], state.versus, self._choose_versus)
        refill(
            self._images,
            [(name, index) for index, name in enumerate(state.images)],
            state.other_image,
            self._choose_image,
        )
        show(self._images, state.versus == "image")
        show(self._layers, state.versus == "layer")

    def _choose_versus(self, change: Any) -> None:
        self.state.versus = change["new"]

    def _choose_image(self, change: Any) -> None:
        self.state.other_image = change["new"]

    def _select(self, row: int, column: int) -> None:
        if self._pair is not None and len(sizes := self._pair[0].values.shape[1:-1]) == 2:
            self.state.unit = min(max(0, row), sizes[0] - 1), min(max(0, column), sizes[1] - 1)

    def _move(self, key: str) -> None:
        row, column = self.state.unit or (0, 0)
        down, right = {**ARROWS, "Home": (-row, -column), "End": (10**6, 10**6)}[key]
        self._select(row + down, column + right)


def _map_of(maps: FeatureMaps, channel: int) -> np.ndarray | None:
    """One map of the first image, (rows, columns); None where there is no such channel."""
    if channel >= maps.values.shape[-1]:
        return None
    values = maps.values[0, ..., channel]
    return values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
