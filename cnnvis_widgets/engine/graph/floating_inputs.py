"""Inputs of whole numbers that a network itself casts: the frozen graph takes them as floating point.

A gradient with respect to uint8 does not exist. But where a network does nothing with its bytes but move them and cast
them, the same graph computes the same from a float32 that holds the same numbers, and that has a gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from .graphdef import GraphDef, NodeDef, consumers_of, copy_of, data_inputs, node_of

_WHOLE = {tf.uint8, tf.int8, tf.uint16, tf.int16, tf.int32, tf.int64}
_MOVING = {
    **dict.fromkeys(("Identity", "StopGradient", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Tile"), "T"),
    **dict.fromkeys(("StridedSlice", "Slice", "Pad", "MirrorPad", "SpaceToDepth", "DepthToSpace"), "T"),
    **dict.fromkeys(("Split", "SplitV", "Unpack", "ResizeNearestNeighbor"), "T"),
    **dict.fromkeys(("ReverseV2", "ConcatV2", "Pack"), "T"),
    "GatherV2": "Tparams",
}
"""Ops that change no value, and the attribute that holds the dtype of what they move."""

_CASTING = {
    "Cast": "SrcT",
    **dict.fromkeys(("ResizeBilinear", "ResizeBicubic", "ResizeArea", "CropAndResize", "ScaleAndTranslate"), "T"),
}
"""Ops that turn whole numbers into floating point, and the attribute that holds the dtype of what they take."""

_MEASURING = dict.fromkeys(("Shape", "Size", "Rank"), "T")
"""Ops that look at no value."""

_DATA_BEHIND = {"Split": 1}
"""Ops whose values are not their first input."""


def with_floating_inputs(
    graph_def: GraphDef, inputs: Iterable[str], outputs: Iterable[str]
) -> tuple[GraphDef, dict[str, str]]:
    """Let the inputs of whole numbers that are only moved and cast to floating point take float32.

    Args:
        graph_def: flat and clean.
        inputs: the names of the nodes that are fed.
        outputs: the names of the nodes whose values the network returns; these keep their dtype.

    Returns:
        The GraphDef, and the dtype in the model of each input that has another one now, by node name.
    """
    nodes = {node.name: node for node in graph_def.node}
    consumers, returned = consumers_of(graph_def.node), set(outputs)
    converted: dict[str, str] = {}
    changed: dict[str, str] = {}
    for name in inputs:
        dtype = _whole_numbers(nodes[name])
        attributes = _attributes(name, nodes, consumers, returned) if dtype else None
        if attributes:
            converted[name] = dtype
            changed |= {name: "dtype", **attributes}
    if not changed:
        return graph_def, {}
    return copy_of(graph_def, [_as_float(node, changed.get(node.name)) for node in graph_def.node]), converted


def _whole_numbers(node: NodeDef) -> str:
    """The dtype of a placeholder of whole numbers; '' for other nodes, and for a flag or a number that is no image."""
    if node.op != "Placeholder" or "dtype" not in node.attr:
        return ""
    dtype, shape = tf.as_dtype(node.attr["dtype"].type), node.attr["shape"].shape
    single = "shape" in node.attr and not shape.unknown_rank and len(shape.dim) < 2
    return dtype.name if dtype in _WHOLE and not single else ""


def _attributes(
    source: str, nodes: Mapping[str, NodeDef], consumers: Mapping[str, Sequence[str]], returned: set[str]
) -> dict[str, str] | None:
    """The nodes that take the values of an input, each with the attribute that holds their dtype.

    ``None`` where an op does something else with them, or none casts them.
    """
    attributes: dict[str, str] = {}
    moving = {source}
    pending = list(consumers.get(source, []))
    while pending:
        name = pending.pop()
        node = nodes[name]
        attribute = (_MOVING | _CASTING | _MEASURING).get(node.op)
        if attribute is None or not _takes_floats(node):
            return None
        if name not in attributes and node.op in _MOVING:
            moving.add(name)
            pending += consumers.get(name, [])
        attributes[name] = attribute
    if moving & returned or not any(nodes[name].op in _CASTING for name in attributes):
        return None
    return attributes if all(_takes_only_values(nodes[name], moving) for name in attributes) else None


def _takes_only_values(node: NodeDef, moving: set[str]) -> bool:
    """Whether moved values enter a node where it takes values, and nothing else enters there."""
    first = _DATA_BEHIND.get(node.op, 0)
    values = range(node.attr["N"].i) if node.op in ("ConcatV2", "Pack") else range(first, first + 1)
    return all((node_of(entered) in moving) == (index in values) for index, entered in enumerate(data_inputs(node)))


def _takes_floats(node: NodeDef) -> bool:
    """Whether a cast ends in floating point. A cast to whole numbers may cut off what they cannot hold."""
    return node.op != "Cast" or tf.as_dtype(node.attr["DstT"].type).is_floating


def _as_float(node: NodeDef, attribute: str | None) -> NodeDef:
    if attribute is None:
        return node
    result = NodeDef.FromString(node.SerializeToString())
    result.attr[attribute].type = tf.float32.as_datatype_enum
    return result


def whole_number_range(dtype: str) -> tuple[int, int]:
    """The lowest and the highest value of a dtype of whole numbers.

    Example:
        >>> whole_number_range("uint8")
        (0, 255)
    """
    known = tf.as_dtype(dtype)
    return int(known.min), int(known.max)
