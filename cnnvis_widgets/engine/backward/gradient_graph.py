"""The gradient of the part of a network next to the image, written down as a graph that is imported at once.

``tf.gradients`` builds the same ops one by one in Python, which takes a quarter of the time before the first picture of
a dream. The graph goes as far up from the image as all ops have ``gradient_nodes`` in their rows; ``tf.gradients`` does
the rest.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from ..graph.graphdef import NodeDef, node_of, tensor_of
from ..graph.layers import Shapes
from ..ops.gradient_nodes import NodeWriter, inputs_of
from ..ops.specs import OPS
from .custom_gradients import is_custom


@dataclass(frozen=True)
class GradientGraph:
    """Nodes that carry signals from ``ends`` back to the image.

    Attributes:
        nodes: they take tensors of the network by name, and signals by the names in ``signals``.
        ends: the tensors of the network at which signals come in.
        signals: a name for the signal at each of them.
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


def gradient_graph(
    nodes: Iterable[NodeDef], image: str, tensors: Collection[str], shapes: Shapes
) -> GradientGraph | None:
    """Write down the gradient of ``tensors`` with respect to ``image``, as far up as the ops have gradient nodes.

    Args:
        nodes: of the network, each after its inputs.
        image: the name of a tensor.
        tensors: the names of those that an objective takes.
        shapes: of the network's tensors.

    Returns:
        The graph; ``None`` if the ops at the image have no gradient nodes.
    """
    covered, ends = _covered(nodes, image, tensors, shapes)
    if not ends:
        return None
    writer = NodeWriter(shapes)
    arrived = {end: [f"signal/{index}:0"] for index, end in enumerate(ends)}
    signals = [name for [name] in arrived.values()]
    awaited = Counter(inputs_of(node)[place] for node, places in covered.values() for place in places)
    ready = deque(end for end in ends if not awaited[end])
    while ready:  # in the order of tf.gradients, since the last bit of a sum of more than two signals depends on it
        tensor = ready.popleft()
        node, places = covered[tensor]
        write = OPS[node.op].gradient_nodes
        assert write is not None
        signal = writer.total(arrived[tensor], tensor)
        for place in places:
            entered = inputs_of(node)[place]
            arrived.setdefault(entered, []).append(write(writer, node, place, signal))
            awaited[entered] -= 1
            if not awaited[entered] and entered != image:
                ready.append(entered)
    return GradientGraph(writer.nodes, ends, signals, writer.total(arrived[image], image))


def _covered(
    nodes: Iterable[NodeDef], image: str, tensors: Collection[str], shapes: Shapes
) -> tuple[dict[str, tuple[NodeDef, list[int]]], list[str]]:
    """The nodes that depend on the image only through ops with gradient nodes, and the tensors at their upper end.

    Returns:
        By output: each node and the places of its inputs that depend on the image. And the ends: those of these outputs
        that are among ``tensors``, or that another op takes.
    """
    covered: dict[str, tuple[NodeDef, list[int]]] = {}
    varying, ends = {node_of(image)}, dict.fromkeys(tensors)
    for node in nodes:
        inputs = inputs_of(node)
        places = [place for place, each in enumerate(inputs) if node_of(each) in varying]
        if places:
            varying.add(node.name)
            below = all(each == image or each in covered for each in (inputs[place] for place in places))
            if below and _has_gradient_nodes(node, inputs, places, shapes):
                covered[tensor_of(node.name)] = node, places
            else:
                ends |= dict.fromkeys(inputs)
    return covered, [end for end in ends if end in covered]


def _has_gradient_nodes(node: NodeDef, inputs: Sequence[str], places: list[int], shapes: Shapes) -> bool:
    """Whether the gradient nodes of an op hold for this node, whose inputs at ``places`` depend on the image."""
    spec = OPS.get(node.op)
    if (
        spec is None
        or spec.gradient_nodes is None
        or is_custom(node)
        or not shapes[tensor_of(node.name)][0].is_floating
    ):
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
