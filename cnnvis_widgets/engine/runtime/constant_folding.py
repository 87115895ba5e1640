"""What a network makes of its weights alone, computed once and then taken for a weight itself.

A batch normalisation is frozen into seven ops, of which five see only weights. In every function that is compiled they
would be built, optimised and run again: more ops than all others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue

from ...caches import LRUCache
from ...errors import NumericalError
from ..graph.graphdef import NodeDef, ancestors, data_inputs, node_of, tensor_of
from ..graph.nonfinite import NonFinite, constants_of, find_nonfinite, listed
from ..graph.structure import Structure
from ..tensorflow_internals import op_definition, run_op
from .batch_norm_folding import folded
from .subgraphs import Cut, cut_out
from .tracing import captured, eagerly

_LARGEST = 2**16  # elements; a kernel that is cast or turned stays in the network: kept, it would take twice the room


class Settled:
    """The weights of a network, and what is made of them on the way to ops that see an input.

    Args:
        structure: of the network.
        weights: by node name.
    """

    def __init__(self, structure: Structure, weights: Mapping[str, tf.Tensor]) -> None:
        self._structure = structure
        self._weights = {tensor_of(name): value for name, value in weights.items()}
        self._computed_once: LRUCache[tf.Tensor] = LRUCache()

    def cut(
        self, inputs: Mapping[str, tf.Tensor], tensors: Sequence[str], *, folding: bool
    ) -> tuple[Cut, dict[str, tf.Tensor]]:
        """The part of the network between ``inputs`` and ``tensors``, and what it takes, in the function being traced.

        Raises:
            FeedError: a placeholder between them is not fed.
            NumericalError: ``tensors`` depend on weights that hold NaN or infinity.
        """
        settled = self.beside(inputs)
        cut = cut_out(self._structure, settled.keys(), inputs.keys(), tensors)
        self._require_finite(tensors, inputs.keys())
        values = {tensor: settled[tensor] for tensor in cut.settled}
        if folding:
            nodes, made = folded(cut.nodes, tensors, values, self._computed_once.get_or_make)
            taken = {*tensors, *(tensor_of(each) for node in nodes for each in node.input)}
            cut, values = replace(cut, nodes=nodes), {name: values[name] for name in values if name in taken} | made
        return cut, captured(values) | dict(inputs)

    def beside(self, inputs: Iterable[str]) -> Mapping[str, tf.Tensor]:
        """Values by tensor name; only the weights where something is fed that they may be overridden by."""
        if all(node_of(tensor) in self._structure.varying for tensor in inputs):
            return self._values
        return self._weights

    def nonfinite_behind(self, tensors: Iterable[str], inputs: Collection[str]) -> tuple[str, ...]:
        """The weights with NaN or infinity that ``tensors`` depend on, or else such values that are made of weights."""
        nodes, tensors = self._structure.nodes, list(tensors)
        found = self.nonfinite.behind(nodes, tensors, inputs)
        made = self.beside(inputs) is self._values
        return found or (self._nonfinite_made.behind(nodes, tensors, inputs) if made else ())

    def _require_finite(self, tensors: Sequence[str], inputs: Collection[str]) -> None:
        found = self.nonfinite_behind(tensors, inputs)
        if found:
            raise NumericalError(
                f"Expected finite weights. Received: NaN or infinity in {listed(found)}. Check how the network was "
                "trained and read. Layers that do not depend on these weights can still be computed."
            )

    @cached_property
    def nonfinite(self) -> NonFinite:
        """Weights and constants that hold NaN or infinity; all are looked at once."""
        nodes = self._structure.nodes
        return find_nonfinite(nodes, self._weights | constants_of(nodes.values()))

    @cached_property
    def _nonfinite_made(self) -> NonFinite:
        """The same of what is made of weights: a variance below 0 gives NaN."""
        return find_nonfinite(self._structure.nodes, self._made_values)

    @cached_property
    def _values(self) -> Mapping[str, tf.Tensor]:
        passed = {tensor: self._weights[origin] for tensor in self._frontier if (origin := self._passed(tensor))}
        return self._weights | passed | self._made_values

    @cached_property
    def _made_values(self) -> dict[str, tf.Tensor]:
        return self._computed(sorted(tensor for tensor in self._frontier if not self._passed(tensor)))

    @cached_property
    def _frontier(self) -> set[str]:
        """What varying ops take of other ops that depend on weights, where it is small or a weight as it is."""
        nodes, varying, shapes = self._structure.nodes, self._structure.varying, self._structure.shapes
        taken = {tensor_of(each) for name in varying & nodes.keys() for each in data_inputs(nodes[name])}
        made = self._made()
        return {
            tensor
            for tensor in taken
            if node_of(tensor) in made
            and (self._passed(tensor) or _elements(shapes.get(tensor, (None, None))[1]) <= _LARGEST)
        }

    def _made(self) -> set[str]:
        """Nodes that depend on weights and constants, on weights at least, and on nothing else."""
        weights = {node_of(tensor) for tensor in self._weights}
        pure, made, varying = set(weights), set[str](), self._structure.varying
        for name, node in self._structure.nodes.items():
            inputs = {node_of(each) for each in node.input}
            if name not in varying and name not in weights and inputs <= pure and _repeatable(node):
                pure.add(name)
                if inputs & (made | weights):
                    made.add(name)
        return made

    def _passed(self, tensor: str) -> str:
        """The weight that a tensor is, behind identities; '' if it is computed."""
        while tensor not in self._weights:
            node = self._structure.nodes[node_of(tensor)]
            if node.op != "Identity":
                return ""
            tensor = tensor_of(node.input[0])
        return tensor

    @eagerly
    def _computed(self, tensors: list[str]) -> dict[str, tf.Tensor]:
        """Op by op: there are many small ones, each run once, and a graph of them takes longer to build than to run."""
        needed = ancestors(self._structure.nodes, map(node_of, tensors))
        values = dict(self._weights)
        for name, node in self._structure.nodes.items():
            if name in needed and tensor_of(name) not in values:
                found = _run(node, [values[tensor_of(each)] for each in data_inputs(node)])
                values |= {f"{name}:{index}": value for index, value in enumerate(found)}
        return {tensor: values[tensor] for tensor in tensors}


def _run(node: NodeDef, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
    """The outputs of an op, computed eagerly."""
    if node.op == "Const":
        return [tf.constant(tf.make_ndarray(node.attr["value"].tensor))]
    attributes = [part for key in sorted(node.attr) for part in (key, _plain(node.attr[key]))]
    definition: Any = op_definition(node.op)
    outputs = sum(
        len(node.attr[each.type_list_attr].list.type)
        if each.type_list_attr
        else node.attr[each.number_attr].i
        if each.number_attr
        else 1
        for each in definition.output_arg
    )
    return run_op(node.op, inputs, outputs, attributes)


def _plain(value: AttrValue) -> Any:
    """An attribute as an eager op takes it."""
    kind = value.WhichOneof("value")
    if kind == "list":
        return [_item(each, field.name) for field, several in value.list.ListFields() for each in several]
    return _item(getattr(value, kind), kind)


def _item(value: Any, kind: str) -> Any:
    return tf.TensorShape(value) if kind == "shape" else value


def _repeatable(node: NodeDef) -> bool:
    """Whether an op gives the same of the same at every time, and calls no function, which ``_run`` cannot."""
    found = op_definition(node.op)
    calls = any(
        "func" in (value.WhichOneof("value"), *(field.name for field, _ in value.list.ListFields()))
        for value in node.attr.values()
    )
    return found is not None and not found.is_stateful and not node.op.startswith("Placeholder") and not calls


def _elements(shape: tuple[int | None, ...] | None) -> float:
    return float("inf") if shape is None else prod(float("inf") if size is None else size for size in shape)
