"""Lays tokens on their grid: a layer of tokens becomes feature maps with a height and a width.

A vision transformer keeps its maps as tokens, perhaps behind a class token, in windows, or both. Behind each such layer
a reshape to (images, height, width, channels) and its inverse are put into the graph. They change no value, and all
methods then see maps, forwards and backwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import tensorflow as tf

from ...results import Layer
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import NodeDef, copy_of, in_order, node_of, tensor_of
from ..graph.products import SHAPE_OPS
from .places import SPAN, Grid, Grids, Places, compact, place_of


@dataclass(frozen=True)
class TokenOrder:
    """Where the places of a grid stand among the tokens of a tensor.

    Attributes:
        grid: (height, width).
        channels: the axes of the tensor that are channels, counted from behind.
        order: for each place, in row-major order, the number of its token within one image.
        rest: the numbers of all other tokens, such as a class token.
    """

    grid: tuple[int, ...]
    channels: int
    order: tuple[int, ...]
    rest: tuple[int, ...]

    @property
    def start(self) -> int | None:
        """The first token of the grid if its tokens stand in order, one behind the other."""
        first = self.order[0]
        return first if self.order == tuple(range(first, first + len(self.order))) else None


def order_of_tokens(places: Places, grids: Grids, axes: int, images: int) -> TokenOrder | None:
    """Find the grid on which the values of a tensor lie.

    Args:
        places: of its values.
        grids: of the network.
        axes: how many axes the grid must have: those of the images.
        images: the number of images.

    Returns:
        The order of the tokens; ``None`` if they do not lie on one grid, each place once.
    """
    thin = compact(places)
    channels = next((count for count, size in enumerate(reversed(thin.shape)) if size != 1), thin.ndim)
    channels = max(1, channels) if places.ndim > 1 else 0
    leading = prod(places.shape[: places.ndim - channels])
    if channels == 0 or channels == places.ndim or leading % images or thin.shape[-1] != 1:
        return None
    kept = thin.reshape(thin.shape[: thin.ndim - channels])
    rows = np.broadcast_to(kept, places.shape[: places.ndim - channels]).reshape(images, -1)
    tokens = place_of(rows)
    owners = np.where(rows < 0, -1, rows // SPAN)
    if (tokens != tokens[0]).any() or ((tokens > 0) & (owners != np.arange(images)[:, None])).any():
        return None
    grid = _one_grid(tokens[0], grids, axes)
    if grid is None:
        return None
    order = np.argsort(np.where(np.isin(tokens[0], grid.numbers), tokens[0], SPAN), kind="stable")
    count = len(grid.numbers)
    return TokenOrder(grid.shape, channels, tuple(order[:count].tolist()), tuple(sorted(order[count:].tolist())))


def _one_grid(tokens: np.ndarray, grids: Grids, axes: int) -> Grid | None:
    """The one grid of which tokens hold every place once."""
    present = [
        grid
        for grid in grids.all
        if len(grid.shape) == axes and len(grid.numbers) > 1 and np.isin(tokens, grid.numbers).any()
    ]
    if len(present) != 1:
        return None
    inside = tokens[np.isin(tokens, present[0].numbers)]
    return present[0] if len(inside) == len(present[0].numbers) == len(np.unique(inside)) else None


def on_grids(
    frozen: FrozenGraph,
    orders: Mapping[str, TokenOrder],
    layers: Sequence[Layer],
    dtypes: Mapping[str, int],
    images: int | None,
) -> tuple[FrozenGraph, tuple[Layer, ...]]:
    """Put the maps of layers of tokens into a graph.

    Args:
        frozen: the graph.
        orders: by the name of a layer, how its tokens lie on a grid.
        layers: the layers.
        dtypes: the type of the tensor of each layer in ``orders``, by its name, as TensorFlow numbers types.
        images: the number of images that the graph insists on, or ``None``.

    Returns:
        The graph, and the layers, those of tokens with their maps.
    """
    nodes = [NodeDef.FromString(node.SerializeToString()) for node in frozen.graph_def.node]
    added: list[NodeDef] = []
    arranged, replaced = [], dict[str, str]()
    for layer in layers:
        if layer.name not in orders:
            arranged.append(layer)
            continue
        order = orders[layer.name]
        part, maps, tokens = _maps_of(layer, order, dtypes[layer.tensor])
        added += part
        replaced[layer.tensor] = tokens
        channels = prod(size or 0 for size in layer.shape[len(layer.shape) - order.channels :])
        shape = (images, *order.grid, channels)
        arranged.append(replace(layer, tensor=tensor_of(maps), shape=shape, channel_axis=len(shape) - 1))
    for node in nodes:
        if node.op not in SHAPE_OPS:
            for index, reference in enumerate(node.input):
                if not reference.startswith("^") and tensor_of(reference) in replaced:
                    node.input[index] = replaced[tensor_of(reference)]
    whole = {node.name: node for node in [*nodes, *added]}
    return replace(frozen, graph_def=copy_of(frozen.graph_def, in_order(whole))), tuple(arranged)


def _count(order: TokenOrder) -> int:
    return len(order.order) + len(order.rest)


def _maps_of(layer: Layer, order: TokenOrder, dtype: int) -> tuple[list[NodeDef], str, str]:
    """The nodes between a layer of tokens and what takes its values: all of them, the maps, and the tokens again."""
    builder, count, start = _Builder(node_of(layer.tensor), dtype), _count(order), order.start
    shape = [size or -1 for size in layer.shape]
    channels = prod(shape[len(shape) - order.channels :])
    flat = len(shape) == 3 and order.channels == 1 and shape[1] == count
    tokens = layer.tensor if flat else builder.reshape("tokens", layer.tensor, [-1, count, channels])
    if start is None:
        placed, rest = builder.gather("placed", tokens, order.order), order.rest
        beside = [builder.gather("beside", tokens, rest)] if rest else []
    else:
        end = start + len(order.order)
        placed = builder.part("placed", tokens, start, end) if order.rest else tokens
        front = [builder.part("front", tokens, 0, start)] if start else []
        back = [builder.part("back", tokens, end, count)] if end < count else []
    maps = builder.reshape("maps", placed, [-1, *order.grid, channels])
    again = builder.reshape("placed_again", maps, [-1, len(order.order), channels])
    if start is None:
        whole = builder.join("joined", [again, *beside]) if beside else again
        again = builder.gather("tokens_again", whole, np.argsort([*order.order, *order.rest]).tolist())
    elif order.rest:
        again = builder.join("tokens_again", [*front, again, *back])
    last = again if flat else builder.reshape("arranged_again", again, [-1, *shape[1:]])
    return builder.nodes, maps, last


class _Builder:
    """Makes nodes behind one tensor.

    Attributes:
        nodes: those made so far.
    """

    def __init__(self, scope: str, dtype: int) -> None:
        self._scope, self._dtype = scope, dtype
        self.nodes: list[NodeDef] = []

    def node(self, op: str, name: str, *inputs: str, **attributes: int) -> str:
        """Make a node of a floating-point op, and return its name."""
        made = NodeDef(op=op, name=f"{self._scope}/{name}", input=inputs)
        made.attr["Tparams" if op == "GatherV2" else "T"].type = self._dtype
        for key, value in attributes.items():
            if key.startswith("T") or key == "Index":
                made.attr[key].type = value
            else:
                made.attr[key].i = value
        self.nodes.append(made)
        return str(made.name)

    def numbers(self, name: str, values: Sequence[int] | int) -> str:
        """Make a constant of integers."""
        made = NodeDef(op="Const", name=f"{self._scope}/{name}")
        made.attr["dtype"].type = _INT
        made.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values, tf.int32))
        self.nodes.append(made)
        return str(made.name)

    def reshape(self, name: str, reference: str, shape: Sequence[int]) -> str:
        return self.node("Reshape", name, reference, self.numbers(f"{name}/shape", shape), Tshape=_INT)

    def gather(self, name: str, reference: str, order: Sequence[int]) -> str:
        """Take tokens in an order."""
        indices, axis = self.numbers(f"{name}/order", order), self.numbers(f"{name}/axis", 1)
        return self.node("GatherV2", name, reference, indices, axis, Tindices=_INT, Taxis=_INT)

    def part(self, name: str, reference: str, first: int, end: int) -> str:
        """Take some tokens that follow each other."""
        bounds = (self.numbers(f"{name}/{key}", [0, value, 0]) for key, value in (("begin", first), ("end", end)))
        strides = self.numbers(f"{name}/strides", [1, 1, 1])
        masks = dict.fromkeys(("begin_mask", "end_mask"), 0b101) | dict.fromkeys(
            ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
        )
        return self.node("StridedSlice", name, reference, *bounds, strides, Index=_INT, **masks)

    def join(self, name: str, references: Sequence[str]) -> str:
        axis = self.numbers(f"{name}/axis", 1)
        return self.node("ConcatV2", name, *references, axis, Tidx=_INT, N=len(references))


_INT = tf.int32.as_datatype_enum
