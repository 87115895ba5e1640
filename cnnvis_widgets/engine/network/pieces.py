"""Large images piece by piece: tiles that overlap by what a unit sees, so that no seam is left.

Where windows describe every op between image and layer, a unit depends on its receptive field alone. Each tile begins
at a multiple of all strides and has the length of the image modulo these, so that padding falls where it falls in the
whole image. Only units that see nothing of a tile's inner borders are taken from it. So the result is that of the whole
image, up to the rounding of convolutions over maps of another size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from ..graph.graphdef import NodeDef
from ..ops.specs import OPS
from ..ops.windows import ReceptiveField

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
