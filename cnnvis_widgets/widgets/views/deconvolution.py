"""What in the image made the maps of a layer fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import numpy as np

from ...engine.backward import rules
from ...imaging.busy_regions import Box, busy_box, busy_side
from ...imaging.render import reconstruction_tiles
from ...results import FeatureMaps, Reconstruction
from ..elements.badges import badge
from ..elements.controls import LABEL, dropdown, refill, stack, switch, text
from ..elements.shared_layouts import made, show
from ..jobs import computations as work
from ..jobs.newest_request import Live
from ..state.deconvolution_traits import SEEDS
from .activations import MapSheet, at
from .all_rules import RuleRow
from .attribution import asked_class
from .class_sensitivity import measured, meter
from .gallery import Portrait
from .view import Context, Steps, View

_SEED_TITLES = {
    "strongest": "the strongest unit",
    "unit": "the selected unit",
    "map": "the whole map",
    "ones": "ones everywhere",
}


class DeconvolutionView(View):
    """Reconstructions of the strongest maps as a montage, and the selected one large.

    Attributes:
        meter: how much pictures of the rule depend on the class.
        row: the selected map by every rule.
    """

    name = "deconvolution"
    stale = ("rule", "seed")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._rules = made(w.Dropdown, description="Rule", style=LABEL, layout={"width": "auto"})
        self._rules.observe(self._choose_rule, "value")
        self.options = (
            self._rules,
            dropdown(self.state, "seed", "Seed", [(_SEED_TITLES[seed], seed) for seed in SEEDS]),
            switch(self.state, "all_rules", "All rules side by side"),
        )
        self.meter, self.row = made(w.HTML), RuleRow()
        self._meter = Live(self._show_meter, self._fail)
        self.panel = stack(context.gallery.widget, self.meter, self.row.widget)
        self.state.observe(self._follow, ["method", "layer", "image", "rule", "seed", "channel", "unit", "all_rules"])
        self.state.observe(self._measure_again, ["target", "explained"])
        self._follow()
        self._about: Any = None
        self._side: int | None = None

    def concerns(self, trait: str) -> bool:
        missing = trait == "channel" and not self.context.gallery.has(self.state.channel)
        moved = trait == "unit" and self.state.seed == "unit"
        return missing or moved or super().concerns(trait)

    @property
    def _seed(self) -> str | tuple[int, ...]:
        state = self.state
        return state.seed if state.seed != "unit" else state.unit or "strongest"

    def steps(self) -> tuple[str, Steps]:
        state = self.state
        steps = work.deconvolve(*self.context.where(), channel=state.channel, rule=state.rule, seed=self._seed)
        return f"Reconstructing from {state.layer}", steps

    def draw(self, progress: work.Progress, final: bool) -> None:
        result, where = progress.result, (progress.layer, progress.about)
        if isinstance(result, FeatureMaps):
            self.context.gallery.hang(MapSheet(result, *where), final)
        elif isinstance(result, Reconstruction):
            if self._about != progress.about:  # all tiles of a montage are cut to one size
                self._about, self._side = progress.about, busy_side(result.images[0])
            self.context.gallery.hang(ReconstructionSheet(result, *where, progress.channels, self._side), final)
            if final:
                self._measure()

    def _follow(self, change: Any = None) -> None:
        """List the rules, which may have been registered meanwhile; draw the other rules of the selected map."""
        state = self.state
        refill(self._rules, [(each, each) for each in rules.known()], state.rule, self._choose_rule)
        shown = state.all_rules and state.channel is not None
        show(self.row.widget, shown)
        if state.method == self.name and shown:
            self.row.ask(self.context.where(), state.channel, self._seed)

    def _choose_rule(self, change: Any) -> None:
        self.state.rule = change["new"]

    def _measure(self) -> None:
        """Measure how much pictures of the rule depend on the class, after the picture is on the screen."""
        where, rule, target = self.context.where(), self.state.rule, asked_class(self.state)
        if self.state.classes:
            self._meter.ask(lambda: measured(where, rule, target))

    def _measure_again(self, change: Any) -> None:
        """For another class; the one that is shown is not computed anew."""
        if self.state.method == self.name and not self.state.running:
            self._measure()

    def _show_meter(self, found: Any) -> None:
        self.meter.value = meter(found, self.state)

    def _fail(self, error: Exception) -> None:
        self.meter.value = text(f"{type(error).__name__}: {error}", "error", role="alert")

    def left(self) -> None:
        self.context.image_pane.canvas.selected = ()

    def code(self) -> str:
        state = self.state
        channels = None if state.channel is None else [state.channel]
        options = f"channels={channels}, rule={state.rule!r}, seed={self._seed!r}"
        code = f"reconstruction = cnnvis_widgets.reconstruct(network, feed, {state.layer!r}, {options})"
        if state.all_rules and channels:
            call = f"cnnvis_widgets.reconstruct(network, feed, {state.layer!r}, rule=rule, channels={channels}"
            code += f"\nside_by_side = [\n    {call}, seed={self._seed!r})\n"
            code += "    for rule in cnnvis_widgets.rules.known()\n]"
        return code


@dataclass(frozen=True)
class ReconstructionSheet:
    """Reconstructions of the first image, cropped to squares of ``side`` pixels where there is something to see."""

    result: Reconstruction
    layer: str
    about: Any
    channels: Sequence[int]
    side: int | None
    paged: bool = False

    @property
    def ready(self) -> Sequence[int]:
        return self.result.channels

    @property
    def strongest(self) -> int:
        return self.result.channels[0]

    def title(self, shown: Sequence[int]) -> str:
        result = self.result
        height, width = (self.side,) * 2 if self.side else result.images.shape[2:4]
        done = f"{len(result.channels)} of {len(shown)}, {height} × {width} pixels each"
        return f"Reconstructions of {result.layer.name} by {result.rule}: {done}"

    def tiles(self, channels: Sequence[int]) -> tuple[np.ndarray, None]:
        some = work.part(self.result, channels)
        tiles = reconstruction_tiles(some)
        if self.side is None:
            return tiles, None
        boxes = [busy_box(values, self.side) for values in some.images[0]]
        return np.stack([_cropped(tile, box) for tile, box in zip(tiles, boxes, strict=True)]), None

    @property
    def units(self) -> bool:
        return False

    def said(self, channel: int, down: float, across: float) -> str:
        place = self.result.channels.index(channel)
        return f"Map {channel}, seed {float(self.result.seed_values[0, place]):.4g}"

    def portrait(self, channel: int, unit: tuple[int, ...] | None) -> Portrait:
        one = work.part(self.result, [channel])
        value, seeded, name = float(one.seed_values[0, 0]), one.units[0, 0], one.layer.name
        whole = bool((seeded < 0).any())
        seed = f"the whole map, at most {value:.4g}" if whole else f"activation {value:.4g}{at(seeded)}"
        lines = [f"Map {channel} · {name}", f"from {seed}"]
        pixels, side = reconstruction_tiles(one)[0], busy_side(one.images[0])
        frame: Box | tuple[()] = ()
        if side is not None:
            frame = box = busy_box(one.images[0, 0], side)
            pixels = _cropped(pixels, box)
            lines.append(f"the framed part, {side} × {side} pixels; the rest is zero or nearly so")
        alt = f"What made map {channel} of {name} fire, by {one.rule} from {seed}"
        place = ", ".join(map(str, (*seeded.tolist(), channel)))
        marks = badge(one.coverage, "the whole map" if whole else f"{name}[{place}] = {value:.4g}")
        return Portrait(pixels, alt, lines, smooth=True, frame=frame, badge=marks)


def _cropped(pixels: np.ndarray, box: Box) -> np.ndarray:
    left, top, width, height = box
    return pixels[top : top + height, left : left + width]
