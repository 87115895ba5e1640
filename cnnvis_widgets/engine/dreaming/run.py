"""One run of a dream with checked options: all of its pictures, step after step, through the octaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from ...results import DreamStep, Layer
from ..network.network import Network
from ..runtime.resizing import resize
from . import faster_precision, way_in
from .bound_objectives import BoundObjective
from .options import LEAST_SPECTRUM, ResolvedOptions
from .steering import Course, DreamControls, Steering, octave_sizes

_TRIAL_PIXELS = 256 * 256  # a larger picture is not needed to tell which precision is faster


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures that are computed in one call.

    Attributes:
        objective: of all of them.
        noise: a number for each place in the batch, from which its noise is drawn: its channel. A single number
            serves all pictures of one objective.
        channels: the channel (or the place of the objective) of each picture. The rest of the batch only fills it up.
        names: of the channels.
    """

    objective: BoundObjective
    noise: tuple[int, ...]
    channels: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def pictures(self) -> int:
        """How many pictures of the batch are results."""
        return len(self.channels)


def batches_of(
    objectives: Sequence[BoundObjective], channels: Sequence[int], names: Sequence[str], options: ResolvedOptions
) -> list[Batch]:
    """Distribute objectives over batches: one for each objective, or ``options.together`` channels for each batch."""
    if options.together == 1:
        count = options.pictures
        rows = zip(objectives, channels, names, strict=True)
        return [Batch(objective, (channel,), (channel,) * count, (name,) * count) for objective, channel, name in rows]
    parts = [slice(start, start + options.together) for start in range(0, len(objectives), options.together)]
    return [_batch_together(objectives[part], channels[part], names[part], options.together) for part in parts]


def _batch_together(
    objectives: Sequence[BoundObjective], channels: Sequence[int], names: Sequence[str], size: int
) -> Batch:
    """One batch of objectives that differ in their channel only. The last one is repeated to fill it up."""
    missing, first = size - len(objectives), objectives[0]
    filled = [*objectives, *[objectives[-1]] * missing]
    leaves = tuple(np.stack(values) for values in zip(*(objective.leaves for objective in filled), strict=True))
    title = first.title if len(objectives) == 1 else f"{first.title} and {len(objectives) - 1} more"
    noise = (*channels, *[channels[-1]] * missing)
    return Batch(replace(first, leaves=leaves, title=title), noise, tuple(channels), tuple(names))


@dataclass(eq=False)
class _Log:
    """What a run has to tell about its pictures, one entry for each picture of all batches.

    Attributes:
        louder: how many times as strong the noise was that the picture began from.
        first: the scores of the first step.
        redirected: the number of steps along a redirected gradient.
        still: the number of steps without any gradient.
        in_a_row: how many of these were the latest, for each batch.
    """

    louder: np.ndarray
    first: np.ndarray | None = None
    redirected: Any = 0
    still: Any = 0
    in_a_row: dict[int, Any] = field(default_factory=dict)

    def notes(self, scores: np.ndarray, *, final: bool) -> tuple[str, ...]:
        """What a person should know of each picture; '' if there is nothing to tell."""
        first = scores if self.first is None else self.first
        rows = zip(self.louder, self.redirected, self.still, first, scores, strict=True)
        return tuple("; ".join(_facts(*row, final)) for row in rows)


def _facts(louder: int, redirected: int, still: int, first: float, score: float, final: bool) -> Iterator[str]:
    if louder > 1:
        yield f"began from noise {louder} times as strong as usual: much less gradient came back from fainter noise"
    if redirected:
        yield f"{_steps(redirected)} through ReLUs that are off: no gradient came back"
    if still:
        yield f"{_steps(still)} without any gradient: every unit is saturated or off"
    if final and score <= first:
        yield f"the score has not risen: {first:.4g} in the first step, {score:.4g} in the last"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


