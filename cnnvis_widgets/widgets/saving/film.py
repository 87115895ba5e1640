"""The steps of a running dream, stored for a film in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Lock

import numpy as np

from ...errors import OutputError
from ...imaging.normalize import to_uint8
from ...outputs.animation import write_animation
from ...outputs.file_names import film_name
from ...outputs.whole_files import appear_new
from ...results import DreamStep


class Film:
    """Stores steps evenly over a run: when there are too many, it drops every second one.

    Args:
        frames: the most steps that are stored, beside the newest one.
        size: the most bytes of pictures.
    """

    def __init__(self, frames: int = 96, size: int = 16_000_000) -> None:
        self._frames, self._size, self._lock = frames, size, Lock()
        self._steps: list[DreamStep] = []
        self._newest: DreamStep | None = None
        self._stride, self._seen = 1, 0

    def add(self, step: DreamStep) -> None:
        """Add the next step of the run."""
        images = to_uint8(step.images, step.value_range)  # as they will be written: a quarter of the bytes
        step = replace(step, dreamt=None, images=images, value_range=(np.float32(0), np.float32(255)))
        with self._lock:
            if self._seen % self._stride == 0:
                self._steps.append(step)
            self._seen, self._newest = self._seen + 1, step
            while len(self._steps) > 1 and self._too_many():
                self._steps, self._stride = self._steps[::2], 2 * self._stride

    def _too_many(self) -> bool:
        return len(self._steps) > self._frames or sum(step.images.nbytes for step in self._steps) > self._size

    @property
    def steps(self) -> list[DreamStep]:
        """The stored steps in order; the newest step is always the last."""
        with self._lock:
            steps, newest = list(self._steps), self._newest
        return steps if newest is None or steps[-1] is newest else [*steps, newest]

    def write(self, folder: Path) -> Path:
        """Write ``dream.gif`` in a folder, or ``dream_2.gif`` and so on where that file exists.

        Raises:
            OutputError: there is no dream yet, or the folder cannot be written to.
        """
        steps = self.steps
        if not steps:
            raise OutputError("Expected a dream to write a film of. Received: none. Start dreaming first.")
        temporary = folder / f".dream.{token_hex(4)}.gif"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return appear_new(write_animation(steps, temporary), (folder / film_name(number) for number in count(1)))
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(
                f"Expected a folder that can be written to. Received: {str(folder)!r} ({error}). Give another one."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
