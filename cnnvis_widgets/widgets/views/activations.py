"""The feature maps of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t

from ...imaging.render import Scale, numbered_tiles
from ...results import FeatureMaps
from ..elements.controls import LABEL, button, dropdown
from ..elements.map_scale import colour_bar
from ..elements.shared_layouts import made, show
from ..jobs import computations as work
from ..state.maps_traits import ORDERS, SCALES
from .gallery import Portrait
from .view import Context, Steps, View

NOT_ACTIVE = "not active (max 0)"
_ORDER_TITLES = {"number": "by number", "strength": "by strength", "evidence": "by evidence for the class"}
_SCALE_TITLES = {"layer": "largest of the layer", "map": "largest of each map", "fixed": "a value of one's own"}


class ActivationsView(View):
    """All maps of the layer as a montage, and the selected one large."""

    name = "activations"
    stale = ("order", "pins", "scale")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._bar = made(w.HTML)
        self._limit = made(
            w.BoundedFloatText, min=1e-6, max=1e9, description="is", style=LABEL, layout={"width": "120px"}
        )
        t.link((self.state, "limit"), (self._limit, "value"))
        orders = [(_ORDER_TITLES[order], order) for order in ORDERS if order != "evidence" or self.state.classes]
        self.options = (
            dropdown(self.state, "order", "Sort", orders),
            dropdown(self.state, "scale", "Brightest", [(_SCALE_TITLES[scale], scale) for scale in SCALES]),
            self._limit,
            button("Pin or unpin map", self.pin, "The selected map comes first in every order, or no longer does"),
            self._bar,
        )
        self.panel = context.gallery.widget
        self.state.observe(self._offer_limit, "scale")
        self._offer_limit()

    def concerns(self, trait: str) -> bool:
        asked = trait == "target" and self.state.order == "evidence"
        limited = trait == "limit" and self.state.scale == "fixed"
        return asked or limited or super().concerns(trait)

    def pin(self) -> None:
        """Pin the selected map, or take its pin away."""
        channel, pins = self.state.channel, self.state.pins
        if channel in pins:
            self.state.pins = tuple(each for each in pins if each != channel)
        elif channel is not None:
            self.state.pins = (*pins, channel)

    def steps(self) -> tuple[str, Steps]:
        state = self.state
        steps = work.browse(*self.context.where(), order=state.order, target=state.target, pins=state.pins)
        return f"Computing {state.layer}", steps

    def draw(self, progress: work.Progress, final: bool) -> None:
        state = self.state
        limit = state.limit if state.scale == "fixed" else None
        about, order = (progress.about, state.scale, limit), tuple(progress.channels)
        sheet = MapSheet(progress.result, progress.layer, about, order=order, scale=state.scale, limit=limit)
        self.context.gallery.hang(sheet, final)
        self._bar.value = sheet.colour_bar()

    def _offer_limit(self, change: Any = None) -> None:
        show(self._limit, self.state.scale == "fixed")

    def code(self) -> str:
        return f"(maps,) = cnnvis_widgets.activations(network, feed, {self.state.layer!r})"


@dataclass(frozen=True)
class MapSheet:
    """The feature maps of the first image, a page at a time."""

    maps: FeatureMaps
    layer: str
    about: Any
    paged: bool = True
    order: Sequence[int] = ()
    scale: str = "layer"
    limit: float | None = None

    @property
    def channels(self) -> Sequence[int]:
        return self.order or range(self.maps.values.shape[-1])

    @property
    def ready(self) -> Sequence[int]:
        return self.channels

    @property
    def strongest(self) -> int:
        return work.strongest_first(self.maps)[0]

    def title(self, shown: Sequence[int]) -> str:
        count = len(self.channels)
        in_order = list(shown) == list(range(shown[0], shown[-1] + 1))
        some = f"{shown[0]} to {shown[-1]}" if in_order else f"{len(shown)}"
        part = f"{some} of {count}" if len(shown) < count else f"all {count}"
        return f"Feature maps of {self.maps.layer.name}: {part}"

    def tiles(self, channels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        scale: Scale = "map" if self.scale == "map" else "layer"
        return numbered_tiles(self.maps, 0, channels=channels, scale=scale, limit=self.limit)

    def colour_bar(self) -> str:
        """HTML of what the colours stand for."""
        values = self.maps.values[0]
        largest = None if self.scale == "map" else self.limit or float(np.abs(values).max(initial=0.0))
        clipped = 0.0 if self.limit is None else 100.0 * float((np.abs(values) > self.limit).mean())
        return colour_bar(largest, signed=bool(values.min(initial=0.0) < 0), clipped=clipped)

    def said(self, channel: int, down: float, across: float) -> str:
        values = self.maps.values[0, ..., channel]
        if not values.any():
            return f"Map {channel}: {NOT_ACTIVE}"
        if values.ndim != 2:
            return f"Map {channel}: largest activation {float(values.max()):.4g}"
        row, column = int(down * values.shape[0]), int(across * values.shape[1])
        if not (0 <= row < values.shape[0] and 0 <= column < values.shape[1]):
            return f"Map {channel}"
        return f"Map {channel}: {float(values[row, column]):.4g}{at((row, column))}"

    @property
    def units(self) -> bool:
        return self.maps.values.ndim == 4

    def portrait(self, channel: int, unit: tuple[int, ...] | None) -> Portrait:
        values, name = self.maps.values[0, ..., channel], self.maps.layer.name
        place = np.unravel_index(int(values.argmax()), values.shape)
        strength = f"largest activation {float(values.max(initial=0.0)):.4g}{at(place)}"
        if not values.any():
            strength = NOT_ACTIVE
        lines = [f"Map {channel} of {len(self.channels)} · {name}", strength]
        alt = f"Feature map {channel} of {name}: {strength}"
        if unit is not None:
            lines.append(f"selected: activation {float(values[unit]):.4g}{at(unit)}")
            alt += f"; {lines[-1]}"
        tiles, palette = self.tiles([channel])
        return Portrait(palette[tiles[0, ..., 0]], alt, lines)


def at(place: Any) -> str:
    """Where in a map: ' at row 3, column 5'."""
    names = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}.get(len(place), ())
    words = ", ".join(f"{name} {int(index)}" for name, index in zip(names, place, strict=True))
    return f" at {words}" if words else ""
