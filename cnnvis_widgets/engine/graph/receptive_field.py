"""Computes the receptive field of a unit: the walk goes from the layer down to the image, op by op."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import tensorflow as tf

from ..ops.specs import OPS
from ..ops.windows import Axis, NotSupported, ReceptiveField, axes_of, has_channels_last
from .channels_last import run_on_cpu
from .graphdef import GraphDef, ancestors, copy_of, node_of

_Field = tuple[ReceptiveField, bool]
"""A receptive field in a tensor, and whether that tensor has its channels first."""


def field_between(
    ops: Sequence[tf.Operation], target: tf.Tensor, image: tf.Tensor, first: bool = False
) -> ReceptiveField | None:
    """Return what one unit of ``target`` sees of ``image``.

    Args:
        ops: those between the two, in order of computation. Window ops have their channels last, between transposes in
            a network that keeps channels first.
        target: the layer.
        image: the images.
        first: whether ``target`` has its channels first.

    Returns:
        The receptive field; ``None`` if the unit sees the whole image, or if an op between mixes places in a way that
        windows do not describe.
    """
    if (target.shape.rank or 0) < 3:
        return None
    waiting: dict[Any, list[_Field]] = {target.ref(): [(ReceptiveField.unit(target.shape.rank - 2), first)]}
    for op in reversed(ops):
        arrived = [field for output in op.outputs for field in waiting.pop(output.ref(), [])]
        if not arrived:
            continue
        whole = _joined(arrived)
        below = None if whole is None else _below(op, *whole)
        if below is None:
            return None
        for entered in op.inputs:
            waiting.setdefault(entered.ref(), []).append(below)
    at_image = _joined(waiting.get(image.ref(), []))
    return None if at_image is None else at_image[0]


def _joined(fields: Sequence[_Field]) -> _Field | None:
    """Return the smallest field that holds all of these; ``None`` if their strides or layouts differ."""
    if len({(field.stride, first) for field, first in fields}) != 1:
        return None
    return reduce(ReceptiveField.joined, [field for field, _ in fields]), fields[0][1]


def _below(op: tf.Operation, field: ReceptiveField, first: bool) -> _Field | None:
    """Return the field in the inputs of an op, from that in its output; ``None`` if windows do not describe the op."""
    ranks = len(field.size) + 2
    places = slice(2, None) if first else slice(1, -1)
    spec = OPS.get(op.type)
    if spec is None:
        return None
    if spec.windows and op.inputs[0].shape.rank == ranks and has_channels_last(op):
        kernel = op.get_attr("ksize")[1:-1] if "ksize" in op.node_def.attr else op.inputs[1].shape[: ranks - 2]
        axes = None if first else axes_of(op, tuple(kernel), tuple(op.inputs[0].shape[1:-1]))
        return None if axes is None else (field.below(axes), first)
    if op.type in {"Pad", "PadV2"}:
        margins = tf.get_static_value(op.inputs[1])
        if margins is None:
            return None
        return field.below(tuple(Axis(1, before=int(a), after=int(b)) for a, b in margins[places])), first
    if op.type == "Transpose":
        order = np.ravel(tf.get_static_value(op.inputs[1])).tolist()
        turned = order == ([0, ranks - 1, *range(1, ranks - 1)] if first else [0, *range(2, ranks), 1])
        return (field, not first) if turned else None
    sizes = [tensor.shape[places] for tensor in op.inputs if tensor.shape.rank == ranks]
    local = spec.pointwise and all(size == op.outputs[0].shape[places] or _one(size) for size in sizes)
    return (field, first) if local and not (first and op.type == "LRN") else None


def _one(size: tf.TensorShape) -> bool:
    return all(side == 1 for side in size)


def seen_by(
    graph_def: GraphDef, image: str, spec: tf.TensorSpec, layer: str, first: bool = False
) -> ReceptiveField | None:
    """Return what one unit of a tensor sees of an image, by their names in a frozen graph.

    Args:
        graph_def: the graph.
        image: the full name of the tensor of the images.
        spec: of the images; their size decides on the padding.
        layer: the full name of the tensor whose unit it is.
        first: whether that tensor has its channels first.

    Returns:
        As ``field_between``; ``None`` also if the graph cannot take this image.
    """
    graph, nodes = tf.Graph(), {node.name: node for node in graph_def.node}
    needed = ancestors(nodes, [node_of(layer)], stop=[image])
    with graph.as_default():
        images = tf.compat.v1.placeholder(spec.dtype, [None, *spec.shape[1:]], name="seen")
        try:
            turned = copy_of(graph_def, run_on_cpu([node for name, node in nodes.items() if name in needed]))
            tf.graph_util.import_graph_def(turned, {image: images}, name="")
            target = images if layer == image else graph.get_tensor_by_name(layer)
            return field_between(between(images, target)[0], target, images, first)
        except (NotSupported, ValueError):  # ValueError: the graph needs a fixed number of images
            return None


def between(image: tf.Tensor, target: tf.Tensor) -> tuple[list[tf.Operation], set[Any]]:
    """Return the ops on the floating-point paths from image to target, in order of computation, and their tensors.

    Raises:
        NotSupported: a tensor whose first axis may not be that of the images.
    """
    reached, ops = {image.ref()}, []
    for op in target.graph.get_operations():
        if op is not image.op and any(tensor.ref() in reached for tensor in op.inputs):
            ops.append(op)
            reached |= {output.ref() for output in op.outputs if output.dtype.is_floating}
    needed, kept = {target.ref()}, []
    for op in reversed(ops):
        if any(output.ref() in needed for output in op.outputs):
            kept.append(op)
            needed |= {tensor.ref() for tensor in op.inputs} & reached
    outputs = [output for op in kept for output in op.outputs if output.ref() in needed]
    for tensor in outputs:
        if not tensor.shape.rank or tensor.shape[0] is not None:
            raise NotSupported(f"an image axis of known size: {tensor.name}")
    return kept[::-1], needed
