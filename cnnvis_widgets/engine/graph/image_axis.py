"""Finds the tensors whose first axis is not that of the images: rows of pixels, tokens of windows, stacks of parts.

A dense layer on feature maps is a reshape to rows, a product of matrices, and a reshape back. The rows count all pixels
of all images, so the product alone must not be read as one row for each image.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod

import tensorflow as tf

from ..ops.gradient_nodes import Shapes
from .freezing import FrozenGraph
from .graphdef import NodeDef, data_inputs, node_of, tensor_of
from .shapes import static_shapes

_FREE_SIDE = 224
"""The pixels of a side that the graph leaves free, while shapes are inferred: windows of most networks divide it."""


def without_image_axis(
    frozen: FrozenGraph, nodes: Mapping[str, NodeDef], varying: Collection[str], shapes: Shapes
) -> tuple[frozenset[str], Shapes]:
    """Find the tensors whose first axis is not that of the images.

    Args:
        frozen: the graph.
        nodes: of the graph by name.
        varying: the names of the nodes that depend on an input.
        shapes: the static shapes of its tensors.

    Returns:
        The names of these tensors, and the shapes, with sizes that are known only when the number of images is.
    """
    if not any(_may_fold(node, nodes, varying, shapes) for node in nodes.values()):
        return frozenset(), shapes
    fixed = _fixed_number(frozen, shapes)
    tensors = [tensor for tensor in shapes if node_of(tensor) in varying]
    if fixed is not None:
        return frozenset(tensor for tensor in tensors if (shapes[tensor][1] or (fixed,))[0] != fixed), shapes
    two, three = (_with_images(frozen, shapes, count) for count in (2, 3))
    apart = frozenset(
        tensor for tensor in tensors if (_first(two, tensor), _first(three, tensor)) not in ((2, 3), (None, None))
    )
    if any(None in (shapes[tensor][1] or ())[1:] for tensor in frozen.inputs.values()):
        return apart, shapes  # the sizes found are those of one image
    return apart, {**shapes, **{tensor: _refined(shapes[tensor], two, three, tensor) for tensor in tensors}}


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
