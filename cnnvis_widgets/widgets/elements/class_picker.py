"""Find a class by typing a part of its name."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ...demo.class_names import imagenet_name
from ..state.explorer_state import ExplorerState
from .page_files import page_files
from .shared_layouts import shared


class ClassPicker(anywidget.AnyWidget):
    """A search field over the list of matching classes.

    Each has its number, since names repeat: ImageNet has two cranes.

    Args:
        state: its ``target`` is linked with the choice.

    Attributes:
        classes: all names, by number.
        synonyms: ImageNet's own names of these classes, or '' where it has none; they are found, too.
        target: the number of the chosen one.
    """

    _esm = page_files(__file__, "class_picker.js")

    classes: Any = t.List(t.Unicode()).tag(sync=True)
    synonyms: Any = t.List(t.Unicode()).tag(sync=True)
    target = t.Int(0).tag(sync=True)

    def __init__(self, state: ExplorerState) -> None:
        super().__init__(layout=shared(w.Layout), **_names(state), target=state.target)
        t.link((state, "target"), (self, "target"))
        state.observe(lambda change: self._name_again(), "head")
        self._state = state

    def _name_again(self) -> None:
        with self.hold_sync():
            for trait, names in _names(self._state).items():
                setattr(self, trait, names)


def _names(state: ExplorerState) -> dict[str, list[str]]:
    """The names of the classes of the head, and those of ImageNet."""
    classes = list(state.classes)
    return {"classes": classes, "synonyms": [imagenet_name(number, name) for number, name in enumerate(classes)]}
