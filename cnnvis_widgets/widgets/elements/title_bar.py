"""The first line of an explorer: which network this is."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from .page_files import page_files
from .shared_layouts import shared


class TitleBar(anywidget.AnyWidget):
    """A heading, and a line of facts below it. It brings the style of the whole page of an explorer.

    Attributes:
        title: the name of the network.
        facts: its input, its size and what it tells, in a line.
    """

    _esm = page_files(__file__, "title_bar.js")
    _css = page_files(__file__, "page.css")

    title = t.Unicode("").tag(sync=True)
    facts = t.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"layout": shared(w.Layout), **traits})
