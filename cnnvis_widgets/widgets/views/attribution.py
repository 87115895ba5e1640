"""Which parts of the image speak for a class."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t

from ...engine.attribution.last_maps import last_feature_maps
from ...errors import CnnvisError, LayerError
from ...imaging import encode
from ...imaging.curves import behind_curves, signal_picture
from ...imaging.heat import CLIPPED, Heat, heat, outlined, overlay
from ...imaging.render import attribution_values, picture
from ...methods import METHODS, Method, of_kind
from ...results import Attribution, WallTile
from ..elements.badges import Fact, marks, obeyed
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import caption, column, dropdown, error_text, side_by_side, slider, switch, text
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..jobs.newest_request import NewestRequest
from ..state.applicability import has_axes_of_image, no_gradient
from ..state.checked_traits import Checked
from ..state.explorer_state import ExplorerState
from .attribution_figures import figures_badge, measure_attribution
from .class_choice import (
    NO_HEAD,
    ExplanationTraits,
    explained_menu,
    explains_another_class,
    question,
    target_code,
)
from .view import Context, Steps, View

EXPLAINERS = {method.name: method.title for method in of_kind("attribution")}
"""Values of ``explainer`` and their titles."""

TOLERANCE = 0.05
"""The part of the difference of the scores that integrated gradients may miss before the badge warns."""


def _explainer(state: ExplorerState, value: Any) -> str:
    known = explainers(state)
    if value in known:
        return str(value)
    raise LayerError(
        f"Expected an attribution method, one of {', '.join(map(repr, known))}. Received: explainer={value!r}. "
        "Grad-CAM needs a layer with maps of several places before the scores."
    )


def explainers(state: ExplorerState) -> dict[str, str]:
    """The attribution methods in the menu, and their titles: those that apply, or all where the view is disabled."""
    return applicable(state) or dict(EXPLAINERS)


def applicable(state: ExplorerState) -> dict[str, str]:
    """The attribution methods that apply to the network, and their titles.

    Grad-CAM needs feature maps, guided Grad-CAM and Score-CAM ones with the axes of the image, and a method with one
    value for each channel of the image a gradient there.
    """
    network = state.network
    mapped = [maps for head in network.heads if (maps := last_feature_maps(network, head.scores)) is not None]
    fitting = any(has_axes_of_image(state, maps) for maps in mapped)
    gradient = not no_gradient(state)
    return {
        name: title
        for name, title in EXPLAINERS.items()
        if (gradient or not METHODS[name].per_channel)
        and (METHODS[name].option("layer") is None or (fitting if _needs_axes(METHODS[name]) else mapped))
    }


def _needs_axes(method: Method) -> bool:
    """Whether a method lays maps over the image: guided Grad-CAM, and Score-CAM, which hides the image by them."""
    return method.per_channel or (method.option("layer") is not None and method.option("baseline") is not None)


class AttributionTraits(ExplanationTraits):
    """How the evidence for a class is computed and drawn.

    Attributes:
        explainer: the attribution method, a key of ``EXPLAINERS`` that applies to the network.
        opacity: of the attribution over the photo, 0 to 1.
        contour: whether a line is drawn around the places that hold half of the evidence for the class.
        measured: whether deletion area and class sensitivity are measured, too.
    """

    explainer = Checked(_explainer)
    opacity = t.Float(0.8, min=0.0, max=1.0)
    contour = t.Bool(True)
    measured = t.Bool(False)

    @t.default("explainer")
    def _first_explainer(self) -> str:
        return next(iter(explainers(self)))


class AttributionView(View):
    """The attribution over the photo, and alone.

    Attributes:
        over: the canvas with the photo; ``alone``: the one without.
        figures: the badge with deletion area and class sensitivity, where they are asked for.
    """

    name, title = "attribution", "Attribution"
    tooltip = "See which parts of the image speak for a class, and which against it"
    depends_on = ("explainer", "at_layer")
    asks_class = True
    state: AttributionTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self._at_layer = switch(
            state,
            "at_layer",
            "Maps of the chosen layer",
            tooltip="Weigh the maps of the layer chosen above instead of the last ones before the scores",
        )
        methods = [(title, name) for name, title in explainers(state).items()]
        self.options = (
            dropdown(state, "explainer", "Method", methods, tooltip="How the evidence is computed"),
            explained_menu(state),
            slider(state, "opacity", "Opacity", tooltip="Of the evidence over the photo"),
            switch(state, "contour", "Contour", tooltip="A line around the places that hold half of the evidence"),
        )
        tooltip = "Tell deletion and insertion area and class sensitivity of the method"
        self.more = self._at_layer, switch(state, "measured", "Measure quality", tooltip=tooltip)
        self.over = PictureCanvas(name="overlay", smooth=True, width=480)
        self.alone = PictureCanvas(name="attribution", smooth=True, width=480)
        self._over_caption, self._caption, self.figures = create(w.HTML), create(w.HTML), create(w.HTML)
        self._request = NewestRequest(self._show_figures, self._fail)
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        self.panel = side_by_side(
            column(self.over, self._over_caption, grow="3 1 240px", widest="500px"),
            column(self.alone, self._caption, self.figures, grow="3 1 240px", widest="500px"),
            self._classes,
        )
        self._drawn: tuple[Attribution, int] | None = None  # and the index of its image
        state.observe(lambda change: self._draw_overlay(True), ["opacity", "contour"])
        state.observe(self._update_controls, ["explained", "explainer", "layer"])
        state.observe(self._measure, "measured")
        self._update_controls()

    def unavailable(self) -> str:
        if not self.state.network.heads:
            return NO_HEAD
        return "" if applicable(self.state) else no_gradient(self.state)

    def is_stale(self, trait: str) -> bool:
        return super().is_stale(trait) or explains_another_class(self.state, trait)

    def sentence(self) -> str:
        state = self.state
        name = state.class_name(state.target) if state.explained == "chosen" else "the class it is surest of"
        return (
            f"Which parts of the image speak for {name}, by {EXPLAINERS[state.explainer]}. Click a class to explain it."
        )

    def work(self) -> tuple[str, Steps]:
        state = self.state
        self._caption.value = self.figures.value = ""  # they are about the attribution before
        asked: Any = {"explainer": state.explainer, "question": question(state), "options": self._map_options()}
        return f"Computing {EXPLAINERS[state.explainer]}", computations.explain(self.context.fed_layer(), **asked)

    def draw(self, progress: computations.Progress, final: bool) -> None:
        result: Attribution = progress.result
        self._drawn = result, self.state.image
        image = heat(attribution_values(result, 0, 0))
        pixels = encode.screen(image.pixels) if final else encode.jpeg(image.pixels)
        title = f"{EXPLAINERS[result.method]} for {result.names[0]}"
        self.alone.show(pixels, f"{title}: {_legend(image)}")
        lines = [title, f"score {result.scores[0, 0]:.4g}", _legend(image), *filter(None, sum(result.notes[:1], ()))]
        coverage = result.coverage
        tooltip, complete = ("", True) if coverage is None else (str(coverage), coverage.complete)
        self._caption.value = caption(lines) + marks(facts(result), tooltip, complete)
        self._draw_overlay(final)
        if final:
            self._measure()

    def _measure(self, change: Any = None) -> None:
        """Have the figures measured, after the picture is on the screen."""
        state = self.state
        self.figures.value = ""
        if state.measured and state.method == self.name and self._drawn is not None:
            self.figures.value = text("Measuring …", role="status")
            asked = self.context.fed_layer(), state.explainer, question(state), self._weighs_layer()
            self._request.submit(lambda: measure_attribution(*asked))

    def _show_figures(self, tile: WallTile | CnnvisError) -> None:
        self.figures.value = figures_badge(tile)

    def _fail(self, error: Exception) -> None:
        self.figures.value = error_text(error)

    def _draw_overlay(self, final: bool) -> None:
        if self._drawn is None:
            return
        result, image = self._drawn
        fed_images, values = self.context.fed_images, attribution_values(result, 0, 0)
        fed, value_range = fed_images.images[image], fed_images.value_range
        photo = signal_picture(fed, value_range) if fed.ndim == 2 else picture(fed, value_range)
        if fed.ndim == 2:
            values = behind_curves(values, photo)
        if photo.shape[:2] != values.shape:  # the channels of the photo are drawn beside each other
            photo = np.broadcast_to(np.uint8(255), (*values.shape, 1))
        pixels = overlay(photo, heat(values), self.state.opacity)
        if self.state.contour and min(values.shape) > 1:
            pixels = outlined(pixels, values)
        name = self.state.images[image]
        words = f"{EXPLAINERS[result.method]} for {result.names[0]} over {name}, opacity {self.state.opacity:.0%}"
        self.over.show(encode.screen(pixels) if final else encode.jpeg(pixels), words)
        what = "signal" if fed.ndim == 2 else "photo"
        self._over_caption.value = caption([f"Over the {what}", f"{name}, opacity {self.state.opacity:.0%}"])

    def code(self) -> str:
        state = self.state
        options = {**self._map_options(), **question(state).options}
        call = METHODS[state.explainer].code("network", "feed", "target", **options)
        return f"{target_code(state)}\nattribution = {call}"

    def _can_weigh_layer(self) -> bool:
        """Whether the method weighs maps, and the maps of the chosen layer have more than one value."""
        method, layer = METHODS[self.state.explainer], self.state.current_layer
        takes_layer = method.option("layer") is not None and bool(layer.spatial_shape)
        return takes_layer and (not _needs_axes(method) or has_axes_of_image(self.state, layer))

    def _map_options(self) -> dict[str, Any]:
        """Which maps Grad-CAM weighs. Maps with other axes than the image keep their size: tokens, or one of a film."""
        state, at_layer = self.state, self._weighs_layer()
        options: dict[str, Any] = {"layer": state.layer} if at_layer else {}
        if "upsampled" in METHODS[state.explainer].fixed and state.current_head is not None:
            last = last_feature_maps(state.network, state.current_head.scores)
            maps = state.current_layer if at_layer else last
            if maps is not None and not has_axes_of_image(state, maps):
                options["upsampled"] = False
        return options

    def _weighs_layer(self) -> bool:
        return self.state.at_layer and self._can_weigh_layer()

    def _update_controls(self, change: Any = None) -> None:
        set_visible(self._classes, self.state.explained == "chosen")
        self._at_layer.disabled = not self._can_weigh_layer()


def facts(result: Attribution) -> list[Fact]:
    """How an attribution was computed, for its badge."""
    removed = result.activation_removed.replace("_", " ")
    words: list[Fact] = [(f"{removed} removed" if removed else f"scores of {result.layer.name}", False)]
    sizes = result.images.shape[2:]
    if result.maps is not None:
        enlarged = "" if sizes == result.maps.spatial_shape else ", enlarged"
        words.append((f"maps of {result.maps.name}{enlarged}", False))
    if result.completeness_error is not None and result.completeness_gap is not None and result.points is not None:
        error, gap = float(result.completeness_error[0, 0]), float(result.completeness_gap[0, 0])
        words.append((f"completeness error {error:+.3g}, {gap:.1%} of the difference", gap > TOLERANCE))
        words.append((f"{result.points[0, 0]} gradients", False))
    if result.coverage is not None:
        words += obeyed(result.coverage)
    if METHODS[result.method].per_channel:
        words.append(("summed over colours", False))
    return [*words, (f"clipped {CLIPPED:g} %", False)]


def _legend(image: Heat) -> str:
    if image.signed:
        return f"red speaks for it, blue against it; full colour at ±{image.limit:.3g}"
    return f"yellow speaks for it; full colour at {image.limit:.3g}"
