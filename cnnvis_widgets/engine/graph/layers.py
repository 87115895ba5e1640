"""Finds the layers of a frozen graph: their kinds and families, their channel axes, and how to select them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import tensorflow as tf

from ...errors import LayerError, nearest
from ...results import FAMILIES, Layer
from ..ops.gradient_nodes import Shapes
from ..ops.specs import OPS
from .composite_activations import CompositeActivation, inner_nodes
from .custom_gradients import wrapped_outputs
from .graphdef import NodeDef, data_inputs, node_of, tensor_of
from .normalizations import Normalization, inside_normalizations, is_subtracted

_FAMILIES = {
    **{spec.kind: spec.family for spec in OPS.values() if spec.family is not None},
    **{"global_average_pool": "p", "global_max_pool": "p"},
    **dict.fromkeys(("prelu", "leaky_relu", "clipped_relu", "clipped_leaky_relu", "thresholded_relu"), "r"),
    **dict.fromkeys(("celu", "silu", "gelu", "squareplus", "hard_swish"), "r"),
}
"""The family of each kind of layer, for single ops and for groups of them."""
_ADDITIONS = {"Add", "AddV2", "AddN"}
_REARRANGING = {"Transpose", "Reshape", "ExpandDims", "Squeeze"}


@dataclass(frozen=True)
class GraphFacts:
    """What is known of a graph before its layers are.

    Attributes:
        nodes: by name, each after its inputs.
        consumers: by node name, the names of the nodes that take data from it.
        shapes: dtype and static shape of every tensor.
        varying: the names of the nodes that depend on an input.
        composites: the composite activations, by output node.
        axes: the channel axis of the first output of each node; see ``channel_axes``.
        normalizations: by their last node; see ``normalizations``.
        dense: from the last node of each dense layer to its product; see ``products``.
    """

    nodes: Mapping[str, NodeDef]
    consumers: Mapping[str, list[str]]
    shapes: Shapes
    varying: Collection[str]
    composites: Mapping[str, CompositeActivation]
    axes: Mapping[str, int]
    normalizations: Mapping[str, Normalization]
    dense: Mapping[str, str]

    def feed_dependent(self, node: NodeDef) -> list[str]:
        """Return the names of the input nodes that depend on an input of the network."""
        return [name for name in map(node_of, data_inputs(node)) if name in self.varying]


def find_layers(facts: GraphFacts, keras_names: Mapping[str, str]) -> tuple[Layer, ...]:
    """Return the layers of a graph, in the order in which it computes them.

    Args:
        facts: what is known of the graph.
        keras_names: from node name to the name of the Keras layer that the node belongs to.
    """
    inside = inner_nodes(facts.composites) | inside_normalizations(facts.normalizations.values())
    wrapped = wrapped_outputs(facts.nodes.values())
    layers = []
    for name in facts.nodes:
        kind = _kind(facts, name) if name in facts.varying and name not in inside else None
        if kind is not None:
            tensor = _squeezed(facts, name)
            tensor = wrapped.get(tensor, tensor)
            layer = make_layer(tensor, kind, facts.shapes, facts.axes, keras_names.get(name), name)
            if layer is not None:
                layers.append(layer)
    return tuple(layers)


def _kind(facts: GraphFacts, name: str) -> str | None:
    """Return the kind of the layer that ends at a node; ``None`` if none does."""
    node = facts.nodes[name]
    if name in facts.composites:
        return facts.composites[name].kind
    if node.op in OPS and OPS[node.op].family is not None:
        return OPS[node.op].kind
    dependent = facts.feed_dependent(node)
    if name in facts.normalizations:
        return facts.normalizations[name].kind
    if name in facts.dense:
        return "dense"
    if node.op in _ADDITIONS and len(dependent) > 1 and len(facts.shapes[tensor_of(name)][1] or ()) > 2:
        return "add"
    if node.op in {"Mean", "Max"} and _pools_whole_map(facts, name):
        return "global_average_pool" if node.op == "Mean" else "global_max_pool"
    if node.op == "AddV2" and name.endswith("batchnorm/add_1"):
        return "batch_normalization"
    return None


def _pools_whole_map(facts: GraphFacts, name: str) -> bool:
    """Return whether a reduction leaves one number for each channel."""
    source = node_of(data_inputs(facts.nodes[name])[0])
    before, after = facts.shapes[tensor_of(source)][1], facts.shapes[tensor_of(name)][1]
    if before is None or after is None or len(before) < 3 or source not in facts.axes:
        return False
    if is_subtracted(facts.nodes, facts.consumers, name):
        return False
    axes = constant_numbers(facts.nodes, data_inputs(facts.nodes[name])[1])
    if axes is not None and {0, facts.axes[source]} & {axis % len(before) for axis in axes}:
        return False
    sizes = [size for size in after[1:] if size != 1]
    return sizes == [before[facts.axes[source]]] and len(after) in (2, len(before))


def _squeezed(facts: GraphFacts, name: str) -> str:
    """Return the tensor of a layer. One-dimensional layers lose the axis that TensorFlow added."""
    inputs, consumers = data_inputs(facts.nodes[name]), facts.consumers.get(name, [])
    source = facts.nodes.get(node_of(inputs[0])) if inputs else None
    is_expanded = source is not None and source.op == "ExpandDims"
    if is_expanded and len(consumers) == 1 and facts.nodes[consumers[0]].op == "Squeeze":
        return tensor_of(consumers[0])
    return tensor_of(name)


def channel_axes(nodes: Mapping[str, NodeDef], varying: Collection[str], shapes: Shapes) -> dict[str, int]:
    """Return the channel axis of each node's first output.

    The data format of an op is also that of the ops behind it, up to one that rearranges axes. If no op before a node
    states a format, the op behind it does.
    """
    first: dict[str, bool] = {}
    for name, node in nodes.items():
        if name not in varying:
            continue
        inputs = [source for source in map(node_of, data_inputs(node)) if source in varying]
        before = next((first[source] for source in inputs if source in first), None)
        stated = node.attr["data_format"].s.decode() if "data_format" in node.attr else ""
        if stated:
            first[name] = stated.startswith("NC")
            _propagate_layout(inputs, first[name], first, nodes, varying)
        elif before is not None:
            first[name] = before
        if node.op == "Transpose":
            permutation = constant_numbers(nodes, data_inputs(node)[1])
            if permutation is not None and len(permutation) > 2:
                first[name] = permutation[1] == len(permutation) - 1
        elif node.op in {"MatMul", "Reshape"}:
            first[name] = False
    axes = {}
    for name in varying:
        shape = shapes.get(tensor_of(name), (None, None))[1]
        if shape is not None and len(shape) >= 2:
            axes[name] = 1 if first.get(name) else len(shape) - 1
    return axes


def _propagate_layout(
    names: Iterable[str],
    channels_first: bool,
    first: dict[str, bool],
    nodes: Mapping[str, NodeDef],
    varying: Collection[str],
) -> None:
    """Give nodes, and the nodes before them, a layout, as far as theirs is unknown. Edits ``first`` in place."""
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in varying and name not in first and nodes[name].op not in _REARRANGING:
            first[name] = channels_first
            pending += [node_of(input_name) for input_name in data_inputs(nodes[name])]


def constant_numbers(nodes: Mapping[str, NodeDef], reference: str) -> list[int] | None:
    """Return the value of a constant of the graph; ``None`` if it is computed."""
    node = nodes.get(node_of(reference))
    if node is None or node.op != "Const":
        return None
    return tf.make_ndarray(node.attr["value"].tensor).ravel().tolist()


def make_layer(
    tensor: str,
    kind: str,
    shapes: Shapes,
    axes: Mapping[str, int],
    keras_name: str | None,
    name: str | None = None,
) -> Layer | None:
    """Return the layer of a tensor; ``None`` if it has no floating-point channels.

    Args:
        tensor: its full name.
        kind: of the layer.
        shapes, axes: of the graph; see ``GraphFacts``.
        keras_name: the name of the Keras layer, if there is one.
        name: of the layer; ``None`` for that of its node.
    """
    dtype, shape = shapes[tensor]
    if not dtype.is_floating or shape is None or len(shape) < 2:
        return None
    node = node_of(tensor)
    axis = axes.get(name or node, len(shape) - 1)
    axis = min(axis, len(shape) - 1)
    return Layer(name or node, kind, _FAMILIES.get(kind, ""), shape, axis, keras_name, tensor)


def elements_of(value: Any) -> list[Any] | None:
    """Return the elements of an iterable, which may be iterable only once; ``None`` for text and what has none.

    An array without axes has none, although it is of an iterable type.
    """
    if isinstance(value, str | bytes | bytearray):
        return None
    try:
        return list(value)
    except TypeError:
        return None


def matching(selection: str, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers that a family letter, op name, tensor name or glob selects; perhaps none."""
    if selection in FAMILIES and selection:
        return tuple(layer for layer in layers if layer.family == selection)
    name = selection.removesuffix(":0")
    exact = [layer for layer in layers if name in (layer.name, layer.tensor.removesuffix(":0"))]
    if exact:
        return tuple(exact)
    return tuple(layer for layer in layers if fnmatchcase(layer.name, name))


def unknown_layer(selection: str, layers: Iterable[Layer]) -> LayerError:
    """Return the error for a selection that fits no layer."""
    layers = list(layers)
    if selection in FAMILIES:
        kinds = sorted({layer.kind for layer in layers})
        return LayerError(
            f"Expected a network with {FAMILIES[selection]}. Received: layers={selection!r}, of which it has none. "
            f"It has layers of kind {', '.join(kinds) or 'none'}; choose by name: network.describe() lists them."
        )
    names = [name for layer in layers for name in (layer.name, layer.keras_name) if name]
    return LayerError(
        f"Expected the name of a layer, 'r', 'p', 'c', or a pattern. Received: layer={selection!r}. "
        + nearest(selection, names)
    )


def shape_text(shape: tuple[int | None, ...] | None) -> str:
    """Return a shape as text, such as '? × 224 × 224 × 3', with question marks for free sizes."""
    return "?" if shape is None else " × ".join("?" if size is None else str(size) for size in shape)
