"""A map of two images, two layers or two networks: A, B and A − B on one scale, with one cursor."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np
import traitlets as t

from ...errors import FeedError, ModelError
from ...imaging import encode
from ...imaging.colormaps import COLOURS, palette
from ...imaging.curves import area_picture
from ...imaging.grid import enlarge
from ...imaging.heat import heat
from ...methods import METHODS
from ...outputs.pictures import Picture, of_comparison
from ...results import FeatureMaps
from ..elements.canvas import ARROWS, PictureCanvas
from ..elements.controls import LABEL, caption, column, dropdown, refill, side_by_side, stack
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..state.checked_traits import Checked, index_of
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedLayer
from .map_sheet import Look, MapSheet, at
from .view import Context, Steps, View

if TYPE_CHECKING:
    from ...engine.network.network import Network

VERSUS = ("image", "layer", "network")
PANELS = ("A", "B", "A-B")


def _image(state: ExplorerState, value: Any) -> int:
    return index_of(value, state.images, len(state.images), "an image", FeedError)


def _layer(state: ExplorerState, value: Any) -> str:
    return str(state.network.layer(value).name)


class ComparisonTraits(ExplorerState):
    """What the selected map is compared with.

    Attributes:
        versus: the map of another 'image', another 'layer' or another 'network'.
        other_image, other_layer: which; the network is given to ``ModelExplorer.compare_with``.
    """

    versus = t.Enum(VERSUS, VERSUS[0])
    other_image = Checked(_image, 0)
    other_layer = Checked(_layer)

    @t.default("other_image")
    def _second_image(self) -> int:
        return min(1, len(self.images) - 1)

    @t.default("other_layer")
    def _same_layer(self) -> str:
        return str(self.layer)


@dataclass(frozen=True)
class Pair(computations.Progress):
    """The maps of A, and beside them those of B."""

    other: FeatureMaps | None = None


@dataclass(frozen=True)
class _Panels:
    """What the panels show of the selected map.

    Attributes:
        values: (rows, columns) of 'A', 'B' and 'A-B'; None where there is no such map. The difference is there where
            both maps have one size.
        limit: the value of full colour.
        signed: whether there are negative values in A or B.
    """

    values: dict[str, np.ndarray | None]
    limit: float
    signed: bool


class ComparisonView(View):
    """The maps to choose from, and the selected one of A, of B, and their difference where they have one size.

    Attributes:
        panels: the canvases 'A', 'B' and 'A-B'.
        network: the other network, or None until one is given.
    """

    name, title = "comparison", "Comparison"
    tooltip = "Compare a map with that of another image, layer or network"
    depends_on = ("versus",)
    state: ComparisonTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self.network: Network | None = None
        self._images = create(w.Dropdown, description="Image B", tooltip="The image whose map is shown as B")
        self._images.observe(self._choose_image, "value")
        layers = [(layer.name, layer.name) for layer in state.network.layers]
        self._layers = dropdown(
            state, "other_layer", "Layer B", layers, tooltip="The layer whose map is shown as B", width="340px"
        )
        self._versus = create(
            w.Dropdown,
            description="Compare with",
            tooltip="What the selected map is compared with",
            style=LABEL,
            layout={"max_width": "100%"},
        )
        self._versus.observe(self._choose_versus, "value")
        self.options = (self._versus, self._images, self._layers)
        self.panels = {name: PictureCanvas(name=name, width=300, interactive=True) for name in PANELS}
        self._captions = {name: create(w.HTML) for name in PANELS}
        columns = [column(self.panels[name], self._captions[name], grow="1 1 200px", widest="300px") for name in PANELS]
        self.panel = stack(side_by_side(*columns), side_by_side(context.gallery.maps))
        self._pair: tuple[FeatureMaps, FeatureMaps] | None = None
        for panel in self.panels.values():
            panel.on_click(lambda x, y: self._select(int(y), int(x)))
            panel.on_key(self._move)
        state.observe(self._update_menus, ["versus", "images", "other_image"])
        state.observe(lambda change: self._draw(), ["channel", "unit"])
        self._update_menus()

    def offer(self, network: Network) -> None:
        """Offer another network to compare with."""
        self.network = network
        self._update_menus()

    def is_stale(self, trait: str) -> bool:
        return super().is_stale(trait) or trait == f"other_{self.state.versus}"

    def work(self) -> tuple[str, Steps]:
        return f"Comparing {self.state.layer}", self._compare(self.context.fed_layer(), self._other())

    def _other(self) -> FedLayer | None:
        """B; None where no other network was given yet."""
        state, fed_images = self.state, self.context.fed_images
        if state.versus == "image":
            return fed_images.at(state.other_image, state.layer)
        if state.versus == "layer":
            return self.context.fed_layer(state.other_layer)
        if self.network is None:
            return None
        return self.context.fed_layer()._replace(network=self.network, feed=self.feed)

    @property
    def feed(self) -> Any:
        """What the other network is fed: the same, with the image under that network's name for its input."""
        network, feed, *_ = self.context.fed_layer()
        if self.network is None:
            return feed
        rest = {name: value for name, value in feed.items() if name != network.runtime.image_tensor}
        return {**rest, self.network.runtime.image_tensor: feed[network.runtime.image_tensor]}

    def _compare(self, this: FedLayer, other: FedLayer | None) -> Generator[computations.Progress, None, None]:
        if other is None:
            raise ModelError(
                "Expected another network to compare with. Received: none yet. "
                "Give it with explorer.compare_with(network)."
            )
        maps, other_maps = computations.feature_maps(this), computations.feature_maps(other)
        yield Pair(maps, this.layer, range(maps.values.shape[-1]), (this.key, this.layer), other=other_maps)

    def draw(self, progress: computations.Progress, final: bool) -> None:
        if isinstance(progress, Pair) and progress.other is not None:
            self._pair = progress.result, progress.other
            sheet = MapSheet(progress.result, progress.layer, progress.about, look=Look.of(self.state))
            self.context.gallery.show(sheet, final)
            self._draw()

    def _draw(self) -> None:
        panels = self._selected()
        if panels is None or self.state.method != self.name:
            return
        for name in PANELS:
            self._show(name, panels)

    def _selected(self) -> _Panels | None:
        """The panels for the selected map; None where there is none yet."""
        if self._pair is None or self.state.channel is None:
            return None
        a, b = (_map_of(maps, self.state.channel) for maps in self._pair)
        present = [values for values in (a, b) if values is not None]
        limit = max((float(np.abs(values).max(initial=0.0)) for values in present), default=0.0) or 1.0
        difference = a - b if a is not None and b is not None and a.shape == b.shape else None
        signed = any(bool((values < 0).any()) for values in present)
        return _Panels({"A": a, "B": b, "A-B": difference}, limit, signed)

    def extra_pictures(self) -> list[Picture]:
        panels, channel = self._selected(), self.state.channel
        if panels is None or self._pair is None or channel is None:
            return []
        present = {name: (values, self._words(name)) for name, values in panels.values.items() if values is not None}
        return list(
            of_comparison(
                self._pair[0].layer, channel, present, panels.limit, signed=panels.signed, colours=self.state.colours
            )
        )

    def _words(self, panel: str) -> str:
        """What a panel shows."""
        state = self.state
        if panel == "A-B":
            return "difference, on the same scale"
        image, layer, network = state.images[state.image], state.layer, ""
        if panel == "B":
            image = state.images[state.other_image] if state.versus == "image" else image
            layer = state.other_layer if state.versus == "layer" else layer
            network = " of the other network" if state.versus == "network" else ""
        return f"{layer}{network}, {image}"

    def _show(self, name: str, panels: _Panels) -> None:
        values, unit, canvas = panels.values[name], self.state.unit, self.panels[name]
        missing = name == "A-B" and values is None
        words = "no difference: the maps differ in size" if missing else self._words(name)
        lines = [f"{name.replace('-', ' − ')}: map {self.state.channel}", words]
        if values is None:
            canvas.show(encode.screen(np.full((32, 32), 96, np.uint8)), ", ".join(lines))
        else:
            signed = panels.signed or name == "A-B"
            marked = unit is not None and len(unit) == 2 and all(np.less(unit, values.shape))
            if marked:
                lines.append(f"{float(values[unit]):.4g}{at(unit)}")
            lines.append(f"full colour at {'±' if signed else ''}{panels.limit:.4g}")
            frame = (unit[1], unit[0], 1, 1) if marked and unit else ()
            pixels = self._drawn(values, panels.limit, signed)
            canvas.show(encode.screen(pixels), ", ".join(lines), frame)
        self._captions[name].value = caption(lines)

    def _drawn(self, values: np.ndarray, limit: float, signed: bool) -> np.ndarray:
        """One map in colours: of a signal as a curve, of a single value as a square."""
        if self._pair is not None and self._pair[0].values.ndim == 3:
            colours = palette(signed, self.state.colours)
            return area_picture(values[0], limit=limit, signed=signed, colours=colours)
        pixels = heat(values, limit=limit, signed=signed, table=COLOURS[self.state.colours]).pixels
        return enlarge(pixels, 32) if values.size == 1 else pixels

    def code(self) -> str:
        state = self.state
        feed, layer, network = "feed", state.layer, "network"
        lines: list[str] = []
        if state.versus == "image":
            feed = "other"
        elif state.versus == "layer":
            layer = state.other_layer
        else:
            network, feed = "other_network", "other_feed"
            lines = ["other_network = ...  # fill in: the other network", "other_feed = feed", ""]
        lines += [
            f"(a,) = {METHODS['comparison'].code('network', 'feed', repr(state.layer))}",
            f"(b,) = {METHODS['comparison'].code(network, feed, repr(layer))}",
        ]
        if self._pair is not None and self._pair[0].values.shape == self._pair[1].values.shape:
            lines.append("difference = a.values - b.values")
        return "\n".join(lines)

    def _update_menus(self, change: Any = None) -> None:
        state = self.state
        choices = [(f"another {kind}", kind) for kind in VERSUS if kind != "network" or self.network is not None]
        refill(self._versus, choices, state.versus, self._choose_versus)
        images = [(name, index) for index, name in enumerate(state.images)]
        refill(self._images, images, state.other_image, self._choose_image)
        set_visible(self._images, state.versus == "image")
        set_visible(self._layers, state.versus == "layer")

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
