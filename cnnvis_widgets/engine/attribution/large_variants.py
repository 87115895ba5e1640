"""Variants too large to be computed at once: scores go on from a layer that is computed piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..network.gradient_pieces import pulled_back, way_back
from ..network.large_feeds import entry_of, has_room, is_large

if TYPE_CHECKING:
    from .class_scores import ClassScores


def enter(
    scores: ClassScores, variants: np.ndarray, tensors: Sequence[str], *, gradient: bool = False
) -> tuple[ClassScores, np.ndarray]:
    """Find what to feed: the variants; or where there is no memory for one at once, a layer computed in pieces.

    Args:
        scores: of the images themselves.
        variants: float32 (variants, height, width, channels).
        tensors: what is computed.
        gradient: whether a gradient goes back as well.

    Returns:
        The scores behind this layer, and its values for the variants.
    """
    runtime = scores.network.runtime
    if list(scores.feeds) != [runtime.image_tensor]:
        return scores, variants
    feeds = {runtime.image_tensor: variants}
    one = {runtime.image_tensor: variants[:1]}
    if not is_large(one) or has_room(runtime, one, [scores.layer.tensor], gradient=gradient):
        return scores, variants
    entry = entry_of(runtime, one, tensors)
    if entry is None:
        return scores, variants
    return replace(scores, entry=entry), runtime.run(feeds, [entry])[0]


def from_entry(
    scores: ClassScores, variants: np.ndarray, signals: np.ndarray, rule: str, end: str | None = None
) -> np.ndarray:
    """Send signals from the layer that was computed in pieces back to the variants, or to another layer.

    Args:
        scores: of ``enter``.
        variants: float32 (variants, height, width, channels).
        signals: float32, at the layer, one for each variant.
        rule: how signals go backwards.
        end: the tensor of the other layer; ``None`` for the variants.

    Returns:
        float32, in the shape of ``variants`` or of the other layer.
    """
    runtime, pictures = scores.network.runtime, []
    for variant, signal in zip(variants, signals, strict=True):
        feeds = {runtime.image_tensor: variant[np.newaxis]}
        plan = way_back(runtime, feeds, scores.entry, end=end)
        pictures.append(pulled_back(runtime, feeds, plan, signal[np.newaxis], rule))
    return pictures[0] if len(pictures) == 1 else np.concatenate(pictures)
