"""A compiled function in two stages: the first depends on the early arguments only, and its residuals serve many calls.

A forward pass is a first stage and a backward pass a second one: many seeds go back over one forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import tensorflow as tf

from ..graph.graphdef import GraphDef, ancestors, copy_of, node_of, tensor_of
from ..tensorflow_internals import captures_of
from .tracing import call_context, called, capture_all, eagerly, function_of

Residuals: TypeAlias = Sequence[tf.Tensor]
"""What the second stage needs of the first."""


class TwoStageFunction:
    """``body(*early, *late) -> (value, result)``, where ``value`` depends on the early arguments only.

    Args:
        body: a function of tensors; it is traced once.
        early: specs of the arguments of the first stage.
        late: specs of the further arguments of the second stage.
    """

    def __init__(
        self,
        body: Callable[..., tuple[tf.Tensor, tf.Tensor]],
        early: Sequence[tf.TensorSpec],
        late: Sequence[tf.TensorSpec],
    ) -> None:
        self._early, self._late = early, late
        self._build(body)

    @eagerly
    def _build(self, body: Callable[..., tuple[tf.Tensor, tf.Tensor]]) -> None:
        whole = function_of(body, [*self._early, *self._late])
        self._context = call_context(whole.graph, quick_start=True)
        value, result = whole.outputs
        arguments = whole.inputs[: len(self._early) + len(self._late)]
        early, late = arguments[: len(self._early)], arguments[len(self._early) :]
        residuals = _residuals(whole.graph, late)
        graph_def = whole.graph.as_graph_def()
        self._first = _part(whole.graph, graph_def, early, [value, *residuals])
        self._second = _part(whole.graph, graph_def, [*late, *residuals], [result])

    @eagerly
    def first(self, *early: Any) -> tuple[np.ndarray, Residuals]:
        """Run the first stage. Returns ``value`` and the residuals."""
        value, *residuals = called(self._first, _tensors(early, self._early), self._context)
        return value.numpy(), residuals

    @eagerly
    def second(self, residuals: Residuals, *late: Any) -> np.ndarray:
        """Run the second stage. Returns ``result``."""
        [result] = called(self._second, [*_tensors(late, self._late), *residuals], self._context)
        array: np.ndarray = result.numpy()
        return array


def _part(
    graph: tf.Graph, graph_def: GraphDef, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]
) -> Callable[..., Any]:
    """Return the part of a function's graph between some of its tensors as a function of its own.

    TensorFlow's ``prune`` copies op by op in Python, which takes longer than tracing them did.

    Args:
        graph: of the function.
        graph_def: the same as a message.
        inputs, outputs: tensors of the graph.
    """
    names, wanted = [tensor.name for tensor in inputs], [tensor.name for tensor in outputs]
    nodes = {node.name: node for node in graph_def.node}
    needed = ancestors(nodes, map(node_of, wanted), stop=names)
    captured = {inner.name: value for value, inner in captures_of(graph) if inner.op.name in needed}
    kept = [node for node in graph_def.node if node.name in needed and tensor_of(node.name) not in captured]
    taken = {tensor_of(reference) for node in kept for reference in node.input}
    computed = [name for name in wanted if name not in names]

    def body(*values: tf.Tensor) -> list[tf.Tensor]:
        given = dict(zip(names, values, strict=True))
        known = {name: value for name, value in {**given, **capture_all(captured)}.items() if name in taken}
        results = iter(tf.graph_util.import_graph_def(copy_of(graph_def, kept), known, computed, name="part"))
        return [given[name] if name in given else next(results) for name in wanted]

    return cast("Callable[..., Any]", function_of(body, [tf.TensorSpec(each.shape, each.dtype) for each in inputs]))


def _tensors(arrays: Sequence[Any], specs: Sequence[tf.TensorSpec]) -> list[tf.Tensor]:
    return [tf.convert_to_tensor(array, spec.dtype) for array, spec in zip(arrays, specs, strict=True)]


def _residuals(graph: tf.Graph, late: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return the tensors that the ops behind ``late`` take from the first stage, without constants and captures.

    Of an op with several outputs, such as a split, all that are used are returned: where TensorFlow cuts a graph at one
    of them, it cannot find the others.
    """
    second_stage = {tensor.ref() for tensor in late}
    captures = {inner.ref() for _, inner in captures_of(graph)}
    varying: set[Any] = set()
    residuals: dict[Any, tf.Tensor] = {}
    for op in graph.get_operations():
        if any(tensor.ref() in second_stage for tensor in op.inputs):
            second_stage |= {tensor.ref() for tensor in op.outputs}
            residuals |= {
                tensor.ref(): tensor
                for tensor in op.inputs
                if tensor.ref() in varying - captures and tensor.ref() not in second_stage
            }
        elif op.type == "Placeholder" or any(tensor.ref() in varying for tensor in op.inputs):
            varying |= {tensor.ref() for tensor in op.outputs}
    for tensor in list(residuals.values()):
        residuals |= {other.ref(): other for other in tensor.op.outputs if other.consumers()}
    return list(residuals.values())
