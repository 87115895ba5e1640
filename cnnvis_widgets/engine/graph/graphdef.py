"""Parses a GraphDef, walks it and makes it plainer: splits fused ops, removes what other machines left in it.

No function here changes the GraphDef that it is given; ``rewire`` alone edits nodes in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

Value: TypeAlias = np.ndarray | tf.Tensor
"""The value of a variable or a constant."""

OWN = "_cnnvis"
"""How the names of attributes begin that this package adds to nodes."""

V1_LOOP_ENTRIES = ("Enter", "RefEnter")
"""The ops with which a loop of TensorFlow 1 begins."""

V1_CONTROL_FLOW = ("Enter", "Exit", "LoopCond", "Merge", "NextIteration", "Switch")
"""The ops of which loops and branches of TensorFlow 1 consist."""

SHAPE_ONLY = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}
"""The ops whose result depends on the shape of what they take, and on no value."""

_OF_VALUES = {f"Ref{op}": op for op in ("Enter", "Exit", "Identity", "Merge", "NextIteration", "Switch")}


def tensor_of(reference: str) -> str:
    """Return the full tensor name ('conv:0') of a node's input reference ('conv', 'conv:1')."""
    return reference if ":" in reference else f"{reference}:0"


def node_of(reference: str) -> str:
    """Return the node of an input reference: 'conv' for 'conv:1' and for '^conv'."""
    if ":" not in reference and not reference.startswith("^"):  # most references, and this is called most often
        return reference
    return reference.lstrip("^").split(":")[0]


def data_inputs(node: NodeDef) -> list[str]:
    """Return the input references of a node that carry data, without control edges."""
    return [reference for reference in node.input if not reference.startswith("^")]


