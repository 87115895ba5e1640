"""What a head tells of each pixel, over the photo: the classes of a segmentation, or one label or value as colours."""

from __future__ import annotations

from html import escape

import ipywidgets as w
import numpy as np

from ...imaging import encode
from ...imaging.heat import heat, overlay
from ...imaging.places import COLOURS, class_map, in_order
from ...imaging.render import picture
from ...results import Head, Predictions
from ..elements.canvas import PictureCanvas
from ..elements.controls import button, caption, column
from ..elements.shared_layouts import create, set_visible
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages

OPACITY = 0.6


class HeadMap:
    """A map over the photo. A click asks about the pixel, a drawn frame about the mean over it, a button about all.

    Args:
        state: a click writes its ``place``.
        fed_images: the network and its images.

    Attributes:
        canvas: the photo under the map, in pixels of the image.
        widget: the canvas with its legend; hidden where the head has no map of the image.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages) -> None:
        self._state, self._fed_images = state, fed_images
        self._predictions: Predictions | None = None
        self.canvas = PictureCanvas(name="head", smooth=True, interactive=True, width=360)
        self._caption = create(w.HTML)
        self._whole = button("Ask about the whole map", self._ask_about_all, "Explain the mean over all pixels again")
        self.widget = column(self.canvas, self._caption, self._whole, grow="none", widest="100%")
        self.canvas.on_click(lambda x, y: self._ask(int(y), int(x)))
        self.canvas.on_drag(self._drawn)
        self.canvas.drag = "region"
        state.observe(self._draw, ["target", "place"])
        set_visible(self.widget, False)

    def show(self, predictions: Predictions) -> None:
        """Draw the map of new predictions, if it is one of the image."""
        self._predictions = predictions if has_pixels(predictions.head) else None
        self._draw()

    def clear(self) -> None:
        """Hide the map."""
        self._predictions = None
        self._draw()

    def _ask(self, row: int, column: int) -> None:
        if self._predictions is not None:
            self._state.place = self._in_map(row, column)

    def _in_map(self, row: int, column: int) -> tuple[int, int]:
        """The pixel of the map that shows a pixel of the image."""
        assert self._predictions is not None
        assert self._predictions.values is not None
        (rows, columns), (height, width) = self._predictions.values.shape[1:3], self._image.shape[:2]
        return min(row * rows // height, rows - 1), min(column * columns // width, columns - 1)

    def _drawn(self, left: int, top: int, width: int, height: int, final: bool) -> None:
        if not final or self._predictions is None:
            return
        (first_row, first_column), (last_row, last_column) = (
            self._in_map(top, left),
            self._in_map(top + height - 1, left + width - 1),
        )
        rows, columns = last_row - first_row + 1, last_column - first_column + 1
        single = rows == columns == 1
        self._state.place = (first_row, first_column) if single else (first_row, first_column, rows, columns)

    def _ask_about_all(self) -> None:
        self._state.place = ()

    @property
    def _image(self) -> np.ndarray:
        image: np.ndarray = self._fed_images.images[self._state.image]
        return image

    def _draw(self, change: object = None) -> None:
        told = self._predictions
        set_visible(self.widget, told is not None)
        if told is None or told.values is None:
            return
        values, sides = told.values[0], self._image.shape[:2]
        photo = picture(self._image, self._fed_images.value_range)
        rows, columns = (np.arange(side) * size // side for side, size in zip(sides, values.shape, strict=False))
        enlarged = values[rows][:, columns]
        legend, lines = "", [f"{told.head.name}: click a pixel to ask about it, or draw a frame"]
        if told.head.meaning == "classes":
            best = enlarged.argmax(axis=-1)
            pixels = np.rint((1 - OPACITY) * photo + OPACITY * class_map(best)).astype(np.uint8)
            legend = class_legend([told.names[number] for number in in_order(best)])
        else:
            channel = self._state.target if told.head.meaning == "labels" else 0
            shown = enlarged[..., channel]
            limit = None if told.head.meaning == "values" else 1.0
            pixels = overlay(photo, heat(shown, limit=limit), OPACITY)
            name = told.names[-1] if told.head.meaning == "yes or no" else told.names[channel]
            lines.append(f"{name}: {shown.min():.3g} to {shown.max():.3g}")
        self.canvas.show(encode.screen(pixels), ", ".join(lines), self._frame(values.shape[:2]))
        if self._state.place:
            lines.append(f"asked about {_place_in_words(self._state.place)} of the map")
        self._caption.value = caption(lines) + legend
        self._whole.disabled = not self._state.place

    def _frame(self, sizes: tuple[int, ...]) -> tuple[int, int, int, int] | tuple[()]:
        """The asked pixel or region on the photo: left, top, width and height."""
        place, sides = self._state.place, self._image.shape[:2]
        if not place:
            return ()
        lengths = place[2:] or (1, 1)
        (top, bottom), (left, right) = (
            (-(-at * side // size), -(-(at + length) * side // size))
            for at, length, size, side in zip(place[:2], lengths, sizes, sides, strict=True)
        )
        return left, top, max(1, right - left), max(1, bottom - top)


def _place_in_words(place: tuple[int, ...]) -> str:
    if len(place) == 2:
        return f"row {place[0]}, column {place[1]}"
    top, left, height, width = place
    return f"rows {top} to {top + height - 1}, columns {left} to {left + width - 1}"


def has_pixels(head: Head) -> bool:
    """Whether a head tells something of each pixel that can be drawn: not the many feature maps of a network's body."""
    return len(head.output.spatial_shape) == 2 and (head.meaning != "values" or head.output.channels == 1)


def class_legend(names: list[str]) -> str:
    """HTML of a swatch and a name for each class of ``class_map``, the last one for all others."""
    shown = names[: len(COLOURS) - 1]
    colours = [*COLOURS[: len(shown)]]
    if len(names) > len(shown):
        shown, colours = [*shown, "others"], [*colours, COLOURS[-1]]
    swatch = "display:inline-block; width:10px; height:10px; margin-right:5px; background:rgb"
    items = "".join(
        f'<span style="{swatch}({",".join(map(str, colour))})" aria-hidden="true"></span>{escape(name)}<br>'
        for name, colour in zip(shown, colours, strict=True)
    )
    return f'<div class="cnnvis-caption">{items}</div>'
