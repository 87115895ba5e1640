"""The way back through a network as nodes of a graph of its own, imported at once, like the network itself.

``tf.gradients`` builds the same ops one by one in Python, which takes most of the time before a dream's first picture.
Here they are written down for the part of a network next to the image that consists of common ops; what comes behind
is left to ``tf.gradients``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue

from ..graph.graphdef import NodeDef, data_inputs, node_of, tensor_of
from ..graph.layers import Shapes
from .gradient_overrides import keeps_size


@dataclass(frozen=True)
class BackwardNodes:
    """What leads signals from ``ends`` back to the image.

    Attributes:
        nodes: they take tensors of the network by name, and signals by the names in ``signals``.
        ends: the tensors of the network at which signals come in.
        signals: a name for each of them.
        sent: the tensor that holds the signal at the image.
    """

    nodes: Sequence[NodeDef]
    ends: Sequence[str]
    signals: Sequence[str]
    sent: str

    @property
    def taken(self) -> list[str]:
        """The tensors of the network that the nodes take."""
        own = {node.name for node in self.nodes} | {node_of(each) for each in self.signals}
        taken = (tensor_of(each) for node in self.nodes for each in node.input if node_of(each) not in own)
        return list(dict.fromkeys(taken))


def backward_nodes(
    nodes: Iterable[NodeDef], image: str, asked: Collection[str], target: str, shapes: Shapes
) -> BackwardNodes | None:
    """The way back from ``asked`` to ``image``, as far as its ops are known.

    Args:
        nodes: of the network, each after its inputs.
        image, asked: tensor names.
        target: a node that is left to ``tf.gradients``.
        shapes: of the network's tensors.

    Returns:
        The nodes, or ``None`` if there is no known op at the image.
    """
    known, ends = _known(nodes, image, asked, target, shapes)
    if not ends:
        return None
    writer = _Writer(shapes)
    arrived = {end: [f"signal/{index}:0"] for index, end in enumerate(ends)}
    signals = [name for [name] in arrived.values()]
    awaited = Counter(_inputs(node)[place] for node, places in known.values() for place in places)
    ready = deque(end for end in ends if not awaited[end])
    while ready:  # as tf.gradients goes: the last bit of a sum of more than two signals depends on their order
        made = ready.popleft()
        node, places = known[made]
        signal = writer.total(arrived[made], made)
        for place in places:
            entered = _inputs(node)[place]
            arrived.setdefault(entered, []).append(_STEPS[node.op](writer, node, place, signal))
            awaited[entered] -= 1
            if not awaited[entered] and entered != image:
                ready.append(entered)
    return BackwardNodes(writer.nodes, ends, signals, writer.total(arrived[image], image))


def _known(
    nodes: Iterable[NodeDef], image: str, asked: Collection[str], target: str, shapes: Shapes
) -> tuple[dict[str, tuple[NodeDef, list[int]]], list[str]]:
    """The nodes that depend on the image through known ops alone, by what they make, with the places of the inputs by
    which they do; and what is asked for, or taken by another op, of what they make."""
    known: dict[str, tuple[NodeDef, list[int]]] = {}
    varying, ends = {node_of(image)}, dict.fromkeys(asked)
    for node in nodes:
        inputs = _inputs(node)
        places = [place for place, each in enumerate(inputs) if node_of(each) in varying]
        if places:
            varying.add(node.name)
            behind = all(each == image or each in known for each in (inputs[place] for place in places))
            if behind and node.name != target and _is_known(node, inputs, places, shapes):
                known[tensor_of(node.name)] = node, places
            else:
                ends |= dict.fromkeys(inputs)
    return known, [end for end in ends if end in known]


def _is_known(node: NodeDef, inputs: Sequence[str], places: list[int], shapes: Shapes) -> bool:
    """Whether the step of an op holds for this node, whose inputs at ``places`` depend on the image."""
    if node.op not in _STEPS or not shapes[tensor_of(node.name)][0].is_floating:
        return False
    if "data_format" in node.attr and node.attr["data_format"].s != b"NHWC":
        return False
    if node.op in ("Conv2D", "DepthwiseConv2dNative"):
        entered, kernel = (shapes[each][1] for each in inputs)
        plain = node.op != "Conv2D" or (entered is not None and kernel is not None and entered[-1] == kernel[-2])
        return places == [0] and plain and set(node.attr["dilations"].list.i) <= {1}
    if node.op in ("Pad", "ConcatV2"):  # the last input is the padding or the axis
        return len(inputs) - 1 not in places and shapes[inputs[-1]][0] == tf.int32
    return places == [0] if node.op in ("RealDiv", "BiasAdd") else True


class _Writer:
    """Writes nodes down, each once.

    Args:
        shapes: of the network's tensors.
    """

    def __init__(self, shapes: Shapes) -> None:
        self.nodes: list[NodeDef] = []
        self._shapes = shapes
        self._written: dict[bytes, str] = {}

    def add(self, op: str, *inputs: str, **attributes: AttrValue | tf.DType | int) -> str:
        """The first output of an op."""
        node = NodeDef(op=op, input=inputs)
        for name, value in attributes.items():
            if isinstance(value, tf.DType):
                value = AttrValue(type=value.as_datatype_enum)
            node.attr[name].CopyFrom(AttrValue(i=value) if isinstance(value, int) else value)
        key = node.SerializeToString(deterministic=True)
        if key not in self._written:
            node.name = f"back/{len(self.nodes)}"
            self.nodes.append(node)
            self._written[key] = tensor_of(node.name)
        return self._written[key]

    def shape(self, tensor: str) -> str:
        """The shape of a tensor of the network."""
        return self.add("Shape", tensor, T=self._shapes[tensor][0])

    def total(self, signals: Sequence[str], tensor: str) -> str:
        """All signals that arrive at a tensor as one."""
        return (
            signals[0] if len(signals) == 1 else self.add("AddN", *signals, N=len(signals), T=self._shapes[tensor][0])
        )

    def unspread(self, signal: str, inputs: Sequence[str], place: int) -> str:
        """The signal for one of two inputs that were spread over each other, from that at what was made of them."""
        own, other = (self._shapes[inputs[each]][1] for each in (place, 1 - place))
        if keeps_size(own, other):
            return signal
        shapes = [self.shape(each) for each in inputs]
        axes = self.add("BroadcastGradientArgs", *shapes, T=tf.int32).replace(":0", f":{place}")
        dtype = self._shapes[inputs[place]][0]
        total = self.add("Sum", signal, axes, T=dtype, Tidx=tf.int32)
        return self.add("Reshape", total, shapes[place], T=dtype, Tshape=tf.int32)


def _inputs(node: NodeDef) -> list[str]:
    return [tensor_of(each) for each in data_inputs(node)]


def _own(node: NodeDef) -> dict[str, AttrValue]:
    return {name: node.attr[name] for name in node.attr if not name.startswith("_")}


def _rectifier(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    return writer.add(f"{node.op}Grad", signal, tensor_of(node.name), **_own(node))


def _convolution(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    entered, kernel = _inputs(node)
    return writer.add(f"{node.op}BackpropInput", writer.shape(entered), kernel, signal, **_own(node))


def _max_pool(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    return writer.add("MaxPoolGrad", _inputs(node)[0], tensor_of(node.name), signal, **_own(node))


def _average_pool(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    return writer.add("AvgPoolGrad", writer.shape(_inputs(node)[0]), signal, **_own(node))


def _pad(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    entered, margins = _inputs(node)
    before = writer.add("Unpack", margins, T=tf.int32, num=2, axis=1)
    return writer.add("Slice", signal, before, writer.shape(entered), T=node.attr["T"], Index=tf.int32)


def _concatenation(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    *parts, axis = _inputs(node)
    shapes = [writer.shape(each) for each in parts]
    begin = writer.add("ConcatOffset", axis, *shapes, N=len(parts)).replace(":0", f":{place}")
    return writer.add("Slice", signal, begin, shapes[place], T=node.attr["T"], Index=tf.int32)


def _sum(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    sent = writer.add("Neg", signal, T=node.attr["T"]) if node.op == "Sub" and place == 1 else signal
    return writer.unspread(sent, _inputs(node), place)


def _product(writer: _Writer, node: NodeDef, place: int, signal: str) -> str:
    sent = writer.add(node.op, signal, _inputs(node)[1 - place], T=node.attr["T"])
    return writer.unspread(sent, _inputs(node), place)


_STEPS: dict[str, Callable[[_Writer, NodeDef, int, str], str]] = {
    "Identity": lambda writer, node, place, signal: signal,
    "BiasAdd": lambda writer, node, place, signal: signal,
    **dict.fromkeys(("Relu", "Relu6"), _rectifier),
    **dict.fromkeys(("Conv2D", "DepthwiseConv2dNative"), _convolution),
    **dict.fromkeys(("Add", "AddV2", "Sub"), _sum),
    **dict.fromkeys(("Mul", "RealDiv"), _product),
    "MaxPool": _max_pool,
    "AvgPool": _average_pool,
    "Pad": _pad,
    "ConcatV2": _concatenation,
}
"""(writer, node, the place of an input, the signal at the output) -> the signal for that input."""
