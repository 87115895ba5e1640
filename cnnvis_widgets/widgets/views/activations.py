"""The feature maps of a layer."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import traitlets as t

from ...errors import ChannelError
from ...imaging.render import Scale
from ...methods import METHODS
from ..elements.controls import LABEL, button, dropdown, slider
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..state.checked_traits import Checked, index_of
from ..state.explorer_state import COLOUR_NAMES, UNKNOWN_SIZE, ExplorerState
from .map_sheet import Look, MapSheet
from .view import Context, Steps, View

ORDERS = {
    "number": "by number",
    "strength": "by strength",
    "evidence": "by evidence for the class",
    "selectivity": "by selectivity (survey)",
}
"""Values of ``order`` and their titles."""

SCALES = {"shared": "shared by all maps", "map": "per map", "custom": "custom"}
"""Values of ``scale`` and their titles."""


def _pins(state: ExplorerState, value: Any) -> tuple[int, ...]:
    count, what = state.current_layer.channels or UNKNOWN_SIZE, f"a channel of {state.layer!r}"
    return tuple(dict.fromkeys(index_of(channel, (), count, what, ChannelError) for channel in value))


class ActivationsTraits(ExplorerState):
    """In which order feature maps are shown, and how bright.

    Attributes:
        order: maps are sorted by 'number', by 'strength' (the largest activation), by 'evidence' for the class
            ``target``, see ``channel_evidence``, or by 'selectivity': how much more they respond to the surveyed images
            of that class than to all others.
        pins: maps that come first in every order; changing ``layer`` makes it ().
        scale: full brightness is the largest value of the layer ('shared'), of each 'map', or ``limit`` ('custom').
        limit: the value of full brightness where ``scale`` is 'custom'.
        floor: the value of no brightness there, below ``limit``; maps with negative values keep a scale around zero.
    """

    order = t.Enum(tuple(ORDERS), "strength")
    pins = Checked(_pins, ())
    scale = t.Enum(tuple(SCALES), "shared")
    limit = t.Float(1.0, min=1e-6)
    floor = t.Float(0.0, min=0.0)

    @t.validate("floor")
    def _below_limit(self, proposal: Any) -> float:
        if proposal["value"] >= self.limit:
            raise t.TraitError(
                f"Expected a floor below the limit, {self.limit:.4g}. Received: floor={proposal['value']:.4g}."
            )
        return float(proposal["value"])

    @t.observe("limit")
    def _lower_floor(self, change: Any) -> None:
        if self.floor >= change["new"]:
            self.floor = 0.0

    def choose_range(self, low: float, high: float) -> None:
        """Let a range of values take all colours, as the brush of a histogram does."""
        floor, limit = max(0.0, low), max(abs(low), abs(high))
        if limit > floor:
            self.floor, self.limit = 0.0, limit
            self.floor, self.scale = floor, "custom"

    @t.observe("layer")
    def _remove_pins(self, change: Any) -> None:
        self.pins = ()

    @t.observe("order")
    def _first_page(self, change: Any) -> None:
        self.page = 0


class ActivationsView(View):
    """All maps of the layer as a montage, and the selected one large."""

    name, title = "activations", "Activations"
    tooltip = "See the maps of a layer: where and how strongly each of its channels fires for this image"
    depends_on = ("order", "pins", "scale", "colours", "gamma")
    has_card = True
    state: ActivationsTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        self._colour_bar = create(w.HTML)
        self._ends = [_end("from", "The value of no brightness", 0.0), _end("to", "The value of full brightness", 1e-6)]
        for trait, field in zip(("floor", "limit"), self._ends, strict=True):
            t.link((state, trait), (field, "value"))
        orders = [(title, order) for order, title in ORDERS.items() if order in ("number", "strength") or state.classes]
        scales = [(title, scale) for scale, title in SCALES.items()]
        self.options = (
            dropdown(state, "order", "Sort", orders, tooltip="The order of the maps"),
            dropdown(state, "scale", "Colour scale", scales, tooltip="Which value gets full brightness"),
            *self._ends,
            self._colour_bar,
        )
        self._pin = button("Pin map", self.pin, "Put the selected map first in every order, or back in its place")
        colours = [(title, name) for name, title in COLOUR_NAMES.items()]
        self.more = (
            self._pin,
            dropdown(state, "colours", "Colours", colours, tooltip="The colours of maps without negative values"),
            slider(
                state,
                "gamma",
                "Gamma",
                tooltip="Below 1 weak values are brighter",
                live=False,
            ),
        )
        self.panel, self.below_photo = context.gallery.maps, (context.gallery.large,)
        state.observe(self._show_ends, "scale")
        self._show_ends()
        state.observe(self._name_pin, ["channel", "pins"])

    def is_stale(self, trait: str) -> bool:
        by_class = self.state.order in ("evidence", "selectivity")
        other_class = trait in ("target", "head", "place") and by_class
        other_survey = trait == "survey_running" and self.state.order == "selectivity"
        other_ends = trait in ("limit", "floor") and self.state.scale == "custom"
        return other_class or other_survey or other_ends or super().is_stale(trait)

    def sentence(self) -> str:
        state = self.state
        layer = state.current_layer
        if not layer.spatial_shape:
            return "One value for each unit: the longer the bar, the more it fires. Click one to see it among all."
        order = {"number": "by number", "strength": "strongest first"}.get(
            state.order, f"those that speak for {state.class_name(state.target)} first"
        )
        count = "" if layer.channels is None else f"{layer.channels} "
        clicks = "Click a map to open its card, or a place of the photo to find the maps that see it."
        return f"{count}feature maps, {order}. Brighter: the channel fires more there. {clicks}"

    def pin(self) -> None:
        """Pin the selected map, or remove its pin."""
        channel, pins = self.state.channel, self.state.pins
        if channel in pins:
            self.state.pins = tuple(pin for pin in pins if pin != channel)
        elif channel is not None:
            self.state.pins = (*pins, channel)

    def _name_pin(self, change: Any = None) -> None:
        self._pin.description = "Unpin map" if self.state.channel in self.state.pins else "Pin map"

    def work(self) -> tuple[str, Steps]:
        state = self.state
        options: Any = {"order": state.order, "question": state.question(state.target), "pins": state.pins}
        if state.order == "selectivity":
            surveying, layer, target = self.context.surveying, state.layer, state.target
            options["ranking"] = lambda: surveying.selectivities(layer, target)
        return f"Computing {state.layer}", computations.browse(self.context.fed_layer(), **options)

    def draw(self, progress: computations.Progress, final: bool) -> None:
        state, order = self.state, tuple(progress.channels)
        limit, floor = (state.limit, state.floor) if state.scale == "custom" else (None, 0.0)
        scale: Scale = "map" if state.scale == "map" else "layer"
        look = Look.of(state)
        about = progress.about, state.scale, limit, floor, look
        ends: Any = {"limit": limit, "floor": floor}
        sheet = MapSheet(progress.result, progress.layer, about, order=order, scale=scale, look=look, **ends)
        self.context.gallery.show(sheet, final)
        self._colour_bar.value = sheet.colour_bar()

    def _show_ends(self, change: Any = None) -> None:
        for field in self._ends:
            set_visible(field, self.state.scale == "custom")

    def code(self) -> str:
        call = METHODS["activations"].code("network", "feed", repr(self.state.layer))
        return f"(maps,) = {call}"


def _end(label: str, tooltip: str, least: float) -> w.BoundedFloatText:
    """The field of one end of the colour scale."""
    layout = {"width": "110px"}
    field: w.BoundedFloatText = create(
        w.BoundedFloatText, min=least, max=1e9, description=label, tooltip=tooltip, style=LABEL, layout=layout
    )
    return field
