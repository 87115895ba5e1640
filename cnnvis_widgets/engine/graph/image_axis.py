"""Finds the tensors whose first axis is not that of the images: rows of pixels, tokens of windows, stacks of parts.

A dense layer on feature maps is a reshape to rows, a product of matrices, and a reshape back. The rows count all pixels
of all images, so the product alone must not be read as one row for each image.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod

import tensorflow as tf

from ..ops.gradient_nodes import Shapes
from .freezing import FrozenGraph
from .graphdef import NodeDef, data_inputs, node_of, tensor_of
from .shapes import shapes_of_part, static_shapes

_FREE_SIDE = 224
"""The pixels of a side that the graph leaves free, while shapes are inferred: windows of most networks divide it."""


@dataclass(frozen=True, eq=False)
class InferredShapes:
    """The shapes of all tensors, and what they tell about the axis of images.

    Attributes:
        shapes: dtype and static shape of every tensor, with sizes that are known only when the number of images is.
        apart: the names of the tensors whose first axis is not that of the images.
        folds: whether there may be such tensors.
        by_count: for graphs that fold and take any number of images, the shapes for two images and for three.
    """

    shapes: Shapes
    apart: frozenset[str]
    folds: bool
    by_count: tuple[Shapes, Shapes] | None = None


def inferred_shapes(frozen: FrozenGraph, nodes: Mapping[str, NodeDef], varying: Collection[str]) -> InferredShapes:
    """Infer the shapes of all tensors, and find those whose first axis is not that of the images.

    Args:
        frozen: the graph.
        nodes: of the graph by name.
        varying: the names of the nodes that depend on an input.
    """
    shapes = static_shapes(frozen)
    if not any(_may_fold(node, nodes, varying, shapes) for node in nodes.values()):
        return InferredShapes(shapes, frozenset(), False)
    counted = _fixed_number(frozen, shapes) is None
    by_count = (_with_images(frozen, shapes, 2), _with_images(frozen, shapes, 3)) if counted else None
    return _judged(frozen, varying, shapes, by_count)


def with_added_nodes(frozen: FrozenGraph, varying: Collection[str], known: InferredShapes) -> InferredShapes:
    """Do the same for a graph to which nodes were added that leave all other tensors as they were.

    Only the added nodes are given to TensorFlow, which takes a second for a graph of some thousand nodes.

    Args:
        frozen: the graph, with the added nodes.
        varying: the names of its nodes that depend on an input.
        known: of the graph without them.
    """
    added = [node for node in frozen.graph_def.node if tensor_of(node.name) not in known.shapes]
    shapes = {**known.shapes, **shapes_of_part(added, known.shapes)}
    if not known.folds:
        return InferredShapes(shapes, known.apart, False)
    if known.by_count is None:
        return _judged(frozen, varying, shapes, None)
    two, three = ({**counted, **shapes_of_part(added, counted)} for counted in known.by_count)
    return _judged(frozen, varying, shapes, (two, three))


def _judged(
    frozen: FrozenGraph, varying: Collection[str], shapes: Shapes, by_count: tuple[Shapes, Shapes] | None
) -> InferredShapes:
    tensors = [tensor for tensor in shapes if node_of(tensor) in varying]
    if by_count is None:
        fixed = _fixed_number(frozen, shapes)
        apart = frozenset(tensor for tensor in tensors if (shapes[tensor][1] or (fixed,))[0] != fixed)
        return InferredShapes(shapes, apart, True)
    two, three = by_count
    apart = frozenset(
        tensor for tensor in tensors if (_first(two, tensor), _first(three, tensor)) not in ((2, 3), (None, None))
    )
    if all(None not in (shapes[tensor][1] or ())[1:] for tensor in frozen.inputs.values()):  # else those of one image
        shapes = {**shapes, **{tensor: _refined(shapes[tensor], two, three, tensor) for tensor in tensors}}
    return InferredShapes(shapes, apart, True, by_count)


def _may_fold(node: NodeDef, nodes: Mapping[str, NodeDef], varying: Collection[str], shapes: Shapes) -> bool:
    """Whether a reshape may put places in front, or a transpose may move the images."""
    if node.name not in varying or node.op not in {"Reshape", "Transpose"}:
        return False
    source = tensor_of(data_inputs(node)[0])
    before, after = (shapes.get(tensor, (None, None))[1] for tensor in (source, tensor_of(node.name)))
    if before is None or after is None or len(before) < 3:
        return False
    if node.op == "Transpose":
        return bool(before[0] != after[0])
    if None in before[1:] or None in after[1:]:
        return True
    return prod(size or 0 for size in before[1:]) != prod(size or 0 for size in after[1:])


def _fixed_number(frozen: FrozenGraph, shapes: Shapes) -> int | None:
    """The number of images that the graph insists on, or ``None``."""
    firsts = [shape[0] for tensor in frozen.inputs.values() if len(shape := shapes[tensor][1] or ()) > 1]
    return None if None in firsts else next(iter(firsts), None)


def _with_images(frozen: FrozenGraph, shapes: Shapes, images: int) -> Shapes:
    """The static shapes for a number of images; those of the graph where it does not take such images."""
    fed = {
        tensor: (images, *(_FREE_SIDE if size is None else size for size in shape[1:]))
        for tensor in frozen.inputs.values()
        if (shape := shapes[tensor][1])
    }
    try:
        return static_shapes(frozen, fed)
    except ValueError:
        return shapes


def _first(shapes: Shapes, tensor: str) -> int | None:
    shape = shapes.get(tensor, (None, None))[1]
    return shape[0] if shape else None


def _refined(
    known: tuple[tf.DType, tuple[int | None, ...] | None], two: Shapes, three: Shapes, tensor: str
) -> tuple[tf.DType, tuple[int | None, ...] | None]:
    """The dtype and shape of a tensor, with each size that does not depend on the number of images."""
    with_two, with_three = (shapes.get(tensor, known)[1] for shapes in (two, three))
    if with_two is None or with_three is None or len(with_two) != len(with_three):
        return known
    return known[0], tuple(a if a == b else None for a, b in zip(with_two, with_three, strict=True))
