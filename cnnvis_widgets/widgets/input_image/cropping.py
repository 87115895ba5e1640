"""Feeds a part of the photo as an image of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w
import numpy as np

from ...engine.runtime.resizing import resize
from ...imaging.busy_regions import Box
from ..elements.canvas import PictureCanvas
from ..elements.controls import button, row
from ..elements.shared_layouts import set_visible
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages


class Cropping:
    """Buttons that put a frame on the photo, which the user draws or moves, and feed what is in it.

    Args:
        add: ``add(values, name)`` takes in an image, float32 in the range of the input, and shows it.

    Attributes:
        widget: the buttons.
    """

    def __init__(
        self, state: ExplorerState, fed_images: FedImages, photo: PictureCanvas, add: Callable[[np.ndarray, str], Any]
    ) -> None:
        self._state, self._fed_images, self._photo, self._add = state, fed_images, photo, add
        self._before = "", ()
        self.begin = button("Crop", self._begin, "Draw a frame on the photo, and feed what is in it")
        self.use = button("Feed the frame", self._use, "Feed what is in the frame, enlarged", "primary")
        self.cancel = button("Cancel", self._end, "Leave the photo as it is")
        self.widget: w.HBox = row(self.begin, self.use, self.cancel)
        state.observe(self._abandon, ["method", "image"])
        self._show(False)

    @property
    def _size(self) -> tuple[int, ...]:
        return self._fed_images.images[self._state.image].shape[:-1]

    def _show(self, cropping: bool) -> None:
        set_visible(self.begin, not cropping and len(self._size) == 2)
        set_visible(self.use, cropping)
        set_visible(self.cancel, cropping)

    def _begin(self) -> None:
        height, width = self._size
        self._before = self._photo.drag, self._photo.selected
        self._photo.drag = "brush"
        self._photo.selected = width // 8, height // 8, max(1, 3 * width // 4), max(1, 3 * height // 4)
        self._show(True)

    def _use(self) -> None:
        """Feed the smallest part that has the image's proportions and holds the frame."""
        left, top, width, height = proportioned(self._photo.selected, self._size)
        image = self._fed_images.images[self._state.image]
        part = image[np.newaxis, top : top + height, left : left + width]
        name = f"{self._state.images[self._state.image]} [{top}:{top + height}, {left}:{left + width}]"
        self._end()
        self._add(resize(part, self._size)[0], name)

    def _end(self) -> None:
        self._photo.drag, self._photo.selected = self._before
        self._show(False)

    def _abandon(self, change: Any) -> None:
        """Give the frame up for another image or view, which sets the frame itself."""
        if self._photo.drag == "brush":
            self._photo.drag = ""
        self._show(False)


def proportioned(box: Box | tuple[()], size: tuple[int, ...]) -> Box:
    """The smallest box within an image of a size that has its proportions and holds ``box``; all of it for ()."""
    height, width = size
    if not box:
        return 0, 0, width, height
    share = max(box[2] / width, box[3] / height)
    columns, rows = max(1, round(width * share)), max(1, round(height * share))
    left = min(max(0, round(box[0] + (box[2] - columns) / 2)), width - columns)
    top = min(max(0, round(box[1] + (box[3] - rows) / 2)), height - rows)
    return left, top, columns, rows
