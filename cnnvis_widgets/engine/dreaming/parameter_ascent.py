"""Gradient ascent by Adam on the variables of a parameterization: one compiled call a step.

The call draws the picture from its variables, looks at it under one or several random views, and moves the variables.
Classes, weights and sizes are fed to it, so another one of these compiles nothing again.

Reference:
    D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..backward.gradient_overrides import spreading
from ..network.runtime import Runtime
from ..runtime.resizing import resize
from ..runtime.subgraphs import gradient_of
from .bound_objectives import BoundObjective
from .parameterizations import Parameterization
from .transforms import Transform, View, apply

_MEAN_DECAY, _SQUARE_DECAY = 0.9, 0.99  # of Adam; dreams are short, so the second is below the usual 0.999
_TINY = 1e-30  # keeps a gradient of zero from being divided by zero


@dataclass(frozen=True, eq=False)
class AscentState:
    """The state of an ascent.

    Attributes:
        images: float32 (pictures, height, width, channels), in the range of the input.
        variables: float32, of the parameterization.
        mean, square: Adam's running means of the gradient and of its square, shaped like the variables.
        step: the number of steps that Adam has made.
    """

    images: np.ndarray
    variables: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    step: int = 0


class Moments(NamedTuple):
    """The variables with Adam's running means of their gradient and of its square."""

    variables: Any
    mean: Any
    square: Any


class Views(NamedTuple):
    """The views of one step, as ``transforms.apply`` takes them."""

    coefficients: Any
    size: Any
    noise: Any
    seed: Any


class StepInputs(NamedTuple):
    """What the compiled step takes; as specs, as arrays and as tensors.

    Attributes:
        moments: float32 arrays of equal shape.
        step: float32, the number of this step, from 1.
        rate: float32, how far Adam moves a variable.
        width: int32, of the pictures; a spectrum does not tell whether it is odd.
        views: of this step.
        low, high: float32, the range of the input; numbers, or one per channel.
        constants: of the parameterization.
        values: what the objective is fed, see ``BoundObjective.values``.
    """

    moments: Moments
    step: Any
    rate: Any
    width: Any
    views: Views
    low: Any
    high: Any
    constants: Any
    values: Any


class StepOutputs(NamedTuple):
    """What the compiled step gives: moved variables, the pictures they stand for, and scores from before the move.

    ``strength`` is the mean absolute gradient of each picture.
    """

    moments: Any
    images: Any
    scores: Any
    strength: Any


@dataclass(frozen=True, eq=False)
class ParameterAscent:
    """Moves the variables of a parameterization by Adam.

    Attributes:
        runtime: of the network.
        parameterization: what the variables mean.
        transform: from which the views of each step are drawn.
        low, high: the range of the input, float32.
        step_size: a factor of the rate of the parameterization.
        views: the number of views in a step. The gradient is the mean over all of them.
    """

    runtime: Runtime
    parameterization: Parameterization
    transform: Transform
    low: np.ndarray
    high: np.ndarray
    step_size: float
    views: int = 1

    def begin(self, photo: np.ndarray | None, shape: Sequence[int], random: np.random.Generator) -> AscentState:
        """The state before the first step: noise, or a photo of any size, in the range of the input."""
        if photo is not None:
            return self.resumed(np.repeat(resize(photo, shape[1:-1]), shape[0], 0))
        variables = self.parameterization.begin(random, shape)
        return _state(np.zeros(shape, np.float32), variables)

    def resumed(self, images: np.ndarray) -> AscentState:
        """The state from which a run goes on with given pictures."""
        brightness = (images - self.low) / (self.high - self.low)
        return _state(images, self.parameterization.fit(brightness))

    def grown(self, state: AscentState, photo: np.ndarray | None, size: tuple[int, ...]) -> AscentState:
        """The state at the next size. Adam starts anew, so that a run can be resumed at any octave."""
        return self.resumed(resize(state.images, size))

    @staticmethod
    def joined(states: Sequence[AscentState]) -> AscentState:
        """The states of several pictures as one state."""
        arrays = [(state.images, state.variables, state.mean, state.square) for state in states]
        images, variables, mean, square = (np.concatenate(parts) for parts in zip(*arrays, strict=True))
        return AscentState(images, variables, mean, square, states[0].step)

    def louder(self, noise: AscentState, factors: np.ndarray) -> AscentState:
        """The state before the first step, with the amplitude of each picture's noise multiplied by a factor."""
        return _state(noise.images, self.parameterization.louder(noise.variables, factors))

    @staticmethod
    def with_redirected(state: AscentState, redirected: AscentState, chosen: np.ndarray) -> AscentState:
        """The state after a step in which the chosen pictures moved along a redirected gradient.

        Adam's means keep the scale of the true gradient, which may be hundreds of times smaller. They are those of
        ``state``, which a gradient of zero has only let decay.
        """
        images, variables = (
            np.where(chosen.reshape(-1, *[1] * (plain.ndim - 1)), other, plain)
            for plain, other in ((state.images, redirected.images), (state.variables, redirected.variables))
        )
        return replace(state, images=images, variables=variables)

    def draw(self, random: np.random.Generator, size: tuple[int, ...]) -> list[View]:
        """The views of one step, all of one size."""
        height, width = size
        views = [self.transform.draw(random, (height, width)) for _ in range(self.views)]
        fixed = self.runtime.layout.picture_shape[:2]
        return views if None in fixed else [view.resized((fixed[0] or 0, fixed[1] or 0)) for view in views]

    def step(
        self, state: AscentState, objective: BoundObjective, views: list[View]
    ) -> tuple[AscentState, np.ndarray, np.ndarray]:
        """One step: the next state, the scores before the step, and the strength of each gradient."""
        inputs = self._inputs(state, objective, views)
        function = self._compiled(objective, inputs, state.images.shape)
        outputs = StepOutputs(*function(*tf.nest.flatten(inputs)))
        moved = Moments(*outputs.moments)
        after = AscentState(outputs.images, moved.variables, moved.mean, moved.square, state.step + 1)
        return after, outputs.scores, outputs.strength

    def _inputs(self, state: AscentState, objective: BoundObjective, views: list[View]) -> StepInputs:
        shape, first = state.images.shape, views[0]
        coefficients = np.concatenate([view.coefficients(shape[1:3]) for view in views])
        return StepInputs(
            moments=Moments(state.variables, state.mean, state.square),
            step=state.step + 1,
            rate=self.parameterization.rate * self.step_size,
            width=shape[2],
            views=Views(coefficients, np.array(first.size, np.int32), first.noise, np.array(first.seed, np.int32)),
            low=self.low,
            high=self.high,
            constants=self.parameterization.constants(shape),
            values=objective.values,
        )

    def _compiled(self, objective: BoundObjective, inputs: StepInputs, shape: Sequence[int]) -> Any:
        """The compiled function of flat ``StepInputs`` -> ``StepOutputs``."""
        pictures, channels = shape[0], shape[-1]
        specs = self._specs(objective, inputs, shape)
        key = ("ascent", objective.key, self.parameterization.name, pictures, channels, self.views)
        step = _TracedStep(self, objective, pictures, channels)

        def body(*tensors: tf.Tensor) -> StepOutputs:
            return step.outputs(tf.nest.pack_sequence_as(specs, tensors))

        return self.runtime.compiled(key, body, tf.nest.flatten(specs), quick_start=True)

    def _specs(self, objective: BoundObjective, inputs: StepInputs, shape: Sequence[int]) -> StepInputs:
        rank = inputs.moments.variables.ndim
        variables = tf.TensorSpec([shape[0], *[None] * (rank - 1)], tf.float32)
        if rank == 4 and not inputs.constants:
            variables = tf.TensorSpec([shape[0], None, None, shape[-1]], tf.float32)
        number, pair = tf.TensorSpec([], tf.float32), tf.TensorSpec([2], tf.int32)
        return StepInputs(
            moments=Moments(variables, variables, variables),
            step=number,
            rate=number,
            width=tf.TensorSpec([], tf.int32),
            views=Views(tf.TensorSpec([self.views, 8], tf.float32), pair, number, pair),
            low=tf.TensorSpec(None, tf.float32),
            high=tf.TensorSpec(None, tf.float32),
            constants=[tf.TensorSpec([None] * constant.ndim, tf.float32) for constant in inputs.constants],
            values=objective.signature(self.runtime),
        )


