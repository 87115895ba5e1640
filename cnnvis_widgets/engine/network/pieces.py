"""Large images piece by piece: tiles that overlap by what a unit sees, in stages from layer to layer.

Where windows describe every op between image and layer, a unit depends on its receptive field alone. Each tile begins
at a multiple of all strides and has the length of the image modulo these, so that padding falls where it falls in the
whole image. Only units that see nothing of a tile's inner borders are taken from it. So the result is that of the whole
image, up to the rounding of convolutions over maps of another size.

Units of deep layers see so much of the image that what two tiles share would be larger than either. So the way between
the image and a layer is cut into stages at layers through which everything passes, and that are kept whole. A part
that windows do not describe is computed at once, if there is memory for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from ..graph.graphdef import NodeDef, node_of
from ..ops.specs import OPS
from ..ops.windows import ReceptiveField
from ..runtime.footprint import backward_bytes, bytes_of_tensor, forward_bytes, free_memory

if TYPE_CHECKING:
    from .large_feeds import Plan

_LARGEST_STRIDE = 1024  # pixels; behind more there is nothing to gain


@dataclass(frozen=True)
class Span:
    """A tile along one axis.

    Attributes:
        pixels: of the image that the tile covers.
        kept: the units of the tile that are taken.
        units: where they belong in the whole map.
    """

    pixels: slice
    kept: slice
    units: slice


def total_stride(nodes: Sequence[NodeDef]) -> int | None:
    """Return a number of pixels that is a multiple of the stride of every map; ``None`` if it would be too large.

    Args:
        nodes: between the image and a layer.
    """
    strides = [list(node.attr["strides"].list.i) for node in nodes if node.op in OPS and "strides" in node.attr]
    total = prod(max(stride, default=1) for stride in strides)
    return total if total <= _LARGEST_STRIDE else None


def spans(length: int, units: int, field: ReceptiveField, axis: int, step: int, side: int) -> Iterator[Span]:
    """Cut one axis of an image into tiles.

    Args:
        length: of the image, in pixels.
        units: of the whole map.
        field: of the layer.
        axis: 0 for rows, 1 for columns.
        step: every tile begins at a multiple of it.
        side: the length that tiles should have at least; it is rounded up to one that fits.
    """
    stride, start, size = field.stride[axis], field.start[axis], field.size[axis]
    tile = tile_length(length, step, side)
    begin, done = 0, 0
    while done < units:
        end = min(begin + tile, length)
        first = done - begin // stride
        # the last unit that sees nothing behind the tile, where the image goes on there
        last = units if end == length else (end - start - size) // stride + 1
        if last <= done:
            raise ValueError(f"a tile of {tile} pixels is smaller than what a unit sees, {size}")
        yield Span(slice(begin, end), slice(first, last - begin // stride), slice(done, last))
        done = last
        # the next tile begins before everything that its first unit sees, and ends with the image at the latest
        begin = min(max(0, (done * stride + start) // step * step), length - tile)


def tile_length(length: int, step: int, side: int) -> int:
    """Return the smallest length of at least ``side`` that differs from that of the image by a multiple of ``step``."""
    return length - max(0, (length - side) // step) * step


def in_pieces(
    image: np.ndarray,
    shape: Sequence[int],
    field: ReceptiveField,
    step: int,
    side: int,
    run: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Compute a layer tile by tile.

    Args:
        image: (images, height, width, channels).
        shape: (images, height, width, channels) of the layer.
        field: of a unit of the layer.
        step: see ``total_stride``.
        side: the length of a tile, see ``spans``.
        run: from a tile to the layer's values there.
    """
    rows, columns = (list(spans(image.shape[axis + 1], shape[axis + 1], field, axis, step, side)) for axis in (0, 1))
    whole: np.ndarray | None = None
    for row, column in product(rows, columns):
        values = run(image[:, row.pixels, column.pixels])
        if whole is None:
            whole = np.empty(tuple(shape), values.dtype)
        whole[:, row.units, column.units] = values[:, row.kept, column.kept]
    assert whole is not None
    return whole


# ---- stages

_SHARES = (0.3, 0.8)
"""Of the free memory that a tile may take. Kernels, and gaps in TensorFlow's pool, may take as much again; where so
little does not suffice, the second is tried."""
_MOST_MARGIN = 0.5  # of the side of a tile; with more, another stage is cheaper

Box = tuple[slice, slice]
"""The rows and columns of a map, or of the image."""


