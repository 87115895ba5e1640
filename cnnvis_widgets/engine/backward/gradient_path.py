"""Whether a gradient can flow from a layer to the image input, and which op blocks it if not."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ...results import Layer
from ..graph.graphdef import NodeDef, data_inputs, node_of, tensor_of
from ..graph.layers import Shapes
from ..tensorflow_internals import gradient_function


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
    inputs = {node_of(tensor) for name in open_nodes for tensor in data_inputs(nodes[name])}
    entered = inputs | {node_of(layer.tensor)}
    blocking = next(node for node in reversed(between) if node.name in entered - open_nodes)
    after = _first_floating(between[between.index(blocking) :], shapes)
    return (
        f"Expected a differentiable path from {layer.name!r} to the image input {image!r}. "
        f"Received: op {blocking.name!r} ({blocking.op}), which passes no gradient. "
        f"Feed a floating-point tensor behind it instead: image_input={after!r}."
    )


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


def _first_floating(nodes: Sequence[NodeDef], shapes: Shapes) -> str:
    """The first output of these nodes that could be fed as an image."""
    return next(
        tensor
        for tensor in (tensor_of(node.name) for node in nodes)
        if shapes[tensor][0].is_floating and len(shapes[tensor][1] or ()) >= 2
    )
