"""Freezes a model: the result is a graph without variables, with its weights beside it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ModelError, VariableError
from .captured_variables import ValueType, replace_captured_variables
from .floating_inputs import with_floating_inputs
from .graphdef import (
    GraphDef,
    NodeDef,
    Value,
    ancestors,
    clean,
    consumers_of,
    copy_of,
    data_inputs,
    descendants,
    in_order,
    node_of,
    placeholder,
    rename,
    tensor_of,
)
from .inlining import inline_functions
from .shared_memory import LazyTensor, constant_of, lazy_tensor
from .traced_gradients import with_custom_gradients

_VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}
_BACKWARD_SCOPE = re.compile(r"(^|/)(gradients(_\d+)?|gradient_tape)/")
_GRADIENT_OF_SCORES = re.compile(r"(^|.*/)grad_ys_\d+(/|$)")
_REPORTS = {"Assert", "AudioSummaryV2", "HistogramSummary", "ImageSummary", "MergeSummary", "NoOp", "ScalarSummary"}
_NO_VALUES = {"Const", "Rank", "Shape", "ShapeN", "Size"}
_INPUTS = {"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"}
_OF_FILE_NAMES = {*_INPUTS, "Identity", "Pack", "Select", "ShardedFilename", "StaticRegexFullMatch", "StringJoin"}
_SIDE_EFFECTS = (  # how the names of ops begin that change a variable or a file
    *("Assign", "Apply", "SparseApply", "ScatterUpdate", "ScatterAdd", "ScatterSub"),
    *("ResourceApply", "ResourceSparseApply", "ResourceScatter", "SaveV2", "RestoreV2", "MergeV2Checkpoints"),
)


@dataclass(frozen=True)
class Draft:
    """What a reader returns for one form of model; all names are those of ``graph_def``.

    Attributes:
        graph_def: as it is in the model, with functions and variables.
        read: takes names of variables and returns their values; it raises ``VariableError`` for those without a value.
        captures: the values of weights that are placeholders in the graph, by name.
        inputs, outputs: what the model declares, as (name for people, tensor name). If it declares nothing, they are
            looked up in the graph.
        keras_names: from node name to the name of the Keras layer that the node belongs to.
        renamed: from node name to a shorter one, for models whose names are not the user's own.
        graph: the live graph behind ``graph_def``, which custom gradients may refer to; ``None`` if it is not live.
    """

    graph_def: GraphDef
    read: Callable[[Sequence[str]], Mapping[str, Value]]
    captures: Mapping[str, Value] = field(default_factory=dict)
    inputs: Sequence[tuple[str, str]] | None = None
    outputs: Sequence[tuple[str, str]] | None = None
    keras_names: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    graph: Any = None


@dataclass(frozen=True)
class FrozenGraph:
    """A graph without variables.

    Attributes:
        graph_def: the forward part; its weights are placeholders.
        weights: their values, by node name.
        inputs, outputs: from the names that people use to tensor names.
        keras_names: from node name to the name of the Keras layer that the node belongs to.
        whole_numbers: the dtype in the model of each input, by tensor name, that takes whole numbers there and float32
            here (see ``floating_inputs``).
    """

    graph_def: GraphDef
    weights: Mapping[str, Value | LazyTensor]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    keras_names: Mapping[str, str]
    whole_numbers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the ops and weights, which is the same in every process."""
        hashed = hashlib.sha256(" ".join(node.op for node in self.graph_def.node).encode())
        for value in self.weights.values():
            hashed.update(str(value.shape).encode())
            hashed.update(np.ascontiguousarray(value).view(np.uint8).data)
        return hashed.hexdigest()[:16]


