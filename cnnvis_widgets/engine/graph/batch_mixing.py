"""Finds the ops through which the images of one batch influence each other."""

from __future__ import annotations

from collections.abc import Sequence

from .graphdef import NodeDef, ancestors, data_inputs, descendants, node_of, tensor_of
from .layers import constant_numbers
from .structure import Structure

_REDUCTIONS = {"All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"}
_NORMALIZATIONS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}
_ALONG_THE_LAST_AXIS = {"LogSoftmax", "Softmax"}


def mixing_nodes(structure: Structure, batch: int | None) -> tuple[str, ...]:
    """Name the ops before any layer that combine values of several images, in order of computation.

    These are batch normalisation on the statistics of the batch, reductions along the axis of the images, and products
    of two matrices that both depend on the images. Ops inside the functions of loops and conditionals are not looked
    at.

    Args:
        structure: of the graph.
        batch: the number of images that the graph insists on, or ``None``. One image has no others.
    """
    if batch == 1:
        return ()
    leading = ancestors(structure.nodes, [node_of(layer.tensor) for layer in structure.layers])
    return tuple(
        name
        for name, node in structure.nodes.items()
        if name in structure.varying and name in leading and _mixes(node, structure, batch)
    )


def depends_on_batch(structure: Structure, mixing: Sequence[str], tensors: Sequence[str]) -> bool:
    """Whether tensors depend on how images are put together in batches, by the ``mixing_nodes`` of the graph."""
    return bool(mixing) and not descendants(structure.consumers, mixing).isdisjoint(map(node_of, tensors))


def _mixes(node: NodeDef, structure: Structure, batch: int | None) -> bool:
    inputs = data_inputs(node)
    shapes = [structure.shapes.get(tensor_of(name), (None, None))[1] for name in inputs]
    varying = [node_of(name) in structure.varying for name in inputs]
    if not inputs or not varying[0] or shapes[0] is None or shapes[0][:1] != (batch,):
        return False
    if node.op in _NORMALIZATIONS:
        return node.attr["is_training"].b if "is_training" in node.attr else True
    if node.op in _REDUCTIONS:
        axes = constant_numbers(structure.nodes, inputs[1])
        return axes is not None and (0 in axes or -len(shapes[0]) in axes)
    if node.op == "MatMul":
        return varying[1]
    return node.op in _ALONG_THE_LAST_AXIS and len(shapes[0]) == 1
