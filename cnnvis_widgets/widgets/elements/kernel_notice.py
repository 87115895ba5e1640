"""A note over an explorer whose kernel is gone."""

from __future__ import annotations

import anywidget
import ipywidgets as w

from .page_files import page_files
from .shared_layouts import shared


class KernelNotice(anywidget.AnyWidget):
    """Says 'run the cell again' once the kernel has no explorer any more, and takes the life out of its controls.

    It looks for the explorer around it, so it must stand directly in it; the page shows it at the top. The pictures
    stay as they were.
    """

    _esm = page_files(__file__, "kernel_notice.js")
    _css = page_files(__file__, "kernel_notice.css")

    def __init__(self) -> None:
        super().__init__(layout=shared(w.Layout))
        self.add_class("cnnvis-kernel-place")
