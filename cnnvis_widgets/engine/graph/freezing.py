"""The one form that every model takes: a graph without variables, its weights beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...errors import ModelError, VariableError
from .graphdef import (
    GraphDef,
    Value,
    ancestors,
    clean,
    copy_of,
    data_inputs,
    detach_weights,
    in_order,
    inline_functions,
    node_of,
    rename,
    tensor_of,
)

_VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}
_INPUTS = {"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"}
_SIDE_EFFECTS = (  # beginnings of the names of ops that change a variable or a file
    *("Assign", "Apply", "SparseApply", "ScatterUpdate", "ScatterAdd", "ScatterSub"),
    *("ResourceApply", "ResourceSparseApply", "ResourceScatter", "SaveV2", "RestoreV2", "MergeV2Checkpoints"),
)


@dataclass(frozen=True)
class Draft:
    """What a reader of one model form hands over; names are those of ``graph_def``.

    Attributes:
        graph_def: as found, functions and variables included.
        read: variable names to values; it raises ``VariableError`` for those it cannot give.
        captures: weights that stand in the graph as placeholders, by name.
        inputs, outputs: declared by the model, as (name for people, tensor name); found in the
            graph where the model declares none.
        keras_names: from node name to the name of the Keras layer it belongs to.
        renamed: from node name to a shorter one, for models whose names are not the user's own.
    """

    graph_def: GraphDef
    read: Callable[[Sequence[str]], Mapping[str, Value]]
    captures: Mapping[str, Value] = field(default_factory=dict)
    inputs: Sequence[tuple[str, str]] | None = None
    outputs: Sequence[tuple[str, str]] | None = None
    keras_names: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FrozenGraph:
    """A graph without variables. ``inputs`` and ``outputs`` map the names people use to tensor names."""

    graph_def: GraphDef
    weights: Mapping[str, Value]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    keras_names: Mapping[str, str]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the ops and weights, the same in every process."""
        found = hashlib.sha256(" ".join(node.op for node in self.graph_def.node).encode())
        for value in self.weights.values():
            found.update(str(value.shape).encode())
            found.update(np.ascontiguousarray(value).view(np.uint8).data)
        return found.hexdigest()[:16]


def freeze(draft: Draft, image_input: str | None = None) -> FrozenGraph:
    """Flatten, clean and cut a draft to its forward part, and put its weights beside it.

    Raises:
        ModelError: nothing in the graph can be fed.
        VariableError: a variable that the forward part needs has no value.
    """
    flat, moved = inline_functions(draft.graph_def)
    forward = _forward_part(clean(flat), draft, image_input)
    needed = [node.name for node in forward.node if node.op in _VARIABLES]
    values = dict(draft.read(needed)) if needed else {}
    missing = [name for name in needed if name not in values]
    if missing:
        raise VariableError(
            f"Expected a value for every variable. Received: none for {', '.join(missing[:5])}. "
            "Pass the session that holds the values, or the path of a checkpoint."
        )
    detached, weights = detach_weights(forward, values | dict(draft.captures))
    inputs = dict(draft.inputs or _placeholders(detached, weights))
    outputs = dict(draft.outputs or _sinks(detached))
    outputs = {name: moved.get(tensor, tensor) for name, tensor in outputs.items()}
    return _renamed(FrozenGraph(detached, weights, inputs, outputs, draft.keras_names), draft.renamed)


def _forward_part(graph_def: GraphDef, draft: Draft, image_input: str | None) -> GraphDef:
    """What can be computed from the inputs without changing a variable, and what that needs."""
    nodes = {node.name: node for node in graph_def.node}
    sources = {node.name for node in graph_def.node if node.op in _INPUTS} - set(draft.captures)
    if image_input is not None:
        sources.add(node_of(image_input))
    if not sources & nodes.keys():
        raise ModelError(
            "Expected a network with an input that can be fed. Received: a graph without placeholders "
            f"({len(nodes)} ops). Name the tensor that carries the images: load(model, image_input='name:0')."
        )
    spoiled = descendants(graph_def, {name for name in nodes if nodes[name].op.startswith(_SIDE_EFFECTS)})
    reached = descendants(graph_def, sources) - spoiled
    kept = ancestors(nodes, reached)
    return copy_of(graph_def, in_order({name: nodes[name] for name in nodes if name in kept}))


def descendants(graph_def: GraphDef, names: set[str]) -> set[str]:
    consumers: dict[str, list[str]] = {}
    for node in graph_def.node:
        for reference in data_inputs(node):
            consumers.setdefault(node_of(reference), []).append(node.name)
    seen, pending = set[str](), list(names)
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += consumers.get(name, [])
    return seen


def _placeholders(graph_def: GraphDef, weights: Mapping[str, Value]) -> list[tuple[str, str]]:
    found = [node.name for node in graph_def.node if node.op in _INPUTS and node.name not in weights]
    return [(name, tensor_of(name)) for name in found]


def _sinks(graph_def: GraphDef) -> list[tuple[str, str]]:
    used = {node_of(reference) for node in graph_def.node for reference in data_inputs(node)}
    ends = [node.name for node in graph_def.node if node.name not in used and node.op not in {"Assert", "NoOp"}]
    return [(name, tensor_of(name)) for name in ends]


def _renamed(frozen: FrozenGraph, renamed: Mapping[str, str]) -> FrozenGraph:
    if not renamed:
        return frozen

    def new(name: str) -> str:
        return renamed.get(name, name)

    def new_tensor(tensor: str) -> str:
        node, _, index = tensor.partition(":")
        return f"{new(node)}:{index}"

    return FrozenGraph(
        rename(frozen.graph_def, new),
        {new(name): value for name, value in frozen.weights.items()},
        {name: new_tensor(tensor) for name, tensor in frozen.inputs.items()},
        {name: new_tensor(tensor) for name, tensor in frozen.outputs.items()},
        {new(name): layer for name, layer in frozen.keras_names.items()},
    )
