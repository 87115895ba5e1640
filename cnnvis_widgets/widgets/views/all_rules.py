"""The reconstruction of the selected map by every rule, side by side."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from ...engine.backward import rules
from ...engine.reconstruction.reconstruct import reconstruct
from ...imaging import encode
from ...imaging.busy_regions import busy_box, busy_side
from ...imaging.render import projections
from ...results import Reconstruction
from ..elements.badges import badge
from ..elements.canvas import PictureCanvas
from ..elements.controls import caption, column, error_text, side_by_side, text
from ..elements.shared_layouts import create
from ..jobs.newest_request import NewestRequest
from ..state.fed_images import FedLayer


class AllRules:
    """A row with a picture for each rule, of one map and seed, all cut to the same part of the image.

    Attributes:
        widget: the row.
        pictures: the canvases by rule; their names are 'rule-' and the name of the rule.
        results: the reconstructions on the screen.
    """

    def __init__(self) -> None:
        self.widget = side_by_side()
        self.pictures: dict[str, PictureCanvas] = {}
        self.results: tuple[Reconstruction, ...] = ()
        self._captions: dict[str, w.HTML] = {}
        self._request = NewestRequest(self._show, self._fail)

    def submit(self, fed_layer: FedLayer, channel: int, seed: Any) -> None:
        """Have the row computed and drawn, a moment later."""
        network, feed, _, layer = fed_layer
        names = rules.known()
        if tuple(self.pictures) != names:
            self._lay_out(names)
        for html in self._captions.values():
            html.value = text("Computing …", role="status")
        options = {"channels": [channel], "seed": seed}
        self._request.submit(lambda: tuple(reconstruct(network, feed, layer, rule=rule, **options) for rule in names))

    def _lay_out(self, names: tuple[str, ...]) -> None:
        self.pictures = {rule: PictureCanvas(name=f"rule-{rule}", smooth=True, width=300) for rule in names}
        self._captions = {rule: create(w.HTML) for rule in names}
        self.widget.children = tuple(
            column(self.pictures[rule], self._captions[rule], grow="1 1 180px", widest="300px") for rule in names
        )

    def _show(self, results: tuple[Reconstruction, ...]) -> None:
        self.results = results
        strengths = [np.abs(result.images[0, 0]) for result in results]
        strongest = np.stack([strength / (strength.max() or 1) for strength in strengths]).max(axis=0)
        side = busy_side(strongest[np.newaxis])
        for result in results:
            pixels = projections(result)[0]
            if side is not None:
                left, top, width, height = busy_box(strongest, side)
                pixels = pixels[top : top + height, left : left + width]
            words = f"Map {result.channels[0]} of {result.layer.name} by {result.rule}"
            self.pictures[result.rule].show(encode.screen(pixels), words)
            seed = f"{float(result.seed_values[0, 0]):.4g}"
            self._captions[result.rule].value = caption([result.rule]) + badge(result.coverage, seed)

    def _fail(self, error: Exception) -> None:
        for html in self._captions.values():
            html.value = error_text(error)
