"""The zoom film: dream a little, go a little into the picture, and dream on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...results import DreamStep
from ..network.loading import load
from ..runtime.resizing import resize
from .dream import dream


def zoom(
    network: Any,
    feed: Any,
    layer: Any,
    channels: Any = None,
    *,
    start: Any = "feed",
    frames: int = 100,
    rate: float = 0.05,
    **options: Any,
) -> Iterator[DreamStep]:
    """Dream into a photo without end.

    Args:
        network, feed, layer, channels, start: as in ``dream``.
        frames: how many pictures.
        rate: by what part of its size the picture is magnified from frame to frame.
        options: of ``dream``, for every frame. ``octaves=1, steps=4`` unless given, which is enough as every frame
            begins where the last one ended.

    Yields:
        The last ``DreamStep`` of each frame, ``index`` and ``total`` counting frames.

    Raises:
        as ``dream``; ValueError: ``frames`` below 1 or ``rate`` not within 0 to 1.
    """
    if frames < 1 or not 0 <= rate < 1:
        raise ValueError(f"Expected frames from 1 and a rate within 0 to 1. Received: frames={frames}, rate={rate}.")
    network = load(network, feed)
    options = {"octaves": 1, "steps": 4} | options
    first = dream(network, None, layer, channels, start=start, **options)
    return _frames(network, layer, channels, first, frames, rate, options)


def _frames(
    network: Any, layer: Any, channels: Any, steps: Iterator[DreamStep], frames: int, rate: float, options: Any
) -> Iterator[DreamStep]:
    seconds, seed = 0.0, options.get("seed", 0)
    for index in range(frames):
        *_, last = steps
        seconds += last.seconds
        yield replace(last, index=index, total=frames, seconds=seconds)
        seed += 1  # the same shifts in every frame would leave seams
        begun = magnified(last.images[:1], rate)[0]
        steps = dream(network, None, layer, channels, start=begun, **options | {"seed": seed})


def magnified(images: np.ndarray, rate: float) -> np.ndarray:
    """The middle of pictures (images, height, width, channels), enlarged to their size."""
    height, width = images.shape[1:3]
    rows, columns = (max(1, round(side * rate / 2)) if rate else 0 for side in (height, width))
    return resize(images[:, rows : height - rows, columns : width - columns], (height, width))
