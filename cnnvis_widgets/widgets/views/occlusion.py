"""What the network predicts while a part of the image is hidden."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.grid import enlarge, magnification
from ...imaging.places import UNKNOWN, class_map, in_order, value_map
from ...imaging.render import reconstruction_tiles
from ...methods import METHODS
from ...results import Occlusion, Reconstruction
from ..elements.badges import Fact, marks
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import caption, column, side_by_side, slider, stack, switch
from ..elements.shared_layouts import create, set_visible
from ..input_image.head_map import class_legend
from ..jobs import computations
from .class_choice import NO_HEAD, explained_menu, explains_another_class, question, target_code
from .manual_occlusion import ManualOcclusion, OcclusionTraits
from .view import Context, Steps, View


class OcclusionView(View):
    """The four panels of figure 7 of Zeiler and Fergus, filled as the square is slid over the image.

    Attributes:
        manual: the square that is dragged over the photo.
        panels: the canvases, by name: 'total' of the strongest map, its 'projection', the 'probability' of the class,
            and the most probable class ('best').
    """

    name, title = "occlusion", "Occlusion"
    depends_on = ("square", "at_layer", "rule")
    state: OcclusionTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self.options = (
            explained_menu(state),
            slider(state, "square", "Square", live=False),
            switch(state, "at_layer", "Follow the chosen layer"),
        )
        names = ("total", "projection", "probability", "best")
        self.panels = {name: PictureCanvas(name=name, width=300, smooth=name == "projection") for name in names}
        self._captions = {name: create(w.HTML) for name in names}
        columns = [column(self.panels[name], self._captions[name], grow="1 1 140px", widest="300px") for name in names]
        self._badge = create(w.HTML)
        self._has_projection = False
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        photo = context.image_pane.canvas
        self.manual = ManualOcclusion(state, context.fed_images, photo, lambda: state.method == self.name)
        self.panel = stack(self.manual.widget, side_by_side(*columns, self._classes), self._badge)
        state.observe(self._show_classes, "explained")
        self._show_classes()

    def unavailable(self) -> str:
        if not self.state.network.heads:
            return NO_HEAD
        flat = self.context.fed_images.images[0].ndim == 1
        return "A flat input has no neighbouring values to hide: it has no height and no width." if flat else ""

    def is_stale(self, trait: str) -> bool:
        return super().is_stale(trait) or explains_another_class(self.state, trait)

    def work(self) -> tuple[str, Steps]:
        state, self._has_projection = self.state, False
        options: Any = {"question": question(state), "at_layer": state.at_layer, "rule": state.rule}
        steps = computations.sweep(self.context.fed_layer(), size=self.manual.size, **options)
        return "Sliding a square over the image", steps

    def draw(self, progress: computations.Progress, final: bool) -> None:
        if isinstance(progress.result, Reconstruction):
            self._draw_projection(progress.result)
        elif isinstance(progress.result, Occlusion):
            self._draw_sweep(progress.result)

    def _draw_projection(self, projection: Reconstruction) -> None:
        self._has_projection = True
        channel, name = projection.channels[0], projection.layer.name
        words = [f"Map {channel} of {name}", f"its projection by {projection.rule}"]
        self._show("projection", reconstruction_tiles(projection)[0], words)

    def _draw_sweep(self, sweep: Occlusion) -> None:
        if sweep.maps is None:
            self._show("total", np.full((1, 1, 1), UNKNOWN, np.uint8), ["No layer with height and width to follow"])
        else:
            totals = sweep.map_totals[0]
            words = [f"Total of map {sweep.map_channels[0]}", f"of {sweep.maps.name}{_range(totals)}"]
            self._show("total", value_map(totals), words)
        name = sweep.attribution.names[0]
        if sweep.probabilities is None:
            values, what = sweep.scores[0, 0], "Score"
        else:
            values, what = sweep.probabilities[0, 0], "Probability"
        self._show("probability", value_map(values), [f"{what} of {name}", f"where the square hides{_range(values)}"])
        self._draw_best(sweep)
        self._badge.value = marks(facts(sweep))

    def _draw_best(self, sweep: Occlusion) -> None:
        names = [self.state.class_name(number) for number in in_order(sweep.best[0])]
        words = ["What the network is surest of", ", ".join(names)]
        self._show("best", class_map(sweep.best[0]), words)
        self._captions["best"].value = caption(words[:1]) + class_legend(names)

    def _show(self, panel: str, pixels: np.ndarray, words: list[str]) -> None:
        if panel != "projection":
            pixels = enlarge(pixels, magnification(pixels[np.newaxis], side=280))
        self.panels[panel].show(encode.screen(pixels), ", ".join(words))
        self._captions[panel].value = caption(words)

    def on_enter(self) -> None:
        self.manual.update()

    def on_leave(self) -> None:
        self.context.image_pane.canvas.selected, self.context.image_pane.canvas.drag = (), ""

    def code(self) -> str:
        options = {"layer": self.state.layer} if self.state.at_layer else {}
        asked = question(self.state)
        options |= asked.options
        call = METHODS["occlusion"].code("network", "feed", "target", size=self.manual.size, **options)
        code = f"{target_code(self.state)}\nsweep = {call}"
        if self._has_projection:
            keywords = f"channels=sweep.map_channels.tolist(), rule={self.state.rule!r}"
            code += f"\nprojection = cnnvis_widgets.reconstruct(network, feed, sweep.maps, {keywords})"
        if self.state.occluder:
            layer = f", layer={self.state.layer!r}" if self.state.at_layer else ""
            scores = "" if asked.scores is None else f", scores={asked.scores!r}"
            where = f"{scores}{asked.where_code()}"
            code += f"\noccluded = cnnvis_widgets.occlude(network, feed, {self.state.occluder}{layer}{where})"
        return code

    def _show_classes(self, change: object = None) -> None:
        set_visible(self._classes, self.state.explained == "chosen")


def facts(sweep: Occlusion) -> list[Fact]:
    """How a sweep was computed, for its badge."""
    places = " × ".join(str(len(corners)) for corners in sweep.corners)
    square = " × ".join(map(str, sweep.size))
    removed = sweep.attribution.activation_removed.replace("_", " ")
    told = f"probabilities after the {removed}" if removed else "no softmax in the network"
    return [(f"square {square} pixels", False), (f"{places} places", False), ("middle grey", False), (told, False)]


def _range(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return f": {known.min():.3g} to {known.max():.3g}" if known.size else ""
