"""A compiled function in two stages: the first depends on the early arguments only, and its residuals serve many calls.

A forward pass is a first stage and a backward pass a second one: many seeds go back over one forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from weakref import finalize

import numpy as np
import tensorflow as tf

from ..tensorflow_internals import captured_inputs, free_now
from .tracing import call_context, called, eagerly, function_of

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
        self._context = call_context(whole.graph)
        value, result = whole.outputs
        arguments = whole.inputs[: len(self._early) + len(self._late)]
        early, late = arguments[: len(self._early)], arguments[len(self._early) :]
        residuals = _residuals(whole.graph, late)
        first, self._first = _part(whole, early, [value, *residuals])
        second, self._second = _part(whole, [*late, *residuals], result)
        free_now([whole])
        finalize(self, free_now, [first, self._first, second, self._second]).atexit = False

    @eagerly
    def first(self, *early: Any) -> tuple[np.ndarray, Residuals]:
        """Run the first stage. Returns ``value`` and the residuals."""
        value, *residuals = called(self._first, _tensors(early, self._early), self._context)
        return value.numpy(), residuals

    @eagerly
    def second(self, residuals: Residuals, *late: Any) -> np.ndarray:
        """Run the second stage. Returns ``result``."""
        result: np.ndarray = called(self._second, [*_tensors(late, self._late), *residuals], self._context).numpy()
        return result


def _part(whole: Any, inputs: Sequence[tf.Tensor], outputs: Any) -> tuple[Any, Any]:
    """Return the part of a function between some of its tensors, and a function that calls it.

    A pruned function first tries each call with a signature that it does not have, and writes all values into the
    message of that failure. With large maps this takes a fifth of the call, so the function is wrapped once more.
    """
    part = whole.prune(inputs, outputs)
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    return part, function_of(lambda *values: part(*values), specs)


def _tensors(arrays: Sequence[Any], specs: Sequence[tf.TensorSpec]) -> list[tf.Tensor]:
    return [tf.convert_to_tensor(array, spec.dtype) for array, spec in zip(arrays, specs, strict=True)]


def _residuals(graph: tf.Graph, late: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return the tensors that the ops behind ``late`` take from the first stage, without constants and captures.

    Of an op with several outputs, such as a split, all that are used are returned: where TensorFlow cuts a graph at one
    of them, it cannot find the others.
    """
    second_stage = {tensor.ref() for tensor in late}
    captures = {tensor.ref() for tensor in captured_inputs(graph)}
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
