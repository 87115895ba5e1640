"""Gradients of common ops, written down as nodes of a GraphDef.

A dream needs the gradient of a whole network before its first picture. ``tf.gradients`` builds its ops one by one in
Python; nodes are imported all at once, in a tenth of the time. The ops are the same, so the bytes are, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.node_def_pb2 import NodeDef

Shapes = Mapping[str, tuple[tf.DType, tuple[int | None, ...] | None]]
"""dtype and static shape of every tensor, by name."""


class NodeWriter:
    """Writes gradient nodes, equal ones only once.

    Args:
        shapes: of the network's tensors.

    Attributes:
        nodes: what was written so far, each after its inputs.
    """

    def __init__(self, shapes: Shapes) -> None:
        self.nodes: list[NodeDef] = []
        self._shapes = shapes
        self._written: dict[bytes, str] = {}

    def add(self, op: str, *inputs: str, **attributes: AttrValue | tf.DType | int) -> str:
        """Write a node and return its first output."""
        node = NodeDef(op=op, input=inputs)
        for name, value in attributes.items():
            if isinstance(value, tf.DType):
                value = AttrValue(type=value.as_datatype_enum)
            node.attr[name].CopyFrom(AttrValue(i=value) if isinstance(value, int) else value)
        key = node.SerializeToString(deterministic=True)
        if key not in self._written:
            node.name = f"back/{len(self.nodes)}"
            self.nodes.append(node)
            self._written[key] = f"{node.name}:0"
        return self._written[key]

    def shape(self, tensor: str) -> str:
        """The shape of a tensor of the network at run time."""
        return self.add("Shape", tensor, T=self._shapes[tensor][0])

    def total(self, signals: Sequence[str], tensor: str) -> str:
        """The sum of all signals at a tensor of the network."""
        if len(signals) == 1:
            return signals[0]
        return self.add("AddN", *signals, N=len(signals), T=self._shapes[tensor][0])

    def unspread(self, signal: str, inputs: Sequence[str], place: int) -> str:
        """Add up the signal at the output of a broadcasting op where the input at ``place`` was spread."""
        own, other = (self._shapes[inputs[each]][1] for each in (place, 1 - place))
        if keeps_size(own, other):
            return signal
        shapes = [self.shape(each) for each in inputs]
        axes = self.add("BroadcastGradientArgs", *shapes, T=tf.int32).replace(":0", f":{place}")
        dtype = self._shapes[inputs[place]][0]
        total = self.add("Sum", signal, axes, T=dtype, Tidx=tf.int32)
        return self.add("Reshape", total, shapes[place], T=dtype, Tshape=tf.int32)


GradientNodes = Callable[[NodeWriter, NodeDef, int, str], str]
"""(writer, node, the place of one input, the signal at the output) -> the signal for that input."""


def keeps_size(own: Sequence[int | None] | None, other: Sequence[int | None] | None) -> bool:
    """Whether a tensor of static shape ``own`` certainly keeps its size when ``other`` is spread over it."""
    if own is None or other is None or len(other) > len(own):
        return False
    sides = own[len(own) - len(other) :]
    return all(size == 1 or (size is not None and size == side) for size, side in zip(other, sides, strict=True))


def inputs_of(node: NodeDef) -> list[str]:
    """The names of the tensors that a node takes."""
    return [each if ":" in each else f"{each}:0" for each in node.input if not each.startswith("^")]


def _attributes(node: NodeDef) -> dict[str, AttrValue]:
    return {name: node.attr[name] for name in node.attr if not name.startswith("_")}


def unchanged(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Identity, BiasAdd."""
    return signal


def rectifier(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Relu, Relu6."""
    return writer.add(f"{node.op}Grad", signal, f"{node.name}:0", **_attributes(node))


def convolution(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Conv2D, DepthwiseConv2dNative."""
    entered, kernel = inputs_of(node)
    return writer.add(f"{node.op}BackpropInput", writer.shape(entered), kernel, signal, **_attributes(node))


def max_pool(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """MaxPool."""
    return writer.add("MaxPoolGrad", inputs_of(node)[0], f"{node.name}:0", signal, **_attributes(node))


def average_pool(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """AvgPool."""
    return writer.add("AvgPoolGrad", writer.shape(inputs_of(node)[0]), signal, **_attributes(node))


def padding(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Pad."""
    entered, margins = inputs_of(node)
    before = writer.add("Unpack", margins, T=tf.int32, num=2, axis=1)
    return writer.add("Slice", signal, before, writer.shape(entered), T=node.attr["T"], Index=tf.int32)


def concatenation(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """ConcatV2."""
    *parts, axis = inputs_of(node)
    shapes = [writer.shape(each) for each in parts]
    begin = writer.add("ConcatOffset", axis, *shapes, N=len(parts)).replace(":0", f":{place}")
    return writer.add("Slice", signal, begin, shapes[place], T=node.attr["T"], Index=tf.int32)


def addition(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Add, AddV2."""
    return writer.unspread(signal, inputs_of(node), place)


def subtraction(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Sub."""
    sent = writer.add("Neg", signal, T=node.attr["T"]) if place == 1 else signal
    return writer.unspread(sent, inputs_of(node), place)


def multiplication(writer: NodeWriter, node: NodeDef, place: int, signal: str) -> str:
    """Mul, and RealDiv for its first input."""
    sent = writer.add(node.op, signal, inputs_of(node)[1 - place], T=node.attr["T"])
    return writer.unspread(sent, inputs_of(node), place)
