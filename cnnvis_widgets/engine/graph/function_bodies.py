"""The functions in the library of a GraphDef, as bodies that are read and written like a graph.

A FunctionDef names tensors 'node:output:index', a graph 'node:index'. A ``Body`` has the names of a graph, so that the
same code works on both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.op_def_pb2 import OpDef

from ...errors import ModelError
from ..tensorflow_internals import op_definition
from .composite_activations import CompositeActivation, find_composite_activations
from .graphdef import (
    V1_LOOP_ENTRIES,
    ancestors,
    consumers_of,
    data_inputs,
    descendants,
    in_order,
    node_of,
    tensor_of,
)


@dataclass(frozen=True)
class Body:
    """A function.

    Attributes:
        arguments: the name and dtype (an enum of protocol buffers) of each; their tensors are 'name:0'.
        nodes: without control edges; only those that lead to ``returned``.
        returned: tensor names, with their dtypes.
    """

    arguments: tuple[tuple[str, int], ...]
    nodes: tuple[NodeDef, ...]
    returned: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class FunctionFacts:
    """A function, and what is known of it without running it.

    Attributes:
        body: of the function.
        composites: the composite activations in it, by output node.
        dtypes: of every tensor in it, by name.
    """

    body: Body
    composites: Mapping[str, CompositeActivation]
    dtypes: Mapping[str, tf.DType]

    @staticmethod
    def of(body: Body) -> FunctionFacts:
        """Read a body."""
        nodes = {node.name: node for node in body.nodes}
        arguments = [name for name, _ in body.arguments]
        varying = descendants(consumers_of(body.nodes), arguments)
        dtypes = {f"{name}:0": tf.as_dtype(dtype) for name, dtype in body.arguments}
        for node in body.nodes:
            dtypes |= {f"{node.name}:{place}": tf.as_dtype(dtype) for place, dtype in enumerate(_output_types(node))}
        return FunctionFacts(body, find_composite_activations(nodes, varying, {}), dtypes)

    def carries_signals(self, tensor: str) -> bool:
        """Return whether a tensor is of a type that carries signals."""
        return carries_signals(self.dtypes.get(tensor, tf.bool))


def carries_signals(dtype: tf.DType) -> bool:
    """Return whether tensors of a type carry signals: numbers with fractions, and the lists of loops."""
    return bool(dtype.is_floating or dtype.is_complex or dtype == tf.variant)


def bodies_of(graph_def: GraphDef, names: Iterable[str]) -> dict[str, Body]:
    """Read the functions that these names mean, and all that they refer to."""
    functions = {function.signature.name: function for function in graph_def.library.function}
    bodies: dict[str, Body] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in functions and name not in bodies:
            bodies[name] = _body_of(functions[name], functions)
            pending += [function for node in bodies[name].nodes for function in functions_of(node)]
    return bodies


def functions_of(node: NodeDef) -> list[str]:
    """Return the names of the functions that a node may call: by its op, and by its attributes."""
    called = [node.op]
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        if kind == "func":
            called.append(value.func.name)
        elif kind == "list":
            called += [item.name for item in value.list.func]
    return called


def rename_functions(node: NodeDef, renamed: Mapping[str, str]) -> None:
    """Let a node refer to other functions. Edits the node in place."""
    node.op = renamed.get(node.op, node.op)
    for key in node.attr:
        value = node.attr[key]
        for called in [value.func] if value.WhichOneof("value") == "func" else value.list.func:
            called.name = renamed.get(called.name, called.name)


def function_of(name: str, body: Body) -> FunctionDef:
    """Write a body as a FunctionDef."""
    arguments = dict.fromkeys(f"{argument}:0" for argument, _ in body.arguments)
    nested = {tensor: tensor.removesuffix(":0") for tensor in arguments}
    for node in body.nodes:
        nested |= {flat: full for full, flat in _output_names(node, {})}
    function = FunctionDef(signature=OpDef(name=name))
    for argument, dtype in body.arguments:
        function.signature.input_arg.add(name=argument, type=dtype)
    for index, (tensor, dtype) in enumerate(body.returned):
        function.signature.output_arg.add(name=f"returned_{index}", type=dtype)
        function.ret[f"returned_{index}"] = nested[tensor]
    for node in body.nodes:
        added = function.node_def.add()
        added.CopyFrom(node)
        added.ClearField("input")
        added.input.extend(
            input_name if input_name.startswith("^") else nested.get(tensor_of(input_name), tensor_of(input_name))
            for input_name in node.input
        )
    return function


def _body_of(function: FunctionDef, functions: Mapping[str, FunctionDef]) -> Body:
    signature = function.signature
    flat = {full: short for node in function.node_def for full, short in _output_names(node, functions)}
    nodes = {}
    for node in function.node_def:
        copied = NodeDef.FromString(node.SerializeToString())
        copied.ClearField("input")
        copied.input.extend(
            input_name if input_name.startswith("^") else flat.get(input_name, tensor_of(input_name))
            for input_name in node.input
        )
        nodes[node.name] = copied
    returned = [(_flat_name(function.ret[arg.name], flat), arg.type) for arg in signature.output_arg]
    return Body(
        tuple((arg.name, arg.type) for arg in signature.input_arg),
        tuple(needed_nodes(nodes, [tensor for tensor, _ in returned])),
        tuple(returned),
    )


def _flat_name(tensor: str, flat: Mapping[str, str]) -> str:
    return flat.get(tensor, tensor_of(tensor))


def needed_nodes(nodes: Mapping[str, NodeDef], tensors: Iterable[str]) -> list[NodeDef]:
    """Return the nodes that ``tensors`` need, each after its inputs. Control edges go, as in the whole graph."""
    if not any(node.op in V1_LOOP_ENTRIES for node in nodes.values()):
        for node in nodes.values():
            kept = data_inputs(node)
            node.ClearField("input")
            node.input.extend(kept)
    needed = ancestors(nodes, map(node_of, tensors))
    return in_order({name: node for name, node in nodes.items() if name in needed})


def _output_names(node: NodeDef, functions: Mapping[str, FunctionDef]) -> Iterator[tuple[str, str]]:
    """Yield ('node:output:index', 'node:number') for each output of a node."""
    definition = functions[node.op].signature if node.op in functions else op_definition(node.op)
    if definition is None:
        raise ModelError(
            f"Expected ops that TensorFlow {tf.__version__} knows. Received: {node.name!r} of type {node.op!r}. "
            "Import the package that provides this op before loading."
        )
    number = 0
    for output in definition.output_arg:
        for index in range(_length(output, node)):
            yield f"{node.name}:{output.name}:{index}", f"{node.name}:{number}"
            number += 1


def _output_types(node: NodeDef) -> Iterator[int]:
    """Yield the dtype of each output of a node, as an enum of protocol buffers."""
    definition = op_definition(node.op)
    for output in definition.output_arg if definition is not None else ():
        if output.type_list_attr:
            yield from node.attr[output.type_list_attr].list.type
        else:
            dtype = node.attr[output.type_attr].type if output.type_attr else output.type
            yield from [dtype] * _length(output, node)


def _length(output: OpDef.ArgDef, node: NodeDef) -> int:
    if output.type_list_attr:
        return len(node.attr[output.type_list_attr].list.type)
    return node.attr[output.number_attr].i if output.number_attr else 1
