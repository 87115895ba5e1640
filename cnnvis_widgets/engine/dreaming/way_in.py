"""How a dream begins whose channel is off: louder noise, and a gradient that finds its way into ReLUs.

Where a channel is off over a whole picture, the true gradient is zero, and no step would ever be made. Faint noise is
often too quiet for it, so the start grows louder. Where that does not help, or in a step in which the channel is off
again, the picture moves along a redirected gradient [1]; see ``rules.REDIRECTED``.

References:
    [1] C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017, DOI 10.23915/distill.00007.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ...errors import GradientError, NumericalError
from .bound_objectives import BoundObjective

MOST_REDIRECTED = 16
"""A picture moves at most so many steps in a row along a redirected gradient. Then its channel counts as dead."""

_FACTORS = (2, 4, 8, 16, 32, 64)  # of the amplitude of noise
_LOUD = 64  # a factor at which every channel of a usual network is on somewhere, if noise can turn it on
_QUIET = 0.3  # a gradient that is so much smaller than that of loud noise counts as none


def louder_start(ascent: Any, objective: BoundObjective, noise: Any, views: Any) -> tuple[Any, np.ndarray]:
    """Make noise louder, picture by picture, until a gradient comes back that is no longer small.

    Args:
        ascent: ``PixelAscent`` or ``ParameterAscent``.
        objective: of the pictures.
        noise: the state before the first step.
        views: one draw of the ascent.

    Returns:
        The state from which to begin, and how much louder each picture is, int (pictures,). A picture from which
        nothing comes back at any amplitude stays as it was.
    """
    _, _, strength = ascent.step(noise, objective, views)
    factors = np.ones(len(strength), int)
    _, _, loud = ascent.step(ascent.louder(noise, factors * _LOUD), objective, views)
    for factor in _FACTORS:
        quiet = strength <= _QUIET * loud
        if not quiet.any():
            break
        factors[quiet] = factor
        _, _, strength = ascent.step(ascent.louder(noise, factors), objective, views)
    factors[strength == 0] = 1
    return (noise if (factors == 1).all() else ascent.louder(noise, factors)), factors


class Moved(NamedTuple):
    """What a step does.

    Attributes:
        state: the next one.
        scores: before the step, float32 (pictures,).
        redirected: which pictures moved along a redirected gradient, bool (pictures,).
        still: which pictures had no gradient at all, bool (pictures,).
    """

    state: Any
    scores: np.ndarray
    redirected: np.ndarray
    still: np.ndarray


def step(ascent: Any, objective: BoundObjective, state: Any, views: Any, index: int) -> Moved:
    """Make one step; along a redirected gradient for the pictures whose own is zero.

    Args:
        ascent, objective, state, views: as ``louder_start`` takes them.
        index: of the step, for errors.

    Raises:
        NumericalError: NaN or infinity appeared.
    """
    moved, scores, strength = ascent.step(state, objective, views)
    _require_finite(objective, index, strength, scores)
    off = strength == 0
    if not off.any():
        return Moved(moved, scores, off, off)
    redirected, _, strength = ascent.step(state, replace(objective, redirected=True), views)
    _require_finite(objective, index, strength, scores)
    entered = off & (strength > 0)
    return Moved(ascent.with_redirected(moved, redirected, entered), scores, entered, off & ~entered)


def require_gradient(objective: BoundObjective, index: int, still: np.ndarray) -> None:
    """Check that every picture of a dream that has just begun has a gradient. Later, it may be at its highest score.

    Raises:
        GradientError: one has none, not even a redirected one.
    """
    if still.any():
        raise GradientError(
            f"Expected a channel that reacts to the image. Received: {objective.title}, whose gradient is zero "
            f"everywhere in step {index}, also behind ReLUs that are off. Choose another channel, seed or start."
        )


def require_awake(objective: BoundObjective, redirected: np.ndarray) -> None:
    """Check that no picture was redirected too often.

    Args:
        objective: of the pictures.
        redirected: the number of redirected steps in a row, int (pictures,).

    Raises:
        GradientError: the channel of a picture stayed off.
    """
    if (redirected > MOST_REDIRECTED).any():
        raise GradientError(
            f"Expected a channel that reacts to the image. Received: {objective.title}, which stayed off for "
            f"{MOST_REDIRECTED} steps, although signals were let into ReLUs that are off. It may be dead: choose "
            "another channel, seed or start."
        )


def _require_finite(objective: BoundObjective, index: int, strength: np.ndarray, scores: np.ndarray) -> None:
    if not (np.isfinite(strength).all() and np.isfinite(scores).all()):
        raise NumericalError(
            f"Expected finite gradients. Received: NaN or infinity in step {index} of the dream of {objective.title}. "
            "Try a smaller step_size."
        )
