"""Steering a dream while it runs: the handle for other threads, the schedule of octaves, and the log of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from ...arguments import checked
from ...errors import OptionError

Size = tuple[int, ...]

LEAST_SIDE = 32
"""In pixels. A smaller octave shows a network nothing that it knows."""


class _Setting:
    """A number within limits; ``None`` stands for the value that the dream started with."""

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
                raise OptionError(f"Expected {kind} {limits}. Received: {self._name}={value!r}.")
            value = int(value) if self._whole else float(value)
        controls.__dict__[self._name] = value


class DreamControls:
    """Steers a running dream from any thread.

    The dream reads its controls before each step and traces nothing again. Every change is stored in the recipe of
    the pictures, so ``recreate`` repeats a steered run, too. To pause a dream, do not ask for its next step.

    Attributes:
        step_size: from the next step on; the unit is that of ``dream``. ``None``, here and below, means the value
            that the dream started with.
        strength: on a photo, how much of the dream is mixed into the next pictures, from 0 to 1.
        steps: the number of steps in the current octave and in all later ones. An octave that has made at least this
            many ends at once.
        octaves: the number of octaves in all. The sizes of the remaining octaves are spread evenly between the
            current size and the last one, which stays. The current octave is finished in any case.

    Raises:
        OptionError: a value is out of range.

    Example:
        >>> import keras
        >>> from cnnvis_widgets import DreamControls, dream
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> controls = DreamControls()
        >>> steps = dream(model, None, "conv", 1, octaves=1, steps=3, controls=controls)
        >>> next(steps).total
        3
        >>> controls.steps = 2
        >>> next(steps).total
        2
        >>> list(steps)
        []
    """

    step_size = _Setting(0)
    strength = _Setting(0, 1)
    steps = _Setting(1, whole=True)
    octaves = _Setting(1, whole=True)

    def __init__(self) -> None:
        self._undo = Event()

    def undo_octave(self) -> None:
        """Return to the start of the current octave; from its first step, to the start of the octave before."""
        self._undo.set()

    @property
    def undoing(self) -> bool:
        """Whether an undo was requested that the dream has not carried out yet."""
        return self._undo.is_set()

    @checked
    def follow(self, changes: Mapping[str, Any]) -> None:
        """Apply changes as a recipe stores them: new values by name, and 'undo'."""
        for name, value in changes.items():
            if name == "undo":
                self.undo_octave()
            else:
                setattr(self, name, value)

    @checked
    def take_changes(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that differ from ``settings``, and 'undo' if it was requested.

        This takes the request for an undo away, so only the run itself may call it.
        """
        current = {name: getattr(self, name) for name in ("step_size", "strength", "steps", "octaves")}
        changes = {name: value for name, value in current.items() if value != settings.get(name)}
        if self._undo.is_set():
            self._undo.clear()
            changes["undo"] = True
        return changes


def octave_sizes(size: Size, octaves: int, scale: float, least: int = LEAST_SIDE) -> list[Size]:
    """The sizes of all octaves, small to large.

    Octaves with a side below ``least`` pixels are left out. Signals and volumes have one octave.
    """
    if len(size) != 2:
        return [size]
    sizes = [tuple(round(side / scale**power) for side in size) for power in reversed(range(octaves))]
    return [octave for octave in sizes if min(octave) >= min(least, *size)]


