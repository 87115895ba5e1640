"""Traces the places of all tensors of a network, from the image to the last one, without running it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ..graph.freezing import FrozenGraph
from ..graph.graphdef import node_of
from ..graph.products import SHAPE_OPS
from ..graph.structure import Structure
from .attention import AttentionNodes, find_attentions
from .place_rules import Entered, places_after, sides_of_product
from .places import Grids, Places, all_of, compact


@dataclass(frozen=True, eq=False)
class AttentionPlaces:
    """Where the weights of one attention lie.

    Attributes:
        nodes: the attention.
        queries, keys: the places that each weight goes from and to, in the shape of the tensor of the weights.
    """

    nodes: AttentionNodes
    queries: Places
    keys: Places


@dataclass(frozen=True, eq=False)
class TracedPlaces:
    """The places of the tensors of a network.

    Attributes:
        places: by tensor name.
        grids: all grids.
        attentions: in order of computation.
        images: the number of images that was traced.
    """

    places: Mapping[str, Places]
    grids: Grids
    attentions: tuple[AttentionPlaces, ...]
    images: int


def trace(
    frozen: FrozenGraph,
    structure: Structure,
    image: str,
    sizes: Mapping[str, Sequence[int]],
    measure: Callable[[Sequence[str]], Sequence[tuple[int, ...]]] | None = None,
) -> TracedPlaces | None:
    """Trace the places of a network.

    Args:
        frozen: its graph.
        structure: of the graph.
        image: the full name of the tensor of the images.
        sizes: the shape of every tensor that is fed, images included, by tensor name; all sizes are known.
        measure: runs the network and returns the shapes of some tensors. A loop does not tell the size of its output
            before it has run. Without ``measure``, no places are known behind such a loop.

    Returns:
        The places; ``None`` if the graph does not take these shapes.
    """
    measured: dict[str, Sequence[int]] = {}
    try:
        graph, fed = _imported(frozen, structure, sizes)
        while measure is not None and (unsized := _unsized(graph, structure, measured)):
            measured |= zip(unsized, measure(unsized), strict=True)
            graph, fed = _imported(frozen, structure, {**measured, **sizes})
    except (ValueError, TypeError, tf.errors.OpError):
        return None
    alike = [
        tensor for tensor in sizes if len(sizes[tensor]) == len(sizes[image]) and sizes[tensor][0] == sizes[image][0]
    ]
    first = len(sizes[image]) > 2 and structure.axes.get(node_of(image)) == 1
    return _Tracer(graph, structure, [fed[tensor] for tensor in alike], first).run()


def _imported(
    frozen: FrozenGraph, structure: Structure, sizes: Mapping[str, Sequence[int]]
) -> tuple[tf.Graph, dict[str, tf.Tensor]]:
    """Import a graph with placeholders of known sizes for some of its tensors."""
    graph = tf.Graph()
    with graph.as_default():
        fed = {
            tensor: tf.compat.v1.placeholder(structure.shapes[tensor][0], shape, name="fed")
            for tensor, shape in sizes.items()
        }
        tf.graph_util.import_graph_def(frozen.graph_def, fed, name="")
    return graph, fed


def _unsized(graph: tf.Graph, structure: Structure, known: Container[str]) -> list[str]:
    """The tensors of unknown shape that come out of loops. Variants are lists, whose tensors come out by another op."""
    return [
        tensor.name
        for op in graph.get_operations()
        if op.type in _ENDS_OF_LOOPS
        for tensor in op.outputs
        if not tensor.shape.is_fully_defined() and tensor.name in structure.shapes and tensor.name not in known
        if tensor.dtype not in (tf.variant, tf.resource)
    ]


_ENDS_OF_LOOPS = {
    *("While", "StatelessWhile", "Exit", "TensorListStack", "TensorListGather", "TensorListConcatV2"),
    *("TensorArrayGatherV3", "TensorArrayConcatV3"),
}


class _Tracer:
    """Walks the ops of a graph once, in order of computation.

    Args:
        graph: whose shapes are known.
        structure: of the same graph.
        inputs: the tensors of images.
        first: whether their channels stand before height and width.
    """

    def __init__(self, graph: tf.Graph, structure: Structure, inputs: Sequence[tf.Tensor], first: bool) -> None:
        self._graph, self._structure = graph, structure
        self._images = int(inputs[0].shape[0])
        self._grids = Grids()
        self._places: dict[str, Places] = {tensor.name: self._of_image(tuple(tensor.shape), first) for tensor in inputs}
        self._attentions = find_attentions(structure)
        self._found: list[AttentionPlaces] = []
        self._sides: dict[str, tuple[Places, Places]] = {}

    def _of_image(self, shape: Sequence[int], first: bool) -> Places:
        sizes = [*shape[2:]] if first else [*shape[1:-1]]
        numbers = all_of(self._grids.of_shape(sizes), self._images)
        return np.broadcast_to(np.expand_dims(numbers, 1 if first else -1), tuple(shape))

    def run(self) -> TracedPlaces:
        scores = {nodes.scores: nodes for nodes in self._attentions}
        weights = {nodes.weights: nodes for nodes in self._attentions}
        inner = {name for nodes in self._attentions for name in nodes.inner}
        for op in self._graph.get_operations():
            entered = [self._places.get(tensor.name) for tensor in op.inputs]
            if op.type in SHAPE_OPS or all(places is None for places in entered) or not self._is_known(op):
                continue
            if op.name in scores:
                self._sides[op.outputs[0].name] = sides_of_product(op, entered, self._grids)
            elif op.name in inner:
                self._follow_sides(op)
            self._place_outputs(op, entered)
            if op.name in weights and op.outputs[0].name in self._sides:
                self._finish(weights[op.name], op)
        return TracedPlaces(self._places, self._grids, tuple(self._found), self._images)

    def _is_known(self, op: tf.Operation) -> bool:
        return bool(op.outputs) and all(tensor.shape.is_fully_defined() for tensor in (*op.inputs, *op.outputs))

    def _place_outputs(self, op: tf.Operation, entered: Entered) -> None:
        for output, places in zip(op.outputs, places_after(op, entered, self._grids, self._images), strict=True):
            self._places[output.name] = places

    def _follow_sides(self, op: tf.Operation) -> None:
        """The places by the queries and by the keys, from their product to the softmax. Masks and biases have none."""
        sides = [self._sides.get(tensor.name) for tensor in op.inputs]
        if any(sides):
            first, second = (
                places_after(op, [pair and pair[side] for pair in sides], self._grids, self._images)[0]
                for side in (0, 1)
            )
            self._sides[op.outputs[0].name] = first, second

    def _finish(self, nodes: AttentionNodes, op: tf.Operation) -> None:
        """Tell queries from keys: the softmax sums over keys. What the weights are multiplied with goes to queries."""
        first, second = self._sides[op.outputs[0].name]
        along = self._axes_of_sum(op)
        sizes = [max(compact(places).shape[axis] for axis in along) for places in (first, second)]
        queries, keys = (first, second) if sizes[1] >= sizes[0] else (second, first)
        self._places[op.outputs[0].name] = queries
        self._found.append(AttentionPlaces(nodes, queries, keys))

    def _axes_of_sum(self, op: tf.Operation) -> list[int]:
        """The axes over which a softmax sums."""
        rank = op.outputs[0].shape.rank
        if op.type == "Softmax":
            return [rank - 1]
        composite = self._structure.composites.get(op.name)
        inner = () if composite is None else composite.inner
        sums = [self._graph.get_operation_by_name(name) for name in inner]
        for each in sums:
            if each.type == "Sum":
                return [int(axis) % rank for axis in np.ravel(tf.get_static_value(each.inputs[1]))]
        return self._axes_of_log_sum(op)

    def _axes_of_log_sum(self, op: tf.Operation) -> list[int]:
        """The axes of the sum in exp(x - log(sum(exp(x))))."""
        rank, pending = op.outputs[0].shape.rank, [op.inputs[0].op.inputs[1].op]
        while pending:
            each = pending.pop()
            if each.type == "Sum":
                return [int(axis) % rank for axis in np.ravel(tf.get_static_value(each.inputs[1]))]
            pending += [tensor.op for tensor in each.inputs]
        return [rank - 1]
