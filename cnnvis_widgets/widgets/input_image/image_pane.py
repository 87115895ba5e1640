"""The photo as it is fed, and the classes that the network predicts for it; it stands beside every view."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, cast

import ipywidgets as w
import numpy as np

from ...engine.attribution.predictions import predict
from ...imaging import encode
from ...imaging.curves import signal_picture
from ...imaging.render import picture
from ...results import Head, Predictions, Target
from ..elements.canvas import PictureCanvas
from ..elements.class_bars import ClassBars, prediction_bars
from ..elements.controls import dropdown, text
from ..elements.image_strip import ImageStrip
from ..elements.shared_layouts import create
from ..jobs import jobs
from ..overview.thumbnails import COLUMNS, photo_thumbnail, sprite, tile_size
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages
from .anchor_list import AnchorList
from .head_map import HeadMap, has_pixels
from .new_images import NewImages
from .units_at_place import UnitsAtPlace

MOST_THUMBNAILS = 120
"""Images after these are shown by their number alone."""


class ImagePane:
    """Chooses an image, shows it and its classes. Views draw frames on ``canvas`` and listen to its clicks.

    Args:
        state: says which image is chosen.
        fed_images: the network and its images.
        notices: about the images and the network, for the user.

    Attributes:
        canvas: the photo; a place on it is in pixels of the image as fed.
        thumbnails: the images to choose from, in the first line of the page.
        units: lists the units that see the clicked place.
        notice: says where the images come from, if nobody gave any, and what results depend on beside the image.
        incoming: the ways to another image.
        predictions: what the network is surest of, as bars; empty for a map of values.
        latest: what the bars show; ``None`` before the first prediction.
        head_map: what the head tells of each pixel.
        anchors: the anchors of a detector that speak for the chosen class.
        widget: the whole pane.
        below: what stands at the end of its column, below what a view puts there: the pad to draw on.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages, notices: Sequence[str] = ()) -> None:
        self._state, self._fed_images = state, fed_images
        self.canvas = PictureCanvas(name="photo", smooth=True, zoomable=True, width=420)
        self._caption, self.predictions = create(w.HTML), ClassBars(state)
        self.head_map, self.anchors = HeadMap(state, fed_images), AnchorList(state)
        self._slot, self.latest = jobs.new_slot(), cast("Predictions | None", None)
        self.thumbnails = ImageStrip(state, tile=list(tile_size(fed_images.images[0].shape)), columns=COLUMNS)
        self.units = UnitsAtPlace(state, fed_images, self.canvas)
        self.incoming = NewImages(state, fed_images, self.canvas)
        self.below = () if self.incoming.pad is None else (self.incoming.pad,)
        self.notice = create(w.HTML, value="".join(text(notice, "caption", role="note") for notice in notices))
        tools = self.incoming.cropping.widget if self.incoming.takes_pictures else create(w.HBox)
        tools.add_class("cnnvis-photo-tools")
        photo = create(w.VBox, [self.canvas, tools])
        photo.add_class("cnnvis-photo")
        parts = (
            photo,
            self._caption,
            self.notice,
            self.units.widget,
            *self._head_menu(),
            self.predictions,
            self.head_map.widget,
            self.anchors.widget,
        )
        self.widget = create(w.VBox, parts, layout={"min_width": "0"})
        self._drawn: dict[int, np.ndarray] = {}
        state.observe(self._draw, "image")
        state.observe(self._predict_again, ["head", "place"])
        state.observe(lambda change: self._draw_thumbnails(), "images")
        self._draw()
        self._draw_thumbnails()

    def _draw(self, change: Any = None) -> None:
        if change is not None and change["old"] == change["new"]:  # other pixels, as on a drawing pad
            self._drawn.pop(change["new"], None)
            self._draw_thumbnails()
        name = self._state.images[self._state.image]
        image, value_range = self._fed_images.images[self._state.image], self._fed_images.value_range
        drawn = signal_picture if image.ndim == 2 else picture
        what = "image" if image.ndim == 3 else "input"
        words = f"The {what} as fed: {name}, {size_in_words(image.shape)}"
        self.canvas.show(encode.png(drawn(image, value_range)), words)
        self._caption.value = text(f"{name}, as fed: {size_in_words(image.shape)}", "caption")
        self.predict()

    def _draw_thumbnails(self) -> None:
        """Draw the thumbnails of images that have none yet, and send all of them as one picture."""
        size, images, value_range = tuple(self.thumbnails.tile), self._fed_images.images, self._fed_images.value_range
        count = min(len(self._state.images), MOST_THUMBNAILS)
        for index in range(count):
            if index not in self._drawn:
                image = images[index]
                drawn = signal_picture if image.ndim == 2 else picture
                self._drawn[index] = photo_thumbnail(drawn(image, value_range), size)
        tiles = np.stack([self._drawn[index] for index in range(count)])
        with self.thumbnails.hold_sync():
            self.thumbnails.count = count
            self.thumbnails.sprite = encode.jpeg(sprite(tiles))

    def _head_menu(self) -> list[w.Widget]:
        """A menu of the heads, where there are several."""
        heads = self._state.network.heads
        options = [(f"{head.name} · {head.meaning}", head.name) for head in heads]
        return (
            [dropdown(self._state, "head", "Output", options, tooltip="The output of the network that is asked")]
            if len(heads) > 1
            else []
        )

    def _predict_again(self, change: Any) -> None:
        self.predict()

    def predict(self) -> None:
        """Show what the network predicts, a moment later: the page must not wait for the forward pass."""
        state, head = self._state, self._state.current_head
        if head is None or not (state.has_predictions or has_pixels(head)):
            self.predictions.value, self.latest = "", None
            self.head_map.clear()
            self.anchors.clear()
            return
        network, feed, asked = state.network, self._fed_images.feed(state.image), state.question(None)

        def steps() -> Generator[Predictions, None, None]:
            yield predict(network, feed, scores=asked.scores, target=asked.where)

        def done(job: jobs.Job) -> None:
            if job.error is not None:
                self.predictions.value = text(str(job.error), "error", role="alert")
            elif not job.cancelled:
                self.latest = job.latest
                bars = text(place_in_words(head, asked.where)) + prediction_bars(job.latest)
                self.predictions.value = bars if state.has_predictions else ""
                self.head_map.show(job.latest)
                self.anchors.show(job.latest)

        self._slot.start(jobs.Job(steps, done=done))


def place_in_words(head: Head, target: Target) -> str:
    """Of which place of a head with places the numbers are; '' for a head without."""
    if not head.is_map:
        return ""
    return "mean over all places" if target.place is None else f"at the place {', '.join(map(str, target.place))}"


def size_in_words(shape: tuple[int, ...]) -> str:
    """The size of an image, a signal, a volume or a flat input, for people.

    Example:
        >>> size_in_words((224, 224, 3)), size_in_words((64, 2)), size_in_words((784,))
        ('224 × 224 pixels', '64 values of 2 channels', '784 values')
    """
    *sides, channels = shape
    size = " × ".join(map(str, sides or [channels]))
    if len(sides) > 1:
        return f"{size} pixels"
    return f"{size} values" if not sides or channels == 1 else f"{size} values of {channels} channels"
