"""The precision of a dream: as asked for, or as measured once for a network on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...errors import FeedError
from ..devices import device_policy
from ..runtime.precision import WORTHWHILE, bfloat16_share, shortest
from .bound_objectives import BoundObjective

Step = Callable[[BoundObjective], object]
"""Makes one step of a dream for an objective."""

_SHORT = 0.03  # seconds of a step; below, to compile another one costs more than it saves
_MEASURED: dict[tuple[str, tuple[str, ...]], str] = {}  # by network and layers; this process keeps it


def precision_of(model: str, precision: str, objective: BoundObjective, trial: Callable[[], Step]) -> str:
    """Return the precision in which a dream computes its network.

    For 'auto', steps are timed in float32 and in bfloat16, once for each network. That takes about as long as a few
    steps. bfloat16 is taken where it needs less than 0.8 of the time. On CPUs on which its convolutions are no faster,
    and for networks of a few milliseconds, only float32 is compiled.

    Args:
        model: the fingerprint of the network.
        precision: 'float32', 'bfloat16' or 'auto'.
        objective: of the dream.
        trial: prepares the steps that are timed.

    Returns:
        'float32' or 'bfloat16'.
    """
    if precision != "auto":
        return precision
    if not device_policy().bfloat16 or bfloat16_share() >= WORTHWHILE:
        return "float32"
    key = model, tuple(objective.layers)
    if key not in _MEASURED:
        _MEASURED[key] = _faster(trial(), objective)
    return _MEASURED[key]


def _faster(step: Step, objective: BoundObjective) -> str:
    def seconds(precision: str) -> float:
        return shortest(lambda: step(replace(objective, precision=precision)), times=2)

    exact = seconds("float32")
    if exact < _SHORT:
        return "float32"
    try:
        return "bfloat16" if seconds("bfloat16") < WORTHWHILE * exact else "float32"
    except FeedError:  # an op between has no kernel for it
        return "float32"
