"""A scale behind a convolution, as batch normalisation leaves it, made part of the kernel.

The same mathematics with other rounding, so this is for scores and for gradients that are climbed; activations and
reconstructions are those of the network as it is. A scale that is folded is an op less on each way, and what is added
behind it becomes the bias of the convolution, which TensorFlow computes together with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from math import prod

import tensorflow as tf

from ..graph.graphdef import NodeDef, data_inputs, node_of, rewire, tensor_of
from .tracing import eagerly

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_ADDITIONS = ("Add", "AddV2", "BiasAdd")
_LARGEST = 2**19  # elements of a kernel, since the new one is kept beside that of the network

Once = Callable[[Hashable, Callable[[], tf.Tensor]], tf.Tensor]


def folded(
    nodes: Sequence[NodeDef], asked: Collection[str], weights: Mapping[str, tf.Tensor], once: Once
) -> tuple[list[NodeDef], dict[str, tf.Tensor]]:
    """Fold scales of one number for each channel into the convolutions before them.

    Args:
        nodes: in order of computation; changed in place.
        asked: tensors that must stay what they are.
        weights: values by tensor name.
        once: gives what a function makes, made once for each key.

    Returns:
        The nodes that are left, and new kernels and biases by tensor name.
    """
    folding = _Folding(nodes, asked, weights, once)
    for node in nodes:
        if node.op == "Mul":
            folding.scale(node)
        elif node.op in _ADDITIONS:
            folding.add(node)
    rewire(nodes, folding.moved)
    return [node for node in nodes if tensor_of(node.name) not in folding.moved], folding.made


class _Folding:
    """One folding; ``moved`` tells where the values of products that went are found, ``made`` is new."""

    def __init__(
        self, nodes: Sequence[NodeDef], asked: Collection[str], weights: Mapping[str, tf.Tensor], once: Once
    ) -> None:
        self._nodes, self._weights, self._once = {node.name: node for node in nodes}, weights, once
        awaited = {tensor_of(each[1:]) for node in nodes for each in node.input if each.startswith("^")}
        self._asked = awaited.union(asked)
        self._uses = Counter(tensor_of(each) for node in nodes for each in data_inputs(node))
        self.moved: dict[str, str] = {}
        self.made: dict[str, tf.Tensor] = {}

    def scale(self, product: NodeDef) -> None:
        """Take a product for part of the convolution before it, which may have a bias."""
        if tensor_of(product.name) in self._asked:
            return
        for entered, factor in _orders(product):
            addition = self._before(entered, _ADDITIONS)
            for behind, bias in [(entered, "")] if addition is None else _orders(addition):
                convolution = self._before(behind, _CONVOLUTIONS)
                channels = 0 if convolution is None else self._channels(convolution)
                vectors = [each for each in (factor, bias) if each]
                if convolution is None or not all(self._is_vector(each, channels) for each in vectors):
                    continue
                kernel = tensor_of(convolution.input[1])
                spread = [-1] if convolution.op == "Conv2D" else self._weights[kernel].shape[2:]
                self._replace(convolution, kernel, factor, spread)
                if addition is not None:
                    addition.input[0] = behind
                    self._replace(addition, bias, factor, [-1])
                self.moved[tensor_of(product.name)] = entered
                return

    def add(self, addition: NodeDef) -> None:
        """Take a sum for the bias of a convolution that was folded."""
        for entered, bias in _orders(addition):
            convolution = self._nodes.get(node_of(self.moved.get(entered, "")))
            if convolution is None or convolution.op not in _CONVOLUTIONS:
                continue
            if self._is_vector(bias, self._channels(convolution)):
                kind = addition.attr["T"].type
                addition.attr.clear()
                addition.attr["T"].type = kind
                addition.op, addition.input[0] = "BiasAdd", entered
                self._replace(addition, bias, "", [-1])
                return

    def _before(self, tensor: str, ops: Collection[str]) -> NodeDef | None:
        """The op of one of these kinds that gives a tensor which nobody else takes."""
        node = self._nodes.get(node_of(tensor))
        found = node is not None and node.op in ops and self._uses[tensor] == 1 and tensor not in self._asked
        return node if found else None

    def _kernel(self, convolution: NodeDef) -> tf.Tensor | None:
        kernel = tensor_of(convolution.input[1])
        return self.made.get(kernel, self._weights.get(kernel))

    def _channels(self, convolution: NodeDef) -> int:
        """How many there are behind a convolution along the last axis; 0 where it cannot be folded."""
        kernel = self._kernel(convolution)
        if kernel is None or convolution.attr["data_format"].s not in (b"", b"NHWC") or prod(kernel.shape) > _LARGEST:
            return 0
        return int(kernel.shape[3] if convolution.op == "Conv2D" else prod(kernel.shape[2:]))

    def _is_vector(self, tensor: str, channels: int) -> bool:
        """Whether a value has one number for each channel, along the last axis."""
        value = self._weights.get(tensor)
        shape = [] if value is None or value.dtype != tf.float32 else value.shape.as_list()
        return shape[-1:] == [channels] == [prod(shape)]

    def _replace(self, node: NodeDef, value: str, factor: str, spread: Sequence[int]) -> None:
        """Give a node its second input times a factor."""
        name = f"{node.name}/folded:0"
        given = [self._weights[each] for each in (value, factor) if each]
        self.made[name] = self._once(("folded", value, factor), lambda: _product(*given, spread=spread))
        node.input[1] = name


def _orders(node: NodeDef) -> list[tuple[str, str]]:
    """The two inputs of a node as (one, the other)."""
    first, second = map(tensor_of, data_inputs(node))
    return [(first, second), (second, first)]


@eagerly
def _product(value: tf.Tensor, factor: tf.Tensor | None = None, *, spread: Sequence[int]) -> tf.Tensor:
    if factor is None:
        return tf.reshape(value, spread)
    return (value if value.shape.rank == 4 else tf.reshape(value, [-1])) * tf.reshape(factor, spread)
