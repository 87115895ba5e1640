"""Write pictures into a TensorBoard event file, without TensorFlow.

TensorBoard shows these tags under Images:

========================================  ====================================================
``<layer>/activations``                   grid of all feature maps
``<layer>/activations/map_<channel>``     one of them
``<layer>/deconvnet`` (guided, gradient)  grid of all projections under that rule
``<layer>/deconvnet/map_<channel>``       one of them
``<layer>/attention_maps``                the mean over heads of an attention
``<layer>/attention_maps/head_<head>``    one of them
``<layer>/deepdream/<class>``             a step of a dream: number and name of the class
========================================  ====================================================

With several images, ``image_<i>`` follows the method. Every map has a tag of its own, because TensorBoard keeps a
random sample of ten steps for each tag. For the same reason ``is_logged`` picks ten steps of a dream.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from ..errors import OutputError
from ..results import DreamStep
from .pictures import Picture

_PREFIXES = {
    **dict.fromkeys(("activations", "reconstruction", "intervention", "comparison", "survey"), "map_"),
    "attention": "head_",
}
_numbers = count()


def tag_of(picture: Picture) -> str:
    """Make the tag of a picture, as in the table above."""
    parts = [picture.layer.name, picture.name]
    if picture.image is not None:
        parts.append(f"image_{picture.image}")
    if picture.channel is not None:
        parts.append(_PREFIXES.get(picture.kind, "") + picture.title)
    return "/".join(parts)


def is_logged(step: DreamStep, count: int = 10) -> bool:
    """Whether a step is one of ``count`` that are spread evenly over its dream; the last step is always one of them."""
    return (step.index + 1) * count // step.total > step.index * count // step.total


class EventWriter:
    """One event file for a run. Use it as a context manager, or call ``close``.

    The first picture creates the file, under a name that no other writer has, even one opened within the same second.
    After each call the file is complete, so that TensorBoard can read it at once.

    This class does not use the EventFileWriter of ``tensorboard``. That one loads TensorFlow if it is installed, and
    writes in a thread that reports a full disk only at some later call. Its record writer computes checksums in
    Python, which took two thirds of the time of a call with many pictures.

    Args:
        logdir: the folder of the file.

    Example:
        >>> from cnnvis_widgets import activations, demo
        >>> from cnnvis_widgets.outputs.pictures import of_layer
        >>> (maps,) = activations(demo.small_cnn(), demo.digits().test_images[:1], "conv2")
        >>> with EventWriter("Log") as log:
        ...     log.add(of_layer(maps))
        >>> len(list(Path("Log").iterdir()))
        1
    """

    def __init__(self, logdir: str | os.PathLike[str]) -> None:
        self.logdir = Path(logdir)
        self._file: BinaryIO | None = None
        self._steps: Counter[str] = Counter()

    def add(
        self,
        pictures: Iterable[Picture],
        *,
        step: int | None = None,
        tag: Callable[[Picture], str] = tag_of,
    ) -> None:
        """Log pictures.

        Args:
            pictures: what a function of ``outputs.pictures`` returns.
            step: the step, for example of a dream; by default the number of pictures that this writer has logged
                under the same tag, so that no result hides an earlier one.
            tag: makes the tag of a picture.

        Raises:
            OutputError: the event file cannot be written.
        """
        values = [(tag(picture), picture) for picture in pictures]
        try:
            for name, picture in values:
                self._write(Event(summary=_summary(name, picture), step=self._step(name, step)))
            if self._file:
                self._file.flush()
        except OSError as error:
            raise OutputError(
                f"Expected a folder that event files can be written to. Received: {str(self.logdir)!r} "
                f"({error}). Give another logdir, or None to log nothing."
            ) from error

    def close(self) -> None:
        """Close the event file; the next picture would start another one."""
        if self._file:
            self._file.close()
            self._file = None

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _step(self, name: str, step: int | None) -> int:
        step = self._steps[name] if step is None else step
        self._steps[name] += 1
        return step

    def _write(self, event: Event) -> None:
        if self._file is None:
            self._file = _new_event_file(self.logdir)
            self._write(Event(file_version="brain.Event:2"))
        event.wall_time = time.time()
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))


def _checksum(data: bytes) -> bytes:
    """CRC-32C, masked as TFRecord files require, so that a checksum of a record within a record stays valid."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _new_event_file(logdir: Path) -> BinaryIO:
    logdir.mkdir(parents=True, exist_ok=True)
    while True:
        parts = f"{int(time.time()):010d}", socket.gethostname(), str(os.getpid()), str(next(_numbers))
        try:
            return (logdir / f"events.out.tfevents.{'.'.join(parts)}").open("xb")
        except FileExistsError:  # a process with the same number on another machine of the same name
            continue


def _summary(tag: str, picture: Picture) -> Summary:
    height, width, channels = picture.shape
    image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=picture.png)
    return Summary(value=[Summary.Value(tag=tag, image=image)])
