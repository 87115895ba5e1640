"""A button that shows or hides what follows it: controls that few people need, or a menu."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from .page_files import page_files
from .shared_layouts import create, shared


class Disclosure(anywidget.AnyWidget):
    """A button that opens and closes the widget right after it. It works while the kernel is busy.

    Attributes:
        description: on the button; ``tooltip``: what is behind it.
        kind: 'fold' for a part of the page that unfolds, 'menu' for one that lies over the page until the user leaves.
        unfolded: whether it is shown.
    """

    _esm = page_files(__file__, "disclosure.js")

    description = t.Unicode("").tag(sync=True)
    tooltip = t.Unicode("").tag(sync=True)
    kind = t.Enum(("fold", "menu"), "fold").tag(sync=True)
    unfolded = t.Bool(False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"layout": shared(w.Layout), **traits})


def folded(*children: w.Widget, label: str, tooltip: str, kind: str = "fold") -> w.Box:
    """Widgets behind a button that shows them."""
    content = create(w.VBox if kind == "menu" else w.HBox, children)
    content.add_class(f"cnnvis-folded-{kind}")
    box = create(w.VBox, [Disclosure(description=label, tooltip=tooltip, kind=kind), content])
    box.add_class(f"cnnvis-folding-{kind}")
    return box
