"""The feature maps of a layer, as the gallery shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...imaging.colormaps import palette
from ...imaging.curves import area_picture, areas
from ...imaging.render import Scale, above, numbered_tiles
from ...results import FeatureMaps
from ..elements.badges import colour_bar
from ..jobs.computations import strongest_first
from ..state.explorer_state import ExplorerState
from .gallery import Portrait

NOT_ACTIVE = "not active (max 0)"


@dataclass(frozen=True)
class Look:
    """How values become colours.

    Attributes:
        colours: the table for maps without negative values, a key of ``colormaps.COLOURS``.
        gamma: the exponent of brightness; below 1 weak values are brighter.
    """

    colours: str = "magma"
    gamma: float = 0.75

    @classmethod
    def of(cls, state: ExplorerState) -> Look:
        """The look that the user has chosen."""
        return cls(state.colours, state.gamma)


@dataclass(frozen=True)
class MapSheet:
    """The feature maps of the first image, a page at a time.

    Attributes:
        maps: the activations of the layer.
        layer: name of the chosen layer.
        about: equal for sheets that show the same maps.
        paged: see ``Sheet``.
        order: the channels in the order of their tiles; by number where it is empty.
        scale: 'map' where full brightness is the largest value of each map; else one scale for all.
        limit: the value of full brightness; None for the largest value of the layer.
        floor: the value of no brightness, where no value is negative.
        look: colours and gamma.
    """

    maps: FeatureMaps
    layer: str
    about: Any
    paged: bool = True
    order: Sequence[int] = ()
    scale: Scale = "layer"
    limit: float | None = None
    floor: float = 0.0
    look: Look = Look()

    @property
    def channels(self) -> Sequence[int]:
        return self.order or range(self.maps.values.shape[-1])

    @property
    def ready(self) -> Sequence[int]:
        return self.channels

    @property
    def strongest(self) -> int:
        return strongest_first(self.maps)[0]

    @property
    def units(self) -> bool:
        return self.maps.values.ndim == 4

    def title(self, channels: Sequence[int]) -> str:
        count = len(self.channels)
        in_order = list(channels) == list(range(channels[0], channels[-1] + 1))
        range_text = f"{channels[0]} to {channels[-1]}" if in_order else f"{len(channels)}"
        part = f"{range_text} of {count}" if len(channels) < count else f"all {count}"
        return f"Feature maps of {self.maps.layer.name}: {part}"

    def tiles(self, channels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        tiles, _ = numbered_tiles(self.maps, 0, channels=channels, scale=self.scale, limit=self.limit, floor=self.floor)
        if self.maps.values.ndim == 3:
            tiles = areas(tiles, signed=self._signed)
        return tiles, self.palette

    @property
    def _signed(self) -> bool:
        return bool(self.maps.values[0].min(initial=0.0) < 0)

    @property
    def palette(self) -> np.ndarray:
        """The colour of each number in a tile, uint8 (256, 3)."""
        return palette(self._signed, self.look.colours, self.look.gamma)

    def colour_bar(self) -> str:
        """HTML of the colour bar."""
        values = self.maps.values[0]
        largest = None if self.scale == "map" else self.limit or float(np.abs(values).max(initial=0.0))
        floor = 0.0 if self._signed else self.floor
        beyond = (np.abs(values) > (np.inf if self.limit is None else self.limit)) | (np.abs(values) < floor)
        clipped = 100.0 * float(beyond.mean())
        silent = int((~values.reshape(-1, values.shape[-1]).any(axis=0)).sum())
        return colour_bar(largest, self.palette, signed=self._signed, floor=floor, clipped=clipped, silent=silent)

    def readout(self, channel: int, down: float, across: float) -> str:
        values = self.maps.values[0, ..., channel]
        if not values.any():
            return f"Map {channel}: {NOT_ACTIVE}"
        if values.ndim == 1:
            place = min(int(across * len(values)), len(values) - 1)
            return f"Map {channel}: {float(values[place]):.4g}{at((place,))}"
        if values.ndim != 2:
            return f"Map {channel}: largest activation {float(values.max()):.4g}"
        row, column = int(down * values.shape[0]), int(across * values.shape[1])
        if not (0 <= row < values.shape[0] and 0 <= column < values.shape[1]):
            return f"Map {channel}"
        return f"Map {channel}: {float(values[row, column]):.4g}{at((row, column))}"

    def portrait(self, channel: int, unit: tuple[int, ...] | None) -> Portrait:
        values, name = self.maps.values[0, ..., channel], self.maps.layer.name
        if self.maps.values.ndim == 2:
            return self._unit_portrait(channel)
        place = np.unravel_index(int(values.argmax()), values.shape)
        strength = f"largest activation {float(values.max(initial=0.0)):.4g}{at(place)}"
        if not values.any():
            strength = NOT_ACTIVE
        lines = [f"Map {channel} of {len(self.channels)}", strength]
        alt = f"Feature map {channel} of {name}: {strength}"
        if unit is not None:
            lines.append(f"selected: activation {float(values[unit]):.4g}{at(unit)}")
            alt += f"; {lines[-1]}"
        tiles, colours = self.tiles([channel])
        return Portrait(colours[tiles[0, ..., 0]], alt, lines, curve=values if values.ndim == 1 else None)

    def _unit_portrait(self, channel: int) -> Portrait:
        """A unit of a layer without places, among all units of the layer."""
        values, name = self.maps.values[0], self.maps.layer.name
        floor = 0.0 if self._signed else self.floor
        limit = (self.limit or float(np.abs(values).max(initial=0.0)) or 1.0) - floor
        pixels = area_picture(above(values, floor), limit=limit, signed=self._signed, colours=self.palette)
        side = pixels.shape[1] // len(values)
        words = f"activation {float(values[channel]):.4g}"
        lines = [f"Unit {channel} of {len(values)} · {name}", words]
        if len(values) > 1:
            lines.append("framed among all units of the layer, in order")
        marked = channel * side, 0, side, pixels.shape[0]
        return Portrait(pixels, f"Unit {channel} of {name}: {words}", lines, marked=marked)


def at(place: Any) -> str:
    """The words for a place in a map: ' at row 3, column 5'."""
    axes = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}.get(len(place), ())
    words = ", ".join(f"{axis} {int(index)}" for axis, index in zip(axes, place, strict=True))
    return f" at {words}" if words else ""
