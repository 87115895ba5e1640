"""Variables replaced by their values, in the graph and in the loops and branches that capture them.

A loop takes the handle of a variable as one of its inputs, and its body reads it. When the variable becomes a value, so
does this input, in the loop's types, in its body and its condition, and in what these call in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import tensorflow as tf
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

from .function_bodies import Body, bodies_of, function_of, rename_functions
from .graphdef import GraphDef, NodeDef, data_inputs, in_order, tensor_of


@dataclass(frozen=True)
class ValueType:
    """The dtype (an enum of protocol buffers) and shape of a variable's value."""

    dtype: int
    shape: TensorShapeProto


_LOOPS = ("While", "StatelessWhile")
_BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
_PASSING = ("Identity", "Enter", "Exit", "Switch", "Merge", "NextIteration")
"""Ops that hand a handle on as it is."""


def replace_captured_variables(graph_def: GraphDef, variables: Mapping[str, ValueType]) -> GraphDef:
    """Let every op take the values of variables where it takes their handles.

    Args:
        graph_def: flat; it is not changed. The nodes of the variables are left to the caller.
        variables: by node name.
    """
    nodes = [NodeDef.FromString(node.SerializeToString()) for node in graph_def.node]
    freezer = _Freezer(bodies_of(graph_def, (function.signature.name for function in graph_def.library.function)))
    flat = freezer.frozen(nodes, {tensor_of(name): kind for name, kind in variables.items()})
    if not freezer.made:
        return GraphDef(library=graph_def.library, versions=graph_def.versions, node=flat)
    result = GraphDef(versions=graph_def.versions, node=flat)
    result.library.function.extend(function_of(name, body) for name, body in {**freezer.bodies, **freezer.made}.items())
    return result


@dataclass
class _Freezer:
    """Replaces handles by values, in a graph and in the functions it refers to, each once for the same values."""

    bodies: Mapping[str, Body]
    made: dict[str, Body] = field(default_factory=dict)

    def frozen(self, nodes: Iterable[NodeDef], held: dict[str, ValueType]) -> list[NodeDef]:
        """Edit nodes in place, the tensors ``held`` being values now. What passes handles on joins ``held``."""
        flat: list[NodeDef] = []
        for node in in_order({node.name: node for node in nodes}):
            inputs = {
                index: held[tensor]
                for index, input_name in enumerate(data_inputs(node))
                if (tensor := tensor_of(input_name)) in held
            }
            flat += self._frozen(node, inputs, held) if inputs else [node]
        return flat

    def _frozen(self, node: NodeDef, inputs: dict[int, ValueType], held: dict[str, ValueType]) -> list[NodeDef]:
        if node.op in _PASSING:
            for index in range(2):  # a Switch has two outputs
                held[f"{node.name}:{index}"] = inputs[0]
            node.attr["T"].type = inputs[0].dtype
        elif node.op in _LOOPS:
            for index, kind in inputs.items():
                held[f"{node.name}:{index}"] = kind
            _set_types(node, "T", inputs)
            self._specialise(node, inputs)
        elif node.op in _BRANCHES:
            inputs = {index - 1: kind for index, kind in inputs.items()}
            _set_types(node, "Tin", inputs)
            self._specialise(node, inputs)
        elif node.op in _READERS:
            return _READERS[node.op](node)
        return [node]

    def _specialise(self, node: NodeDef, inputs: Mapping[int, ValueType]) -> None:
        """Let a node refer to functions that take values at these inputs."""
        marks = "_".join(f"{index}" for index in sorted(inputs))
        renamed = {}
        for key in sorted(node.attr):
            value = node.attr[key]
            for called in [value.func] if value.WhichOneof("value") == "func" else list(value.list.func):
                if called.name in self.bodies:
                    renamed[called.name] = f"{called.name}_values_{marks}"
                    self._make(renamed[called.name], self.bodies[called.name], inputs)
        rename_functions(node, renamed)

    def _make(self, name: str, body: Body, inputs: Mapping[int, ValueType]) -> None:
        if name in self.made:
            return
        held = {f"{body.arguments[index][0]}:0": kind for index, kind in inputs.items()}
        arguments = tuple(
            (argument, inputs[index].dtype if index in inputs else dtype)
            for index, (argument, dtype) in enumerate(body.arguments)
        )
        nodes = self.frozen([NodeDef.FromString(node.SerializeToString()) for node in body.nodes], held)
        returned = tuple((tensor, held[tensor].dtype if tensor in held else dtype) for tensor, dtype in body.returned)
        self.made[name] = replace(body, arguments=arguments, nodes=tuple(nodes), returned=returned)


def _set_types(node: NodeDef, key: str, inputs: Mapping[int, ValueType]) -> None:
    """Set the types of inputs; of a loop, whose outputs are its inputs, the shapes as well."""
    types = node.attr[key].list.type
    shapes = node.attr["output_shapes"].list.shape if key == "T" and "output_shapes" in node.attr else ()
    for index, kind in inputs.items():
        types[index] = kind.dtype
        if index < len(shapes):
            shapes[index].CopyFrom(kind.shape)


# ---- ops that read a variable


def _read(node: NodeDef) -> list[NodeDef]:
    return [_converted(node, "Identity", {"dtype": "T"})]


def _shape(node: NodeDef) -> list[NodeDef]:
    return [_converted(node, "Shape", {"out_type": "out_type"})]


def _gather(node: NodeDef) -> list[NodeDef]:
    axis = NodeDef(op="Const", name=f"{node.name}/axis")
    axis.attr["dtype"].type = tf.int32.as_datatype_enum
    axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0, tf.int32))
    kept = {"dtype": "Tparams", "Tindices": "Tindices", "batch_dims": "batch_dims"}
    gather = _converted(node, "GatherV2", kept)
    gather.attr["Taxis"].type = tf.int32.as_datatype_enum
    gather.input.append(axis.name)
    return [axis, gather]


def _gather_nd(node: NodeDef) -> list[NodeDef]:
    return [_converted(node, "GatherNd", {"dtype": "Tparams", "Tindices": "Tindices"})]


_READERS = {"ReadVariableOp": _read, "VariableShape": _shape, "ResourceGather": _gather, "ResourceGatherNd": _gather_nd}


def _converted(node: NodeDef, op: str, attributes: Mapping[str, str]) -> NodeDef:
    """Make a node of another op, with some attributes under new names."""
    converted = NodeDef(op=op, name=node.name, input=data_inputs(node))
    for old, new in attributes.items():
        if old in node.attr:
            converted.attr[new].CopyFrom(node.attr[old])
    return converted
