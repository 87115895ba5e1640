"""A button that copies the code for what is on the screen, and shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets as w

from .page_files import page_files
from .shared_layouts import shared


class CodeButton(anywidget.AnyWidget):
    """Asks for the code at each click, copies it to the clipboard, and shows it below the button.

    The code that is shown follows what is on the screen: call ``refresh`` after a change.

    Where the page may not use the clipboard, the text is selected, so that the user can copy it.

    Args:
        code: returns the text.
    """

    _esm = page_files(__file__, "code_button.js")

    def __init__(self, code: Callable[[], str]) -> None:
        super().__init__(layout=shared(w.Layout))
        self._code, self._sent = code, ""
        self.on_msg(self._receive)

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "copy":
            self._sent = self._code()
            self.send({"code": self._sent, "copy": True})

    def refresh(self) -> None:
        """Show the code of now, where code is shown and it has changed; the clipboard stays as it is."""
        if self._sent and (code := self._code()) != self._sent:
            self._sent = code
            self.send({"code": code, "copy": False})