@dataclass(frozen=True)
class Stage:
    """The way between one layer and another one nearer to the image, or the image.

    Attributes:
        target: the tensor of the layer; signals come from it.
        source: the tensor that it is computed from; signals go to it.
        size: (height, width) of the source.
        field: what a unit of the target sees of the source; ``None`` if windows do not tell, so all is done at once.
        step: every tile begins at a multiple of it.
        side: the length of a tile; 0 if one tile holds all that is seen.
    """

    target: str
    source: str
    size: tuple[int, ...]
    field: ReceptiveField | None = None
    step: int = 1
    side: int = 0

    def tiles(self, box: Box) -> Iterator[tuple[Box, Box]]:
        """The tiles of the source that signals go back to, and the part of each that is kept."""
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


def stages(
    plan: Plan, tensor: str, box: Box | None = None, *, gradient: bool, end: str | None = None
) -> list[Stage] | None:
    """Plan the way between a layer and one large image, or another layer.

    Args:
        plan: of the image.
        tensor: of the layer.
        box: the part of its map that is wanted; ``None`` for all of it.
        gradient: whether signals go back.
        end: the tensor of the other layer; ``None`` for the image.

    Returns:
        The stages, that at the image last; ``None`` if there are none for which there is memory.
    """
    end = end or plan.runtime.image_tensor
    searches = (_Search(plan, gradient, end, share, set()).to_end(tensor, box) for share in _SHARES)
    return next((found for found in searches if found is not None), None)


@dataclass(frozen=True)
class _Search:
    """A search for stages.

    Attributes:
        plan, gradient, end: see ``stages``.
        share: of the free memory that a tile may take.
        failed: the layers from all of which there are none; it grows.
    """

    plan: Plan
    gradient: bool
    end: str
    share: float
    failed: set[str]

    def to_end(self, tensor: str, box: Box | None) -> list[Stage] | None:
        """The stages from a part of a layer, or from all of it, to the end; ``None`` if there are none."""
        if tensor == self.end:
            return []
        if box is None and tensor in self.failed:
            return None
        for stage in self.possible(tensor, box):
            seen = seen_of(stage, box) if box is not None and not stage.side else None
            rest = self.to_end(stage.source, seen)
            if rest is not None:
                return [stage, *rest]
        if box is None:
            self.failed.add(tensor)
        return None

    def possible(self, tensor: str, box: Box | None) -> Iterator[Stage]:
        """The stages for which there is memory, those to layers near the end first."""
        plan, end = self.plan, self.end
        rows, columns = self._size(tensor)
        box = box or (slice(0, rows), slice(0, columns))
        names = [layer.tensor for layer in plan.runtime.structure.layers]
        sources = names[: names.index(tensor)] if tensor in names else names
        for source in [end, *(sources[sources.index(end) + 1 :] if end in sources else sources)]:
            if source != plan.runtime.image_tensor and not plan.separates(source, tensor):
                continue
            needed, stays = self._bytes(tensor, source)
            room, result = self.share * free_memory() - stays, bytes_of_tensor(plan.shapes, tensor)
            if len(plan.shapes[source][1] or ()) != 4 or room <= result:
                continue
            size = self._size(source)
            stage = Stage(tensor, source, size, *(plan.local(tensor, source) or ()))
            tile = [part.stop - part.start for part in seen_of(stage, box)]
            side = int(sqrt((room - result) / needed * prod(size)))
            if prod(tile) / prod(size) * needed <= room - (result if self.gradient else 0):  # forward, it is counted
                yield stage
            elif stage.field is not None and side * _MOST_MARGIN >= 2 * max(stage.field.size) + stage.step:
                yield replace(stage, side=side)

    def _size(self, tensor: str) -> tuple[int, int]:
        """The height and width of a layer; 1 for those that it has not."""
        height, width, *_ = *(side or 1 for side in (self.plan.shapes[tensor][1] or ())[1:3]), 1, 1
        return height, width

    def _bytes(self, tensor: str, source: str) -> tuple[float, float]:
        """What the whole takes beside what stays, and what stays: maps of the source, and signals there."""
        plan = self.plan
        nodes = [node for node in plan.nodes_behind([tensor], [source]) if node.name != node_of(source)]
        needed = backward_bytes(nodes, plan.shapes) if self.gradient else forward_bytes(nodes, plan.shapes, [tensor])
        copies = int(self.gradient) + int(source != plan.runtime.image_tensor)  # the image is there already
        return max(needed, 1.0), copies * bytes_of_tensor(plan.shapes, source)
