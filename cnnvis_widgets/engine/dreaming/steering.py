"""The way of a dream through its octaves: which step comes next, of what size, and how another thread turns it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .controls import DreamControls

Size = tuple[int, ...]

_LEAST_SIDE = 32  # an octave smaller than this tells a network nothing


def octave_sizes(size: Size, octaves: int, scale: float) -> list[Size]:
    """From small to large; sizes too small to mean anything are left out, and only pictures have octaves."""
    if len(size) != 2:
        return [size]
    sizes = [tuple(round(side / scale**power) for side in size) for power in reversed(range(octaves))]
    return [each for each in sizes if min(each) >= min(_LEAST_SIDE, *size)]


@dataclass(frozen=True)
class Course:
    """A place on the way.

    Attributes:
        sizes: of the pictures of all octaves; those still to come may change.
        steps: of the running octave and of those to come.
        octave: the running one.
        begun: the index of its first step.
        index: of the step that comes next.
    """

    sizes: tuple[Size, ...]
    steps: int
    octave: int = 0
    begun: int = 0
    index: int = 0

    @property
    def size(self) -> Size:
        """Of the pictures of the running octave."""
        return self.sizes[self.octave]

    @property
    def full(self) -> bool:
        """Whether the running octave has made its steps."""
        return self.index - self.begun >= self.steps

    @property
    def ended(self) -> bool:
        """Whether no step is left."""
        return self.full and self.octave + 1 == len(self.sizes)

    @property
    def total(self) -> int:
        """How many steps there will be in all."""
        return self.begun + self.steps * (len(self.sizes) - self.octave)

    def ahead(self) -> Course:
        """The same place, seen from the next octave where the running one is full."""
        return replace(self, octave=self.octave + 1, begun=self.index) if self.full else self

    def after(self) -> Course:
        """One step further."""
        return replace(self, index=self.index + 1)

    def changed(self, steps: int, octaves: int) -> Course:
        """The same place on a way with other numbers of steps and octaves; the last size stays."""
        sizes = self.sizes
        if octaves != len(sizes):
            left = max(octaves - self.octave - 1, int(self.size != sizes[-1]))
            sizes = (*sizes[: self.octave + 1], *_between(self.size, sizes[-1], left))
        return replace(self, sizes=sizes, steps=steps)


def _between(size: Size, last: Size, count: int) -> list[Size]:
    """So many sizes after one, up to the last, each larger than the one before by the same factor."""
    parts = [(each + 1) / count for each in range(count)]
    return [tuple(round(a ** (1 - part) * b**part) for a, b in zip(size, last, strict=True)) for part in parts]


class Steering:
    """What a run is told while it goes on, and where it was.

    Args:
        controls: by which it is told; ``None`` if by nothing.
        course: the way it was begun with.
        photo: whether it is on a photo.

    Attributes:
        settings: what holds now; what is missing or ``None`` is as begun.
        events: (how many steps had been made, what was changed then), as ``DreamControls.follow`` takes it.
    """

    def __init__(self, controls: DreamControls | None, course: Course, *, photo: bool) -> None:
        self._controls, self._begun, self._photo = controls, course, photo
        self.settings: dict[str, Any] = {}
        self.events: list[tuple[int, dict[str, Any]]] = []
        self._before: dict[int, tuple[Course, list[Any]]] = {}  # of each octave; large photos have no room for them

    def turned(self, made: int, course: Course, states: list[Any]) -> tuple[Course, list[Any]]:
        """Where a run goes on that has made so many steps, and from which states.

        Raises:
            ValueError: a strength is set, and there is no photo.
        """
        told = {} if self._controls is None else self._controls.changed(self.settings)
        if not told:
            return course, states
        if told.get("strength") is not None and not self._photo:
            raise ValueError("Expected controls.strength on a photo only. Received: a dream from noise. Give a start.")
        self.events.append((made, dict(told)))
        if told.pop("undo", False):
            course, states = self._undone(course, states)
        self.settings |= told
        steps = self.settings.get("steps") or self._begun.steps
        octaves = self.settings.get("octaves") or len(self._begun.sizes)
        return course.changed(steps, octaves), states

    def _undone(self, course: Course, states: list[Any]) -> tuple[Course, list[Any]]:
        first = course.index - course.begun <= 1 and course.octave - 1 in self._before
        course, states = self._before.get(course.octave - first, (course, states))
        return course, list(states)

    def remember(self, course: Course, states: list[Any]) -> None:
        """Keep what an octave begins from, or what a resumed run begins from in the middle of one."""
        if self._controls is not None and (course.index == course.begun or course.octave not in self._before):
            self._before[course.octave] = course, list(states)
