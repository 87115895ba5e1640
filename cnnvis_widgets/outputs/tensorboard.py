"""Pictures into a TensorBoard event file, without TensorFlow.

Tags, which TensorBoard shows under Images:

========================================  ====================================================
``<layer>/activations``                   grid of all feature maps
``<layer>/activations/map_<channel>``     one of them
``<layer>/deconvnet`` (guided, gradient)  grid of all projections under that rule
``<layer>/deconvnet/map_<channel>``       one of them
``<layer>/deepdream/<class>``             a step of a dream: number and name of the class
========================================  ====================================================

Where several images were fed, ``image_<i>`` follows the method. Every map has a tag of its own,
because TensorBoard keeps a random sample of ten steps per tag. For the same reason ``is_shown``
picks ten steps of a dream.
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

_OF_MAPS = ("activations", "reconstruction", "intervention", "comparison")
_numbers = count()


def tag_of(picture: Picture) -> str:
    """The tag of a picture, as in the table above."""
    parts = [picture.layer.name, picture.name]
    if picture.image is not None:
        parts.append(f"image_{picture.image}")
    if picture.channel is not None:
        parts.append(f"map_{picture.title}" if picture.kind in _OF_MAPS else picture.title)
    return "/".join(parts)


def is_shown(step: DreamStep, count: int = 10) -> bool:
    """Whether a step is one of ``count`` spread evenly over its dream, the last one among them."""
    return (step.index + 1) * count // step.total > step.index * count // step.total


class EventWriter:
    """One event file for a run; a context manager, or to be closed with ``close``.

    The file is made with the first picture, under a name that no other writer has, even one
    opened within the same second. Each call leaves it complete, for TensorBoard to read at once.

    ``tensorboard``'s own EventFileWriter is not used, since it loads TensorFlow where that is
    installed, and writes in a thread that reports a full disk only at some later call. Its record
    writer computes checksums in Python, which took two thirds of a call with many pictures.
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
            pictures: of ``pictures.of_layer`` or ``of_dream``.
            step: of a dream, say; by default the number of pictures this writer has logged under
                the same tag before, so that a result never hides an earlier one.
            tag: how a picture is called; ``tag_of`` by default.

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
        """Close the event file; pictures added later would start another one."""
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
    """CRC-32C, rotated and shifted as TFRecord files have it, so that records within records can be told."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _new_event_file(logdir: Path) -> BinaryIO:
    logdir.mkdir(parents=True, exist_ok=True)
    while True:
        parts = f"{int(time.time()):010d}", socket.gethostname(), str(os.getpid()), str(next(_numbers))
        try:
            return (logdir / f"events.out.tfevents.{'.'.join(parts)}").open("xb")
        except FileExistsError:  # another machine's process of the same name and number
            continue


def _summary(tag: str, picture: Picture) -> Summary:
    height, width, channels = picture.shape
    image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=picture.png)
    return Summary(value=[Summary.Value(tag=tag, image=image)])
