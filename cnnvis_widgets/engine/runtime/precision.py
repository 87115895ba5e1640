"""The precisions to compute in, what bfloat16 is worth on this machine, and networks that compute in it.

Convolutions and products in bfloat16 take half of the time on CPUs with instructions for them. Sums, means and the
image keep float32, since they would lose what a small step adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue

from ..backward.custom_gradients import is_custom
from ..graph.graphdef import NodeDef, node_of, tensor_of
from .subgraphs import Subgraph
from .tracing import eagerly

PRECISIONS = ("float32", "bfloat16", "auto")

WORTHWHILE = 0.8
"""The share of the time in float32 below which bfloat16 is taken; a smaller gain is not worth the lost digits."""

# the inputs of each op that are computed in bfloat16; the others are whole numbers
_IN_BFLOAT16: Mapping[str, Sequence[int]] = {
    "Conv2D": (0, 1),
    "DepthwiseConv2dNative": (0, 1),
    "MatMul": (0, 1),
    "BiasAdd": (0, 1),
    "Relu": (0,),
    "Relu6": (0,),
    "MaxPool": (0,),
    "Pad": (0,),
}
_AFTER_A_PRODUCT = ("BiasAdd", "Relu", "Relu6")
_SUFFIX = "/bfloat16"


@cache
@eagerly
def bfloat16_share() -> float:
    """The time of a bfloat16 convolution on this CPU as a share of float32's; measured once, quickly."""

    def seconds(dtype: tf.DType) -> float:
        maps, kernel = tf.ones([2, 28, 28, 128], dtype), tf.ones([3, 3, 128, 128], dtype)
        return shortest(lambda: tf.nn.conv2d(maps, kernel, 1, "SAME").numpy())

    return seconds(tf.bfloat16) / seconds(tf.float32)


def shortest(call: Callable[[], object], times: int = 3) -> float:
    """The seconds of the shortest of several calls, after a first one that is not timed."""
    call()
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
    return min(durations)


def in_bfloat16(subgraph: Subgraph, weights: Mapping[str, tf.Tensor]) -> tuple[Subgraph, dict[str, tf.Tensor]]:
    """Write a subgraph so that its convolutions, products, and what stands between them compute in bfloat16.

    Args:
        subgraph: all of its floating-point tensors are float32. Its nodes are changed.
        weights: the values that it takes, by tensor name.

    Returns:
        The subgraph, whose tensors are computed in float32 as before, and its weights, with those of convolutions in
        bfloat16.
    """
    halved = {node.name for node in subgraph.nodes if _computes_in_bfloat16(node)}
    writer = _Writer(halved - _last(subgraph), dict(weights))
    nodes = [each for node in subgraph.nodes for each in writer.rewritten(node)]
    tensors = [writer.in_float32(tensor) for tensor in subgraph.tensors]
    nodes += writer.take_casts()
    return replace(subgraph, nodes=nodes, tensors=tensors), writer.weights


def _last(subgraph: Subgraph) -> set[str]:
    """The last products before the tensors of a subgraph, and the nodes behind them: scores keep their digits."""
    nodes, last = {node.name: node for node in subgraph.nodes}, set[str]()
    for tensor in subgraph.tensors:
        name = node_of(tensor)
        while name in nodes:
            last.add(name)
            name = node_of(nodes[name].input[0]) if nodes[name].op in _AFTER_A_PRODUCT else ""
    return last


def _computes_in_bfloat16(node: NodeDef) -> bool:
    if node.op not in _IN_BFLOAT16 or is_custom(node):
        return False
    layout = node.attr["data_format"].s if "data_format" in node.attr else b"NHWC"
    return node.attr["T"].type == tf.float32.as_datatype_enum and layout == b"NHWC"


@eagerly
def _halved(weight: tf.Tensor) -> tf.Tensor:
    return tf.cast(weight, tf.bfloat16)


class _Writer:
    """Writes nodes for two precisions, with casts between them.

    Args:
        halved: the names of the nodes that compute in bfloat16.
        weights: values by tensor name.

    Attributes:
        weights: the same, and those that are needed in bfloat16 under a name of their own.
    """

    def __init__(self, halved: set[str], weights: dict[str, tf.Tensor]) -> None:
        self._halved, self.weights = halved, weights
        self._casts: dict[str, NodeDef] = {}
        self._new: list[NodeDef] = []

    def rewritten(self, node: NodeDef) -> list[NodeDef]:
        """A node behind the casts that it needs."""
        halved = node.name in self._halved
        for place, name in enumerate(node.input):
            if name.startswith("^"):
                continue
            tensor = tensor_of(name)
            if halved and place in _IN_BFLOAT16[node.op]:
                node.input[place] = self.in_bfloat16(tensor)
            elif not halved:
                node.input[place] = self.in_float32(tensor)
        if halved:
            node.attr["T"].CopyFrom(AttrValue(type=tf.bfloat16.as_datatype_enum))
        return [*self.take_casts(), node]

    def in_bfloat16(self, tensor: str) -> str:
        """The name of a tensor in bfloat16."""
        if node_of(tensor) in self._halved:
            return tensor
        if tensor in self.weights:
            name = f"{node_of(tensor)}{_SUFFIX}:0"
            self.weights.setdefault(name, _halved(self.weights[tensor]))
            return name
        return self._cast(tensor, tf.float32, tf.bfloat16, _SUFFIX)

    def in_float32(self, tensor: str) -> str:
        """The name of a tensor in float32, or as it is if it is of another type."""
        return self._cast(tensor, tf.bfloat16, tf.float32, "/float32") if node_of(tensor) in self._halved else tensor

    def _cast(self, tensor: str, source: tf.DType, target: tf.DType, suffix: str) -> str:
        name = f"{tensor.replace(':', '/')}{suffix}"
        if name not in self._casts:
            self._casts[name] = node = NodeDef(name=name, op="Cast", input=[tensor])
            node.attr["SrcT"].type, node.attr["DstT"].type = source.as_datatype_enum, target.as_datatype_enum
            self._new.append(node)
        return f"{name}:0"

    def take_casts(self) -> list[NodeDef]:
        """The casts that were written since the last call."""
        casts, self._new = self._new, []
        return casts
