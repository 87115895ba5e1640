"""What in the image made the maps of a layer fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine import rules
from ...imaging.render import reconstruction_tiles
from ...results import FeatureMaps, Reconstruction
from .. import work
from ..badge import badge
from ..controls import dropdown
from ..gallery import Portrait
from ..regions import Box, busy_box, busy_side
from ..traits.deconvolution import SEEDS
from .activations import MapSheet, at
from .view import Context, Steps, View

_SEED_TITLES = {
    "strongest": "the strongest unit",
    "unit": "the selected unit",
    "map": "the whole map",
    "ones": "ones everywhere",
}


class DeconvolutionView(View):
    """Reconstructions of the strongest maps as a montage, and the selected one large."""

    name = "deconvolution"
    stale = ("rule", "seed")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.options = (
            dropdown(self.state, "rule", "Rule", rules.known()),
            dropdown(self.state, "seed", "Seed", [(_SEED_TITLES[seed], seed) for seed in SEEDS]),
        )
        self.panel = context.gallery.widget
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

    def left(self) -> None:
        self.context.image_pane.canvas.selected = ()

    def code(self) -> str:
        state = self.state
        channels = None if state.channel is None else [state.channel]
        options = f"channels={channels}, rule={state.rule!r}, seed={self._seed!r}"
        return f"reconstruction = cnnvis_widgets.reconstruct(network, feed, {state.layer!r}, {options})"


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

    def tiles(self, channels: Sequence[int]) -> np.ndarray:
        some = work.part(self.result, channels)
        tiles = reconstruction_tiles(some)
        if self.side is None:
            return tiles
        boxes = [busy_box(values, self.side) for values in some.images[0]]
        return np.stack([_cropped(tile, box) for tile, box in zip(tiles, boxes, strict=True)])

    @property
    def units(self) -> bool:
        return False

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
