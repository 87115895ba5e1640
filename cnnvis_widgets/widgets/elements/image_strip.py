"""The images that can be fed, as thumbnails to choose from."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ..state.explorer_state import ExplorerState
from .page_files import page_files
from .shared_layouts import shared


class ImageStrip(anywidget.AnyWidget):
    """A list box of thumbnails, linked with ``state.image``. Images without a thumbnail show their number.

    Args:
        state: has the chosen image and the names of all.

    Attributes:
        names: of the images, in order; they are read out and shown as tooltips.
        chosen: the index of the chosen one.
        sprite: the thumbnails as one encoded picture, in rows.
        count: how many of the images the sprite has, from the first on.
        tile: height and width of a thumbnail; ``columns``: how many there are in a row.
    """

    _esm = page_files(__file__, "image_strip.js")

    names: Any = t.List().tag(sync=True)
    chosen = t.Int(0).tag(sync=True)
    sprite = t.Bytes(b"").tag(sync=True)
    count = t.Int(0).tag(sync=True)
    tile: Any = t.List([48, 48]).tag(sync=True)
    columns = t.Int(12).tag(sync=True)

    def __init__(self, state: ExplorerState, **traits: Any) -> None:
        names = list(state.images)
        super().__init__(**{"layout": shared(w.Layout), "names": names, "chosen": state.image, **traits})
        t.link((state, "image"), (self, "chosen"))
        state.observe(lambda change: setattr(self, "names", list(change["new"])), "images")