def ancestors(nodes: Mapping[str, NodeDef], names: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
    """Return the names of all nodes that ``names`` depend on, themselves included. Stops at the tensors ``stop``."""
    stop, seen, pending = set(stop), set[str](), list(names)
    while pending:
        name = pending.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        pending += [node_of(input_name) for input_name in nodes[name].input if tensor_of(input_name) not in stop]
    return seen


def consumers_of(nodes: Iterable[NodeDef]) -> dict[str, list[str]]:
    """Return, by node name, the names of the nodes that take data from it; once for each input that does."""
    consumers: dict[str, list[str]] = {}
    for node in nodes:
        for reference in data_inputs(node):
            consumers.setdefault(node_of(reference), []).append(node.name)
    return consumers


def descendants(consumers: Mapping[str, list[str]], names: Iterable[str]) -> set[str]:
    """Return the names of all nodes that depend on ``names``, themselves included, by the graph's ``consumers_of``."""
    seen, pending = set[str](), list(names)
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += consumers.get(name, [])
    return seen


def value_ancestors(nodes: Mapping[str, NodeDef], names: Iterable[str]) -> set[str]:
    """Return the names of all nodes whose values ``names`` depend on, themselves included; a shape is no value."""
    seen, pending = set[str](), list(names)
    while pending:
        name = pending.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            pending += [] if nodes[name].op in SHAPE_ONLY else map(node_of, data_inputs(nodes[name]))
    return seen


def in_order(nodes: Mapping[str, NodeDef]) -> list[NodeDef]:
    """Return the nodes so that each comes after its inputs, except for the back edges of loops; else in their order."""
    done, ordered = set[str](), []
    for root in nodes:
        pending = [(root, False)]
        while pending:
            name, finished = pending.pop()
            if finished:
                ordered.append(nodes[name])
            elif name not in done and name in nodes:
                done.add(name)
                pending.append((name, True))
                pending += [(node_of(input_name), False) for input_name in reversed(nodes[name].input)]
    return ordered


def copy_of(graph_def: GraphDef, nodes: Iterable[NodeDef]) -> GraphDef:
    """Return a GraphDef with these nodes, and with the library and versions of another."""
    result = GraphDef(library=graph_def.library, versions=graph_def.versions)
    result.node.extend(nodes)
    return result


def rewire(nodes: Iterable[NodeDef], replaced: Mapping[str, str]) -> None:
    """Point every reference to a key of ``replaced`` (tensor names) to its value. Edits the nodes in place."""
    for node in nodes:
        for index, reference in enumerate(node.input):
            if not reference.startswith("^") and tensor_of(reference) in replaced:
                node.input[index] = replaced[tensor_of(reference)]


def clean(graph_def: GraphDef) -> GraphDef:
    """Remove what only the machine or session of origin needed.

    - Device strings, so that a graph made on a GPU runs on a CPU.
    - Private attributes: ``_output_shapes`` is wrong in old files, and ``_gradient_op_type`` names a function of
      another process or graph. Those of ``custom_gradients`` stay.
    - References: a frozen training graph still has ``RefSwitch`` where its variables are constants now.

    The functions that are left get new names, because TensorFlow finds functions by name in the whole process, and two
    forms of one model may give one name to different functions.
    """
    nodes = []
    for node in graph_def.node:
        copied = NodeDef.FromString(node.SerializeToString())
        _clean_node(copied)
        nodes.extend(_unfuse(copied) if copied.op.startswith("_Fused") else [copied])
    result = copy_of(graph_def, nodes)
    for function in result.library.function:
        for inner in function.node_def:
            _clean_node(inner)
    if result.library.function:
        content = result.library.SerializeToString(deterministic=True)
        result = with_function_suffix(result, sha256(content).hexdigest()[:12])
    return result


def _clean_node(node: NodeDef) -> None:
    node.device = ""
    for key in [key for key in node.attr if key.startswith("_") and not key.startswith(OWN)]:
        del node.attr[key]
    node.op = _OF_VALUES.get(node.op, node.op)


def with_function_suffix(graph_def: GraphDef, suffix: str) -> GraphDef:
    """Return the same graph, with a suffix appended to the name of each function."""
    if not graph_def.library.function:
        return graph_def
    own = {function.signature.name: f"{function.signature.name}_{suffix}" for function in graph_def.library.function}
    result = GraphDef.FromString(graph_def.SerializeToString())
    for function in result.library.function:
        function.signature.name = own[function.signature.name]
    for gradient in result.library.gradient:
        gradient.function_name = own.get(gradient.function_name, gradient.function_name)
        gradient.gradient_func = own.get(gradient.gradient_func, gradient.gradient_func)
    inner = [node for function in result.library.function for node in function.node_def]
    for node in (*result.node, *inner):
        node.op = own.get(node.op, node.op)
        for attribute in node.attr.values():
            for called in (attribute.func, *attribute.list.func) if attribute.WhichOneof("value") else ():
                if called.name in own:
                    called.name = own[called.name]
    return result


def _new(op: str, name: str, inputs: list[str], **attributes: AttrValue) -> NodeDef:
    node = NodeDef(op=op, name=name, input=inputs)
    for key, value in attributes.items():
        node.attr[key].CopyFrom(value)
    return node


_FUSED = {"_FusedConv2D": "Conv2D", "_FusedMatMul": "MatMul", "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
_FUSED_ATTRIBUTES = {
    "Conv2D": ("T", "strides", "padding", "explicit_paddings", "data_format", "dilations"),
    "MatMul": ("T", "transpose_a", "transpose_b"),
    "DepthwiseConv2dNative": ("T", "strides", "padding", "data_format", "dilations"),
}


def _unfuse(node: NodeDef) -> list[NodeDef]:
    """Split a node that TensorFlow's optimiser had fused. The last op keeps the name of the fused node."""
    inputs = data_inputs(node)
    attr, steps = node.attr, [step.decode() for step in node.attr["fused_ops"].list.s]
    base = _FUSED.get(node.op)
    if base is None:
        return [node]
    own = {key: attr[key] for key in _FUSED_ATTRIBUTES[base] if key in attr}
    arguments = list(inputs[2:])
    result = [_new(base, f"{node.name}/{base}", inputs[:2], **own)]
    for step in steps:
        result.append(_unfused_step(step, node, result[-1].name, arguments))
    result[-1].name = node.name
    return result


def _unfused_step(step: str, node: NodeDef, previous: str, arguments: list[str]) -> NodeDef:
    attr = node.attr
    typed = {"T": attr["T"]}
    placed = {"data_format": attr["data_format"]} if "data_format" in attr else {}
    name = f"{node.name}/{step}"
    if step == "BiasAdd":
        return _new(step, name, [previous, arguments.pop(0)], **typed, **placed)
    if step == "FusedBatchNorm":
        statistics, arguments[:4] = arguments[:4], []
        inference = AttrValue(b=False)
        return _new(
            "FusedBatchNormV3",
            name,
            [previous, *statistics],
            **typed,
            **placed,
            U=attr["T"],
            epsilon=attr["epsilon"],
            is_training=inference,
        )
    if step == "Add":
        return _new("AddV2", name, [previous, arguments.pop(0)], **typed)
    slope = {"alpha": attr["leakyrelu_alpha"]} if step == "LeakyRelu" and "leakyrelu_alpha" in attr else {}
    return _new(step, name, [previous], **typed, **slope)


def placeholder(name: str, dtype: tf.DType, shape: Iterable[int]) -> NodeDef:
    """Return a node whose value is fed."""
    node = NodeDef(op="Placeholder", name=name)
    node.attr["dtype"].type = dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return node


def rename(graph_def: GraphDef, new_name: Callable[[str], str]) -> GraphDef:
    """Return the same graph with every node called ``new_name(name)``; it must have no control edges."""
    nodes = [NodeDef.FromString(node.SerializeToString()) for node in graph_def.node]
    for node in nodes:
        node.name = new_name(node.name)
        for index, reference in enumerate(node.input):
            name, _, output = reference.partition(":")
            node.input[index] = new_name(name) + (f":{output}" if output else "")
    return copy_of(graph_def, nodes)


def parsed(message: Message, content: bytes) -> Any:
    """Return a message with this content; ``None`` if the content is no such message."""
    try:
        message.ParseFromString(content)
    except DecodeError:
        return None
    return message


def parsed_text(content: bytes) -> GraphDef | None:
    """Parse a GraphDef or MetaGraphDef that is written as text, as in .pbtxt files; anything else gives ``None``."""
    if not re.match(rb"\s*(#.*\n\s*)*(node|meta_info_def|graph_def|versions|library)\s*:?\s*\{", content):
        return None
    for message in (GraphDef(), tf.compat.v1.MetaGraphDef()):
        try:
            read = text_format.Parse(content.decode(), message)
        except (text_format.ParseError, UnicodeDecodeError):
            continue
        return read if isinstance(read, GraphDef) else read.graph_def
    return None
