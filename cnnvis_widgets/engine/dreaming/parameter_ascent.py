"""Gradient ascent on a parameterization: one compiled call for each step, under one view of the picture or several.

View, network, gradient and Adam are one function from variables to variables; nothing is compiled again for
another class, weight or size.

Reference:
    D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv 1412.6980.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ..backward.gradient_overrides import spreading
from ..network.network import Network
from ..runtime.resizing import resize
from ..runtime.subgraphs import gradient_of
from .bound_objectives import Goal
from .parameterizations import Parameterization
from .transforms import Transform, View, apply

_MEMORY, _LONG_MEMORY = 0.9, 0.99  # of Adam; climbs are short, so the second is shorter than the usual 0.999


@dataclass(frozen=True, eq=False)
class Ascended:
    """Where a climb is: the pictures, and what Adam remembers.

    Attributes:
        images: float32 (pictures, height, width, channels), in the range of the input.
        variables, mean, square: the variables, and the running means of their gradient and its square.
        step: how many steps Adam has made.
    """

    images: np.ndarray
    variables: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    step: int = 0


@dataclass(frozen=True, eq=False)
class Ascent:
    """A climb by Adam on the variables of a parameterization, each step under other ``views``, whose mean it climbs."""

    network: Network
    parameterization: Parameterization
    transform: Transform
    low: np.ndarray
    high: np.ndarray
    step_size: float
    views: int = 1

    def begin(self, photo: np.ndarray | None, shape: Sequence[int], random: np.random.Generator) -> Ascended:
        """The state before the first step: noise, or a photo of any size, in the range of the input."""
        if photo is not None:
            return self.at(np.repeat(resize(photo, shape[1:-1]), shape[0], 0))
        variables = self.parameterization.begin(random, shape)
        return self._fresh(np.zeros(shape, np.float32), variables)

    def at(self, images: np.ndarray) -> Ascended:
        """The state of a climb that goes on from pictures."""
        bright = (images - self.low) / (self.high - self.low)
        return self._fresh(images, self.parameterization.fit(bright))

    def grown(self, state: Ascended, photo: np.ndarray | None, size: tuple[int, ...]) -> Ascended:
        """The state at the next size. Adam begins anew, so that a run can be taken up at any octave."""
        return self.at(resize(state.images, size))

    @staticmethod
    def joined(states: Sequence[Ascended]) -> Ascended:
        """States of several climbs as one of all their pictures."""
        parts = [(state.images, state.variables, state.mean, state.square) for state in states]
        images, variables, mean, square = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Ascended(images, variables, mean, square, states[0].step)

    def _fresh(self, images: np.ndarray, variables: np.ndarray) -> Ascended:
        zeros = np.zeros_like(variables)
        return Ascended(images, variables, zeros, zeros)

    def draw(self, random: np.random.Generator, size: tuple[int, ...]) -> list[View]:
        """How the picture is seen in a step; all views have one size."""
        height, width = size
        views = [self.transform.draw(random, (height, width)) for _ in range(self.views)]
        fixed = self.network.runtime.layout.picture_shape[:2]
        return views if None in fixed else [view.resized((fixed[0] or 0, fixed[1] or 0)) for view in views]

    def step(self, state: Ascended, goal: Goal, views: list[View]) -> tuple[Ascended, np.ndarray, np.ndarray]:
        """One step: the next state, the scores before it, and how strong the gradient of each picture was."""
        shape = state.images.shape
        constants = self.parameterization.constants(shape)
        function = self._compiled(goal, shape[0], state.variables.ndim, shape[-1], constants)
        rate = self.parameterization.rate * self.step_size
        variables, mean, square, images, scores, strength = function(
            state.variables,
            state.mean,
            state.square,
            state.step + 1,
            rate,
            shape[2],
            np.concatenate([view.coefficients(shape[1:3]) for view in views]),
            views[0].size,
            views[0].noise,
            views[0].seed,
            self.low,
            self.high,
            *constants,
            *goal.given,
        )
        return Ascended(images, variables, mean, square, state.step + 1), scores, strength

    def _compiled(self, goal: Goal, pictures: int, rank: int, channels: int, constants: list[np.ndarray]) -> Any:
        variables = tf.TensorSpec([pictures, *[None] * (rank - 1)], tf.float32)
        if rank == 4 and not constants:
            variables = tf.TensorSpec([pictures, None, None, channels], tf.float32)
        single, whole = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)
        signature = [
            variables,
            variables,
            variables,
            single,
            single,
            whole,
            tf.TensorSpec([self.views, 8], tf.float32),
            tf.TensorSpec([2], tf.int32),
            single,
            tf.TensorSpec([2], tf.int32),
            *[tf.TensorSpec(None, tf.float32)] * 2,
            *[tf.TensorSpec([None] * each.ndim, tf.float32) for each in constants],
            *goal.signature(self.network),
        ]
        network, parameterization, views = self.network, self.parameterization, self.views

        def body(
            z: Any,
            mean: Any,
            square: Any,
            step: Any,
            rate: Any,
            width: Any,
            matrix: Any,
            size: Any,
            noise: Any,
            seed: Any,
            low: Any,
            high: Any,
            *rest: Any,
        ) -> list[tf.Tensor]:
            fixed, given = rest[: len(constants)], rest[len(constants) :]

            def decoded(variables: tf.Tensor) -> tf.Tensor:
                images = parameterization.decode(variables, width, *fixed)
                return tf.ensure_shape(images, [pictures, None, None, channels])

            shown = decoded(z)
            shown = tf.repeat(shown, views, 0) if views > 1 else shown
            viewed, span = apply(shown, matrix, size, noise, seed), high - low
            with spreading():
                seen = viewed * span + low
            seen = tf.ensure_shape(seen, [pictures * views, *network.runtime.layout.picture_shape[:2], channels])
            scores, passages = goal.scores(network, seen, shown, given)
            scores = tf.reduce_mean(tf.reshape(scores, [pictures, views]), 1) if views > 1 else scores
            gradient = gradient_of(scores, z, shown, passages)
            axes = parameterization.shared(rank)
            power = tf.square(gradient)
            power = tf.reduce_mean(power, axes, keepdims=True) + tf.zeros_like(power) if axes else power
            mean = _MEMORY * mean + (1 - _MEMORY) * gradient
            square = _LONG_MEMORY * square + (1 - _LONG_MEMORY) * power
            spread = tf.sqrt(square / (1 - _LONG_MEMORY**step)) + 1e-30
            moved = z + rate * mean / (1 - _MEMORY**step) / spread
            images = tf.clip_by_value(low + span * decoded(moved), low, high)
            return [moved, mean, square, images, scores, tf.reduce_mean(tf.abs(gradient), range(1, rank))]

        key = ("ascent", goal.key, parameterization.name, pictures, channels, views)
        return network.runtime.compiled(key, body, signature, soon=True)
