"""Help that walks through the page, and a button that fills the screen with the explorer."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from .page_files import page_files
from .shared_layouts import shared

STEPS = (
    (
        ".cnnvis-strip",
        "The network",
        "From the image on the left to what the network says on the right. Each picture is what a layer sees of this "
        "image. Click one to look into that layer.",
    ),
    (
        ".cnnvis-tabs",
        "Ways of looking",
        "Activations shows where channels fire, Deconvolution what made them fire. Attribution and Occlusion explain a "
        "class. Intervention changes the network, and Deep dream draws what it looks for.",
    ),
    (
        ".cnnvis-middle",
        "One layer, channel by channel",
        "Each tile is one channel of the layer. Click a tile to see it large. Arrow keys go from tile to tile.",
    ),
    (
        ".cnnvis-left",
        "The image and its classes",
        "Click a place of the photo to find what fires there. Click a class to explain it in the other views. "
        "Thumbnails above change the image.",
    ),
    (
        ".cnnvis-folding-menu",
        "Keep what you see",
        "The menu saves pictures, logs for TensorBoard, exports a page that needs no kernel, and copies the code that "
        "computes what is on the screen.",
    ),
)
"""Of the walk through the page: what is framed, as CSS selectors, a title and a text."""


class PageButtons(anywidget.AnyWidget):
    """Two buttons. Both work while the kernel is busy.

    Attributes:
        steps: of the help, see ``STEPS``.
    """

    _esm = page_files(__file__, "page_buttons.js")

    steps: Any = t.List([list(step) for step in STEPS]).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"layout": shared(w.Layout), **traits})
