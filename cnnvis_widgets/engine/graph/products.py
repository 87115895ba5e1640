"""Finds dense layers: a product with a matrix of weights, the reshapes around it, and its bias.

On feature maps and tokens a dense layer is several ops. ``tf.tensordot`` reshapes (images, height, width, channels) to
rows, multiplies, and reshapes back; the layer is what comes out at the end, bias included.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..ops.gradient_nodes import Shapes
from .graphdef import NodeDef, data_inputs, node_of, tensor_of

BATCH_PRODUCTS = {"BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}
PRODUCTS = {"Einsum", "MatMul", *BATCH_PRODUCTS}
"""The ops that multiply matrices."""

BIAS = {"Add", "AddN", "AddV2", "BiasAdd"}
"""The ops that add a constant to a product."""

SHAPE_OPS = {"Rank", "Shape", "ShapeN", "Size"}
"""The ops that read the shape of a tensor only."""


def dense_ends(
    nodes: Mapping[str, NodeDef],
    consumers: Mapping[str, list[str]],
    varying: Collection[str],
    shapes: Shapes,
    apart: Collection[str],
) -> dict[str, str]:
    """Find where dense layers end.

    Args:
        nodes: by name.
        consumers: by node name, the names of the nodes that take data from it.
        varying: the names of the nodes that depend on an input.
        shapes: of all tensors.
        apart: the tensors whose first axis is not that of the images.

    Returns:
        From the name of the last node of each dense layer to that of its product.
    """
    ends = {}
    for name, node in nodes.items():
        if name in varying and is_product_with_weights(node, varying):
            ends[_end(name, nodes, consumers, varying, shapes, apart)] = name
    return ends


def is_product_with_weights(node: NodeDef, varying: Collection[str]) -> bool:
    """Whether a node multiplies what depends on an input with a matrix that does not, channels last."""
    if node.op not in PRODUCTS:
        return False
    dependent = [place for place, name in enumerate(data_inputs(node)) if node_of(name) in varying]
    if node.op == "Einsum":
        return len(dependent) == 1 and _weights_make_channels(node, dependent[0])
    return dependent == [0] or (node.op == "MatMul" and len(dependent) == 1)


def _weights_make_channels(node: NodeDef, place: int) -> bool:
    """Whether the axes that an einsum takes from its weights are the last ones of its output."""
    inputs, _, output = node.attr["equation"].s.decode().replace(" ", "").partition("->")
    own = inputs.split(",")[place]
    new = [letter for letter in output if letter not in own]
    return bool(new) and output.endswith("".join(new))


def _end(
    name: str,
    nodes: Mapping[str, NodeDef],
    consumers: Mapping[str, list[str]],
    varying: Collection[str],
    shapes: Shapes,
    apart: Collection[str],
) -> str:
    """The last node of the dense layer of a product: the reshape back to images, and the bias."""
    end = name
    while True:
        node = _only_consumer(end, nodes, consumers)
        if node is not None and _is_bias(node, varying):
            return node.name
        if node is None or node.op != "Reshape" or node_of(node.input[0]) != end:
            return end
        if tensor_of(end) not in apart:
            following = _only_consumer(node.name, nodes, consumers)
            splits = following is not None and _is_bias(following, varying) and _splits_channels(shapes, end, node.name)
            return following.name if following is not None and splits else end
        end = node.name


def _only_consumer(name: str, nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[str]]) -> NodeDef | None:
    """The one node that takes values of another; ``None`` where there are several, or none."""
    following = {each for each in consumers.get(name, []) if nodes[each].op not in SHAPE_OPS}
    return nodes[following.pop()] if len(following) == 1 else None


def _is_bias(node: NodeDef, varying: Collection[str]) -> bool:
    return node.op in BIAS and len([each for each in data_inputs(node) if node_of(each) in varying]) == 1


def _splits_channels(shapes: Shapes, before: str, after: str) -> bool:
    """Whether a reshape leaves all but the last axis, which it splits, such as channels into heads and their channels.

    The bias of such a layer comes behind the reshape.
    """
    old, new = (shapes[tensor_of(name)][1] for name in (before, after))
    return old is not None and new is not None and len(new) > len(old) and new[: len(old) - 1] == old[:-1]


def has_split_channels(product: NodeDef, end: str, shapes: Shapes) -> bool:
    """Whether the output of a dense layer has several axes of channels, such as (images, tokens, heads, channels)."""
    entered = shapes[tensor_of(data_inputs(product)[0])][1]
    left = shapes[tensor_of(end)][1]
    if entered is None or left is None:
        return False
    if product.op == "Einsum":
        inputs, _, output = product.attr["equation"].s.decode().replace(" ", "").partition("->")
        return len([letter for letter in output if letter not in inputs.split(",")[0]]) > 1
    return product.op in BATCH_PRODUCTS and len(left) > len(entered)
