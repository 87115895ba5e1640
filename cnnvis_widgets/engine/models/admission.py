"""The door: what a model may run that nobody vouches for. One rule for every form of model, from a file or in memory.

A frozen network holds only what the forward part needs, so summaries, savers and queues are gone by themselves, and
everything that is left may run. Here each op of it is looked up in ``ops.allowed``, in the graph and in the functions
of its loops and branches. What is not allowed and not needed goes. What is needed is refused by name, unless the user
said ``trusted=True``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import tensorflow as tf
from google.protobuf.message import DecodeError

from ...errors import TrustError
from ..graph.custom_gradients import GRADIENT
from ..graph.freezing import Draft, FrozenGraph
from ..graph.function_bodies import functions_of
from ..graph.graphdef import (
    OWN,
    GraphDef,
    NodeDef,
    ancestors,
    consumers_of,
    copy_of,
    data_inputs,
    descendants,
    node_of,
    placeholder,
    tensor_of,
)
from ..graph.shapes import static_shapes
from ..ops.allowed import ALLOWED, READS_FILES_WHILE_IMPORTED, TRANSPARENT
from ..ops.gradient_nodes import Shapes
from .soundness import require_sound
from .trust import REMEDY, listed_ops, warn_of_trust

_QUIET = {"Assert", "ControlTrigger", "NoOp"}
"""Ops that compute nothing. Whoever takes something for them alone needs it for no layer."""


def admitted_draft(draft: Draft) -> Draft:
    """Return a draft that can be frozen safely: sound, and without marks that only this package may set.

    Raises:
        ModelError: the graph is not sound; see ``soundness``.
    """
    require_sound(draft.graph_def)
    library = draft.graph_def.library.function
    parts = (draft.graph_def.node, *(function.node_def for function in library))
    if not any(key.startswith(OWN) for nodes in parts for node in nodes for key in node.attr):
        return draft
    graph_def = GraphDef.FromString(draft.graph_def.SerializeToString())
    for nodes in (graph_def.node, *(function.node_def for function in graph_def.library.function)):
        for node in nodes:
            for key in [key for key in node.attr if key.startswith(OWN)]:
                del node.attr[key]
    return replace(draft, graph_def=graph_def)


def admitted(
    frozen: FrozenGraph, fed: Iterable[str] = (), declared: Iterable[str] = (), *, trusted: bool
) -> FrozenGraph:
    """Return a frozen graph in which every op that could run is allowed.

    Args:
        frozen: the graph.
        fed: names of tensors or nodes that are fed, so that the ops that make them never run.
        declared: the names of the tensors that the model itself calls its outputs.
        trusted: whether the user vouches for the model. Then nothing is changed, and a warning says what it does.

    Raises:
        TrustError: a layer or an output needs an op that is not allowed.

    Warns:
        TrustWarning: the model is trusted and does more than compute.
    """
    bad_functions = _functions_with_others(frozen.graph_def)
    if trusted:
        _tell([*frozen.graph_def.node, *(node for nodes in bad_functions.values() for node in nodes)])
        return frozen
    nodes = [_handing_on(node) if node.op in TRANSPARENT else node for node in frozen.graph_def.node]
    others = _others(nodes, bad_functions)
    if others and (cut := _fed_behind(others, nodes, fed)):
        nodes = _with_placeholders(frozen, nodes, cut)
        others = _others(nodes, bad_functions)
    behind = descendants(consumers_of(nodes), others)
    needs = [node.name for node in nodes if node.name in behind - others.keys() and node.op not in _QUIET]
    if needs or set(map(node_of, declared)) & behind:
        named = [inner for node in others.values() for inner in _named(node, bad_functions)]
        raise TrustError(
            f"Expected a model that only computes. Received: a model that also runs {listed_ops(named)}"
            f"{f', on which {needs[-1]!r} depends' if needs else ''}. The code of a model can read, change and send "
            f"whatever you can. {REMEDY}"
        )
    return _without(frozen, nodes, behind)


def _fed_behind(others: Iterable[str], nodes: Iterable[NodeDef], fed: Iterable[str]) -> set[str]:
    """The nodes that are fed and would otherwise be computed by ops that are not allowed, such as those of a queue."""
    return descendants(consumers_of(nodes), others) & set(map(node_of, fed))


def _with_placeholders(frozen: FrozenGraph, nodes: Sequence[NodeDef], cut: set[str]) -> list[NodeDef]:
    """Put placeholders where something is fed, and drop what led there and nowhere else."""
    shapes = {} if any(_reads_files(node) for node in nodes) else static_shapes(frozen)
    nodes = [part for node in nodes for part in (_placeholders(node, shapes) if node.name in cut else [node])]
    by_name = {node.name: node for node in nodes}
    sources = cut | set(map(node_of, frozen.inputs.values()))
    needed = ancestors(by_name, descendants(consumers_of(nodes), sources))
    return [node for node in nodes if node.name in needed]


def _reads_files(node: NodeDef) -> bool:
    return node.op in READS_FILES_WHILE_IMPORTED


def _without(frozen: FrozenGraph, nodes: Iterable[NodeDef], gone: Collection[str]) -> FrozenGraph:
    kept = [_without_control(node, gone) for node in nodes if node.name not in gone]
    taken = {node_of(reference) for node in kept for reference in node.input}
    returned = {name: tensor for name, tensor in frozen.outputs.items() if node_of(tensor) not in gone}
    names = {node.name for node in kept}
    return replace(
        frozen,
        graph_def=_of_nodes(frozen.graph_def, kept),
        weights={name: value for name, value in frozen.weights.items() if name in taken | names},
        outputs=returned,
    )


def _without_control(node: NodeDef, gone: Collection[str]) -> NodeDef:
    if not any(node_of(reference) in gone for reference in node.input):
        return node
    kept = NodeDef.FromString(node.SerializeToString())
    kept.ClearField("input")
    kept.input.extend(reference for reference in node.input if node_of(reference) not in gone)
    return kept


def _of_nodes(graph_def: GraphDef, nodes: Iterable[NodeDef]) -> GraphDef:
    """A graph of these nodes; its functions hand on what reports would have reported."""
    result = copy_of(graph_def, nodes)
    for function in result.library.function:
        for node in function.node_def:
            if node.op in TRANSPARENT:
                node.CopyFrom(_handing_on(node))
    return result


# ---- which ops are others


def _others(nodes: Iterable[NodeDef], functions: Collection[str]) -> dict[str, NodeDef]:
    return {node.name: node for node in nodes if _is_other(node) or _calls(node, functions)}


def _is_other(node: NodeDef) -> bool:
    return node.op not in ALLOWED or bool(_others_in_gradient(node))


def _others_in_gradient(node: NodeDef) -> list[NodeDef]:
    """The ops that are not allowed in the custom gradient of a node."""
    if GRADIENT not in node.attr:
        return []
    try:
        graph_def = GraphDef.FromString(node.attr[GRADIENT].s)
    except DecodeError:
        return [node]
    bodies = (each for function in graph_def.library.function for each in function.node_def)
    return [each for each in (*graph_def.node, *bodies) if each.op not in ALLOWED]


def _functions_with_others(graph_def: GraphDef) -> dict[str, list[NodeDef]]:
    """The functions in which, or below which, ops are not allowed, with these ops."""
    others: dict[str, list[NodeDef]] = {}
    for function in graph_def.library.function:
        inner = [node for node in function.node_def if _is_other(node) and node.op not in TRANSPARENT]
        if inner:
            others[function.signature.name] = inner
    while True:  # what calls such a function is one itself
        more = {
            function.signature.name: [other for node in function.node_def for other in _called(node, others)]
            for function in graph_def.library.function
            if function.signature.name not in others and any(_calls(node, others) for node in function.node_def)
        }
        if not more:
            return others
        others |= more


def _calls(node: NodeDef, functions: Collection[str]) -> bool:
    return any(name in functions for name in functions_of(node))


def _called(node: NodeDef, functions: Mapping[str, list[NodeDef]]) -> list[NodeDef]:
    return [other for name in functions_of(node) for other in functions.get(name, ())]


def _named(node: NodeDef, functions: Mapping[str, list[NodeDef]]) -> list[NodeDef]:
    return _called(node, functions) or _others_in_gradient(node) or [node]


def _tell(nodes: Iterable[NodeDef]) -> None:
    others = [node for node in nodes if _is_other(node)]
    if others:
        warn_of_trust(f"runs {listed_ops(inner for node in others for inner in _named(node, {}))}")


# ---- other forms of ops


def _handing_on(node: NodeDef) -> NodeDef:
    """What is left of an op that reports its input and hands it on."""
    result = NodeDef(op="Identity", name=node.name, input=data_inputs(node)[:1])
    result.attr["T"].CopyFrom(node.attr[TRANSPARENT[node.op]])
    return result


def _placeholders(node: NodeDef, shapes: Shapes) -> list[NodeDef]:
    """Stand-ins for the outputs of a node, such as the images and labels of an iterator."""
    outputs: list[tuple[tf.DType, tuple[int | None, ...] | None]] = []
    while (tensor := f"{node.name}:{len(outputs)}") in shapes:
        outputs.append(shapes[tensor])
    if len(outputs) < 2:
        return [_placeholder(node.name, *outputs[0])] if outputs else [node]
    inner = [_placeholder(f"{node.name}/{place}", *output) for place, output in enumerate(outputs)]
    together = NodeDef(op="IdentityN", name=node.name, input=[tensor_of(each.name) for each in inner])
    together.attr["T"].list.type.extend(dtype.as_datatype_enum for dtype, _ in outputs)
    return [*inner, together]


def _placeholder(name: str, dtype: tf.DType, shape: tuple[int | None, ...] | None) -> NodeDef:
    result = placeholder(name, dtype, ())
    result.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return result
