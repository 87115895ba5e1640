"""The zoom film: dream for some steps, magnify the picture a little, and dream on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...arguments import checked, require_counts
from ...errors import OptionError
from ...results import DreamStep
from ..network.loading import load
from ..network.network import Network
from ..runtime.resizing import resize
from .dream import Channels, LayerOrObjectives, dream_with
from .options import DreamOptions, with_option_names

_DEFAULTS = {"start": "feed", "octaves": 1, "steps": 4}  # few steps do: every frame starts from the last one


@checked
@with_option_names(**_DEFAULTS)
def zoom(
    network: Any,
    feed: Any,
    layer: LayerOrObjectives,
    channels: Channels = None,
    *,
    frames: int = 100,
    rate: float = 0.05,
    **options: Any,
) -> Iterator[DreamStep]:
    """Zoom into a dream without end.

    Args:
        network, feed, layer, channels: as in ``dream``.
        frames: the number of pictures.
        rate: how much the picture is magnified from frame to frame, as a fraction of its size, in [0, 1).
        options: of ``DreamOptions``, for every frame. By default ``start='feed', octaves=1, steps=4``.

    Yields:
        The last ``DreamStep`` of each frame; its ``index`` and ``total`` count frames.

    Raises:
        OptionError: ``frames`` is below 1, ``rate`` is not in [0, 1), or an option is wrong.
        CnnvisError: as ``dream``.

    Example:
        >>> import keras, numpy as np
        >>> from cnnvis_widgets import zoom
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> photo = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8, 1)
        >>> film = zoom(model, None, "conv", 1, start=photo, frames=2, rate=0.25, steps=1, value_range=(0, 1))
        >>> [(frame.index, frame.total, frame.images.shape) for frame in film]
        [(0, 2, (1, 8, 8, 1)), (1, 2, (1, 8, 8, 1))]
    """
    require_counts(0, frames=frames)
    if frames < 1 or not 0 <= rate < 1:
        raise OptionError(
            f"Expected frames from 1 and a rate in [0, 1). Received: frames={frames}, rate={rate}. "
            "A usual film has frames=100, rate=0.05."
        )
    checked = DreamOptions.of(_DEFAULTS | options)
    loaded = load(network, feed)
    first = dream_with(loaded, layer, channels, checked)
    return _frames(loaded, (layer, channels), checked, first, frames, rate)


def _frames(
    network: Network,
    target: tuple[LayerOrObjectives, Channels],
    options: DreamOptions,
    steps: Iterator[DreamStep],
    frames: int,
    rate: float,
) -> Iterator[DreamStep]:
    seconds = 0.0
    for index in range(frames):
        *_, last = steps
        seconds += last.seconds
        yield replace(last, index=index, total=frames, seconds=seconds)
        # the same shifts in every frame would leave seams, so each frame has a seed of its own
        options = replace(options, seed=options.seed + 1, start=magnified(last.images[:1], rate)[0])
        steps = dream_with(network, *target, options)


def magnified(images: np.ndarray, rate: float) -> np.ndarray:
    """The middle of pictures (images, height, width, channels), enlarged to their size."""
    height, width = images.shape[1:3]
    rows, columns = (max(1, round(side * rate / 2)) if rate else 0 for side in (height, width))
    return resize(images[:, rows : height - rows, columns : width - columns], (height, width))
