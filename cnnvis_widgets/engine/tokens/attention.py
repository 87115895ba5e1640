"""Finds the attentions of a graph: a softmax over keys between two products of what depends on the image.

References:
    [1] A. Vaswani et al., "Attention Is All You Need", section 3.2.1, NeurIPS 2017, arXiv 1706.03762.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ..graph.graphdef import NodeDef, ancestors, data_inputs, descendants, node_of, tensor_of
from ..graph.products import PRODUCTS, SHAPE_OPS
from ..graph.structure import Structure

_BEFORE_SOFTMAX = {
    *("Add", "AddV2", "BiasAdd", "Cast", "ClipByValue", "Div", "ExpandDims", "Identity", "Maximum", "Minimum", "Mul"),
    *("RealDiv", "Reshape", "Select", "SelectV2", "Squeeze", "StridedSlice", "Sub", "Tanh", "Transpose", "Where"),
}
"""Ops that scale, mask, bias and arrange scores."""
_BEHIND_SOFTMAX = {"Cast", "ExpandDims", "Identity", "Mul", "Reshape", "Select", "SelectV2", "Squeeze", "Transpose"}
"""Ops that mask and arrange weights."""


@dataclass(frozen=True)
class AttentionNodes:
    """One attention of a graph.

    Attributes:
        scores: the name of the product of queries and keys.
        entered: the full name of the tensor that enters the softmax.
        weights: the name of the last node of the softmax.
        values: the name of the product of weights and values.
        inner: the names of all nodes from the product of queries and keys to the softmax.
    """

    scores: str
    entered: str
    weights: str
    values: str
    inner: frozenset[str]


def find_attentions(structure: Structure) -> tuple[AttentionNodes, ...]:
    """Return the attentions of a graph, in order of computation."""
    return tuple(found for softmax in _softmaxes(structure) if (found := _attention(structure, *softmax)) is not None)


def _softmaxes(structure: Structure) -> Iterator[tuple[str, str]]:
    """Yield the last node and the entering tensor of every softmax, also of one over several axes."""
    for name, node in structure.nodes.items():
        if name not in structure.varying:
            continue
        composite = structure.composites.get(name)
        if composite is not None:
            if composite.kind == "softmax":
                yield name, composite.input
        elif node.op == "Softmax":
            yield name, tensor_of(data_inputs(node)[0])
        elif node.op == "Exp" and (entered := _less_log_sum(structure, node)):
            yield name, entered


def _less_log_sum(structure: Structure, node: NodeDef) -> str:
    """The tensor x of exp(x - log(sum(exp(x)))), which Keras computes over several axes; '' for any other node."""
    difference = structure.nodes[node_of(data_inputs(node)[0])]
    if difference.op != "Sub":
        return ""
    entered, logarithm = data_inputs(difference)[:2]
    inside = _reached(logarithm, structure, lambda each: each.op not in PRODUCTS, {"Log", "Sum", "Exp"})
    return tensor_of(entered) if inside == {"Log", "Sum", "Exp"} else ""


def _reached(
    reference: str, structure: Structure, passes: Callable[[NodeDef], bool], wanted: Collection[str], steps: int = 12
) -> set[str]:
    """The wanted ops that are found within a few steps before a tensor."""
    found, pending = set[str](), [(node_of(reference), 0)]
    while pending:
        name, depth = pending.pop()
        node = structure.nodes[name]
        if name in structure.varying and passes(node) and depth < steps:
            found |= {node.op} & set(wanted)
            pending += [(node_of(each), depth + 1) for each in data_inputs(node)]
    return found


def _attention(structure: Structure, weights: str, entered: str) -> AttentionNodes | None:
    def inputs(name: str) -> list[str]:
        return [node_of(each) for each in data_inputs(structure.nodes[name])]

    scores = _product(node_of(entered), structure, inputs, _BEFORE_SOFTMAX)
    values = _product_behind(weights, structure)
    if scores is None or values is None:
        return None
    inner = descendants(structure.consumers, [scores]) & ancestors(structure.nodes, [weights])
    return AttentionNodes(scores, entered, weights, values, frozenset(inner))


def _product(
    start: str, structure: Structure, following: Callable[[str], list[str]], passing: Collection[str]
) -> str | None:
    """The nearest product of two factors that both depend on the image, over passing ops."""
    seen, pending = set[str](), [start]
    while pending:
        name = pending.pop(0)
        if name in seen or name not in structure.varying:
            continue
        seen.add(name)
        node = structure.nodes[name]
        if _multiplies_two(node, structure):
            return name
        if node.op in passing:
            pending += following(name)
    return None


def _product_behind(weights: str, structure: Structure) -> str | None:
    """The product of the weights of a softmax with what depends on the image; ``None`` if there is none."""

    def consumers(name: str) -> list[str]:
        return structure.consumers.get(name, [])

    starts = [start for start in consumers(weights) if structure.nodes[start].op not in SHAPE_OPS]
    found = (_product(start, structure, consumers, _BEHIND_SOFTMAX) for start in starts)
    return next((product for product in found if product is not None), None)


def _multiplies_two(node: NodeDef, structure: Structure) -> bool:
    if node.op not in PRODUCTS:
        return False
    return sum(node_of(each) in structure.varying for each in data_inputs(node)) == 2
