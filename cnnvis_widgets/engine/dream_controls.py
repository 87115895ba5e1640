"""The handle by which another thread steers a dream while it runs."""

from __future__ import annotations

from threading import Event


class DreamControls:
    """What a running dream looks at between its steps; every method may be called from any thread.

    To pause a dream, do not ask for its next step. All is taken up without tracing anything anew.

    Attributes:
        step_size: from the next step on, as for ``dream``; ``None`` for the one that the dream was begun with.
        strength: on a photo: how much of the dream is mixed into the next pictures, 0 to 1; ``None`` as begun.
    """

    def __init__(self) -> None:
        self._step_size: float | None = None
        self._strength: float | None = None
        self._undo = Event()

    @property
    def step_size(self) -> float | None:
        return self._step_size

    @step_size.setter
    def step_size(self, value: float | None) -> None:
        if value is not None and not 0 <= value < float("inf"):
            raise ValueError(f"Expected step_size of at least 0. Received: step_size={value!r}.")
        self._step_size = value

    @property
    def strength(self) -> float | None:
        return self._strength

    @strength.setter
    def strength(self, value: float | None) -> None:
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"Expected a strength from 0 to 1. Received: strength={value!r}.")
        self._strength = value

    def undo_octave(self) -> None:
        """Go back to where the octave began; from its first step, to where the one before began."""
        self._undo.set()

    def take_undo(self) -> bool:
        """Whether an undo was asked for since the last time; asked by the run alone."""
        asked = self._undo.is_set()
        self._undo.clear()
        return asked
