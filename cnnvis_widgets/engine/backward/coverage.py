"""Coverage: which ops between the image and a layer obey a rule, and which the engine cannot vouch for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from ...results import Coverage, Layer, OpCoverage
from ..graph.composite_activations import CompositeActivation, inner_nodes
from ..graph.graphdef import NodeDef, data_inputs, node_of, tensor_of
from ..graph.layers import Shapes
from ..graph.structure import Structure
from ..ops.specs import CUT, OPS, SHAPE, SWITCH, is_linear
from .rules import AUTO, RECTIFIED_KINDS, lrn_is_identity, require_rule

_NAMED_LINEAR = {"dense", "batch_normalization"}  # beside convolutions and pools; sums and reshapes are not named


def coverage(structure: Structure, image: str, layer: Layer, rule: str, *, removed: str = "") -> Coverage:
    """How a rule treats the ops through which signals go back from a layer to the image.

    Args:
        structure: of the network.
        image: the name of the image tensor.
        layer: where signals begin.
        rule: its name, or 'auto' for 'deconvnet' where max-pools lie on the way and 'guided' where none does.
        removed: the kind of activation behind the layer that was left out, such as "softmax"; "" for none.

    Raises:
        ValueError: no such rule.
    """
    require_rule(rule, automatic=True)
    if rule == AUTO:
        return _chosen(structure, image, layer, removed)
    nodes, composites = structure.between(image, layer), structure.composites
    path = _signal_path(nodes, image, layer.tensor, structure.shapes)
    inner = inner_nodes(composites)
    counted: Counter[tuple[str, str]] = Counter()
    for node in nodes:
        if node.name in path.nodes and node.name not in inner:
            treated = _treatment(node, path.varying_inputs(node), rule, composites)
            if treated is not None:
                counted[treated] += 1
    if removed:
        counted[removed, "removed"] += 1
    return Coverage(rule, tuple(OpCoverage(kind, count, how) for (kind, how), count in counted.items()))


def _chosen(structure: Structure, image: str, layer: Layer, removed: str) -> Coverage:
    """The coverage of the rule that 'auto' stands for, with the reason."""
    found = coverage(structure, image, layer, "deconvnet", removed=removed)
    pools = sum(op.count for op in found.ops if op.kind == "max_pool")
    if pools:
        return replace(found, reason=f"{pools} max-pool{'s lie' if pools > 1 else ' lies'} on the way")
    found = coverage(structure, image, layer, "guided", removed=removed)
    return replace(found, reason="no max-pool lies on the way")


@dataclass(frozen=True)
class _SignalPath:
    """The nodes through which signals go back, and all nodes whose values depend on the image."""

    nodes: Collection[str]
    varying: Collection[str]

    def varying_inputs(self, node: NodeDef) -> list[int]:
        """The places of the inputs whose values depend on the image."""
        return [place for place, each in enumerate(data_inputs(node)) if node_of(each) in self.varying]


def _signal_path(nodes: Sequence[NodeDef], image: str, target: str, shapes: Shapes) -> _SignalPath:
    """Follow values from the image upwards, then signals from the target downwards.

    Signals travel along floating-point tensors and the lists of loops. They end at ops such as ``tf.stop_gradient`` and
    ``tf.shape``.
    """
    varying, leading = {node_of(image)}, dict[str, list[str]]()
    for node in nodes:
        entered = [tensor_of(each) for each in data_inputs(node) if node_of(each) in varying]
        linearity = OPS[node.op].linearity if node.op in OPS else None
        if node.name == node_of(image) or not entered or linearity is SHAPE:
            continue
        varying.add(node.name)
        carrying = [
            each for each in entered if each == image or (node_of(each) in leading and _is_signal(each, shapes))
        ]
        if carrying and linearity is not CUT:
            leading[node.name] = [node_of(each) for each in carrying]
    reached, pending = set[str](), [node_of(target)]
    while pending:
        name = pending.pop()
        if name in leading and name not in reached:
            reached.add(name)
            pending += leading[name]
    return _SignalPath(reached, varying)


def _is_signal(tensor: str, shapes: Shapes) -> bool:
    dtype = shapes[tensor][0] if tensor in shapes else tf.bool
    return bool(dtype.is_floating or dtype.is_complex or dtype == tf.variant)


def _treatment(
    node: NodeDef, varying: list[int], rule: str, composites: Mapping[str, CompositeActivation]
) -> tuple[str, str] | None:
    """The kind of an op and its treatment; ``None`` for linear ops that are not worth a word, such as sums."""
    composite, spec = composites.get(node.name), OPS.get(node.op)
    linear = composite is None and spec is not None and is_linear(node, varying)
    kind = composite.kind if composite is not None else _kind(node, linear)
    if kind in RECTIFIED_KINDS:
        return kind, "exact" if rule == "gradient" else "rule"
    if node.op == "LRN":
        return kind, "identity" if lrn_is_identity(rule) else "exact"
    if linear:
        named = kind in _NAMED_LINEAR or (spec is not None and spec.family in ("c", "p"))
        return (kind, "exact") if named else None
    if composite is None and node.op == "Maximum" and len(varying) == 2:
        return "maxout", "exact"  # as a max-pool, the signal goes to the one that won
    if rule == "gradient" or (composite is None and spec is not None and spec.linearity is SWITCH):
        return kind, "exact"
    return kind, "unknown" if spec is None else "unruled"


def _kind(node: NodeDef, linear: bool) -> str:
    """What people call an op; its type if nobody does."""
    if node.op == "MatMul" and linear:
        return "dense"
    if node.op == "AddV2" and node.name.endswith("batchnorm/add_1"):  # as Keras spells it
        return "batch_normalization"
    return OPS[node.op].kind if node.op in OPS else node.op
