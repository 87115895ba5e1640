"""Function calls and branches replaced by what they compute, so that the layers inside are layers of the graph.

Loops stay ops: the bodies of ``While`` are kept in the library, with the calls inside them inlined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef

from ..ops.specs import OPS
from .custom_gradients import GRADIENT, LOST
from .function_bodies import Body, bodies_of, function_of, functions_of, needed_nodes
from .graphdef import V1_LOOP_ENTRIES, GraphDef, NodeDef, data_inputs, node_of, rewire, tensor_of

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
_LAYERS = {op for op, spec in OPS.items() if spec.family} | {"MatMul"}

_Replacement = tuple[list[NodeDef], list[str]]
"""The nodes that take the place of a node, and the tensors that take the place of its outputs."""


def inline_functions(graph_def: GraphDef) -> tuple[GraphDef, dict[str, str]]:
    """Replace every function call by the function's body, its nodes named '<call>/<node>'.

    A SavedModel's ops can all sit inside functions; without this there would be no layer to list. A branch
    (``tf.cond``, ``tf.switch_case``) of which the graph says which way it goes is replaced by that way. One with layers
    inside becomes all its ways, and a choice between their results. IdentityN goes, too, without a custom gradient.

    Returns:
        The flat GraphDef, and where each output of a call now comes from (tensor name to tensor name).
    """
    bodies = bodies_of(graph_def, [name for node in graph_def.node for name in functions_of(node)])
    kept = {name: _with_calls_inlined(body, bodies) for name, body in bodies.items()}
    nodes = [NodeDef.FromString(node.SerializeToString()) for node in graph_def.node]
    choices: dict[str, Body] = {}
    nodes, moved = _inlined(nodes, bodies)
    while branches := _inlinable(nodes, bodies):
        nodes, replaced = _replaced(nodes, partial(_ways, branches=branches, bodies=bodies, choices=choices))
        nodes, called = _inlined(nodes, bodies)
        moved = _followed(moved | replaced | called)
    result = GraphDef(versions=graph_def.versions, node=_plain_control_edges(nodes))
    result.library.function.extend(_reachable(nodes, kept | choices))
    return result, moved


def _reachable(nodes: Iterable[NodeDef], bodies: Mapping[str, Body]) -> list[FunctionDef]:
    """Write the functions that loops and branches still refer to."""
    names: dict[str, None] = {}
    pending = list(nodes)
    while pending:
        for name in functions_of(pending.pop()):
            if name in bodies and name not in names:
                names[name] = None
                pending += bodies[name].nodes
    return [function_of(name, bodies[name]) for name in names]


# ---- calls


def _with_calls_inlined(body: Body, bodies: Mapping[str, Body]) -> Body:
    nodes, moved = _inlined([NodeDef.FromString(node.SerializeToString()) for node in body.nodes], bodies)
    returned = tuple((moved.get(tensor, tensor), dtype) for tensor, dtype in body.returned)
    return replace(
        body,
        nodes=tuple(needed_nodes({node.name: node for node in nodes}, [tensor for tensor, _ in returned])),
        returned=returned,
    )


def _inlined(nodes: list[NodeDef], bodies: Mapping[str, Body]) -> tuple[list[NodeDef], dict[str, str]]:
    def call(node: NodeDef) -> _Replacement | None:
        if node.op == "IdentityN" and GRADIENT not in node.attr:
            return _identities(node) if LOST in node.attr else ([], list(map(tensor_of, data_inputs(node))))
        called = node.attr["f"].func.name if node.op in _CALLS else node.op
        return _placed(bodies[called], node.name, data_inputs(node)) if called in bodies else None

    return _replaced(nodes, call)


def _identities(node: NodeDef) -> _Replacement:
    """Replace an IdentityN by ops of one input, which tell as it does that a custom gradient is lost."""
    placed = []
    for place, entered in enumerate(data_inputs(node)):
        single = NodeDef(op="Identity", name=f"{node.name}/{place}", input=[tensor_of(entered)])
        single.attr["T"].type = node.attr["T"].list.type[place]
        placed.append(single)
    placed[0].attr[LOST].b = True  # one op, one mark
    return placed, [tensor_of(single.name) for single in placed]


def _replaced(
    nodes: list[NodeDef], replacement: Callable[[NodeDef], _Replacement | None]
) -> tuple[list[NodeDef], dict[str, str]]:
    """Replace nodes, and the nodes that took their place, until nothing is left to replace. Rewires all others."""
    moved: dict[str, str] = {}
    flat: list[NodeDef] = []
    pending = list(reversed(nodes))
    while pending:
        node = pending.pop()
        found = replacement(node)
        if found is None:
            flat.append(node)
        else:
            pending += reversed(found[0])
            moved |= {f"{node.name}:{index}": tensor for index, tensor in enumerate(found[1])}
    moved = _followed(moved)
    rewire(flat, moved)
    return flat, moved


def _followed(moved: Mapping[str, str]) -> dict[str, str]:
    def end(tensor: str) -> str:
        while tensor in moved:
            tensor = moved[tensor]
        return tensor

    return {tensor: end(tensor) for tensor in moved}


def _placed(body: Body, scope: str, inputs: Sequence[str]) -> _Replacement:
    """Copy a body under a scope, with tensors in the place of its arguments."""
    given = dict(zip([f"{name}:0" for name, _ in body.arguments], map(tensor_of, inputs), strict=True))

    def outer(reference: str) -> str:
        tensor = tensor_of(reference)
        return given.get(tensor) or f"{scope}/{tensor}"

    nodes = []
    for node in body.nodes:
        copied = NodeDef.FromString(node.SerializeToString())
        copied.name = f"{scope}/{node.name}"
        copied.ClearField("input")
        copied.input.extend(
            f"^{scope}/{input_name[1:]}" if input_name.startswith("^") else outer(input_name)
            for input_name in node.input
        )
        nodes.append(copied)
    return nodes, [outer(tensor) for tensor, _ in body.returned]


# ---- branches


def _inlinable(nodes: Sequence[NodeDef], bodies: Mapping[str, Body]) -> dict[str, int | None]:
    """Return the branches to inline, by name, with the way that each goes if the graph says so."""
    by_name = {node.name: node for node in nodes}
    found: dict[str, int | None] = {}
    for node in nodes:
        if node.op in _BRANCHES:
            way = _way(node, by_name)
            if way is not None or any(_has_layers(name, bodies) for name in _ways_of(node)):
                found[node.name] = way
    return found


def _ways_of(node: NodeDef) -> list[str]:
    if node.op in ("Case", "StatelessCase"):
        return [function.name for function in node.attr["branches"].list.func]
    return [node.attr["then_branch"].func.name, node.attr["else_branch"].func.name]


def _way(node: NodeDef, nodes: Mapping[str, NodeDef]) -> int | None:
    """Return which way a branch goes if that is a constant."""
    source = nodes.get(node_of(node.input[0]))
    while source is not None and source.op == "Identity":
        source = nodes.get(node_of(source.input[0]))
    if source is None or source.op != "Const":
        return None
    value = tf.make_ndarray(source.attr["value"].tensor)
    if value.ndim:
        return None
    if node.op in ("If", "StatelessIf"):
        return 0 if value else 1
    ways = len(_ways_of(node))
    return int(value) if 0 <= value < ways else ways - 1


def _has_layers(name: str, bodies: Mapping[str, Body]) -> bool:
    pending, seen = [name], set[str]()
    while pending:
        body = bodies.get(current := pending.pop())
        if body is None or current in seen:
            continue
        seen.add(current)
        if any(node.op in _LAYERS for node in body.nodes):
            return True
        pending += [called for node in body.nodes for called in functions_of(node)]
    return False


def _ways(
    node: NodeDef, branches: Mapping[str, int | None], bodies: Mapping[str, Body], choices: dict[str, Body]
) -> _Replacement | None:
    """Replace a branch by the way that it goes, or by all its ways and a choice between their results.

    The choice is a branch itself, whose ways only hand over: the sizes of the results may differ.
    """
    if node.name not in branches:
        return None
    names, inputs, way = _ways_of(node), data_inputs(node), branches[node.name]
    scopes = ["then", "else"] if node.op.endswith("If") else [f"case_{index}" for index in range(len(names))]
    if way is not None:  # 'cond' alone would not do: TensorFlow calls what follows a branch 'cond/Identity'
        return _placed(bodies[names[way]], f"{node.name}/{scopes[way]}", inputs[1:])
    placed = [
        _placed(bodies[name], f"{node.name}/{scope}", inputs[1:]) for name, scope in zip(names, scopes, strict=True)
    ]
    results = [tensor for _, tensors in placed for tensor in tensors]
    choice = _choice(node, inputs[0], results, [f"{node.name}/chosen/{scope}" for scope in scopes], choices)
    outputs = len(bodies[names[0]].returned)
    return [
        *(inner for nodes, _ in placed for inner in nodes),
        choice,
    ], [f"{choice.name}:{index}" for index in range(outputs)]


def _choice(
    node: NodeDef, chosen: str, results: Sequence[str], names: Sequence[str], choices: dict[str, Body]
) -> NodeDef:
    """Make a branch that only hands over the results of one way; a select would want results of one size."""
    dtypes = list(node.attr["Tout"].list.type)
    arguments = [(f"result_{index}", dtype) for index, dtype in enumerate(dtypes * len(names))]
    for way, name in enumerate(names):
        own = arguments[way * len(dtypes) : (way + 1) * len(dtypes)]
        choices[name] = Body(tuple(arguments), (), tuple((f"{argument}:0", dtype) for argument, dtype in own))
    choice = NodeDef(op=f"Stateless{node.op.removeprefix('Stateless')}", name=f"{node.name}/choice")
    choice.input.extend([chosen, *results])
    for key in ("Tcond", "Tout", "output_shapes"):
        if key in node.attr:
            choice.attr[key].CopyFrom(node.attr[key])
    choice.attr["Tin"].list.type.extend(dtypes * len(names))
    if node.op.endswith("If"):
        choice.attr["then_branch"].func.name, choice.attr["else_branch"].func.name = names
    else:
        for name in names:
            choice.attr["branches"].list.func.add(name=name)
    return choice


def _plain_control_edges(nodes: list[NodeDef]) -> list[NodeDef]:
    """Drop control edges: a frozen network has no state that they could order, and they drag in
    placeholders that no layer needs. Loops of TensorFlow 1 pin their constants with them, so stay."""
    if not any(node.op in V1_LOOP_ENTRIES for node in nodes):
        for node in nodes:
            kept = data_inputs(node)
            del node.input[:]
            node.input.extend(kept)
    return nodes