def freeze(draft: Draft, fed: Sequence[str] = ()) -> FrozenGraph:
    """Flatten and clean a draft, cut it to its forward part, and detach its weights.

    Args:
        draft: of any form of model.
        fed: the names of tensors that are fed beside the placeholders; a name that the graph lacks does not count.

    Raises:
        ModelError: nothing in the graph can be fed.
        VariableError: a variable that the forward part needs has no value.
    """
    graph_def = _without_initial_values(draft.graph_def, fed)
    flat, moved = inline_functions(with_custom_gradients(graph_def, draft.graph))
    forward = _forward_part(clean(flat), draft, moved, fed)
    needed = [node.name for node in forward.node if node.op in _VARIABLES]
    read = dict(draft.read(needed)) if needed else {}
    values = {name: lazy_tensor(read.pop(name)) for name in tuple(read)}  # an array that was copied is gone at once
    missing = [name for name in needed if name not in values]
    if missing:
        raise VariableError(
            f"Expected a value for every variable. Received: none for {', '.join(missing[:5])}. "
            "Pass the session that holds the values, or the path of a checkpoint."
        )
    detached, weights = detach_weights(forward, values, dict(draft.captures))
    inputs = dict(draft.inputs or _placeholders(detached, weights))
    outputs = dict(draft.outputs or _sinks(detached, flat))
    outputs = {name: moved.get(tensor, tensor) for name, tensor in outputs.items()}
    fed_nodes, returned = map(node_of, inputs.values()), map(node_of, outputs.values())
    detached, whole = with_floating_inputs(detached, fed_nodes, returned)
    whole_numbers = {tensor_of(name): dtype for name, dtype in whole.items()}
    frozen = FrozenGraph(detached, weights, inputs, outputs, draft.keras_names, whole_numbers)
    return _renamed(frozen, draft.renamed)


def _without_initial_values(graph_def: GraphDef, fed: Sequence[str]) -> GraphDef:
    """Return what depends on an input, and all that this depends on.

    The initial values of a trained network are constants as large as its weights; nobody needs copies of them.
    """
    nodes = {node.name: node for node in graph_def.node}
    sources = {name for name, node in nodes.items() if node.op in _INPUTS} | (set(map(node_of, fed)) & nodes.keys())
    dependent = descendants(consumers_of(graph_def.node), sources)
    needed = ancestors(nodes, dependent)
    kept = [node for node in graph_def.node if node.name in needed]
    return copy_of(graph_def, kept) if sources and len(kept) < len(nodes) else graph_def


def _forward_part(graph_def: GraphDef, draft: Draft, moved: Mapping[str, str], fed: Sequence[str]) -> GraphDef:
    """Return what can be computed from the inputs without changing a variable, and all that this depends on.

    Where the model declares outputs, only what leads to them stays: Keras computes the first step of a loop twice.
    """
    nodes = {node.name: node for node in graph_def.node}
    consumers = consumers_of(graph_def.node)
    impure = descendants(consumers, [name for name in nodes if nodes[name].op.startswith(_SIDE_EFFECTS)])
    sources = {node.name for node in graph_def.node if node.op in _INPUTS} - set(draft.captures)
    sources = (sources - _file_names(nodes, consumers, impure) | set(map(node_of, fed))) & nodes.keys()
    if not sources:
        raise ModelError(
            "Expected a network with an input that can be fed. Received: a graph without placeholders "
            f"({len(nodes)} ops). Name the tensor that carries the images: load(model, image_input='name:0')."
        )
    outputs = [node_of(moved.get(tensor, tensor)) for _, tensor in draft.outputs or ()]
    backward = _backward_part(nodes, consumers, outputs)
    forward = {name: _without(node, backward) for name, node in nodes.items() if name not in backward}
    reached = descendants(consumers, sources) - impure - backward
    needed = ancestors(forward, reached.intersection(outputs) or reached)
    return copy_of(graph_def, in_order({name: node for name, node in forward.items() if name in needed}))


def _file_names(nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[str]], impure: Collection[str]) -> set[str]:
    """Return the inputs that only name files to save and restore. Nobody feeds those."""
    strings = [name for name, node in nodes.items() if node.op in _INPUTS and node.attr["dtype"].type == tf.string]
    return {
        name
        for name in strings
        if all(nodes[each].op in _OF_FILE_NAMES for each in descendants(consumers, [name]) - {*impure})
    }


