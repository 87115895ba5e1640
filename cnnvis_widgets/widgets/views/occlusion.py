"""What the network says while a part of the image is hidden."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.grid import enlarge, magnification
from ...imaging.places import COLOURS, UNKNOWN, class_map, in_order, value_map
from ...imaging.render import reconstruction_tiles
from ...results import Occlusion, Reconstruction
from ..elements.badges import Fact, marks
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import caption, column, fraction, side_by_side, stack, switch
from ..elements.shared_layouts import made, show
from ..jobs import attribution_computations as explaining
from ..jobs import computations as work
from .attribution import asked_class, explained_menu, target_code
from .manual_occlusion import ByHand
from .view import Context, Steps, View


class OcclusionView(View):
    """The four panels of figure 7 of Zeiler and Fergus, filled as the square is slid over the image.

    Attributes:
        by_hand: the square that is put on the photo by hand.
        panels: the canvases, by name: 'total' of the strongest map, its 'projection', the 'probability' of the class,
            and the most probable class ('best').
    """

    name = "occlusion"
    stale = ("square", "at_layer", "explained", "rule")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self.options = (
            explained_menu(context),
            fraction(state, "square", "Square", 0.02, 0.9, live=False),
            switch(state, "at_layer", "Follow the chosen layer"),
        )
        names = ("total", "projection", "probability", "best")
        self.panels = {name: PictureCanvas(name=name, width=300, smooth=name == "projection") for name in names}
        self._captions = {name: made(w.HTML) for name in names}
        columns = [column(self.panels[name], self._captions[name], grow="1 1 140px", widest="300px") for name in names]
        self._badge = made(w.HTML)
        self._projected = False
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        self.by_hand = ByHand(state, context.subject, context.image_pane.canvas)
        parts = [self.by_hand.widget, side_by_side(*columns, self._classes), self._badge]
        self.panel = stack(*parts)
        state.observe(self._follow, "explained")
        self._follow()

    def concerns(self, trait: str) -> bool:
        return super().concerns(trait) or (trait == "target" and self.state.explained == "chosen")

    def steps(self) -> tuple[str, Steps]:
        state, self._projected = self.state, False
        options: Any = {"target": asked_class(state), "at_layer": state.at_layer, "rule": state.rule}
        steps = explaining.sweep(*self.context.where(), size=self.by_hand.size, **options)
        return "Sliding a square over the image", steps

    def draw(self, progress: work.Progress, final: bool) -> None:
        if isinstance(progress.result, Reconstruction):
            self._draw_projection(progress.result)
        elif isinstance(progress.result, Occlusion):
            self._draw_sweep(progress.result)

    def _draw_projection(self, found: Reconstruction) -> None:
        self._projected = True
        channel, name = found.channels[0], found.layer.name
        words = [f"Map {channel} of {name}", f"its projection by {found.rule}"]
        self._show("projection", reconstruction_tiles(found)[0], words)

    def _draw_sweep(self, found: Occlusion) -> None:
        if found.maps is None:
            self._show("total", np.full((1, 1, 1), UNKNOWN, np.uint8), ["No layer with places to follow"])
        else:
            totals = found.map_totals[0]
            words = [f"Total of map {found.map_channels[0]}", f"of {found.maps.name}{_span(totals)}"]
            self._show("total", value_map(totals), words)
        name = found.attribution.names[0]
        if found.probabilities is None:
            values, what = found.scores[0, 0], "Score"
        else:
            values, what = found.probabilities[0, 0], "Probability"
        self._show("probability", value_map(values), [f"{what} of {name}", f"where the square hides{_span(values)}"])
        self._draw_best(found)
        self._badge.value = marks(facts(found))

    def _draw_best(self, found: Occlusion) -> None:
        order = in_order(found.best[0])
        classes = self.state.classes
        named = [classes[each] if each < len(classes) else str(each) for each in order]
        shown = named[: len(COLOURS) - 1]
        more = ["others"] if len(named) > len(shown) else []
        words = ["Most probable class", ", ".join(shown + more)]
        self._show("best", class_map(found.best[0]), words)
        self._captions["best"].value = caption(words[:1]) + _legend(shown + more)

    def _show(self, panel: str, pixels: np.ndarray, words: list[str]) -> None:
        if panel != "projection":
            pixels = enlarge(pixels, magnification(pixels[np.newaxis], side=280))
        self.panels[panel].show(encode.screen(pixels), ", ".join(words))
        self._captions[panel].value = caption(words)

    def left(self) -> None:
        self.context.image_pane.canvas.selected, self.context.image_pane.canvas.drag = (), ""

    def code(self) -> str:
        layer = f", layer={self.state.layer!r}" if self.state.at_layer else ""
        call = f"cnnvis_widgets.occlusion(network, feed, target, size={self.by_hand.size}{layer})"
        code = f"{target_code(self.state)}\nsweep = {call}"
        if self._projected:
            options = f"channels=sweep.map_channels.tolist(), rule={self.state.rule!r}"
            code += f"\nprojection = cnnvis_widgets.reconstruct(network, feed, sweep.maps, {options})"
        if self.state.occluder:
            code += f"\noccluded = cnnvis_widgets.occlude(network, feed, {self.state.occluder}{layer})"
        return code

    def _follow(self, change: object = None) -> None:
        show(self._classes, self.state.explained == "chosen")


def facts(found: Occlusion) -> list[Fact]:
    """How a sweep was made, for its badge."""
    places = " × ".join(str(len(each)) for each in found.corners)
    square = " × ".join(map(str, found.size))
    softmax = "no softmax in the network" if found.probabilities is None else "probabilities after the softmax"
    return [(f"square {square} pixels", False), (f"{places} places", False), ("middle grey", False), (softmax, False)]


def _span(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return f": {known.min():.3g} to {known.max():.3g}" if known.size else ""


def _legend(names: list[str]) -> str:
    colours = [*COLOURS[: len(names)]]
    if names and names[-1] == "others":
        colours[-1] = COLOURS[-1]
    swatch = "display:inline-block; width:10px; height:10px; margin-right:5px; background:rgb"
    items = "".join(
        f'<span style="{swatch}({",".join(map(str, colour))})" aria-hidden="true"></span>{escape(name)}<br>'
        for name, colour in zip(names, colours, strict=True)
    )
    return f'<div class="cnnvis-caption">{items}</div>'
