"""Gradients at large images piece by piece: tiles with a margin as wide as what a unit sees.

A signal at a pixel comes from the units that see it. So a tile of pixels needs the forward pass of what these units
see, and their signals; whatever lies farther away does not count. This holds under every rule, also where a rule is
not linear. If all signals come from one part of a layer, a single tile does that holds everything this part sees.

Where a margin would be larger than a tile, the way back has several stages: the values of the layers between are
computed first, in pieces, and the signal goes from layer to layer. The result is that of the whole image, up to the
rounding of convolutions over maps of another size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ..runtime.footprint import free_memory, require_memory
from .feeds import Feeds
from .large_feeds import Plan
from .pieces import Box, Stage, stages

if TYPE_CHECKING:
    from .runtime import Runtime


def way_back(
    runtime: Runtime, feeds: Feeds, tensor: str, box: Box | None = None, end: str | None = None
) -> list[Stage]:
    """Plan the way back from a layer to one large image, or to another layer.

    Args:
        runtime: of the network.
        feeds: of one image.
        tensor: of the layer.
        box: the part of its map that signals come from; ``None`` for all of it.
        end: the tensor of the other layer; ``None`` for the image.

    Raises:
        NotEnoughMemoryError: there are no pieces for which there is memory.
    """
    plan = Plan.of(runtime, feeds)
    found = stages(plan, tensor, box, gradient=True, end=end)
    if found is None:
        needed = max(plan.needed_at_once([tensor], True), free_memory() + 1.0)
        require_memory(needed, plan.fed, f"the gradient of {tensor.removesuffix(':0')!r}")
    return found or []


def pulled_back(
    runtime: Runtime, feeds: Feeds, plan: Sequence[Stage], signal: np.ndarray, rule: str = "gradient"
) -> np.ndarray:
    """Send a signal from a layer back to one large image, or to another layer.

    Args:
        runtime: of the network.
        feeds: of one image.
        plan: of ``way_back``, for this layer and for the part of it where the signal is not zero.
        signal: float32 (1, height, width, channels), at the layer.
        rule: how signals go backwards.

    Returns:
        float32 (1, height, width, channels), at the image or the other layer.
    """
    for stage in plan:
        maps = feeds[stage.source] if stage.source in feeds else runtime.run(feeds, [stage.source])[0]
        signal = _sent(runtime, stage, maps, signal, rule)
    return signal


def _sent(runtime: Runtime, stage: Stage, maps: np.ndarray, signal: np.ndarray, rule: str) -> np.ndarray:
    """The signal at the source of a stage."""
    sent = np.zeros(maps.shape, np.float32)
    rows, columns = (np.flatnonzero(signal.any(axis=(0, 3 - axis, 3))) for axis in (1, 2))
    if not len(rows):
        return sent
    function = _function(runtime, stage, rule, maps.shape[-1], signal.shape[-1])
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    for tile, kept in stage.tiles(box):
        rows_of_units, columns_of_units = _units(stage, tile, signal.shape[1:3])
        arriving = signal[:, rows_of_units, columns_of_units]
        if arriving.any():
            moved = function(maps[:, tile[0], tile[1]], arriving)
            inside = [
                slice(part.start - whole.start, part.stop - whole.start) for part, whole in zip(kept, tile, strict=True)
            ]
            sent[:, kept[0], kept[1]] = moved[:, inside[0], inside[1]]
    return sent


def _units(stage: Stage, tile: Box, units: Sequence[int]) -> Box:
    """The units of the target that a tile of the source has."""
    if stage.field is None:
        return slice(0, units[0]), slice(0, units[1])
    spans = [
        slice(part.start // stride, part.start // stride + count - (length - (part.stop - part.start)) // stride)
        for part, stride, count, length in zip(tile, stage.field.stride, units, stage.size, strict=True)
    ]
    return spans[0], spans[1]


def _function(runtime: Runtime, stage: Stage, rule: str, channels: int, units: int) -> Callable[..., Any]:
    """The compiled function (tile of the source, signal at the target) -> signal at the tile."""

    def body(tile: tf.Tensor, signal: tf.Tensor) -> tf.Tensor:
        target = runtime.build({stage.source: tile}, [stage.target], rule)[0]
        sent = tf.gradients(target, tile, tf.cast(signal, target.dtype))[0]
        return tf.cast(tf.zeros_like(tile) if sent is None else sent, tf.float32)

    dtypes = (runtime.structure.shapes[each][0] for each in (stage.source, stage.target))
    sizes = ([1, None, None, channels], [1, None, None, units])
    signature = [tf.TensorSpec(size, dtype) for size, dtype in zip(sizes, dtypes, strict=True)]
    key = ("gradient in pieces", stage.source, stage.target, rule)
    return runtime.compiled(key, body, signature)
