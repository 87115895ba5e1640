"""Which parts of the image speak for a class."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.heat import CLIPPED, Heat, heat, overlay
from ...imaging.render import picture
from ...methods import METHODS, of_kind
from ...results import Attribution
from ..elements.badges import Fact, marks, obeyed
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import caption, column, dropdown, fraction, side_by_side, switch
from ..elements.shared_layouts import made, show
from ..jobs import attribution_computations as explaining
from ..jobs import computations as work
from .view import Context, Steps, View

TOLERATED = 0.05
"""The part of the score that integrated gradients may miss before the badge warns."""


class AttributionView(View):
    """The attribution over the photo, and alone.

    Attributes:
        over: the canvas with the photo; ``alone``: the one without.
    """

    name = "attribution"
    stale = ("explainer", "at_layer", "explained")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self._at_layer = switch(state, "at_layer", "Grad-CAM at the chosen layer")
        self.options = (
            dropdown(state, "explainer", "Method", [(method.title, method.name) for method in of_kind("attribution")]),
            explained_menu(context),
            self._at_layer,
            fraction(state, "opacity", "Opacity"),
        )
        self.over = PictureCanvas(name="overlay", smooth=True, width=480)
        self.alone = PictureCanvas(name="attribution", smooth=True, width=480)
        self._over_caption, self._caption = made(w.HTML), made(w.HTML)
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        self.panel = side_by_side(
            column(self.over, self._over_caption, grow="3 1 240px", widest="500px"),
            column(self.alone, self._caption, grow="3 1 240px", widest="500px"),
            self._classes,
        )
        self._shown: tuple[Attribution, int] | None = None
        state.observe(lambda change: self._draw_overlay(True), "opacity")
        state.observe(self._follow, ["explained", "explainer", "layer"])
        self._follow()

    def concerns(self, trait: str) -> bool:
        return super().concerns(trait) or (trait == "target" and self.state.explained == "chosen")

    def steps(self) -> tuple[str, Steps]:
        state, at_layer = self.state, self._weighs_layer()
        options: Any = {"explainer": state.explainer, "target": asked_class(state), "at_layer": at_layer}
        return f"Computing {METHODS[state.explainer].title}", explaining.explain(*self.context.where(), **options)

    def draw(self, progress: work.Progress, final: bool) -> None:
        result: Attribution = progress.result
        self._shown = result, self.state.image
        shown = heat(result.images[0, 0])
        pixels = encode.screen(shown.pixels) if final else encode.jpeg(shown.pixels)
        said = f"{METHODS[result.method].title} for {result.names[0]}"
        self.alone.show(pixels, f"{said}: {_legend(shown)}")
        lines = [said, f"score {result.scores[0, 0]:.4g}", _legend(shown)]
        coverage = result.coverage
        tooltip, complete = ("", True) if coverage is None else (str(coverage), coverage.complete)
        self._caption.value = caption(lines) + marks(facts(result), tooltip, complete)
        self._draw_overlay(final)

    def _draw_overlay(self, final: bool) -> None:
        if self._shown is None:
            return
        result, image = self._shown
        subject = self.context.subject
        photo = picture(subject.images[image], subject.value_range)
        values = result.images[0, 0]
        if photo.shape[:2] != values.shape[:2]:  # signals are drawn as strips
            photo = np.broadcast_to(np.uint8(255), (*values.shape[:2], 1))
        pixels = overlay(photo, heat(values), self.state.opacity)
        name = self.state.images[image]
        words = f"{METHODS[result.method].title} for {result.names[0]} over {name}, opacity {self.state.opacity:.0%}"
        self.over.show(encode.screen(pixels) if final else encode.jpeg(pixels), words)
        self._over_caption.value = caption(["Over the photo", f"{name}, opacity {self.state.opacity:.0%}"])

    def code(self) -> str:
        state = self.state
        options = {"layer": state.layer} if self._weighs_layer() else {}
        call = METHODS[state.explainer].code("network", "feed", "target", **options)
        return f"{target_code(state)}\nattribution = {call}"

    def _can_weigh_layer(self) -> bool:
        """Whether the method weighs maps, and the chosen layer has some with several places."""
        takes_layer = METHODS[self.state.explainer].option("layer") is not None
        return takes_layer and bool(self.state.current_layer.spatial_shape)

    def _weighs_layer(self) -> bool:
        return self.state.at_layer and self._can_weigh_layer()

    def _follow(self, change: Any = None) -> None:
        show(self._classes, self.state.explained == "chosen")
        self._at_layer.disabled = not self._can_weigh_layer()


def facts(result: Attribution) -> list[Fact]:
    """How an attribution was made, for its badge."""
    found: list[Fact] = [("softmax removed" if result.softmax_removed else f"scores of {result.layer.name}", False)]
    if result.maps is not None:
        found.append((f"maps of {result.maps.name}, enlarged", False))
    if result.completeness_error is not None:
        error, score = float(result.completeness_error[0, 0]), float(result.scores[0, 0])
        large = abs(error) > TOLERATED * abs(score)
        found.append((f"completeness error {error:+.3g} of score {score:.3g}", large))
    if result.coverage is not None:
        found += obeyed(result.coverage)
    if METHODS[result.method].per_channel:
        found.append(("summed over colours", False))
    return [*found, (f"clipped {CLIPPED:g} %", False)]


def asked_class(state: Any) -> int | None:
    """The class that is explained; None for the most probable one."""
    return state.target if state.explained == "chosen" else None


def target_code(state: Any) -> str:
    """Python that gives ``target``."""
    if state.explained == "chosen":
        return f"target = {state.target}"
    return "target = cnnvis_widgets.predict(network, feed).top(1)[0][0]"


def explained_menu(context: Context) -> w.Dropdown:
    """Which class is asked about."""
    choices = [("the most probable class", "best"), ("the chosen class", "chosen")]
    return dropdown(context.state, "explained", "Explain", choices)


def _legend(shown: Heat) -> str:
    if shown.signed:
        return f"red speaks for it, blue against it; full colour at ±{shown.limit:.3g}"
    return f"yellow speaks for it; full colour at {shown.limit:.3g}"
