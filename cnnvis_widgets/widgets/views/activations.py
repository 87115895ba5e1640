"""The feature maps of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...imaging.render import activation_tiles
from ...results import FeatureMaps
from .. import work
from ..gallery import Portrait
from .view import Context, Steps, View


class ActivationsView(View):
    """All maps of the layer as a montage, and the selected one large."""

    name = "activations"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.panel = context.gallery.widget

    def steps(self) -> tuple[str, Steps]:
        return f"Computing {self.state.layer}", work.browse(*self.context.where())

    def draw(self, progress: work.Progress, final: bool) -> None:
        self.context.gallery.hang(MapSheet(progress.result, progress.layer, progress.about), final)

    def code(self) -> str:
        return f"(maps,) = cnnvis_widgets.activations(network, feed, {self.state.layer!r})"


@dataclass(frozen=True)
class MapSheet:
    """The feature maps of the first image, a page at a time."""

    maps: FeatureMaps
    layer: str
    about: Any
    paged: bool = True

    @property
    def channels(self) -> Sequence[int]:
        return range(self.maps.values.shape[-1])

    @property
    def ready(self) -> Sequence[int]:
        return self.channels

    @property
    def strongest(self) -> int:
        return work.strongest_first(self.maps)[0]

    def title(self, shown: Sequence[int]) -> str:
        count = len(self.channels)
        part = f"{shown[0]} to {shown[-1]} of {count}" if len(shown) < count else f"all {count}"
        return f"Feature maps of {self.maps.layer.name}: {part}"

    def tiles(self, channels: Sequence[int]) -> np.ndarray:
        return activation_tiles(self.maps, 0, channels=channels)

    @property
    def units(self) -> bool:
        return self.maps.values.ndim == 4

    def portrait(self, channel: int, unit: tuple[int, ...] | None) -> Portrait:
        values, name = self.maps.values[0, ..., channel], self.maps.layer.name
        place = np.unravel_index(int(values.argmax()), values.shape)
        strength = f"largest activation {float(values.max(initial=0.0)):.4g}{at(place)}"
        lines = [f"Map {channel} of {len(self.channels)} · {name}", strength]
        alt = f"Feature map {channel} of {name}: {strength}"
        if unit is not None:
            lines.append(f"selected: activation {float(values[unit]):.4g}{at(unit)}")
            alt += f"; {lines[-1]}"
        return Portrait(self.tiles([channel])[0], alt, lines)


def at(place: Any) -> str:
    """Where in a map: ' at row 3, column 5'."""
    names = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}.get(len(place), ())
    words = ", ".join(f"{name} {int(index)}" for name, index in zip(names, place, strict=True))
    return f" at {words}" if words else ""
