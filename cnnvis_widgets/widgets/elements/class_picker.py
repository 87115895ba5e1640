"""Find a class by typing a part of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ..state.explorer_state import ExplorerState
from .shared_layouts import shared


class ClassPicker(anywidget.AnyWidget):
    """A search field over the list of matching classes.

    Each has its number, since names repeat: ImageNet has two cranes.

    Args:
        state: its ``target`` is linked with the choice.

    Attributes:
        classes: all names, by number.
        target: the number of the chosen one.
    """

    _esm = Path(__file__).with_name("class_picker.js")

    classes: Any = t.List(t.Unicode()).tag(sync=True)
    target = t.Int(0).tag(sync=True)

    def __init__(self, state: ExplorerState) -> None:
        super().__init__(layout=shared(w.Layout), classes=list(state.classes), target=state.target)
        t.link((state, "target"), (self, "target"))
        state.observe(lambda change: setattr(self, "classes", list(state.classes)), "head")
