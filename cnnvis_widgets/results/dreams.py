"""The steps of a deep dream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .layers import Layer
from .notebook import Shown


@dataclass(frozen=True, eq=False, repr=False)
class DreamStep(Shown):
    """One step of a deep dream.

    Attributes:
        layer: the layer whose score rises; the logits in place of a softmax.
        activation_removed: 'softmax' or 'sigmoid' (see ``Head``) where that replacement took place, else ''.
        channels: the channel (or class) of each picture.
        names: the class names of ``channels``, or the channel numbers as text.
        images: float32 (channels, height, width, input channels), in the range of the input.
        scores: float32 (channels,): the mean activation of the channel, or the logit, *before*
            this step's move, so that the first step shows the score of the start.
        octave, octaves: the number of the current size, counted from 0, and how many sizes there are.
        index, total: which step this is, counted from 0 over all octaves, and how many there are.
        value_range: (low, high) of the input, float32 scalars or one per input channel.
        seconds: computing time since the dream began, without what its consumer took in between.
        recipe: how the dream was made, as JSON has it, for ``outputs.provenance``.
        dreamt: ``images`` before they were mixed with the photo; the next step starts from them. ``None`` if nothing
            was mixed.
        notes: what to know of each picture, such as that noise was made louder because a channel was off, or, in the
            last step, that the score has not risen; '' where there is nothing to tell.
    """

    main_array: ClassVar[str] = "images"

    layer: Layer
    activation_removed: str
    channels: tuple[int, ...]
    names: tuple[str, ...]
    images: np.ndarray
    scores: np.ndarray
    octave: int
    octaves: int
    index: int
    total: int
    value_range: tuple[np.ndarray, np.ndarray]
    seconds: float = 0.0
    recipe: Mapping[str, Any] | None = None
    dreamt: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def _rows(self) -> Iterator[dict[str, Any]]:
        for channel, name, score in zip(self.channels, self.names, self.scores, strict=True):
            yield {"channel": channel, "name": name, "score": float(score)}
