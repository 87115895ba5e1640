"""What the network predicts while a part of the image is hidden."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.curves import area_picture
from ...imaging.grid import enlarge, magnification
from ...imaging.places import class_map, in_order, value_map
from ...imaging.render import projections
from ...methods import METHODS
from ...results import Occlusion, Reconstruction
from ..elements.badges import Fact, marks
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import button, caption, column, side_by_side, slider, stack, switch
from ..elements.shared_layouts import create, set_visible
from ..input_image.head_map import class_legend
from ..jobs import sweeps
from ..jobs.computations import Progress
from .class_choice import NO_HEAD, explained_menu, explains_another_class, question, target_code
from .manual_occlusion import ManualOcclusion, OcclusionTraits
from .view import Context, Steps, View

HARDLY = 0.02
"""A part of the largest value: a picture of smaller differences looks plain, and its words say so."""

STRIP = 8
"""How often the one row of classes along a signal is repeated, so that it can be seen."""

SLIDING = "Sliding the square over the image"


class OcclusionView(View):
    """A square that is dragged by hand; on request it is slid over the whole image, and fills the four panels of
    figure 7 of Zeiler and Fergus.

    Attributes:
        manual: the square that is dragged over the photo.
        panels: the canvases, by name: 'total' of the strongest map, its 'projection', the 'probability' of the class,
            and the most probable class ('best').
    """

    name, title = "occlusion", "Occlusion"
    tooltip = "Hide a part of the image and see how the prediction changes"
    depends_on = ("square", "at_layer", "rule")
    asks_class = True
    state: OcclusionTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self.options = (
            explained_menu(state),
            slider(
                state, "square", "Square", tooltip="The side of the square as a part of the image's side", live=False
            ),
            button(
                "Slide over the whole image",
                self.start,
                "Hide one place after the other; the line below tells how long it takes, and 'Stop' ends it",
                "primary",
            ),
        )
        tooltip = "Follow the strongest map of the layer chosen above instead of the last one before the scores"
        self.more = (switch(state, "at_layer", "Follow the chosen layer", tooltip=tooltip),)
        names = ("total", "projection", "probability", "best")
        self.panels = {name: PictureCanvas(name=name, width=300, smooth=name == "projection") for name in names}
        self._captions = {name: create(w.HTML) for name in names}
        self._columns = {
            name: column(self.panels[name], self._captions[name], grow="1 1 140px", widest="300px") for name in names
        }
        self._badge = create(w.HTML)
        self._has_projection = False
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        photo = context.image_pane.canvas
        self.manual = ManualOcclusion(state, context.fed_images, photo, lambda: state.method == self.name)
        self.panel = stack(self.manual.widget, side_by_side(*self._columns.values(), self._classes), self._badge)
        state.observe(self._show_classes, "explained")
        self._show_classes()
        self._clear()

    def unavailable(self) -> str:
        if not self.state.network.heads:
            return NO_HEAD
        flat = self.context.fed_images.images[0].ndim == 1
        return "A flat input has no neighbouring values to hide: it has no height and no width." if flat else ""

    def is_stale(self, trait: str) -> bool:
        return super().is_stale(trait) or explains_another_class(self.state, trait)

    def sentence(self) -> str:
        return (
            "Drag the grey square over the photo, and see what the network says without that part. "
            "'Slide over the whole image' tries every place."
        )

    def work(self) -> tuple[str, Steps]:
        """The projection of the map that is followed; the whole sweep, where it was computed before."""
        fed_layer, target = self.context.fed_layer(), self._target()
        self._clear()
        if sweeps.is_swept(fed_layer, target):
            return SLIDING, sweeps.sweep(fed_layer, target)
        return "Projecting the strongest map", sweeps.before_sweeping(fed_layer, target)

    def start(self) -> None:
        """Slide the square over the whole image, abandoning whatever runs."""
        self.context.begin(self, SLIDING, sweeps.sweep(self.context.fed_layer(), self._target()))

    def _target(self) -> sweeps.SweepTarget:
        state = self.state
        return sweeps.SweepTarget(self.manual.size, question(state), state.at_layer, state.rule)

    def writes(self, result: Any) -> bool:
        """The sweep is written, and not what comes before it."""
        return isinstance(result, Occlusion)

    def draw(self, progress: Progress, final: bool) -> None:
        if isinstance(progress.result, Reconstruction):
            self._draw_projection(progress.result)
        elif isinstance(progress.result, Occlusion):
            self._draw_sweep(progress.result)

    def _clear(self) -> None:
        """Hide the panels until there is something new to show in them."""
        self._has_projection, self._badge.value = False, ""
        for panel in self._columns.values():
            set_visible(panel, False)

    def _draw_projection(self, projection: Reconstruction) -> None:
        self._has_projection = True
        channel, name = projection.channels[0], projection.layer.name
        words = [f"Map {channel} of {name}", f"its projection by {projection.rule}"]
        self._show("projection", projections(projection)[0], words)

    def _draw_sweep(self, sweep: Occlusion) -> None:
        if sweep.maps is not None:
            totals = sweep.map_totals[0]
            words = [f"Total of map {sweep.map_channels[0]}", f"of {sweep.maps.name}{_range(totals)}"]
            self._show("total", _drawn(totals), words)
        name = sweep.attribution.names[0]
        if sweep.probabilities is None:
            values, what = sweep.scores[0, 0], "Score"
        else:
            values, what = sweep.probabilities[0, 0], "Probability"
        self._show("probability", _drawn(values), [f"{what} of {name}", f"where the square hides{_range(values)}"])
        self._draw_best(sweep)
        self._badge.value = marks(facts(sweep))

    def _draw_best(self, sweep: Occlusion) -> None:
        head = self.state.current_head
        if head is not None and head.meaning == "values":
            return  # a network is not sure of values
        names = [self.state.class_name(number) for number in in_order(sweep.best[0])]
        words = ["What the network is surest of", ", ".join(names)]
        pixels = class_map(sweep.best[0])
        self._show("best", pixels.repeat(STRIP, axis=0) if sweep.best[0].ndim == 1 else pixels, words)
        self._captions["best"].value = caption(words[:1]) + class_legend(names)

    def _show(self, panel: str, pixels: np.ndarray, words: list[str]) -> None:
        if panel != "projection":
            pixels = enlarge(pixels, magnification(pixels[np.newaxis], side=280))
        self.panels[panel].show(encode.screen(pixels), ", ".join(words))
        self._captions[panel].value = caption(words)
        set_visible(self._columns[panel], True)

    def on_enter(self) -> None:
        self.manual.update()

    def on_leave(self) -> None:
        self.manual.leave()

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


def _drawn(values: np.ndarray) -> np.ndarray:
    """A number for each place of the square: as colours, or along a signal as a curve."""
    if values.ndim > 1:
        return value_map(values)
    known = np.nan_to_num(values)
    return area_picture(known, limit=float(np.abs(known).max()) or 1.0, signed=bool(known.min() < 0))


def _range(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    if not known.size:
        return ""
    hardly = np.ptp(known) < HARDLY * np.abs(known).max()
    return f": {known.min():.3g} to {known.max():.3g}{', which is hardly a change' if hardly else ''}"
