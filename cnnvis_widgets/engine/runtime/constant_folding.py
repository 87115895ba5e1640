"""Computes what a network derives from its weights alone once, and then treats it as a weight.

A frozen batch normalisation is seven ops, of which five depend on weights only. Without this, every compiled function
would build, optimise and run them again: they are more ops than all others together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod

import tensorflow as tf

from ...caches import LRUCache
from ...errors import NumericalError
from ..graph.graphdef import Value, ancestors, data_inputs, node_of, tensor_of
from ..graph.nonfinite import NonFinite, constants_of, find_nonfinite, is_finite, listed
from ..graph.shared_memory import LazyTensor, as_tensor
from ..graph.structure import Structure
from .batch_norm_folding import fold_batch_norms
from .budget import BUDGET
from .op_by_op import can_run, run_nodes
from .subgraphs import Subgraph, subgraph_between

_LARGEST = (
    2**16
)  # elements; a kernel that is cast or transposed stays in the network, as a copy would double its memory


class FoldedWeights:
    """The weights of a network, and the small tensors computed from weights alone that feed-dependent ops take.

    Args:
        structure: of the network.
        weights: by node name.
    """

    def __init__(self, structure: Structure, weights: Mapping[str, tf.Tensor | LazyTensor]) -> None:
        self._structure = structure
        self._weights = {tensor_of(name): value for name, value in weights.items()}
        self._folded_scales: LRUCache[tf.Tensor] = LRUCache()
        self._finite: set[str] = set()
        BUDGET.hold(self)

    def held(self) -> list[tf.Tensor | LazyTensor]:
        """Return all weights, and what was computed from them."""
        folded = self.__dict__.get("_folded_values", {})  # what was not computed yet is not computed for this
        return [*self._weights.values(), *folded.values(), *self._folded_scales.values()]

    def subgraph(
        self, inputs: Collection[str], tensors: Sequence[str], *, folding: bool = False
    ) -> tuple[Subgraph, dict[str, tf.Tensor]]:
        """Cut the network between ``inputs`` and ``tensors``.

        Args:
            inputs: the names of the tensors that are fed.
            tensors: the names of the outputs.
            folding: whether scales are folded into kernels; see ``batch_norm_folding``.

        Returns:
            The subgraph, and the values of the weights that it takes, by tensor name.

        Raises:
            FeedError: a placeholder between them is not fed.
            NumericalError: ``tensors`` depend on weights that hold NaN or infinity.
        """
        known = self.values_beside(inputs)
        subgraph = subgraph_between(self._structure, known.keys(), inputs, tensors)
        self._require_finite(tensors, inputs)
        values = {tensor: as_tensor(known[tensor]) for tensor in subgraph.weights}
        if folding:
            nodes, folded = fold_batch_norms(subgraph.nodes, tensors, values, self._folded_scales.get_or_make)
            taken = {*tensors, *(tensor_of(input_name) for node in nodes for input_name in node.input)}
            values = {tensor: value for tensor, value in values.items() if tensor in taken} | folded
            subgraph = replace(subgraph, nodes=nodes)
        return subgraph, values

    def require_computable(self, tensors: Sequence[str], inputs: Collection[str]) -> None:
        """Check that tensors can be computed when ``inputs`` are fed. Nothing is run.

        Raises:
            FeedError: a placeholder between them is not fed.
            NumericalError: ``tensors`` depend on weights that hold NaN or infinity.
        """
        subgraph_between(self._structure, self.values_beside(inputs).keys(), inputs, tensors)
        self._require_finite(tensors, inputs)

    def values_beside(self, inputs: Iterable[str]) -> Mapping[str, tf.Tensor | LazyTensor]:
        """Return the known values by tensor name, when tensors of these names are fed.

        If something else than an input of the network is fed, folded values could depend on it; then these are only the
        weights.
        """
        if all(node_of(tensor) in self._structure.varying for tensor in inputs):
            return self._values
        return self._weights

    def nonfinite_behind(self, tensors: Iterable[str], inputs: Collection[str]) -> tuple[str, ...]:
        """Return the names of the weights with NaN or infinity that ``tensors`` depend on, when ``inputs`` are fed.

        If there are none, folded values with NaN or infinity count.
        """
        nodes, tensors = self._structure.nodes, list(tensors)
        names = () if self._finite_behind(tensors, inputs) else self.nonfinite.behind(nodes, tensors, inputs)
        if names or self.values_beside(inputs) is not self._values:
            return names
        return self._nonfinite_folded.behind(nodes, tensors, inputs)

    def _finite_behind(self, tensors: Iterable[str], inputs: Collection[str]) -> bool:
        """Whether no weight or constant behind tensors holds NaN or infinity. Those of other layers are not read."""
        sources = [node_of(tensor) for tensor in tensors if tensor not in inputs]
        needed = ancestors(self._structure.nodes, sources, stop=inputs)
        unread = {tensor for tensor in self._floats if node_of(tensor) in needed} - self._finite
        self._finite |= {tensor for tensor in unread if is_finite(self._floats[tensor])}
        return unread <= self._finite

    def _require_finite(self, tensors: Sequence[str], inputs: Collection[str]) -> None:
        names = self.nonfinite_behind(tensors, inputs)
        if names:
            raise NumericalError(
                f"Expected finite weights. Received: NaN or infinity in {listed(names)}. Check how the network was "
                "trained and read. Layers that do not depend on these weights can still be computed."
            )

    @cached_property
    def nonfinite(self) -> NonFinite:
        """Weights and constants that hold NaN or infinity. Each is checked once."""
        return find_nonfinite(self._structure.nodes, self._floats)

    @cached_property
    def _floats(self) -> Mapping[str, Value | LazyTensor]:
        """Weights and floating-point constants, by tensor name."""
        return self._weights | constants_of(self._structure.nodes.values())

    @cached_property
    def _nonfinite_folded(self) -> NonFinite:
        """Folded values that hold NaN or infinity: a negative variance gives NaN."""
        return find_nonfinite(self._structure.nodes, self._folded_values)

    @cached_property
    def _values(self) -> Mapping[str, tf.Tensor | LazyTensor]:
        copies = {tensor: self._weights[weight] for tensor in self._frontier if (weight := self._weight_behind(tensor))}
        return self._weights | copies | self._folded_values

    @cached_property
    def _folded_values(self) -> dict[str, tf.Tensor]:
        return self._computed(sorted(tensor for tensor in self._frontier if not self._weight_behind(tensor)))

    @cached_property
    def _frontier(self) -> set[str]:
        """The inputs of feed-dependent ops that depend on weights alone, if they are small or just a weight."""
        nodes, varying, shapes = self._structure.nodes, self._structure.varying, self._structure.shapes
        taken = {tensor_of(input_name) for name in varying & nodes.keys() for input_name in data_inputs(nodes[name])}
        foldable = self._foldable()
        return {
            tensor
            for tensor in taken
            if node_of(tensor) in foldable
            and (self._weight_behind(tensor) or _elements(shapes.get(tensor, (None, None))[1]) <= _LARGEST)
        }

    def _foldable(self) -> set[str]:
        """Return the nodes that depend on weights and constants only, and on at least one weight."""
        weights = {node_of(tensor) for tensor in self._weights}
        constant, foldable, varying = set(weights), set[str](), self._structure.varying
        for name, node in self._structure.nodes.items():
            inputs = {node_of(input_name) for input_name in node.input}
            if name not in varying and name not in weights and inputs <= constant and can_run(node):
                constant.add(name)
                if inputs & (foldable | weights):
                    foldable.add(name)
        return foldable

    def _weight_behind(self, tensor: str) -> str:
        """Return the weight that a tensor is a copy of, through identities; '' if the tensor is computed."""
        while tensor not in self._weights:
            node = self._structure.nodes[node_of(tensor)]
            if node.op != "Identity":
                return ""
            tensor = tensor_of(node.input[0])
        return tensor

    def _computed(self, tensors: list[str]) -> dict[str, tf.Tensor]:
        needed = ancestors(self._structure.nodes, map(node_of, tensors), stop=self._weights)
        nodes = [node for name, node in self._structure.nodes.items() if name in needed]
        computed = [node for node in nodes if tensor_of(node.name) not in self._weights]
        taken = {tensor_of(input_name) for node in computed for input_name in data_inputs(node)}
        values = {tensor: as_tensor(self._weights[tensor]) for tensor in taken & self._weights.keys()}
        return dict(zip(tensors, run_nodes(computed, values, tensors), strict=True))


def _elements(shape: tuple[int | None, ...] | None) -> float:
    return float("inf") if shape is None else prod(float("inf") if size is None else size for size in shape)
