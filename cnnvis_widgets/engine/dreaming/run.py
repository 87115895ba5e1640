"""The run of a dream whose options are checked: all its pictures, step after step, through the octaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from ...errors import GradientError, NumericalError
from ...results import DreamStep, Layer
from ..network.network import Network
from ..runtime.resizing import resize
from .bound_objectives import Goal
from .controls import DreamControls
from .steering import Course, Steering


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures that are computed in one call.

    Attributes:
        goal: of all of them.
        numbers: the channel of each, whose noise is its own; a single one for all ``pictures`` of an objective.
        pictures: how many of them count; the others fill the batch up.
    """

    goal: Goal
    numbers: tuple[int, ...]
    pictures: int


def batches_of(goals: list[Goal], ids: tuple[int, ...], together: int) -> list[Batch]:
    """Goals that differ in their channel alone, so many at a time; the last of them is repeated to fill a batch."""
    found = []
    for start in range(0, len(goals), together):
        some = goals[start : start + together]
        padded = [*some, *some[-1:] * (together - len(some))]
        numbers = ids[start : start + len(some)]
        leaves = tuple(np.stack(each) for each in zip(*(goal.leaves for goal in padded), strict=True))
        title = some[0].title if len(some) == 1 else f"{some[0].title} and {len(some) - 1} more"
        filled = numbers + numbers[-1:] * (together - len(some))
        found.append(Batch(replace(some[0], leaves=leaves, title=title), filled, len(some)))
    return found


@dataclass(frozen=True, eq=False)
class Run:
    """What stays the same over all steps of a dream."""

    network: Network
    climb: Any  # PixelClimb or Ascent, each with a state of its own
    batches: list[Batch]
    ids: tuple[int, ...]
    names: tuple[str, ...]
    photo: np.ndarray | None
    mask: np.ndarray | None
    strength: float
    value_range: tuple[np.ndarray, np.ndarray]
    recipe: dict[str, Any]

    def steps(
        self,
        sizes: Sequence[tuple[int, ...]],
        steps: int,
        seed: int,
        resume: DreamStep | None,
        controls: DreamControls | None,
    ) -> Iterator[DreamStep]:
        course, draws = Course(tuple(sizes), steps), np.random.default_rng([seed, 1])
        steering = Steering(controls, course, photo=self.photo is not None)
        made = 0 if resume is None else resume.index + 1
        for _ in range(made):  # the run goes on with the views that it would have seen
            course = course.ahead()
            self.climb.draw(draws, course.size)
            course = course.after()
        seconds, since = 0.0, perf_counter()
        states = self._begin(course.size, seed, resume)
        while True:
            course, states = steering.turned(made, course, states)
            if course.ended:
                return
            if course.full:
                course = course.ahead()
                states = [self.climb.grown(state, self.photo, course.size) for state in states]
            steering.remember(course, states)
            scores = self._step(states, course, self.climb.draw(draws, course.size), steering.settings)
            seconds += perf_counter() - since
            yield self._told(states, scores, course, seconds, steering, made)
            since = perf_counter()
            course, made = course.after(), made + 1

    def _step(self, states: list[Any], course: Course, drawn: Any, settings: Mapping[str, Any]) -> np.ndarray:
        """Move all pictures, in place in the list; the scores before the move."""
        step_size, scores = settings.get("step_size"), []
        climb = self.climb if step_size is None else replace(self.climb, step_size=step_size)
        for place, batch in enumerate(self.batches):
            states[place], score, slope = climb.step(states[place], batch.goal, drawn)
            _check_step(batch.goal, course.index, slope, score)
            scores.append(score[: batch.pictures])
        return np.concatenate(scores)

    def _told(
        self, states: list[Any], scores: np.ndarray, course: Course, seconds: float, steering: Steering, made: int
    ) -> DreamStep:
        dreamt, strength = self._pictures(states), steering.settings.get("strength")
        shown = self._mixed(dreamt, course.size, self.strength if strength is None else strength)
        return DreamStep(
            self.layer,
            any(batch.goal.softmax_removed for batch in self.batches),
            self.ids,
            self.names,
            shown,
            scores,
            course.octave,
            len(course.sizes),
            course.index,
            course.total,
            self.value_range,
            seconds,
            self.recipe | {"made": made, "steered": list(steering.events)},
            None if shown is dreamt else dreamt,
        )

    @property
    def layer(self) -> Layer:
        return self.batches[0].goal.layer or self.network.layers[0]

    def _begin(self, size: tuple[int, ...], seed: int, resume: DreamStep | None) -> list[Any]:
        if resume is not None:
            ends = np.cumsum([batch.pictures for batch in self.batches])
            dreamt = resume.images if resume.dreamt is None else resume.dreamt
            parts = zip(self.batches, np.split(dreamt, ends[:-1]), strict=True)
            return [self.climb.at(_filled(images, len(batch.numbers))) for batch, images in parts]
        return [self._begun(batch, size, seed) for batch in self.batches]

    def _begun(self, batch: Batch, size: tuple[int, ...], seed: int) -> Any:
        shape = (
            max(1, batch.pictures // len(batch.numbers)),
            *size,
            self.network.runtime.layout.picture_shape[-1] or 3,
        )
        randoms = [np.random.default_rng([seed, 0, number]) for number in batch.numbers]
        return self.climb.joined([self.climb.begin(self.photo, shape, random) for random in randoms])

    def _pictures(self, states: list[Any]) -> np.ndarray:
        every = [state if isinstance(state, np.ndarray) else state.images for state in states]
        found = [images[: batch.pictures] for batch, images in zip(self.batches, every, strict=True)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _mixed(self, images: np.ndarray, size: tuple[int, ...], strength: float) -> np.ndarray:
        """Pictures mixed with the photo, or the same where there is nothing to mix."""
        if self.photo is None or (self.mask is None and strength == 1):
            return images
        mixed = strength if self.mask is None else strength * resize(self.mask, size)
        photo = resize(self.photo, size)
        return (photo + mixed * (images - photo)).astype(np.float32)


def _filled(images: np.ndarray, count: int) -> np.ndarray:
    """The pictures, the last one repeated until there are so many."""
    return np.concatenate([images, np.repeat(images[-1:], max(0, count - len(images)), axis=0)])


def _check_step(goal: Goal, index: int, strength: np.ndarray, scores: np.ndarray) -> None:
    if not (np.isfinite(strength).all() and np.isfinite(scores).all()):
        raise NumericalError(
            f"Expected finite gradients. Received: NaN or infinity in step {index} of the dream of {goal.title}. "
            "Try a smaller step_size."
        )
    if not strength.all():
        raise GradientError(
            f"Expected a channel that reacts to the image. Received: {goal.title}, "
            f"whose gradient is zero everywhere in step {index}. Choose another channel, seed or start."
        )
