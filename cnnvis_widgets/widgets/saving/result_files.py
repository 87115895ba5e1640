"""Writes the result on the screen into PNG and event files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

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


class ResultFiles:
    """Writes the files of one explorer. Everything it logs goes to one event file, created with the first log."""

    def __init__(self, outdir: Path, logdir: Path, layers: Iterable[Layer]) -> None:
        self.outdir, self.logdir = outdir, logdir
        self._layers = tuple(layers)
        self._events = EventWriter(logdir)
        self._lock = Lock()  # a dream logs its steps while a button may log something else

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
        """
        step = result.index if isinstance(result, DreamStep) else None
        with self._lock:
            self._events.add(_pictures(result, image, extra_pictures), step=step)
        return [self.logdir]

    def close(self) -> None:
        """Close the event file."""
        with self._lock:
            self._events.close()


def _pictures(result: Result, image: int | None, extra_pictures: Sequence[Picture]) -> list[Picture]:
    pictures = [*of_result(result), *extra_pictures]
    return pictures if isinstance(result, DreamStep) else [of_image(picture, image) for picture in pictures]
