"""A picture from the webcam of the computer that shows the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets as w

from .page_files import page_files
from .shared_layouts import shared


class Webcam(anywidget.AnyWidget):
    """A button that shows the webcam's picture, and a button that takes it.

    The page asks for the webcam at the first click, and says why there is none.

    Args:
        taken: receives each picture, a PNG file.
    """

    _esm = page_files(__file__, "webcam.js")

    def __init__(self, taken: Callable[[bytes], None]) -> None:
        super().__init__(layout=shared(w.Layout))
        self._taken = taken
        self.on_msg(self._receive)

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "picture":
            self._taken(bytes(buffers[0]))
