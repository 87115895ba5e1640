"""Computes nodes op by op, without a function: the quickest way for what is computed once.

To trace, optimise and instantiate a function takes longer than to run the ops of a small network many times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue

from ..graph.graphdef import V1_CONTROL_FLOW, NodeDef, data_inputs, tensor_of
from ..tensorflow_internals import op_definition, run_op
from .tracing import computing, eagerly


def can_run(node: NodeDef) -> bool:
    """Return whether an op runs by itself and always computes the same from the same.

    An op that calls a function does not, nor one that has to stay in the frame of a loop.
    """
    definition = op_definition(node.op)
    calls_function = any(
        "func" in (value.WhichOneof("value"), *(field.name for field, _ in value.list.ListFields()))
        for value in node.attr.values()
    )
    is_pure = definition is not None and not definition.is_stateful and not node.op.startswith("Placeholder")
    return is_pure and not calls_function and node.op not in V1_CONTROL_FLOW


@eagerly
def run_nodes(nodes: Iterable[NodeDef], values: Mapping[str, tf.Tensor], tensors: Sequence[str]) -> list[tf.Tensor]:
    """Compute tensors. A value is dropped as soon as no further op takes it.

    Args:
        nodes: each after its inputs; ``can_run`` holds for all of them.
        values: what they take from elsewhere, by tensor name.
        tensors: the names of the tensors to return, which nodes compute or ``values`` holds.
    """
    nodes, known = list(nodes), dict(values)
    takers = Counter(tensor_of(reference) for node in nodes for reference in data_inputs(node))
    takers.update(tensors)
    for node in nodes:
        taken = [tensor_of(reference) for reference in data_inputs(node)]
        with computing():
            outputs = _run(node, [known[tensor] for tensor in taken])
        for tensor in taken:
            takers[tensor] -= 1
            if not takers[tensor]:
                del known[tensor]
        known |= {name: value for index, value in enumerate(outputs) if takers[name := f"{node.name}:{index}"]}
    return [known[tensor] for tensor in tensors]


def _run(node: NodeDef, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
    """Compute the outputs of an op."""
    if node.op == "Const":
        return [tf.constant(tf.make_ndarray(node.attr["value"].tensor))]
    keys = sorted(key for key in node.attr if not key.startswith("_"))  # such as the name of a gradient
    attributes = [part for key in keys for part in (key, _eager_attribute(node.attr[key]))]
    return run_op(node.op, inputs, _count_outputs(node), attributes)


def _count_outputs(node: NodeDef) -> int:
    definition: Any = op_definition(node.op)
    return sum(
        len(node.attr[output.type_list_attr].list.type)
        if output.type_list_attr
        else node.attr[output.number_attr].i
        if output.number_attr
        else 1
        for output in definition.output_arg
    )


def _eager_attribute(value: AttrValue) -> Any:
    """Convert an attribute to the form that an eager op takes."""
    kind = value.WhichOneof("value")
    if kind == "list":
        return [_eager_item(item, field.name) for field, items in value.list.ListFields() for item in items]
    return _eager_item(getattr(value, kind), kind)


def _eager_item(value: Any, kind: str) -> Any:
    return tf.TensorShape(value) if kind == "shape" else value
