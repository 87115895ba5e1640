"""Finds normalisations that a graph spells as several ops: layer, group, instance and RMS normalisation.

They centre and scale a tensor by means of its own values. Those means are no pools, and the sums on the way are no
layers: the layer is what comes out at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

import tensorflow as tf

from ..ops.gradient_nodes import Shapes
from .graphdef import NodeDef, data_inputs, node_of, tensor_of

_ARITHMETIC = {
    *("Add", "AddV2", "BiasAdd", "Cast", "ExpandDims", "Identity", "Maximum", "Mean", "Mul", "Neg", "Pow", "RealDiv"),
    *("Reciprocal", "Reshape", "Rsqrt", "Sqrt", "Square", "SquaredDifference", "Squeeze", "StopGradient", "Sub"),
}
_ROOTS = {"Pow", "Rsqrt", "Sqrt"}
_SAME = {"Cast", "Identity", "StopGradient"}
_MOST_OPS = 40
"""More ops than any normalisation has."""


@dataclass(frozen=True)
class Normalization:
    """A normalisation that consists of several ops.

    Attributes:
        kind: such as 'layer_normalization'.
        output: the name of its last node.
        inner: the names of all its nodes.
    """

    kind: str
    output: str
    inner: frozenset[str]


@dataclass(frozen=True)
class _Graph:
    nodes: Mapping[str, NodeDef]
    consumers: Mapping[str, list[str]]
    varying: Collection[str]
    shapes: Shapes
    order: Mapping[str, int]

    def inputs(self, name: str) -> list[str]:
        """The nodes that a node takes values from that depend on the image, the shapes of reshapes apart."""
        node = self.nodes[name]
        taken = data_inputs(node)[:1] if node.op in {"ExpandDims", "Mean", "Reshape"} else data_inputs(node)
        return [node_of(each) for each in taken if node_of(each) in self.varying]

    def behind(self, name: str) -> str:
        """The node whose values a node has, through casts and identities."""
        while self.nodes[name].op in _SAME:
            name = node_of(self.nodes[name].input[0])
        return name

    def shape(self, name: str) -> tuple[int | None, ...]:
        return self.shapes.get(tensor_of(name), (None, None))[1] or ()


def find_normalizations(
    nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[str]], varying: Collection[str], shapes: Shapes
) -> dict[str, Normalization]:
    """Find the normalisations of a graph.

    Args:
        nodes: by name, each after its inputs.
        consumers: by node name, the names of the nodes that take data from it.
        varying: the names of the nodes that depend on an input.
        shapes: of all tensors.

    Returns:
        The normalisations by the name of their last node.
    """
    graph = _Graph(nodes, consumers, varying, shapes, {name: place for place, name in enumerate(nodes)})
    inside, found = set[str](), dict[str, Normalization]()
    for name, node in nodes.items():
        if node.op == "Mean" and name in varying and name not in inside:
            normalization = _normalization(graph, name)
            if normalization is not None:
                found[normalization.output] = normalization
                inside |= normalization.inner
    return found


def _normalization(graph: _Graph, mean: str) -> Normalization | None:
    """The normalisation that begins with a mean; ``None`` if that is a pool."""
    entered = graph.behind(node_of(data_inputs(graph.nodes[mean])[0]))
    squared = graph.nodes[entered].op == "Square"
    source = graph.behind(node_of(data_inputs(graph.nodes[entered])[0])) if squared else entered
    end, inside = _end(graph, mean, source)
    if end is None:
        return None
    scaled = _with_scale_and_offset(graph, end)
    kind = _kind(graph, mean, source, squared)
    after = graph.consumers.get(scaled[-1], [])
    grouped = graph.nodes[source].op == "Reshape" and len(after) == 1 and graph.nodes[after[0]].op == "Reshape"
    if grouped and graph.shape(after[0]) == graph.shape(node_of(graph.nodes[source].input[0])):
        kind, scaled = "group_normalization", [*scaled, after[0]]
    return Normalization(kind, scaled[-1], frozenset({*inside, *scaled, *([entered] if squared else [])}))


def _end(graph: _Graph, mean: str, source: str) -> tuple[str | None, set[str]]:
    """The first op with the shape of the source at which all that depends on the mean has come together."""
    before: dict[str, set[str]] = {mean: {mean}}
    carrying, rooted = set[str](), set[str]()  # that take values of the source itself; that take a root
    pending: list[tuple[int, str]] = []
    _push(graph, mean, pending)
    while pending and len(before) < _MOST_OPS:
        name = heappop(pending)[1]
        node, inputs = graph.nodes[name], graph.inputs(name)
        others = [each for each in inputs if graph.behind(each) != source]
        if name in before or node.op not in _ARITHMETIC or not all(each in before for each in others):
            continue
        before[name] = {name}.union(*(before[each] for each in others))
        if node.op not in {"Mean", "SquaredDifference"} and (len(others) < len(inputs) or carrying & set(others)):
            carrying.add(name)
        if (node.op in _ROOTS and name not in carrying) or rooted & set(others):
            rooted.add(name)
        _push(graph, name, pending)
    for name in before:
        apart = before.keys() - before[name]
        whole = all(name in before[each] for each in apart) and graph.shape(name) == graph.shape(source) != ()
        if whole and name in carrying and name in rooted:
            return name, before[name]
    return None, set()


def _push(graph: _Graph, name: str, pending: list[tuple[int, str]]) -> None:
    for each in graph.consumers.get(name, []):
        heappush(pending, (graph.order[each], each))


def _with_scale_and_offset(graph: _Graph, end: str) -> list[str]:
    """The nodes from the end of a normalisation over a product and a sum with constants, as far as these follow."""
    path = [end]
    for ops in ({"Mul"}, {"Add", "AddV2", "BiasAdd"}):
        following = set(graph.consumers.get(path[-1], []))
        if len(following) == 1:
            (name,) = following
            if graph.nodes[name].op in ops and len(graph.inputs(name)) == 1:
                path.append(name)
    return path


def _kind(graph: _Graph, mean: str, source: str, squared: bool) -> str:
    rank = len(graph.shape(source))
    constant = graph.nodes.get(node_of(data_inputs(graph.nodes[mean])[1]))
    if squared:
        return "rms_normalization"
    if constant is None or constant.op != "Const" or not rank:
        return "layer_normalization"
    axes = {axis % rank for axis in tf.make_ndarray(constant.attr["value"].tensor).ravel().tolist()}
    if 0 in axes:
        return "batch_normalization"
    kept = set(range(1, rank)) - axes
    return "instance_normalization" if rank > 2 and kept == {rank - 1} else "layer_normalization"


def is_subtracted(nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[str]], mean: str) -> bool:
    """Whether a mean is subtracted from what it is the mean of: such a mean centres, it is no pool."""
    source = node_of(data_inputs(nodes[mean])[0])
    return any(
        nodes[each].op in {"Sub", "SquaredDifference"} and source in map(node_of, data_inputs(nodes[each]))
        for each in consumers.get(mean, [])
    )


def inside_normalizations(normalizations: Iterable[Normalization]) -> set[str]:
    """Return the names of all nodes inside normalisations, without their last nodes."""
    return {name for normalization in normalizations for name in normalization.inner - {normalization.output}}
