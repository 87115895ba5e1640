"""A note over an explorer whose kernel is gone."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets as w

from .shared_layouts import shared


class KernelNotice(anywidget.AnyWidget):
    """Says 'run the cell again' once the kernel has no explorer any more, and takes the life out of its controls.

    It looks for the explorer around it, so it must stand directly in it; the page shows it at the top. The pictures
    stay as they were.
    """

    _esm = Path(__file__).with_name("kernel_notice.js")
    _css = Path(__file__).with_name("kernel_notice.css")

    def __init__(self) -> None:
        super().__init__(layout=shared(w.Layout))
        self.add_class("cnnvis-kernel-place")
