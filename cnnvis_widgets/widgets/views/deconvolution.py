"""What in the image made the maps of a layer fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t

from ...engine.backward import rules
from ...errors import CnnvisError
from ...imaging.busy_regions import Box, busy_box, busy_side
from ...imaging.render import projections
from ...methods import METHODS
from ...results import FeatureMaps, Reconstruction, Sensitivity
from ..elements.badges import badge
from ..elements.controls import LABEL, button, dropdown, error_text, refill, stack, switch, text
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..jobs.newest_request import NewestRequest
from ..state.applicability import no_gradient
from .all_rules import AllRules
from .class_choice import ExplanationTraits, question
from .class_sensitivity import measure, sensitivity_badge
from .gallery import Portrait
from .map_sheet import Look, MapSheet, at
from .view import Context, Steps, View

SEEDS = {
    "strongest": "the strongest unit",
    "unit": "the selected unit",
    "map": "the whole map",
    "ones": "ones everywhere",
}
"""Values of ``seed`` and their titles."""


class DeconvolutionTraits(ExplanationTraits):
    """How maps are projected to the image.

    Attributes:
        seed: of the reconstruction, see ``cnnvis_widgets.reconstruct``; 'unit' is the selected ``unit``, or the
            strongest one where none is selected.
        all_rules: whether the selected map is also shown by every rule, side by side.
        whole: whether projections are shown in the whole image, and not cut to what the unit sees.
    """

    seed = t.Enum(tuple(SEEDS), "strongest")
    all_rules = t.Bool(False)
    whole = t.Bool(False)


class DeconvolutionView(View):
    """Reconstructions of the strongest maps as a montage, and the selected one large.

    Attributes:
        sensitivity: the badge that says how much pictures of the rule depend on the class.
        all_rules: the selected map by every rule.
    """

    name, title = "deconvolution", "Deconvolution"
    tooltip = "Project maps back to the image: what in it made them fire"
    depends_on = ("rule", "seed", "whole")
    has_card = True
    state: DeconvolutionTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._rules = create(
            w.Dropdown,
            description="Rule",
            tooltip="How activation functions and pools send the signal back; 'auto' chooses by the network",
            style=LABEL,
            layout={"width": "auto"},
        )
        seeds = [(title, seed) for seed, title in SEEDS.items()]
        self._rules.observe(self._choose_rule, "value")
        self.options = (
            self._rules,
            dropdown(self.state, "seed", "Seed", seeds, tooltip="What is sent back from each map"),
        )
        tooltip = "Also project the selected map by every rule"
        whole = "Show projections in the whole image, instead of cut to what the unit sees"
        self.more = (
            switch(self.state, "all_rules", "All rules side by side", tooltip=tooltip),
            switch(self.state, "whole", "Whole image", tooltip=whole),
        )
        self._legend = create(w.HTML)
        self.sensitivity, self.all_rules = create(w.HTML), AllRules()
        self._shown: tuple[str, Reconstruction] | None = None  # the chosen layer, and what was computed of it
        self.next_unit = button(
            "", self._take_next_unit, "The strongest unit of this map has nothing to show; this one has"
        )
        self._request = NewestRequest(self._show_sensitivity, self._fail)
        self.panel = stack(context.gallery.maps, self._legend, self.sensitivity, self.all_rules.widget)
        self.side = context.gallery.large, self.next_unit
        self.state.observe(self._update, ["layer", "image", "rule", "seed", "channel", "unit", "all_rules"])
        self.state.observe(self._measure_again, ["target", "explained", "head", "place"])
        self._update()
        self._shown_rule = ""
        self._measured: Any = None  # what the badge is about
        self._about: Any = None
        self._side: int | None = None

    def unavailable(self) -> str:
        return no_gradient(self.state)

    def is_stale(self, trait: str) -> bool:
        missing = trait == "channel" and not self.context.gallery.has(self.state.channel)
        moved = trait == "unit" and self.state.seed == "unit"
        return missing or moved or super().is_stale(trait)

    @property
    def _seed(self) -> str | tuple[int, ...]:
        state = self.state
        return state.seed if state.seed != "unit" else state.unit or "strongest"

    def work(self) -> tuple[str, Steps]:
        state = self.state
        self._clear_if_old()
        options: Any = {"channel": state.channel, "rule": state.rule, "seed": self._seed}
        return f"Reconstructing from {state.layer}", computations.deconvolve(self.context.fed_layer(), **options)

    def draw(self, progress: computations.Progress, final: bool) -> None:
        result, whole = progress.result, self.state.whole
        common = progress.layer, (progress.about, whole)
        if isinstance(result, FeatureMaps):
            self.context.gallery.show(MapSheet(result, *common, look=Look.of(self.state)), final)
        elif isinstance(result, Reconstruction):
            if self._about != common[1]:  # all tiles of a montage are cut to one size
                self._about, self._side = common[1], None if whole else busy_side(result.images[0])
            self._shown = progress.layer, result
            self._offer_next_unit()
            sheet = ReconstructionSheet(result, *common, progress.channels, self._side, whole)
            self.context.gallery.show(sheet, final)
            if final:
                self._legend.value = text(legend(result))
                self._shown_rule = result.rule
                self._measure()

    def sentence(self) -> str:
        return (
            "What in the image made each channel fire, sent back through the network to the pixels. Grey means no "
            "influence; the colours are those that would make it fire more. Click one to see it large."
        )

    def on_enter(self) -> None:
        self._update()

    def on_leave(self) -> None:
        self.context.image_pane.canvas.selected = ()

    def code(self) -> str:
        state = self.state
        channels = None if state.channel is None else [state.channel]
        options: dict[str, Any] = {"channels": channels, "rule": state.rule, "seed": self._seed}
        call = METHODS["reconstruction"].code("network", "feed", repr(state.layer), **options)
        code = f"reconstruction = {call}"
        if state.all_rules and channels:
            call = f"cnnvis_widgets.reconstruct(network, feed, {state.layer!r}, rule=rule, channels={channels}"
            code += f"\nside_by_side = [\n    {call}, seed={self._seed!r})\n"
            code += "    for rule in cnnvis_widgets.rules.known()\n]"
        return code

    def _update(self, change: Any = None) -> None:
        """List the rules, since users register more; have the selected map drawn by every rule."""
        state = self.state
        options = [(f"{rules.AUTO}: by the max-pools", rules.AUTO), *((rule, rule) for rule in rules.known())]
        refill(self._rules, options, state.rule, self._choose_rule)
        self._offer_next_unit()
        visible = state.all_rules and state.channel is not None
        set_visible(self.all_rules.widget, visible)
        if visible and state.method == self.name:
            self.all_rules.submit(self.context.fed_layer(), state.channel, self._seed)

    def _next_unit(self) -> tuple[int, ...]:
        """The next unit of the selected map with something to show; () where its picture is not empty."""
        layer, result = self._shown or ("", None)
        if result is None or self.state.layer != layer:
            return ()
        channel = result.channels[0] if self.state.channel is None else self.state.channel
        return result.next_units[0][result.channels.index(channel)] if channel in result.channels else ()

    def _offer_next_unit(self) -> None:
        unit = self._next_unit()
        self.next_unit.description = f"Project unit ({', '.join(map(str, unit))})"
        set_visible(self.next_unit, bool(unit))

    def _take_next_unit(self) -> None:
        """Project the unit that is offered."""
        unit = self._next_unit()
        if unit and self._shown is not None:
            if self.state.channel is None:
                self.state.channel = self._shown[1].channels[0]
            self.state.unit, self.state.seed = unit, "unit"

    def _choose_rule(self, change: Any) -> None:
        self.state.rule = change["new"]

    def _clear_if_old(self) -> None:
        """Remove the badge where it is about another network, image, rule or class."""
        fed_layer = self.context.fed_layer()
        about = fed_layer.network, fed_layer.key, self.state.rule, question(self.state)
        if about != self._measured:
            self._measured, self.sensitivity.value = about, ""

    def _measure(self) -> None:
        """Measure the class sensitivity, after the picture is on the screen."""
        self._clear_if_old()
        fed_layer, rule, asked = self.context.fed_layer(), self._shown_rule, question(self.state)
        if rule and self.state.has_predictions and len(self.state.classes) > 1:
            about = self._measured
            self._request.submit(lambda: (about, measure(fed_layer, rule, asked)))

    def _measure_again(self, change: Any) -> None:
        """Measure for another class; the reconstructions stay as they are."""
        if self.state.method == self.name and not self.state.running:
            self._measure()

    def _show_sensitivity(self, answer: tuple[Any, Sensitivity | CnnvisError]) -> None:
        about, result = answer
        if about == self._measured:
            self.sensitivity.value = sensitivity_badge(result, self.state)

    def _fail(self, error: Exception) -> None:
        self.sensitivity.value = error_text(error)


def legend(result: Reconstruction) -> str:
    """What the colours or curves of projections mean."""
    if result.images.ndim == 4:
        return "Above the middle: more of the signal there would make the map fire more strongly; below: less of it."
    silent = int((~result.images[0].reshape(len(result.channels), -1).any(axis=1)).sum())
    words = "Middle grey: no influence. Brighter: more of this colour there would make the map fire more strongly."
    return f"{words} Black ({silent} of {len(result.channels)}): no signal came back." if silent else words


@dataclass(frozen=True)
class ReconstructionSheet:
    """Reconstructions of the first image, as the gallery shows them.

    Attributes:
        result: those that are computed so far.
        layer: name of the chosen layer.
        about: equal for sheets that add tiles to each other.
        channels: all channels that will come, in order.
        side: tiles are cut to squares of so many pixels around the part that is not zero; None for whole images.
        whole: whether the large picture is the whole image, too.
        paged: see ``Sheet``.
    """

    result: Reconstruction
    layer: str
    about: Any
    channels: Sequence[int]
    side: int | None
    whole: bool = False
    paged: bool = False

    @property
    def ready(self) -> Sequence[int]:
        return self.result.channels

    @property
    def strongest(self) -> int:
        return self.result.channels[0]

    def title(self, channels: Sequence[int]) -> str:
        result = self.result
        sides = (self.side,) * 2 if self.side else result.images.shape[2:-1]
        size = f"{' × '.join(map(str, sides))} pixels" if sides else f"{result.images.shape[-1]} values"
        done = f"{len(result.channels)} of {len(channels)}, {size} each"
        return f"Reconstructions of {result.layer.name} by {result.rule}: {done}"

    def tiles(self, channels: Sequence[int]) -> tuple[np.ndarray, None]:
        part = computations.part(self.result, channels)
        tiles = projections(part)
        if self.side is None:
            return tiles, None
        boxes = [busy_box(values, self.side) for values in part.images[0]]
        return np.stack([_cropped(tile, box) for tile, box in zip(tiles, boxes, strict=True)]), None

    @property
    def units(self) -> bool:
        return False

    def readout(self, channel: int, down: float, across: float) -> str:
        place = self.result.channels.index(channel)
        words = f"Map {channel}, seed {float(self.result.seed_values[0, place]):.4g}"
        note = self.result.notes[0][place]
        return f"{words}: {note}" if note else words

    def portrait(self, channel: int, unit: tuple[int, ...] | None) -> Portrait:
        one = computations.part(self.result, [channel])
        value, place, name = float(one.seed_values[0, 0]), one.units[0, 0], one.layer.name
        whole = bool((place < 0).any())
        seed = f"the whole map, at most {value:.4g}" if whole else f"activation {value:.4g}{at(place)}"
        lines = [f"Map {channel} · {name}", f"from {seed}"]
        pixels, side = projections(one)[0], None if self.whole else busy_side(one.images[0])
        frame: Box | tuple[()] = ()
        note = one.notes[0][0]
        if note:
            lines.append(note)
        elif side is not None:
            frame = box = busy_box(one.images[0, 0], side)
            pixels = _cropped(pixels, box)
            lines.append(f"the framed part, {side} × {side} pixels; the rest is zero or nearly so")
        alt = f"What made map {channel} of {name} fire, by {one.rule} from {seed}"
        index = ", ".join(map(str, (*place.tolist(), channel)))
        marks = badge(one.coverage, "the whole map" if whole else f"{name}[{index}] = {value:.4g}")
        return Portrait(pixels, alt, lines, smooth=True, frame=frame, badge=marks)


def _cropped(pixels: np.ndarray, box: Box) -> np.ndarray:
    left, top, width, height = box
    return pixels[top : top + height, left : left + width]