def _state(images: np.ndarray, variables: np.ndarray) -> AscentState:
    zeros = np.zeros_like(variables)
    return AscentState(images, variables, zeros, zeros)


@dataclass(frozen=True, eq=False)
class _TracedStep:
    """The step as TensorFlow traces it."""

    ascent: ParameterAscent
    objective: BoundObjective
    pictures: int
    channels: int

    def outputs(self, inputs: StepInputs) -> StepOutputs:
        variables, views = inputs.moments.variables, self.ascent.views
        pixels = self._decoded(inputs, variables)
        pixels = tf.repeat(pixels, views, 0) if views > 1 else pixels
        viewed = self._viewed(inputs, pixels)
        scores, subgraphs = self.objective.scores(self.ascent.runtime, viewed, pixels, inputs.values)
        scores = tf.reduce_mean(tf.reshape(scores, [self.pictures, views]), 1) if views > 1 else scores
        gradient = gradient_of(scores, variables, pixels, subgraphs)
        moments = self._moved(inputs, gradient)
        brightness = self._decoded(inputs, moments.variables)
        images = tf.clip_by_value(inputs.low + (inputs.high - inputs.low) * brightness, inputs.low, inputs.high)
        strength = tf.reduce_mean(tf.abs(gradient), range(1, variables.shape.rank))
        return StepOutputs(moments, images, scores, strength)

    def _decoded(self, inputs: StepInputs, variables: tf.Tensor) -> tf.Tensor:
        """The pictures of the variables, in [0, 1]."""
        images = self.ascent.parameterization.decode(variables, inputs.width, *inputs.constants)
        return tf.ensure_shape(images, [self.pictures, None, None, self.channels])

    def _viewed(self, inputs: StepInputs, pixels: tf.Tensor) -> tf.Tensor:
        """The pictures under their views, in the range of the input."""
        viewed, span = apply(pixels, *inputs.views), inputs.high - inputs.low
        with spreading():
            viewed = viewed * span + inputs.low
        size = self.ascent.runtime.layout.picture_shape[:2]
        return tf.ensure_shape(viewed, [self.pictures * self.ascent.views, *size, self.channels])

    def _moved(self, inputs: StepInputs, gradient: tf.Tensor) -> Moments:
        """One step of Adam, uphill."""
        variables, mean, square = inputs.moments
        axes = self.ascent.parameterization.moment_axes(variables.shape.rank)
        power = tf.square(gradient)
        power = tf.reduce_mean(power, axes, keepdims=True) + tf.zeros_like(power) if axes else power
        mean = _MEAN_DECAY * mean + (1 - _MEAN_DECAY) * gradient
        square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * power
        deviation = tf.sqrt(square / (1 - _SQUARE_DECAY**inputs.step)) + _TINY
        moved = variables + inputs.rate * mean / (1 - _MEAN_DECAY**inputs.step) / deviation
        return Moments(moved, mean, square)
