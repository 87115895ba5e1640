"""Gradients at large images piece by piece: tiles with a margin as wide as what a unit sees.

A signal at a pixel comes from the units that see it. So a tile of pixels needs the forward pass of what these units
see, and their signals; whatever lies farther away does not count. This holds under every rule, also where a rule is
not linear. If all signals come from one part of a layer, a single tile does that holds everything this part sees.

Units of deep layers see so much that a margin would be larger than a tile. Then the way back is cut into stages at
layers through which everything passes: the values of such a layer are computed first, in pieces, and the signal goes
from layer to layer. A part that windows do not describe goes back at once, if there is memory for it. The result is
that of the whole image, up to the rounding of convolutions over maps of another size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ..graph.graphdef import node_of
from ..ops.windows import ReceptiveField
from ..runtime.footprint import backward_bytes, bytes_of_tensor, free_memory, require_memory
from .feeds import Feeds
from .large_feeds import SHARE, Plan
from .pieces import tile_length

if TYPE_CHECKING:
    from .runtime import Runtime

Box = tuple[slice, slice]
"""The rows and columns of a map, or of the image."""

_MOST_MARGIN = 0.5  # of the side of a tile; with more, another stage is cheaper


@dataclass(frozen=True)
class Stage:
    """The way back from one layer to another one, or to the image.

    Attributes:
        target: the tensor of the layer that signals come from.
        source: the tensor that they go to.
        size: (height, width) of the source.
        field: what a unit of the target sees of the source; ``None`` if windows do not tell, so all goes back at once.
        step: every tile begins at a multiple of it.
        side: the length of a tile; 0 if one tile holds all that signals come from.
    """

    target: str
    source: str
    size: tuple[int, ...]
    field: ReceptiveField | None = None
    step: int = 1
    side: int = 0

    def tiles(self, box: Box) -> Iterator[tuple[Box, Box]]:
        """The tiles of the source, and the part of each that is kept."""
        if self.field is None or not self.side:
            seen = seen_of(self, box)
            yield seen, seen
            return
        axes = [list(_spans(self.size[axis], self.field.size[axis] - 1, self.step, self.side)) for axis in (0, 1)]
        for (rows, kept_rows), (columns, kept_columns) in product(*axes):
            yield (rows, columns), (kept_rows, kept_columns)


def seen_of(stage: Stage, box: Box) -> Box:
    """Return the part of the source that a part of the target sees, as a tile: where padding falls as in the whole."""
    if stage.field is None:
        return slice(0, stage.size[0]), slice(0, stage.size[1])
    spans = []
    for axis, (units, length) in enumerate(zip(box, stage.size, strict=True)):
        stride, start, size = stage.field.stride[axis], stage.field.start[axis], stage.field.size[axis]
        begin = max(0, (units.start * stride + start) // stage.step * stage.step)
        end = min(length, (units.stop - 1) * stride + start + size)
        tile = tile_length(length, stage.step, end - begin)
        begin = min(begin, length - tile)
        spans.append(slice(begin, begin + tile))
    return spans[0], spans[1]


def _spans(length: int, margin: int, step: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Cut one axis into tiles that overlap by two margins: the pixels of each, and those that are kept."""
    tile = tile_length(length, step, side)
    begin = done = 0
    while done < length:
        end = min(begin + tile, length)
        last = length if end == length else end - margin
        yield slice(begin, end), slice(done, last)
        done = last
        begin = min(max(0, (done - margin) // step * step), length - tile)


def stages(runtime: Runtime, feeds: Feeds, tensor: str, box: Box | None = None) -> list[Stage]:
    """Plan the way back from a layer to one large image.

    Args:
        runtime: of the network.
        feeds: of one image.
        tensor: of the layer.
        box: the part of its map that signals come from; ``None`` for all of it.

    Raises:
        NotEnoughMemoryError: there are no pieces for which there is memory.
    """
    plan = Plan.of(runtime, feeds)
    found = _to_image(plan, tensor, box, set())
    if found is None:
        needed = max(plan.needed_at_once([tensor], True), free_memory() + 1.0)
        require_memory(needed, plan.fed, f"the gradient of {tensor.removesuffix(':0')!r}")
    return found or []


def _to_image(plan: Plan, tensor: str, box: Box | None, failed: set[str]) -> list[Stage] | None:
    """The stages from a part of a layer, or from all of it, to the image; ``None`` if there are none.

    Args:
        failed: the layers from all of which there are none; it grows.
    """
    if tensor == plan.runtime.image_tensor:
        return []
    if box is None and tensor in failed:
        return None
    for stage in _possible(plan, tensor, box):
        seen = seen_of(stage, box) if box is not None and not stage.side else None
        rest = _to_image(plan, stage.source, seen, failed)
        if rest is not None:
            return [stage, *rest]
    if box is None:
        failed.add(tensor)
    return None


def _size(plan: Plan, tensor: str) -> tuple[int, ...]:
    return tuple(side or 1 for side in (plan.shapes[tensor][1] or ())[1:3])


def _possible(plan: Plan, tensor: str, box: Box | None) -> Iterator[Stage]:
    """The stages for which there is memory, those to layers near the image first."""
    runtime = plan.runtime
    rows, columns = _size(plan, tensor)
    box = box or (slice(0, rows), slice(0, columns))
    names = [layer.tensor for layer in runtime.structure.layers]
    sources = names[: names.index(tensor)] if tensor in names else names
    for source in [runtime.image_tensor, *sources]:
        if source != runtime.image_tensor and not plan.separates(source, tensor):
            continue
        if len(plan.shapes[source][1] or ()) != 4:
            continue
        size = _size(plan, source)
        stage = Stage(tensor, source, size, *(plan.local(tensor, source) or ()))
        fraction = _fraction(plan, stage)
        tile = [part.stop - part.start for part in seen_of(stage, box)]
        side = int(sqrt(max(fraction, 0) * prod(size)))
        if prod(tile) <= fraction * prod(size):
            yield stage
        elif stage.field is not None and side * _MOST_MARGIN >= 2 * max(stage.field.size) + stage.step:
            yield replace(stage, side=side)


def _fraction(plan: Plan, stage: Stage) -> float:
    """The part of the source for which there is memory to go forward and back, beside what stays."""
    nodes = [node for node in plan.nodes_behind([stage.target], [stage.source]) if node.name != node_of(stage.source)]
    source = bytes_of_tensor(plan.shapes, stage.source)
    is_image = stage.source == plan.runtime.image_tensor  # which is there already
    stays = bytes_of_tensor(plan.shapes, stage.target) + (source if is_image else 2 * source)
    return (SHARE * free_memory() - stays) / max(backward_bytes(nodes, plan.shapes), 1.0)


def pulled_back(
    runtime: Runtime, feeds: Feeds, plan: Sequence[Stage], signal: np.ndarray, rule: str = "gradient"
) -> np.ndarray:
    """Send a signal from a layer back to one large image.

    Args:
        runtime: of the network.
        feeds: of one image.
        plan: of ``stages``, for this layer and for the part of it where the signal is not zero.
        signal: float32 (1, height, width, channels), at the layer.
        rule: how signals go backwards.

    Returns:
        float32 (1, height, width, channels), at the image.
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
