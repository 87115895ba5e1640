"""What all rules make of the selected map, side by side."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...engine.backward import rules
from ...engine.reconstruction.reconstruct import reconstruct
from ...imaging import encode
from ...imaging.busy_regions import busy_box, busy_side
from ...imaging.render import reconstruction_tiles
from ...results import Reconstruction
from ..elements.badges import badge
from ..elements.canvas import PictureCanvas
from ..elements.controls import caption, column, side_by_side, text
from ..elements.shared_layouts import made
from ..jobs.newest_request import Live
from ..state.fed_images import Where


class RuleRow:
    """A picture for each rule, of one map and seed, cut to the same part of the image.

    Attributes:
        widget: the row.
        pictures: the canvases by rule; each is called 'rule-' and the name of the rule.
        results: what they show.
    """

    def __init__(self) -> None:
        self.widget = side_by_side()
        self.pictures: dict[str, PictureCanvas] = {}
        self.results: tuple[Reconstruction, ...] = ()
        self._captions: dict[str, w.HTML] = {}
        self._live = Live(self._show, self._fail)

    def ask(self, where: Where, channel: int, seed: Any) -> None:
        """Have the row drawn a moment later."""
        network, feed, _, layer = where
        names = rules.known()
        if tuple(self.pictures) != names:
            self._lay_out(names)
        for shown in self._captions.values():
            shown.value = text("Computing …", role="status")
        options = {"channels": [channel], "seed": seed}
        self._live.ask(lambda: tuple(reconstruct(network, feed, layer, rule=rule, **options) for rule in names))

    def _lay_out(self, names: tuple[str, ...]) -> None:
        self.pictures = {rule: PictureCanvas(name=f"rule-{rule}", smooth=True, width=300) for rule in names}
        self._captions = {rule: made(w.HTML) for rule in names}
        self.widget.children = tuple(
            column(self.pictures[rule], self._captions[rule], grow="1 1 180px", widest="300px") for rule in names
        )

    def _show(self, found: tuple[Reconstruction, ...]) -> None:
        self.results = found
        strengths = [np.abs(each.images[0, 0]) for each in found]
        together = np.stack([each / (each.max() or 1) for each in strengths]).max(axis=0)
        side = busy_side(together[np.newaxis])
        for each in found:
            pixels = reconstruction_tiles(each)[0]
            if side is not None:
                left, top, width, height = busy_box(together, side)
                pixels = pixels[top : top + height, left : left + width]
            words = f"Map {each.channels[0]} of {each.layer.name} by {each.rule}"
            self.pictures[each.rule].show(encode.screen(pixels), words)
            value = float(each.seed_values[0, 0])
            self._captions[each.rule].value = caption([each.rule]) + badge(each.coverage, f"{value:.4g}")

    def _fail(self, error: Exception) -> None:
        for shown in self._captions.values():
            shown.value = text(f"{type(error).__name__}: {error}", "error", role="alert")
