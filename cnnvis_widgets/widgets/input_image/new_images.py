"""New images for an open explorer: files, the webcam, a drawing, a part of the photo."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from threading import RLock
from typing import Any

import ipywidgets as w
import numpy as np

from ...errors import CnnvisError, ImageError, OptionError, described
from ...imaging.reading import read_image
from ...imaging.render import picture
from ..elements.canvas import PictureCanvas
from ..elements.controls import row, text
from ..elements.drawing_pad import pad_for
from ..elements.shared_layouts import create
from ..elements.webcam import Webcam
from ..jobs import jobs
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages
from .cropping import Cropping


class NewImages:
    """The ways to another image. Files are decoded in the background: a large photo takes seconds.

    Attributes:
        upload: takes image files of the user.
        webcam: takes a picture.
        cropping: feeds a part of the photo.
        pad: a sheet to draw on; None for networks whose images are large or in colour.
        note: names the file that is being read.
        takes_pictures: whether the network does.
        tools: upload and webcam, for a network that takes pictures, and the note.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages, photo: PictureCanvas) -> None:
        self._state, self._fed_images = state, fed_images
        self._lock = RLock()  # a file may be decoded while a cell adds another image
        self._slot = jobs.new_slot()
        self._drawing_index: int | None = None
        self.upload = create(
            w.FileUpload,
            accept="image/*",
            multiple=True,
            description="Add images",
            tooltip="Open image files and feed them to the network",
            layout={"width": "auto"},
        )
        self.upload.observe(self._uploaded, "value")
        self.webcam = Webcam(lambda content: self.read([("webcam", content)]))
        self.cropping = Cropping(state, fed_images, photo, self._put)
        image = fed_images.images[0]
        drawn = picture(image, fed_images.value_range)
        height, width = drawn.shape[:2]
        is_picture = image.ndim == 3 or (height == width and image.size == height * width)  # as 784 values are
        self.pad = pad_for(drawn) if is_picture else None
        if self.pad is not None:
            self.pad.observe(self._drawn, "pixels")
        self.note = create(w.HTML)
        self.takes_pictures = fed_images.images[0].ndim == 3 or fed_images.network.preprocess is not None
        from_pictures = (self.upload, self.webcam) if self.takes_pictures else ()
        self.tools = row(*from_pictures, self.note, grid_gap="4px")
        self.tools.add_class("cnnvis-new-images")

    def add(self, picture: Any, name: str = "") -> int:
        """Take in one more image and look at it; see ``ModelExplorer.add_image``."""
        if not isinstance(name, str):
            raise OptionError(f"Expected the name of an image as text. Received: name={name!r}.")
        with self._lock:
            return self._look_at(self._fed_images.add(picture), name)

    def read(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Add image files, given as names and contents; one that cannot be read is named, the others are added."""
        refused: list[str] = []

        def steps() -> Generator[None, None, None]:
            for name, content in files:
                self.note.value = text(f"Reading {name} …", role="status")
                try:
                    self.add(read_image(content, name=name), name)
                except ImageError as error:  # names the file
                    refused.append(str(error))
                except CnnvisError as error:
                    refused.append(f"{name}: {error}")
                yield

        def done(job: jobs.Job) -> None:
            self.note.value = ""
            if refused:
                self._state.error = " ".join(refused)
            elif job.error is not None:
                self._state.error = described(job.error)

        self._slot.start(jobs.Job(steps, done=done), replace=False)

    def _uploaded(self, change: Any) -> None:
        if not change["new"]:
            return
        self.upload.value = ()  # the button counts them otherwise, also those of before
        self.read([(file["name"], bytes(file["content"])) for file in change["new"]])

    def _put(self, values: np.ndarray, name: str) -> None:
        with self._lock:
            self._look_at(self._fed_images.put(values), name)

    def _look_at(self, index: int, name: str) -> int:
        self._state.images = (*self._state.images, name or f"image {index}")
        self._state.image = index
        return index

    def _drawn(self, change: Any) -> None:
        """Feed the drawing on the pad; it stays one image while it grows."""
        drawing = None if self.pad is None else self.pad.drawing
        if drawing is None:
            return
        low, high = self._fed_images.value_range
        values = (low + (high - low) * (drawing[..., np.newaxis] / np.float32(255))).astype(np.float32)
        values = values.reshape(self._fed_images.images[0].shape)  # a flat input takes the pixels row after row
        with self._lock:
            if self._drawing_index is None:
                self._drawing_index = self._fed_images.put(values)
                self._look_at(self._drawing_index, "drawing")
                return
            self._fed_images.put(values, self._drawing_index)
            if self._state.image == self._drawing_index:
                self._state.image_replaced()
            else:
                self._state.image = self._drawing_index