def _backward_part(
    nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[str]], outputs: Sequence[str]
) -> set[str]:
    """Return the nodes that compute gradients of a training graph, and all that take something from these.

    Where declared outputs depend on gradients, these belong to the network.
    """
    scopes = {found[1] for name in nodes if (found := _GRADIENT_OF_SCORES.match(name)) and found[1]}
    begun = [name for name in nodes if _BACKWARD_SCOPE.search(name) or name.startswith(tuple(scopes))]
    backward = descendants(consumers, begun)
    return set() if backward & ancestors(nodes, outputs) else backward


def _without(node: NodeDef, others: Collection[str]) -> NodeDef:
    """Return a node that does not wait for others. The loops of a training graph wait for what stores their steps."""
    if not any(reference.startswith("^") and node_of(reference) in others for reference in node.input):
        return node
    kept = NodeDef.FromString(node.SerializeToString())
    kept.ClearField("input")
    kept.input.extend(
        input_name for input_name in node.input if not (input_name.startswith("^") and node_of(input_name) in others)
    )
    return kept


def detach_weights(
    graph_def: GraphDef,
    variables: Mapping[str, Value | LazyTensor],
    captures: Mapping[str, Value] | None = None,
    lift_from: int = 256,
) -> tuple[GraphDef, dict[str, Value | LazyTensor]]:
    """Turn variables and large constants into placeholders, and return their values beside the graph.

    As constants they would be copied into every function that is built from the graph, and folded there by the
    optimiser: seconds and gigabytes for a VGG.

    Args:
        graph_def: flat and clean.
        variables: their values by node name; other variables keep their nodes.
        captures: values of placeholders, by node name.
        lift_from: floating-point constants of at least so many elements are weights too. Smaller ones (shapes, axes,
            epsilons) stay, because shape inference reads them.

    Returns:
        The GraphDef without the weights, and the weights by node name.
    """
    types = {name: _type_of(value) for name, value in variables.items()}
    graph_def = replace_captured_variables(graph_def, types)
    values = {**variables, **(captures or {})}
    weights: dict[str, Value | LazyTensor] = {}
    nodes = []
    for node in graph_def.node:
        if node.name in values:
            weights[node.name] = value = values[node.name]
            nodes.append(placeholder(node.name, tf.as_dtype(value.dtype), value.shape))
        elif node.op == "Const" and _elements(node) >= lift_from:
            weights[node.name] = value = LazyTensor(constant_of(node))
            nodes.append(placeholder(node.name, tf.as_dtype(value.dtype), value.shape))
        else:
            nodes.append(NodeDef.FromString(node.SerializeToString()))
    return copy_of(graph_def, nodes), weights


def _type_of(value: Value | LazyTensor) -> ValueType:
    return ValueType(tf.as_dtype(value.dtype).as_datatype_enum, tf.TensorShape(value.shape).as_proto())


def _elements(node: NodeDef) -> int:
    """Return the number of elements of a floating-point constant; 0 for other types."""
    tensor = node.attr["value"].tensor
    if not tf.as_dtype(tensor.dtype).is_floating:
        return 0
    return int(np.prod([dim.size for dim in tensor.tensor_shape.dim], dtype=np.int64))


def _placeholders(graph_def: GraphDef, weights: Mapping[str, Value | LazyTensor]) -> list[tuple[str, str]]:
    names = [node.name for node in graph_def.node if node.op in _INPUTS and node.name not in weights]
    return [(name, tensor_of(name)) for name in names]


def _sinks(graph_def: GraphDef, whole: GraphDef) -> list[tuple[str, str]]:
    """Return the ends of a forward part. Reports are no ends, and neither is what only a training op takes.

    Args:
        graph_def: the forward part.
        whole: the graph that it is part of.
    """
    nodes = [node for node in graph_def.node if node.op not in _REPORTS]
    used = {node_of(reference) for node in nodes for reference in data_inputs(node)}
    taken = {node_of(reference) for node in whole.node if node.op not in _REPORTS for reference in data_inputs(node)}
    ends = [node.name for node in nodes if node.name not in used and node.op not in _NO_VALUES]
    outputs = [name for name in ends if name not in taken] or ends
    return [(name, tensor_of(name)) for name in outputs]


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
        {new_tensor(tensor): dtype for tensor, dtype in frozen.whole_numbers.items()},
    )