@dataclass(frozen=True, eq=False)
class Run:
    """What stays the same in all steps of a dream.

    Attributes:
        network: the network.
        ascent: ``PixelAscent`` or ``ParameterAscent``; each has a state of its own kind.
        batches: of all pictures.
        photo: float32 (1, height, width, channels) at the final size, or ``None``.
        mask: float32 (1, height, width, 1), or ``None``.
        options: of the dream.
        recipe: as JSON has it, without what is known at a step only.
    """

    network: Network
    ascent: Any
    batches: list[Batch]
    photo: np.ndarray | None
    mask: np.ndarray | None
    options: ResolvedOptions
    recipe: dict[str, Any]

    def steps(self, resume: DreamStep | None, controls: DreamControls | None) -> Iterator[DreamStep]:
        """All steps, or those after a step of an earlier run."""
        yield from self._in_precision()._steps(resume, controls)

    def _in_precision(self) -> Run:
        """The same run, in the precision that its options ask for, or that is faster."""
        sizes = self._course().sizes
        size = next((size for size in reversed(sizes) if prod(size) <= _TRIAL_PIXELS), sizes[0])
        precision = faster_precision.precision_of(
            self.recipe["model"],
            self.options.precision,
            self.batches[0].objective,
            lambda: self._trial(size),
        )
        batches = [replace(batch, objective=replace(batch.objective, precision=precision)) for batch in self.batches]
        options = self.recipe["options"] | {"precision": precision}
        return replace(self, batches=batches, recipe=self.recipe | {"options": options})

    def _trial(self, size: tuple[int, ...]) -> faster_precision.Step:
        """A step of the first pictures at a size, as a function of the objective."""
        state = self._initial_state(self.batches[0], size)
        views = self.ascent.draw(np.random.default_rng(0), size)
        return lambda objective: self.ascent.step(state, objective, views)

    def _steps(self, resume: DreamStep | None, controls: DreamControls | None) -> Iterator[DreamStep]:
        course, draws = self._course(), np.random.default_rng([self.options.seed, 1])
        steering = Steering(controls, course, on_photo=self.photo is not None)
        steps_made = 0 if resume is None else resume.index + 1
        for _ in range(steps_made):  # a resumed run sees the views that the whole run would have seen
            course = course.in_open_octave()
            self.ascent.draw(draws, course.size)
            course = course.after_step()
        seconds, start = 0.0, perf_counter()
        states, log = self._begin(course.size, resume)
        while True:
            course, states = steering.apply(steps_made, course, states)
            if course.done:
                return
            if course.octave_done:
                course = course.in_open_octave()
                states = [self.ascent.grown(state, self.photo, course.size) for state in states]
            steering.remember(course, states)
            scores = self._step(states, course, self.ascent.draw(draws, course.size), steering.settings, log)
            log.first = scores if log.first is None else log.first
            seconds += perf_counter() - start
            recipe = self.recipe | {"steps_made": steps_made, "steered": list(steering.events)}
            step = self._dream_step(states, scores, course, steering.settings)
            notes = log.notes(scores, final=course.after_step().done and steps_made > 0)
            yield replace(step, seconds=seconds, recipe=recipe, notes=notes)
            start = perf_counter()
            course, steps_made = course.after_step(), steps_made + 1

    def _course(self) -> Course:
        options = self.options
        wanted = options.size, options.octaves, options.octave_scale
        if options.parameterization is None:
            return Course(tuple(octave_sizes(*wanted)), options.steps)
        sizes = octave_sizes(*wanted, least=LEAST_SPECTRUM)
        return Course(tuple(sizes), max(1, options.steps * options.octaves // len(sizes)))

    def _step(
        self, states: list[Any], course: Course, views: Any, settings: Mapping[str, Any], log: _Log
    ) -> np.ndarray:
        """Move all pictures, in place in the list, and write the log; the scores before the move."""
        step_size, scores, redirected, still = settings.get("step_size"), [], [], []
        ascent = self.ascent if step_size is None else replace(self.ascent, step_size=step_size)
        for place, batch in enumerate(self.batches):
            moved = way_in.step(ascent, batch.objective, states[place], views, course.index)
            states[place] = moved.state
            if log.first is None:
                way_in.require_gradient(batch.objective, course.index, moved.still)
            log.in_a_row[place] = (log.in_a_row.get(place, 0) + 1) * moved.redirected
            way_in.require_awake(batch.objective, log.in_a_row[place])
            scores.append(moved.scores[: batch.pictures])
            redirected.append(moved.redirected[: batch.pictures])
            still.append(moved.still[: batch.pictures])
        log.redirected = log.redirected + np.concatenate(redirected)
        log.still = log.still + np.concatenate(still)
        return np.concatenate(scores)

    def _dream_step(
        self, states: list[Any], scores: np.ndarray, course: Course, settings: Mapping[str, Any]
    ) -> DreamStep:
        dreamt, strength = self._pictures(states), settings.get("strength")
        images = self._mixed(dreamt, course.size, self.options.strength if strength is None else strength)
        return DreamStep(
            layer=self._layer,
            activation_removed=next(filter(None, (batch.objective.activation_removed for batch in self.batches)), ""),
            channels=tuple(channel for batch in self.batches for channel in batch.channels),
            names=tuple(name for batch in self.batches for name in batch.names),
            images=images,
            scores=scores,
            octave=course.octave,
            octaves=len(course.sizes),
            index=course.index,
            total=course.total,
            value_range=self.options.value_range,
            dreamt=None if images is dreamt else dreamt,
        )

    @property
    def _layer(self) -> Layer:
        return self.batches[0].objective.layer or self.network.layers[0]

    def _begin(self, size: tuple[int, ...], resume: DreamStep | None) -> tuple[list[Any], _Log]:
        as_usual = _Log(np.ones(sum(batch.pictures for batch in self.batches), int))
        if resume is not None:
            return self._resumed(resume), as_usual
        states = [self._initial_state(batch, size) for batch in self.batches]
        if self.photo is not None:
            return states, as_usual
        views = self.ascent.draw(np.random.default_rng([self.options.seed, 2]), size)
        starts = [
            way_in.louder_start(self.ascent, batch.objective, state, views)
            for batch, state in zip(self.batches, states, strict=True)
        ]
        louder = [factors[: batch.pictures] for batch, (_, factors) in zip(self.batches, starts, strict=True)]
        return [state for state, _ in starts], _Log(np.concatenate(louder))

    def _resumed(self, resume: DreamStep) -> list[Any]:
        ends = np.cumsum([batch.pictures for batch in self.batches])
        dreamt = resume.images if resume.dreamt is None else resume.dreamt
        parts = zip(self.batches, np.split(dreamt, ends[:-1]), strict=True)
        return [self.ascent.resumed(_filled(images, len(batch.noise))) for batch, images in parts]

    def _initial_state(self, batch: Batch, size: tuple[int, ...]) -> Any:
        shape = (max(1, batch.pictures // len(batch.noise)), *size, self.network.runtime.layout.picture_shape[-1] or 3)
        generators = [np.random.default_rng([self.options.seed, 0, number]) for number in batch.noise]
        return self.ascent.joined([self.ascent.begin(self.photo, shape, generator) for generator in generators])

    def _pictures(self, states: list[Any]) -> np.ndarray:
        arrays = [state if isinstance(state, np.ndarray) else state.images for state in states]
        parts = [images[: batch.pictures] for batch, images in zip(self.batches, arrays, strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _mixed(self, images: np.ndarray, size: tuple[int, ...], strength: float) -> np.ndarray:
        """The pictures mixed with the photo; the same array if there is nothing to mix."""
        if self.photo is None or (self.mask is None and strength == 1):
            return images
        share = strength if self.mask is None else strength * resize(self.mask, size)
        photo = resize(self.photo, size)
        return (photo + share * (images - photo)).astype(np.float32)


def _filled(images: np.ndarray, count: int) -> np.ndarray:
    """The pictures, with the last one repeated until there are ``count``."""
    return np.concatenate([images, np.repeat(images[-1:], max(0, count - len(images)), axis=0)])
