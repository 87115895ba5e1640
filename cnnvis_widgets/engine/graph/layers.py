"""Which ops of a frozen graph are layers: their kinds and families, their channel axis, and how to choose them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import tensorflow as tf

from ...errors import LayerError, nearest
from ...results import FAMILIES, Layer
from .composite_activations import Unit
from .graphdef import NodeDef, data_inputs, node_of, tensor_of

_FAMILY_KINDS = {
    "r": {
        "Relu": "relu",
        "Relu6": "relu6",
        "LeakyRelu": "leaky_relu",
        "Elu": "elu",
        "Selu": "selu",
    },
    "p": {
        "MaxPool": "max_pool",
        "MaxPoolV2": "max_pool",
        "MaxPool3D": "max_pool",
        "MaxPoolWithArgmax": "max_pool",
        "AvgPool": "average_pool",
        "AvgPool3D": "average_pool",
    },
    "c": {
        "Conv2D": "convolution",
        "Conv3D": "convolution",
        "Conv": "convolution",
        "DepthwiseConv2dNative": "depthwise_convolution",
        "Conv2DBackpropInput": "transposed_convolution",
        "Conv3DBackpropInput": "transposed_convolution",
        "Conv3DBackpropInputV2": "transposed_convolution",
    },
    "": {
        "Softmax": "softmax",
        "LogSoftmax": "softmax",
        "Sigmoid": "sigmoid",
        "Tanh": "tanh",
        "Softplus": "softplus",
        "ConcatV2": "concat",
        "LRN": "local_response_normalization",
        "FusedBatchNorm": "batch_normalization",
        "FusedBatchNormV2": "batch_normalization",
        "FusedBatchNormV3": "batch_normalization",
        "ResizeBilinear": "resize",
        "ResizeNearestNeighbor": "resize",
    },
}
KINDS = {op: (kind, family) for family, kinds in _FAMILY_KINDS.items() for op, kind in kinds.items()}
RELU_UNITS = {"prelu", "leaky_relu", "silu", "gelu", "hard_swish"}
_ADDITIONS = {"Add", "AddV2", "AddN"}
_REARRANGING = {"Transpose", "Reshape", "ExpandDims", "Squeeze"}

Shapes = Mapping[str, tuple[tf.DType, tuple[int | None, ...] | None]]
"""dtype and static shape of every tensor."""


def find_layers(
    nodes: Mapping[str, NodeDef],
    varying: set[str],
    units: Mapping[str, Unit],
    shapes: Shapes,
    axes: Mapping[str, int],
    keras_names: Mapping[str, str],
) -> tuple[Layer, ...]:
    """The layers of a graph, in the order in which it computes them; ``axes`` are its ``channel_axes``."""
    inside = {name for unit in units.values() for name in unit.inner - {unit.output}}
    consumers = consumers_of(nodes)
    found = []
    for name in nodes:
        if name not in varying or name in inside:
            continue
        kind = _kind(nodes, name, varying, units, consumers, shapes, axes)
        if kind is not None:
            tensor = _squeezed(nodes, name, consumers)
            layer = make_layer(tensor, kind, shapes, axes, keras_names.get(name), name)
            if layer is not None:
                found.append(layer)
    return tuple(found)


def _kind(
    nodes: Mapping[str, NodeDef],
    name: str,
    varying: set[str],
    units: Mapping[str, Unit],
    consumers: Mapping[str, list[str]],
    shapes: Shapes,
    axes: Mapping[str, int],
) -> str | None:
    node = nodes[name]
    if name in units:
        return units[name].kind
    if node.op in KINDS:
        return KINDS[node.op][0]
    inputs = [node_of(each) for each in data_inputs(node)]
    flowing = [each for each in inputs if each in varying]
    if node.op == "MatMul" and len(flowing) == 1:
        return None if _bias_of(nodes, name, varying, consumers) else "dense"
    if node.op in {"BiasAdd", *_ADDITIONS} and len(flowing) == 1 and nodes[flowing[0]].op == "MatMul":
        return "dense"
    if node.op in _ADDITIONS and len(flowing) > 1 and len(shapes[tensor_of(name)][1] or ()) > 2:
        return "add"
    if node.op in {"Mean", "Max"} and _pools_whole_map(name, inputs[0], shapes, axes):
        return "global_average_pool" if node.op == "Mean" else "global_max_pool"
    if node.op == "AddV2" and name.endswith("batchnorm/add_1"):
        return "batch_normalization"
    return None


def _bias_of(
    nodes: Mapping[str, NodeDef], name: str, varying: set[str], consumers: Mapping[str, list[str]]
) -> str | None:
    """The only consumer of a matrix product, where it adds a constant."""
    after = consumers.get(name, [])
    if len(after) != 1 or nodes[after[0]].op not in {"BiasAdd", *_ADDITIONS}:
        return None
    flowing = [each for each in data_inputs(nodes[after[0]]) if node_of(each) in varying]
    return after[0] if len(flowing) == 1 else None


def _pools_whole_map(name: str, source: str, shapes: Shapes, axes: Mapping[str, int]) -> bool:
    before, after = shapes[tensor_of(source)][1], shapes[tensor_of(name)][1]
    if before is None or after is None or len(before) < 3 or source not in axes:
        return False
    flat = [size for size in after[1:] if size != 1]
    return flat == [before[axes[source]]] and len(after) in (2, len(before))


def _squeezed(nodes: Mapping[str, NodeDef], name: str, consumers: Mapping[str, list[str]]) -> str:
    """The tensor of a layer: of one-dimensional ones the output without the axis that TensorFlow added."""
    inputs, after = data_inputs(nodes[name]), consumers.get(name, [])
    expanded = inputs and nodes.get(node_of(inputs[0])) is not None and nodes[node_of(inputs[0])].op == "ExpandDims"
    if expanded and len(after) == 1 and nodes[after[0]].op == "Squeeze":
        return tensor_of(after[0])
    return tensor_of(name)


def consumers_of(nodes: Mapping[str, NodeDef]) -> dict[str, list[str]]:
    consumers: dict[str, list[str]] = {}
    for node in nodes.values():
        for reference in data_inputs(node):
            consumers.setdefault(node_of(reference), []).append(node.name)
    return consumers


def channel_axes(nodes: Mapping[str, NodeDef], varying: set[str], shapes: Shapes) -> dict[str, int]:
    """Where the channels of each node's first output are, from the data format of the ops before it; of the op
    behind it where nothing before says so."""
    first: dict[str, bool] = {}
    for name, node in nodes.items():
        if name not in varying:
            continue
        inputs = [each for each in map(node_of, data_inputs(node)) if each in varying]
        before = next((first[each] for each in inputs if each in first), None)
        stated = node.attr["data_format"].s.decode() if "data_format" in node.attr else ""
        if stated:
            first[name] = stated.startswith("NC")
            _settle(inputs, first[name], first, nodes, varying)
        elif before is not None:
            first[name] = before
        if node.op == "Transpose":
            permutation = _constant(nodes, data_inputs(node)[1])
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


def _settle(
    names: Iterable[str], answer: bool, first: dict[str, bool], nodes: Mapping[str, NodeDef], varying: set[str]
) -> None:
    """Give what lies before an op with a data format the same one, as far as nothing is known of it."""
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in varying and name not in first and nodes[name].op not in _REARRANGING:
            first[name] = answer
            pending += [node_of(each) for each in data_inputs(nodes[name])]


def _constant(nodes: Mapping[str, NodeDef], reference: str) -> list[int] | None:
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
    """The layer behind a tensor, or ``None`` where it has no floating-point channels."""
    dtype, shape = shapes[tensor]
    if not dtype.is_floating or shape is None or len(shape) < 2:
        return None
    node = node_of(tensor)
    axis = axes.get(name or node, len(shape) - 1)
    axis = min(axis, len(shape) - 1)
    family = next((family for op, (known, family) in KINDS.items() if known == kind), "")
    family = {"global_average_pool": "p", "global_max_pool": "p"}.get(kind, "r" if kind in RELU_UNITS else family)
    return Layer(name or node, kind, family, shape, axis, keras_name, tensor)


def matching(selection: str, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The listed layers that a family letter, op name, tensor name or glob selects; perhaps none."""
    if selection in FAMILIES and selection:
        return tuple(layer for layer in layers if layer.family == selection)
    name = selection.removesuffix(":0")
    exact = [layer for layer in layers if name in (layer.name, layer.tensor.removesuffix(":0"))]
    if exact:
        return tuple(exact)
    return tuple(layer for layer in layers if fnmatchcase(layer.name, name))


def unknown_layer(selection: str, layers: Iterable[Layer]) -> LayerError:
    """The error for a selection that fits nothing."""
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
    """'? × 224 × 224 × 3': question marks for free sizes."""
    return "?" if shape is None else " × ".join("?" if size is None else str(size) for size in shape)
