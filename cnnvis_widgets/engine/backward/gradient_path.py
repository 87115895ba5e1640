"""Whether a gradient can flow from a layer to the image input, and which op blocks it if not."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ...results import Layer
from ..graph.graphdef import SHAPE_ONLY, NodeDef, data_inputs, node_of, tensor_of
from ..graph.layers import Shapes
from ..tensorflow_internals import gradient_function

_OLD_LOOP = (
    "where a loop of TensorFlow 1 ends: TensorFlow differentiates such a loop only while a program builds it. Layers "
    "before the loop work in every method, and all layers in activations, predict, occlusion and intervene. For "
    "gradients, call tf.compat.v1.enable_control_flow_v2(), build the graph again, and restore the checkpoint into it."
)
_SELECTING = {"Gather", "GatherV2", "GatherNd", "ResourceGather", "OneHot"}


def blocked_gradient(image: str, layer: Layer, between: Sequence[NodeDef], shapes: Shapes) -> str:
    """Explain what blocks the gradient from a layer to the image input.

    Args:
        image: the full name of the image input.
        layer: where the gradient starts.
        between: the nodes between the two, in order of computation.
        shapes: dtype and static shape of every tensor.

    Returns:
        The message of an error, or '' if the gradient can flow.
    """
    nodes = {node.name: node for node in between}
    source = node_of(image)
    if source not in nodes and layer.tensor != image:
        return (
            f"Expected a layer that depends on the image input {image!r}. Received: {layer.name!r}, which does not. "
            "Choose another layer, or name the input that feeds it: load(model, image_input=...)."
        )
    open_nodes = _open_nodes(layer, nodes, source, shapes)
    if source in open_nodes:
        return ""
    if layer.tensor == image:
        return f"Expected a floating-point layer. Received: {image!r} of {shapes[image][0].name}."
    carrying = carrying_nodes(between, source)
    expected = f"Expected a differentiable path from {layer.name!r} to the image input {image!r}. Received: "
    if node_of(layer.tensor) not in carrying:
        return f"{expected}a layer that depends on the shape of the image only. Choose another layer."
    return expected + _obstacle(image, [nodes[name] for name in carrying], open_nodes, layer, shapes)


def _obstacle(image: str, carrying: Sequence[NodeDef], open_nodes: set[str], layer: Layer, shapes: Shapes) -> str:
    """What blocks the gradient, and what to do."""
    behind = (tensor_of(node.name) for node in carrying if node.name in open_nodes)
    after = next(
        (tensor for tensor in behind if shapes[tensor][0].is_floating and len(shapes[tensor][1] or ()) >= 2), ""
    )
    table = next((node for node in carrying if node.op in _SELECTING), None)
    if shapes[image][0].is_integer and table is not None:
        obstacle = (
            f"whole numbers ({shapes[image][0].name}) that select rows of a table in {table.name!r}, as the words of a "
            "text do. There is no gradient with respect to them."
        )
        advice = f"For one with respect to the selected rows, load the model with image_input={after!r}."
    else:
        inputs = {node_of(tensor) for node in carrying if node.name in open_nodes for tensor in data_inputs(node)}
        entered = inputs | {node_of(layer.tensor)}
        blocking = next(node for node in reversed(carrying) if node.name in entered and node.name not in open_nodes)
        obstacle = f"op {blocking.name!r} ({blocking.op}), which passes no gradient."
        advice = f"Feed a floating-point tensor behind it instead: image_input={after!r}."
        if blocking.op == "Exit":
            return f"op {blocking.name!r} (Exit), {_OLD_LOOP}"
    if not after or after == layer.tensor:
        advice = "Methods without gradients work: activations, predict, occlusion, intervene."
    return f"{obstacle} {advice}"


def carrying_nodes(between: Sequence[NodeDef], source: str) -> list[str]:
    """The names of the nodes, in their order, that depend on the values of the source and not only on its shape."""
    carrying = [source]
    reached = {source}
    for node in between:
        if node.op not in SHAPE_ONLY and any(node_of(tensor) in reached for tensor in data_inputs(node)):
            reached.add(node.name)
            carrying.append(node.name)
    return carrying


def _open_nodes(layer: Layer, nodes: dict[str, NodeDef], source: str, shapes: Shapes) -> set[str]:
    """The names of the nodes that a gradient from the layer reaches."""
    open_nodes, pending = set[str](), [node_of(layer.tensor)]
    while pending:
        name = pending.pop()
        if name in nodes and name not in open_nodes and _differentiable(nodes[name], name == source, shapes):
            open_nodes.add(name)
            pending += [node_of(tensor) for tensor in data_inputs(nodes[name])]
    return open_nodes


def _differentiable(node: NodeDef, source: bool, shapes: Shapes) -> bool:
    if node.op == "Exit":  # of a loop of TensorFlow 1; its gradient needs what only the Python program knew
        return False
    outputs = [f"{node.name}:{index}" for index in range(len(data_inputs(node)) + 2)]  # a loop has many
    dtypes = [shapes[tensor][0] for tensor in outputs if tensor in shapes]
    if not any(dtype.is_floating or dtype == tf.variant for dtype in dtypes):  # the lists of a loop are variants
        return False
    if node.op == "Cast" and not source and not shapes[tensor_of(data_inputs(node)[0])][0].is_floating:
        return False
    try:
        return source or gradient_function(node.op) is not None
    except LookupError:
        return False
