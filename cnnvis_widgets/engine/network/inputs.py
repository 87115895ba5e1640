"""Which input takes the images, and whether a gradient reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from ...errors import FeedError
from ...results import Layer
from ..graph.freezing import FrozenGraph, descendants
from ..graph.graphdef import NodeDef, data_inputs, node_of, tensor_of
from ..graph.layers import Shapes
from ..tensorflow_internals import gradient_function

_RANKS = {4: 5, 5: 4, 3: 3, 2: 2}  # pictures before volumes, signals and flat vectors


def choose_image_input(frozen: FrozenGraph, shapes: Shapes, layers: Sequence[Layer]) -> str:
    """The input that takes the images: by the layers it reaches, its rank and its dtype.

    Raises:
        FeedError: no input reaches a layer.
    """
    best: tuple[tuple[int, int, int], str] | None = None
    for tensor in frozen.inputs.values():
        reached = descendants(frozen.graph_def, {node_of(tensor)})
        dtype, shape = shapes[tensor]
        rank = 1 if shape is None else _RANKS.get(len(shape), 0)
        reaching = sum(layer.name in reached for layer in layers)
        score = (min(reaching, 1), rank, 2 * dtype.is_floating + (dtype != tf.bool))
        if rank and reaching and (best is None or score > best[0]):
            best = score, tensor
    if best is None:
        names = ", ".join(repr(name) for name in frozen.inputs) or "none"
        raise FeedError(
            f"Expected an input with a path to a layer. Received: inputs {names}, and {len(layers)} layers. "
            "Name the tensor that takes the images: load(model, image_input='name:0')."
        )
    return best[1]


def gradient_path(image: str, layer: Layer, between: Sequence[NodeDef], shapes: Shapes) -> str:
    """What blocks the gradient on the way from a layer to the image, as a message; '' if nothing does."""
    nodes = {node.name: node for node in between}
    source = node_of(image)
    if source not in nodes and layer.tensor != image:
        return (
            f"Expected a layer that depends on the image input {image!r}. Received: {layer.name!r}, which does not. "
            "Choose another layer, or name the input that feeds it: load(model, image_input=...)."
        )
    open_nodes, pending = set[str](), [node_of(layer.tensor)]
    while pending:
        name = pending.pop()
        if name in nodes and name not in open_nodes and _differentiable(nodes[name], name == source, shapes):
            open_nodes.add(name)
            pending += [node_of(each) for each in data_inputs(nodes[name])]
    if source in open_nodes:
        return ""
    if layer.tensor == image:
        return f"Expected a floating-point layer. Received: {image!r} of {shapes[image][0].name}."
    entered = {node_of(each) for name in open_nodes for each in data_inputs(nodes[name])} | {node_of(layer.tensor)}
    blocking = next(node for node in reversed(between) if node.name in entered - open_nodes)
    after = _nearest_floating(between[between.index(blocking) :], shapes)
    return (
        f"Expected a differentiable path from {layer.name!r} to the image input {image!r}. "
        f"Received: op {blocking.name!r} ({blocking.op}), which passes no gradient. "
        f"Feed a floating-point tensor behind it instead: image_input={after!r}."
    )


def _differentiable(node: NodeDef, source: bool, shapes: Shapes) -> bool:
    outputs = [f"{node.name}:{index}" for index in range(len(data_inputs(node)) + 2)]  # a loop has many
    if not any(shapes[tensor][0].is_floating for tensor in outputs if tensor in shapes):
        return False
    if node.op == "Cast" and not source and not shapes[tensor_of(data_inputs(node)[0])][0].is_floating:
        return False
    try:
        return source or gradient_function(node.op) is not None
    except LookupError:
        return False


def _nearest_floating(nodes: Sequence[NodeDef], shapes: Shapes) -> str:
    """The first of these nodes whose output could be fed as an image."""
    return next(
        tensor
        for tensor in (tensor_of(node.name) for node in nodes)
        if shapes[tensor][0].is_floating and len(shapes[tensor][1] or ()) >= 2
    )


def names_of_classes(class_names: Sequence[str] | Mapping[int, str] | None) -> tuple[str, ...] | None:
    """Class names in the order of the classes; of a mapping, numbers stand for those that it lacks."""
    if class_names is None:
        return None
    if isinstance(class_names, Mapping):
        last = max(map(int, class_names), default=-1)
        named = {int(index): str(name) for index, name in class_names.items()}
        return tuple(named.get(index, str(index)) for index in range(last + 1))
    return tuple(map(str, class_names))
