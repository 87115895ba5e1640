"""The handle by which another thread steers a dream while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any


class _Setting:
    """A number within limits, or ``None`` for what the dream was begun with."""

    def __init__(self, least: float, most: float = float("inf"), *, whole: bool = False) -> None:
        self._least, self._most, self._whole = least, most, whole

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, controls: DreamControls | None, owner: type) -> Any:
        return self if controls is None else controls.__dict__.get(self._name)

    def __set__(self, controls: DreamControls, value: float | None) -> None:
        if value is not None:
            if not self._least <= value <= self._most or value == float("inf") or (self._whole and value != int(value)):
                kind = "a whole number" if self._whole else self._name
                limits = f"of at least {self._least}" if self._most == float("inf") else "from 0 to 1"
                raise ValueError(f"Expected {kind} {limits}. Received: {self._name}={value!r}.")
            value = int(value) if self._whole else float(value)
        controls.__dict__[self._name] = value


class DreamControls:
    """What a running dream looks at before each of its steps; all of it may be used from any thread.

    To pause a dream, do not ask for its next step. All is taken up without tracing anything anew, and comes into the
    recipe of the pictures, so that ``recreate`` makes those of a steered run again, too.

    Attributes:
        step_size: from the next step on, as for ``dream``; ``None`` for the one that the dream was begun with, here
            and below.
        strength: on a photo: how much of the dream is mixed into the next pictures, 0 to 1.
        steps: how many steps the running octave and those after it have. An octave that has made so many ends.
        octaves: how many octaves there are in all. The sizes of those to come are spread evenly between the size of
            the running one and the last, whose size stays. The running octave is finished in any case.
    """

    step_size = _Setting(0)
    strength = _Setting(0, 1)
    steps = _Setting(1, whole=True)
    octaves = _Setting(1, whole=True)

    def __init__(self) -> None:
        self._undo = Event()

    def undo_octave(self) -> None:
        """Go back to where the octave began; from its first step, to where the one before began."""
        self._undo.set()

    @property
    def undoing(self) -> bool:
        """Whether an undo waits for the run to ask for its next step, which is the first of the octave again."""
        return self._undo.is_set()

    def follow(self, changes: Mapping[str, Any]) -> None:
        """Set what ``changed`` has told."""
        for name, value in changes.items():
            if name == "undo":
                self.undo_octave()
            else:
                setattr(self, name, value)

    def changed(self, since: Mapping[str, Any]) -> dict[str, Any]:
        """What differs from given settings, and 'undo' if one was asked for, which is told once; for the run alone."""
        now = {name: getattr(self, name) for name in ("step_size", "strength", "steps", "octaves")}
        found = {name: value for name, value in now.items() if value != since.get(name)}
        if self._undo.is_set():
            self._undo.clear()
            found["undo"] = True
        return found
