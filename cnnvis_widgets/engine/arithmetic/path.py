"""From a layer down to the op that reads the map below: which ops one number of the layer passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..graph.graphdef import NodeDef, data_inputs, node_of, tensor_of
from ..graph.structure import Structure
from ..ops.specs import OPS

MOVES = {"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Snapshot", "CheckNumerics", "Cast"}
"""The ops that hand numbers on, one by one and in order."""

_BY_CONSTANT = {"Add", "AddV2", "Sub", "Mul", "RealDiv", "BiasAdd"}
_BATCH_NORMALIZATIONS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}
_MIXES_NEIGHBOURS = {"Softmax", "LogSoftmax", "LRN"}


@dataclass(frozen=True)
class Link:
    """One op on the path.

    Attributes:
        node: the op; of a composite activation, its output.
        kind: what people call it.
        tensor: what it gives.
        inputs: the full names of what it takes; of a composite activation, its one input.
        varying: the places of those inputs that depend on the image.
        passes: whether the path goes on below it: it changes one number and mixes none.
        is_activation: whether it is a function of one number.
        spread: of a dilated convolution that is spelled with batches of every second or third row and column: block
            and padding of the op before it.
    """

    node: NodeDef
    kind: str
    tensor: str
    inputs: tuple[str, ...]
    varying: tuple[int, ...]
    passes: bool
    is_activation: bool = False
    spread: tuple[str, ...] = ()

    @property
    def entered(self) -> str:
        """The first input that depends on the image."""
        return self.inputs[self.varying[0]]


def path_to(structure: Structure, tensor: str) -> list[Link]:
    """The ops from a tensor down to the first that mixes numbers, that one included; none for an input."""
    links: list[Link] = []
    while node_of(tensor) in structure.varying and node_of(tensor) in structure.nodes:
        link = _link(structure, tensor)
        if not link.varying:
            break
        links.append(link)
        if not link.passes:
            break
        tensor = link.entered
    return links


def _link(structure: Structure, tensor: str) -> Link:
    node = NodeDef()
    node.CopyFrom(structure.nodes[node_of(tensor)])  # to look up an attribute that a node lacks would add it
    if node.name in structure.composites:
        composite = structure.composites[node.name]
        return Link(node, composite.kind, tensor, (composite.input,), (0,), True, True)
    inputs = tuple(tensor_of(reference) for reference in data_inputs(node))
    varying = tuple(place for place, name in enumerate(inputs) if node_of(name) in structure.varying)
    spec, single = OPS.get(node.op), len(varying) == 1
    kind = node.op if spec is None else spec.kind
    is_function = spec is not None and spec.pointwise and len(inputs) == 1 and node.op not in _MIXES_NEIGHBOURS
    moved = node.op in MOVES or node.op in ("Transpose", "BatchToSpaceND")
    before = structure.nodes.get(node_of(inputs[0])) if inputs else None
    spread: tuple[str, ...] = ()
    if before is not None and before.op == "SpaceToBatchND" and spec is not None and spec.windows:
        spread = tuple(tensor_of(reference) for reference in data_inputs(before)[1:])
    by_constant = single and (node.op in _BY_CONSTANT or (node.op in _BATCH_NORMALIZATIONS and not _trains(node)))
    if node.op == "RealDiv" and varying != (0,):
        by_constant = False
    passes = moved or by_constant or is_function
    return Link(node, kind, tensor, inputs, varying, passes and single, is_function and not moved, spread)


def _trains(node: NodeDef) -> bool:
    return "is_training" in node.attr and bool(node.attr["is_training"].b)


def names_of(links: list[Link], known: Mapping[str, object]) -> list[str]:
    """The tensors whose numbers the path needs, without repetition; shapes and axes among them."""
    names = [name for link in links for name in (link.tensor, *link.inputs, *link.spread)]
    return [name for name in dict.fromkeys(names) if name in known]
