"""Folds a scale behind a convolution, as batch normalisation leaves it, into the kernel.

The mathematics is the same and the rounding is not. So this is for class scores and for dreams; activations and
reconstructions are those of the network as it is. Each folded scale is one op less in both directions, and the term
added behind it becomes the bias of the convolution, which TensorFlow computes together with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from math import prod
from typing import TypeAlias

import tensorflow as tf

from ..graph.graphdef import NodeDef, data_inputs, node_of, rewire, tensor_of
from .tracing import eagerly

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_ADDITIONS = ("Add", "AddV2", "BiasAdd")
_LARGEST = 2**19  # elements of a kernel, since the folded kernel is kept beside that of the network

GetOrMake: TypeAlias = Callable[[Hashable, Callable[[], tf.Tensor]], tf.Tensor]
"""``LRUCache.get_or_make``."""


def fold_batch_norms(
    nodes: Sequence[NodeDef], outputs: Collection[str], weights: Mapping[str, tf.Tensor], get_or_make: GetOrMake
) -> tuple[list[NodeDef], dict[str, tf.Tensor]]:
    """Fold scales of one number per channel into the convolutions before them.

    Args:
        nodes: in order of computation; changed in place.
        outputs: names of tensors that must keep their values.
        weights: values by tensor name.
        get_or_make: of a cache for the folded weights.

    Returns:
        The nodes that are left, and the folded kernels and biases by tensor name.
    """
    folding = _Folding(nodes, outputs, weights, get_or_make)
    for node in nodes:
        if node.op == "Mul":
            folding.fold_scale(node)
        elif node.op in _ADDITIONS:
            folding.fold_addition(node)
    rewire(nodes, folding.moved)
    return [node for node in nodes if tensor_of(node.name) not in folding.moved], folding.folded


class _Folding:
    """The state of one folding.

    Attributes:
        moved: from each removed product to the tensor that has its value now.
        folded: the folded kernels and biases by tensor name.
    """

    def __init__(
        self,
        nodes: Sequence[NodeDef],
        outputs: Collection[str],
        weights: Mapping[str, tf.Tensor],
        get_or_make: GetOrMake,
    ) -> None:
        self._nodes, self._weights, self._get_or_make = {node.name: node for node in nodes}, weights, get_or_make
        controls = {
            tensor_of(input_name[1:]) for node in nodes for input_name in node.input if input_name.startswith("^")
        }
        self._outputs = controls.union(outputs)
        self._uses = Counter(tensor_of(input_name) for node in nodes for input_name in data_inputs(node))
        self.moved: dict[str, str] = {}
        self.folded: dict[str, tf.Tensor] = {}

    def fold_scale(self, product: NodeDef) -> None:
        """Make a product a part of the convolution before it, which may have a bias."""
        if tensor_of(product.name) in self._outputs:
            return
        for scaled, factor in _orders(product):
            addition = self._only_source(scaled, _ADDITIONS)
            for convolved, bias in [(scaled, "")] if addition is None else _orders(addition):
                convolution = self._only_source(convolved, _CONVOLUTIONS)
                channels = 0 if convolution is None else self._foldable_channels(convolution)
                vectors = [tensor for tensor in (factor, bias) if tensor]
                if convolution is None or not all(self._is_vector(tensor, channels) for tensor in vectors):
                    continue
                kernel = tensor_of(convolution.input[1])
                shape = [-1] if convolution.op == "Conv2D" else self._weights[kernel].shape[2:]
                self._replace(convolution, kernel, factor, shape)
                if addition is not None:
                    addition.input[0] = convolved
                    self._replace(addition, bias, factor, [-1])
                self.moved[tensor_of(product.name)] = scaled
                return

    def fold_addition(self, addition: NodeDef) -> None:
        """Make a sum the bias of a convolution with a folded kernel."""
        for scaled, bias in _orders(addition):
            convolution = self._nodes.get(node_of(self.moved.get(scaled, "")))
            if convolution is None or convolution.op not in _CONVOLUTIONS:
                continue
            if self._is_vector(bias, self._foldable_channels(convolution)):
                dtype = addition.attr["T"].type
                addition.attr.clear()
                addition.attr["T"].type = dtype
                addition.op, addition.input[0] = "BiasAdd", scaled
                self._replace(addition, bias, "", [-1])
                return

    def _only_source(self, tensor: str, ops: Collection[str]) -> NodeDef | None:
        """Return the node of one of these ops that computes a tensor, if nobody else takes the tensor."""
        node = self._nodes.get(node_of(tensor))
        if node is None or node.op not in ops or self._uses[tensor] != 1 or tensor in self._outputs:
            return None
        return node

    def _kernel(self, convolution: NodeDef) -> tf.Tensor | None:
        kernel = tensor_of(convolution.input[1])
        return self.folded.get(kernel, self._weights.get(kernel))

    def _foldable_channels(self, convolution: NodeDef) -> int:
        """Return how many channels a convolution computes along the last axis; 0 if nothing can be folded into it."""
        kernel = self._kernel(convolution)
        if kernel is None or convolution.attr["data_format"].s not in (b"", b"NHWC") or prod(kernel.shape) > _LARGEST:
            return 0
        return int(kernel.shape[3] if convolution.op == "Conv2D" else prod(kernel.shape[2:]))

    def _is_vector(self, tensor: str, channels: int) -> bool:
        """Return whether a weight has one number for each channel, along the last axis."""
        value = self._weights.get(tensor)
        shape = [] if value is None or value.dtype != tf.float32 else value.shape.as_list()
        return shape[-1:] == [channels] == [prod(shape)]

    def _replace(self, node: NodeDef, weight: str, factor: str, shape: Sequence[int]) -> None:
        """Multiply the second input of a node, a weight, by a factor of this shape; without one, reshape it."""
        name = f"{node.name}/folded:0"
        values = [self._weights[tensor] for tensor in (weight, factor) if tensor]
        self.folded[name] = self._get_or_make(("folded", weight, factor), lambda: _product(*values, shape=shape))
        node.input[1] = name


def _orders(node: NodeDef) -> list[tuple[str, str]]:
    """Return the two inputs of a node as (one, other) in both orders."""
    first, second = map(tensor_of, data_inputs(node))
    return [(first, second), (second, first)]


@eagerly
def _product(value: tf.Tensor, factor: tf.Tensor | None = None, *, shape: Sequence[int]) -> tf.Tensor:
    if factor is None:
        return tf.reshape(value, shape)
    return (value if value.shape.rank == 4 else tf.reshape(value, [-1])) * tf.reshape(factor, shape)
