"""Coverage: which ops between the image and a layer obey a rule, and which the engine cannot vouch for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ...results import Coverage, Layer, OpCoverage
from ..graph.composite_activations import CompositeActivation, inner_nodes
from ..graph.custom_gradients import LOST
from ..graph.function_bodies import FunctionFacts, carries_signals
from ..graph.graphdef import NodeDef
from ..graph.structure import Structure
from ..ops.specs import OPS, SWITCH, is_linear
from .custom_gradients import is_custom
from .rules import AUTO, RECTIFIED_KINDS, lrn_is_identity, require_rule
from .signal_path import BRANCHES, LOOPS, SignalPath, called, signal_path

_CUSTOM = "custom gradient"
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
        OptionError: no such rule.
    """
    require_rule(rule, automatic=True)
    if rule == AUTO:
        return _chosen(structure, image, layer, removed)
    nodes, shapes = structure.between(image, layer), structure.shapes

    def carries(tensor: str) -> bool:
        return tensor == image or (tensor in shapes and carries_signals(shapes[tensor][0]))

    path = signal_path(nodes, [image], [layer.tensor], carries)
    counted = Counter(_treatments(nodes, path, rule, structure.composites, structure.functions))
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


def _treatments(
    nodes: Iterable[NodeDef],
    path: SignalPath,
    rule: str,
    composites: Mapping[str, CompositeActivation],
    functions: Mapping[str, FunctionFacts],
) -> Iterator[tuple[str, str]]:
    """The kind and the treatment of each op on a path, also of those inside loops and branches."""
    inner = inner_nodes(composites)
    for node in nodes:
        if node.name in path.nodes and node.name not in inner:
            treated = _treatment(node, path.varying_inputs(node), rule, composites)
            if treated is not None:
                yield treated
            for function, inside in called(node, path.varying_inputs(node), functions):
                yield from _treatments(function.body.nodes, inside, rule, function.composites, functions)


def _treatment(
    node: NodeDef, varying: list[int], rule: str, composites: Mapping[str, CompositeActivation]
) -> tuple[str, str] | None:
    """The kind of an op and its treatment; ``None`` for linear ops that are not worth a word, such as sums."""
    composite, spec = composites.get(node.name), OPS.get(node.op)
    linear = composite is None and spec is not None and is_linear(node, varying)
    kind = composite.kind if composite is not None else _kind(node, linear)
    if kind in RECTIFIED_KINDS and rule != "gradient":
        return kind, "rule"
    if LOST in node.attr:
        return _CUSTOM, "lost"
    if is_custom(node):
        return _CUSTOM, "exact" if rule == "gradient" else "unruled"
    if kind in RECTIFIED_KINDS:
        return kind, "exact"
    if node.op == "LRN":
        return kind, "identity" if lrn_is_identity(rule) else "exact"
    if linear:
        named = kind in _NAMED_LINEAR or (spec is not None and spec.family in ("c", "p"))
        return (kind, "exact") if named else None
    if composite is None and node.op == "Maximum" and len(varying) == 2:
        return "maxout", "exact"  # as a max-pool, the signal goes to the one that won
    if node.op in (*LOOPS, *BRANCHES):
        return kind, "exact"  # the ops inside are counted by themselves
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