@dataclass(frozen=True)
class Course:
    """The schedule of a dream, and the place it has reached.

    Attributes:
        sizes: of the pictures in each octave; the sizes of later octaves may still change.
        steps: in the current octave and in each later one.
        octave: the number of the current octave.
        octave_start: the index of its first step.
        index: of the next step.
    """

    sizes: tuple[Size, ...]
    steps: int
    octave: int = 0
    octave_start: int = 0
    index: int = 0

    @property
    def size(self) -> Size:
        """Of the pictures in the current octave."""
        return self.sizes[self.octave]

    @property
    def octave_done(self) -> bool:
        """Whether the current octave has made all of its steps."""
        return self.index - self.octave_start >= self.steps

    @property
    def done(self) -> bool:
        """Whether no step remains."""
        return self.octave_done and self.octave + 1 == len(self.sizes)

    @property
    def total(self) -> int:
        """The number of steps in all octaves."""
        return self.octave_start + self.steps * (len(self.sizes) - self.octave)

    def in_open_octave(self) -> Course:
        """This place, moved to the start of the next octave if the current one is done."""
        return replace(self, octave=self.octave + 1, octave_start=self.index) if self.octave_done else self

    def after_step(self) -> Course:
        """The place one step further on."""
        return replace(self, index=self.index + 1)

    def rescheduled(self, steps: int, octaves: int) -> Course:
        """This place in a schedule with other numbers of steps and octaves. The last size stays."""
        sizes = self.sizes
        if octaves != len(sizes):
            remaining = max(octaves - self.octave - 1, int(self.size != sizes[-1]))
            sizes = (*sizes[: self.octave + 1], *_sizes_between(self.size, sizes[-1], remaining))
        return replace(self, sizes=sizes, steps=steps)


def _sizes_between(size: Size, last: Size, count: int) -> list[Size]:
    """``count`` sizes that grow by one factor from after ``size`` up to ``last``."""
    fractions = [(number + 1) / count for number in range(count)]
    return [tuple(round(a ** (1 - part) * b**part) for a, b in zip(size, last, strict=True)) for part in fractions]


@dataclass(eq=False)
class Steering:
    """Applies the controls to one run, and logs every change.

    Attributes:
        controls: the handle that the run obeys, or ``None``.
        initial: the course that the run started with.
        on_photo: whether the run changes a photo.
        settings: the current value of each control that was set; missing or ``None`` means the initial value.
        events: (number of steps made before the change, the change), as ``DreamControls.follow`` takes it.
    """

    controls: DreamControls | None
    initial: Course
    on_photo: bool
    settings: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    _octave_starts: dict[int, tuple[Course, list[Any]]] = field(default_factory=dict)

    def apply(self, steps_made: int, course: Course, states: list[Any]) -> tuple[Course, list[Any]]:
        """The course and the states that the next step starts from, after all changes since the last step.

        Raises:
            OptionError: ``strength`` is set in a dream from noise.
        """
        changes = {} if self.controls is None else self.controls.take_changes(self.settings)
        if not changes:
            return course, states
        if not self.on_photo:
            require_photo_for(changes.get("strength"))
        self.events.append((steps_made, dict(changes)))
        if changes.pop("undo", False):
            course, states = self._undo(course, states)
        self.settings |= changes
        steps = self.settings.get("steps") or self.initial.steps
        octaves = self.settings.get("octaves") or len(self.initial.sizes)
        return course.rescheduled(steps, octaves), states

    def _undo(self, course: Course, states: list[Any]) -> tuple[Course, list[Any]]:
        at_first_step = course.index - course.octave_start <= 1 and course.octave - 1 in self._octave_starts
        course, states = self._octave_starts.get(course.octave - at_first_step, (course, states))
        return course, list(states)

    def remember(self, course: Course, states: list[Any]) -> None:
        """Keep the states at the start of an octave, or where a resumed run starts in the middle of one.

        Runs without controls keep nothing: states of large photos take much memory.
        """
        starts = course.index == course.octave_start or course.octave not in self._octave_starts
        if self.controls is not None and starts:
            self._octave_starts[course.octave] = course, list(states)


def require_photo_for(strength: float | None) -> None:
    """Check the controls of a dream from noise.

    Raises:
        OptionError: ``strength`` is set; only a photo can be mixed in.
    """
    if strength is not None:
        raise OptionError("Expected controls.strength on a photo only. Received: a dream from noise. Give a start.")
