"""Writes the result on the screen into PNG and event files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from ...errors import OutputError
from ...outputs import png_files
from ...outputs.pictures import Picture, of_image, of_result
from ...outputs.tensorboard import EventWriter
from ...results import (
    AttentionMaps,
    Attribution,
    DreamStep,
    FeatureMaps,
    Layer,
    MethodWall,
    Occlusion,
    Reconstruction,
)

Result = FeatureMaps | Reconstruction | Attribution | AttentionMaps | Occlusion | MethodWall | DreamStep


_TAKEN: set[Path] = set()
"""Folders of event files that an explorer of this process writes into."""


class ResultFiles:
    """Writes the files of one explorer.

    Everything it logs goes to one event file, created with the first log. TensorBoard reads only the newest event
    file of a folder, so explorers that log at the same time have folders of their own: ``Log``, ``Log/explorer_2`` ...

    Args:
        outdir: the folder of PNG files.
        logdir: the folder of event files; ``None`` to write none.
        layers: all layers of the network.
    """

    def __init__(self, outdir: Path, logdir: Path | None, layers: Iterable[Layer]) -> None:
        self.outdir, self.logdir = outdir, logdir
        self._layers = tuple(layers)
        self._events: EventWriter | None = None
        self._lock = Lock()  # a dream logs its steps while a button may log something else
        self._logged: WeakValueDictionary[int, Result] = WeakValueDictionary()

    def save_png(self, result: Result, image: int | None, extra_pictures: Sequence[Picture] = ()) -> list[Path]:
        """Write PNG files of the result and of the extra pictures.

        Args:
            result: what to write.
            image: index of the image, for the file names; None where there is only one.
            extra_pictures: of the view, see ``View.extra_pictures``.

        Returns:
            The paths.
        """
        return png_files.write(_pictures(result, image, extra_pictures), self.outdir, self._layers)

    def log(self, result: Result, image: int | None, extra_pictures: Sequence[Picture] = ()) -> list[Path]:
        """Log the same as ``save_png`` writes; the step of a dream is logged under its number.

        Returns:
            The log folder.

        Raises:
            OutputError: there is no log folder, or it cannot be written to.
        """
        if self.logdir is None:
            raise OutputError("Expected a folder for logs. Received: logdir=None. Open ModelExplorer(logdir='Log').")
        step = result.index if isinstance(result, DreamStep) else None
        with self._lock:
            self._events = self._events or EventWriter(_take(self.logdir))
            self._events.add(_pictures(result, image, extra_pictures), step=step)
            self._logged[id(result)] = result
            return [self._events.logdir]

    def log_new(self, result: Result, image: int | None, extra_pictures: Sequence[Picture] = ()) -> list[Path]:
        """Log a result, unless it was logged before: a layer that is looked at twice has one picture in the log."""
        return [] if self._logged.get(id(result)) is result else self.log(result, image, extra_pictures)

    def close(self) -> None:
        """Close the event file; another explorer may then log to its folder."""
        with self._lock:
            if self._events is not None:
                self._events.close()
                _TAKEN.discard(self._events.logdir.absolute())
                self._events = None


def _take(logdir: Path) -> Path:
    """The first folder in which no other explorer logs."""
    for number in count(1):
        folder = logdir if number == 1 else logdir / f"explorer_{number}"
        if folder.absolute() not in _TAKEN:
            _TAKEN.add(folder.absolute())
            break
    return folder


def _pictures(result: Result, image: int | None, extra_pictures: Sequence[Picture]) -> list[Picture]:
    pictures = [*of_result(result), *extra_pictures]
    return pictures if isinstance(result, DreamStep) else [of_image(picture, image) for picture in pictures]
