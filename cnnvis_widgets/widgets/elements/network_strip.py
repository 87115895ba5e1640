"""The whole network as a film strip: a thumbnail for each layer, or for each block of them, in their order."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ..state.explorer_state import THUMBNAILS, ExplorerState
from .page_files import page_files
from .shared_layouts import shared


class NetworkStrip(anywidget.AnyWidget):
    """Shows what each layer sees, and the place of the chosen one. A click or an arrow key chooses another layer.

    For the keyboard and for screen readers it is a list box of all layers' names, kinds and shapes.

    Args:
        state: its ``layer`` is linked with the choice, its ``thumbnails`` with the menu.

    Attributes:
        layers: (name, text, kind, label, size of a map, size with channels) of each layer.
        blocks: (title, label, first layer, last layer, shown layer, parent block or -1); a stage before its blocks.
        links: (from, to, whether it is an addition) from layer to layer; -1 is the image.
        unfolded: the number of the open block, or -1.
        selected: name of the chosen layer.
        sprite: all thumbnails as one encoded picture: that of the image, then one for each layer, in rows.
        tile: height and width of a thumbnail; ``columns``: how many there are in a row.
        ready: '1' for each thumbnail that the sprite has, '0' for the others.
        drawings: by layer number, 'line' or 'bars' and numbers, where a layer has no height and width.
        image_size: the size of the image in words.
        about: for what the pictures are: 'this image'.
        kind: what stands for a layer; ``kinds``: the choice, with titles.
    """

    _esm = page_files(__file__, "network_strip_plan.js", "network_strip.js")
    _css = page_files(__file__, "network_strip.css")

    layers: Any = t.List().tag(sync=True)
    blocks: Any = t.List().tag(sync=True)
    links: Any = t.List().tag(sync=True)
    unfolded = t.Int(-1).tag(sync=True)
    selected = t.Unicode().tag(sync=True)
    sprite = t.Bytes(b"").tag(sync=True)
    tile: Any = t.List([48, 48]).tag(sync=True)
    columns = t.Int(12).tag(sync=True)
    ready = t.Unicode("").tag(sync=True)
    drawings: Any = t.Dict().tag(sync=True)
    image_size = t.Unicode("").tag(sync=True)
    about = t.Unicode("this image").tag(sync=True)
    kind = t.Unicode("mean").tag(sync=True)
    kinds: Any = t.List([list(pair) for pair in THUMBNAILS.items()]).tag(sync=True)

    def __init__(self, state: ExplorerState, **traits: Any) -> None:
        super().__init__(**{"layout": shared(w.Layout, width="100%"), "selected": state.layer, **traits})
        self._state = state
        self.kind = state.thumbnails
        state.observe(self._follow, ["layer", "thumbnails"])
        self.observe(self._choose, ["selected", "kind"])
        self.on_msg(self._receive)

    def block_of(self, layer: str) -> int:
        """The number of the innermost block that holds a layer, or -1."""
        number = [row[0] for row in self.layers].index(layer)
        holding = [index for index, (_, _, first, last, *_) in enumerate(self.blocks) if first <= number <= last]
        return holding[-1] if holding else -1

    def _follow(self, change: Any) -> None:
        if change["name"] == "layer":
            self.selected = change["new"]
        else:
            self.kind = change["new"]

    def _choose(self, change: Any) -> None:
        if change["name"] == "selected":
            self._state.layer = change["new"]
        else:
            self._state.thumbnails = change["new"]

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "fold":
            self.unfolded = self.blocks[self.unfolded][-1] if self.unfolded >= 0 else -1
        elif content.get("event") == "unfold":
            self.unfolded = self.block_of(self.selected)
