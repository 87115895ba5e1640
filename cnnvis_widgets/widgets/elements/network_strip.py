"""The whole network as a row of boxes, one for each layer, in the order of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ...results import Layer
from ..state.explorer_state import ExplorerState
from .shared_layouts import shared

_KINDS = {"r": "activation function", "c": "convolution", "p": "pooling", "": "other"}


class NetworkStrip(anywidget.AnyWidget):
    """Shows the place of the chosen layer in the network. A click or an arrow key chooses another layer.

    The height of a box stands for the size of the maps and its width for their number, both on a logarithmic scale; its
    colour stands for the family. For screen readers it is a list box of the layers' names, kinds and shapes.

    Args:
        state: its ``layer`` is linked with the choice.
        layers: of the network, in order, with their shapes for the feed.

    Attributes:
        layers: (name, text, family, height, width) of each layer, the last two in CSS pixels.
        selected: name of the chosen layer.
    """

    _esm = Path(__file__).with_name("network_strip.js")
    _css = Path(__file__).with_name("network_strip.css")

    layers: Any = t.List().tag(sync=True)
    selected = t.Unicode().tag(sync=True)

    def __init__(self, state: ExplorerState, layers: Sequence[Layer]) -> None:
        boxes = [(layer.name, _text(layer), layer.family, *_size(layer)) for layer in layers]
        super().__init__(layout=shared(w.Layout), layers=boxes, selected=state.layer)
        self._state = state
        state.observe(self._follow, "layer")
        self.observe(self._choose, "selected")

    def _follow(self, change: Any) -> None:
        self.selected = change["new"]

    def _choose(self, change: Any) -> None:
        self._state.layer = change["new"]


def _text(layer: Layer) -> str:
    maps = f", {layer.channels} maps" if layer.spatial_shape else ""
    return f"{layer.label} ({_KINDS[layer.family]}{maps})"


def _size(layer: Layer) -> tuple[int, int]:
    """Height and width of the box: 8 to 44 and 5 to 16 pixels."""
    known = [size for size in layer.spatial_shape if size]
    return 8 + round(4 * min(9.0, log2(max(known, default=1)))), 5 + round(min(11.0, log2(layer.channels or 1)))
