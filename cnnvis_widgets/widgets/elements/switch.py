"""A checkbox with a tooltip."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from .page_files import page_files
from .shared_layouts import shared


class Switch(anywidget.AnyWidget):
    """A checkbox with its label and a tooltip, which the checkbox of ipywidgets does not show beside a label.

    Attributes:
        value: whether it is checked.
        description: the label.
        tooltip: what it does.
        disabled: whether it cannot be changed.
    """

    _esm = page_files(__file__, "switch.js")

    value = t.Bool(False).tag(sync=True)
    description = t.Unicode("").tag(sync=True)
    tooltip = t.Unicode("").tag(sync=True)
    disabled = t.Bool(False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"layout": shared(w.Layout, width="auto"), **traits})
